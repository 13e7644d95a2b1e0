"""scripts/install up to the point where it hands over to Python; apt and Python are stand-ins."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


class Machine:
    """A machine of which scripts/install sees only these programs, and the ordinary ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program("id", "echo 0")
        self.program("dpkg", "exit 1")
        self.program("apt-cache", "")
        self.program("apt-get", "exit 100")
        self.program("systemctl", 'echo "Unit mosquitto.service does not exist." >&2; exit 1')
        self.program("python", f'case "$*" in *edgeclassify.tools.service*) touch {folder}/installed ;; esac')

    def program(self, name: str, code: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/bash\n{code}\n")
        path.chmod(0o755)

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROJECT / "scripts/install", *options],
            cwd=self.folder,
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "PYTHON": str(self.folder / "python")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )

    @property
    def is_installed(self) -> bool:
        return (self.folder / "installed").exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_missing_package_is_said_and_the_installation_goes_on(machine: Machine) -> None:
    result = machine.install()
    assert "missing here; as root run: apt-get install python3-numpy" in result.stderr
    assert (result.returncode, machine.is_installed) == (0, True)


def test_a_broker_that_was_asked_for_and_is_not_there_ends_it(machine: Machine) -> None:
    result = machine.install("--with-broker")
    assert "mosquitto could not be installed or started; mend what is said above" in result.stderr
    assert (result.returncode, machine.is_installed) == (69, False)


def test_ctrl_c_in_apt_ends_it_although_apt_ends_in_order(machine: Machine) -> None:
    machine.program("apt-get", "trap : INT; kill -INT 0; exit 100")
    result = machine.install()
    assert (result.returncode, machine.is_installed) == (130, False)


def test_a_python_that_is_too_old_is_said_before_anything_is_installed(machine: Machine) -> None:
    machine.program("python", "exit 1")
    machine.program("apt-get", f"touch {machine.folder}/installed")
    result = machine.install()
    assert "needs Python 3.11 or newer" in result.stderr
    assert "Traceback" not in result.stderr
    assert (result.returncode, machine.is_installed) == (69, False)


def test_ctrl_c_is_no_success_for_whoever_called_it() -> None:
    code = (
        "from edgeclassify.tools.service import __main__ as script\n"
        "def install(*_, **__): raise KeyboardInterrupt\n"
        "script.install = install; raise SystemExit(script.main())"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, "edgeclassify: broken off; what ran before runs on\n")


@pytest.mark.parametrize("options", [("--mirror",), ("--mirror=",), ("--offline", "--mirror", "/a"), ("--nonsense",)])
def test_options_that_make_no_sense_are_said_before_anything_is_done(
    machine: Machine, options: tuple[str, ...]
) -> None:
    result = machine.install(*options)
    assert result.stderr.startswith("edgeclassify: scripts/install: ")
    assert (result.returncode, machine.is_installed) == (2, False)


@pytest.mark.parametrize("options", [("--mirror", "models"), ("--mirror=models", "--with-broker")])
def test_a_mirrors_folder_is_meant_from_where_the_user_is(machine: Machine, options: tuple[str, ...]) -> None:
    machine.program("systemctl", "")
    machine.program("python", f'case "$*" in *tools.service*) echo "$*" >{machine.folder}/installed ;; esac')
    assert machine.install(*options).returncode == 0
    told = (machine.folder / "installed").read_text()
    assert told.endswith(f"edgeclassify.tools.service --mirror={machine.folder}/models\n")
