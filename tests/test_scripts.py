"""The scripts that set everything up, and the rule about skipped tests; the slow part is in test_packaging."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = [
    PROJECT / name for name in ("scripts/demo", "scripts/test", "scripts/environment.sh", "scripts/install", ".ci/run")
]


def _shell(code: str, cwd: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run bash code after the scripts' common part."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f". '{PROJECT}/scripts/environment.sh'; {code}"],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_free_of_what_shellcheck_knows(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck; run: apt install shellcheck")
    result = subprocess.run(["shellcheck", "-x", script], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.stdout == ""
    assert script.suffix == ".sh" or os.access(script, os.X_OK)


def _python(folder: Path, name: str, *, version_is_enough: bool) -> None:
    program = folder / name
    program.write_text(
        f"#!/bin/sh\ncase $1 in --version) echo Python 3.9.2;; *) exit {int(not version_is_enough)};; esac\n"
    )
    program.chmod(0o755)


def test_a_python_that_is_too_old_is_said_with_what_to_do(tmp_path: Path) -> None:
    _python(tmp_path, "python3", version_is_enough=False)
    result = _shell("find_python", PATH=f"{tmp_path}:{os.environ['PATH']}", PYTHON=f"{tmp_path}/python3")
    assert result.returncode == 69
    assert "needs Python 3.11 or newer, and Python 3.9.2 is what is here" in result.stderr
    assert "PYTHON=" in result.stderr


def test_another_python_is_taken_when_the_first_one_is_too_old(tmp_path: Path) -> None:
    _python(tmp_path, "python3", version_is_enough=False)
    _python(tmp_path, "python3.13", version_is_enough=True)
    result = _shell("has_picamera2() { return 1; }; find_python", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.stdout.strip() == f"{tmp_path}/python3.13"


def test_the_environment_is_not_made_with_itself_where_it_is_activated(tmp_path: Path) -> None:
    activated, others = tmp_path / ".venv/bin", tmp_path / "bin"
    for folder in (activated, others):
        folder.mkdir(parents=True)
        _python(folder, "python3", version_is_enough=True)
    result = _shell("has_picamera2() { return 1; }; find_python", tmp_path, PATH=f"{activated}:{others}:/usr/bin:/bin")
    assert result.stdout.strip() == f"{others}/python3"


def test_without_root_the_missing_packages_are_listed_and_the_rest_goes_on() -> None:
    result = _shell(
        f"python={sys.executable}; as_root() {{ return 1; }}; install_packages nothing-has-this-name; echo on"
    )
    if shutil.which("apt-get"):
        assert "as root run: apt-get install nothing-has-this-name" in result.stderr
    assert "missing here" in result.stderr
    assert result.stdout == "on\n"


def test_a_broken_off_set_up_is_not_taken_for_done(tmp_path: Path) -> None:
    create = f"python={sys.executable}; create_venv no; ls .venv"
    assert "unfinished" in _shell(create, tmp_path).stdout
    (tmp_path / ".venv/left-behind").touch()
    assert "left-behind" not in _shell(create, tmp_path).stdout
    (tmp_path / ".venv/unfinished").unlink()
    (tmp_path / ".venv/kept").touch()
    assert "kept" in _shell(create, tmp_path).stdout


SKIPPING = """
import pytest

def test_that_could_run():
    pytest.skip("needs mosquitto")

def test_that_cannot_run():
    pytest.skip("cannot run here: no root")

@pytest.mark.xfail
def test_that_is_expected_to_fail():
    assert False
"""


def _pytest(folder: Path, test: str, ci: str, *options: str) -> tuple[int, str]:
    """Run one file of tests under the project's conftest.py; give exit code and output."""
    shutil.copy(PROJECT / "tests/conftest.py", folder)
    (folder / "test_skipping.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-pno:cacheprovider", *options, folder],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(PROJECT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 failed, 1 skipped, 1 xfailed"), ("", "2 skipped, 1 xfailed")])
@pytest.mark.parametrize("option", ["-pno:xdist", "-n2"])
def test_in_ci_a_test_that_could_run_must_not_be_skipped(tmp_path: Path, ci: str, outcome: str, option: str) -> None:
    _, output = _pytest(tmp_path, SKIPPING, ci, option)
    assert outcome in output.splitlines()[-1]
    assert ("needs mosquitto\nIn CI only" in output) == bool(ci)


@pytest.mark.parametrize(("ci", "code"), [("true", 2), ("", 5)])
def test_in_ci_a_whole_module_must_not_be_skipped(tmp_path: Path, ci: str, code: int) -> None:
    test = "import pytest\npytest.importorskip('there_is_no_such_module')\n"
    assert _pytest(tmp_path, test, ci, "-pno:xdist")[0] == code


def test_ctrl_c_in_apt_ends_a_set_up_although_apt_ends_in_order(tmp_path: Path) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/bash\ntrap : INT; kill -INT 0; exit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    code = 'python=python3; as_root() { "$@"; }; install_packages nothing-has-this-name; echo on'
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f". '{PROJECT}/scripts/environment.sh'; {code}"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (130, "")
