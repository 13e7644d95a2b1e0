"""A new version that does not start: the old one runs again, whatever else fails. systemd's programs are stand-ins."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.errors import UnavailableError
from edgeclassify.tools.service.installing import _undone_unless_started, locked, own_files
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.service.releases import Releases
from tests.waiting import wait_until


class Systemd:
    """Programs called systemctl and journalctl that note how they were called, and fail when they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = folder / "calls"
        for name in ("systemctl", "journalctl"):
            program = folder / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {self._calls}\n[ ! -e {program}.fails ]\n')
            program.chmod(0o755)

    def fails(self, name: str) -> None:
        (self._folder / f"{name}.fails").touch()

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return Systemd(tmp_path / "bin")


def version(folder: Path, name: str) -> Path:
    """What stands for an installed version."""
    release = folder / "versions" / name
    (release / "bin").mkdir(parents=True)
    (release / "bin/python").touch()
    return release


def fail_to_start(releases: Releases, old: Path, new: Path, error: BaseException | None = None) -> None:
    with _undone_unless_started(releases, old, {}):
        releases.switch(new)
        raise error or UnavailableError("service: systemctl restart: failed with 1")


def test_the_old_version_runs_again_also_when_the_log_cannot_be_read(tmp_path: Path, systemd: Systemd) -> None:
    releases, old, new = Releases(tmp_path), version(tmp_path, "1"), version(tmp_path, "2")
    systemd.fails("journalctl")
    with pytest.raises(UnavailableError, match="does not start, and the version before it runs again; mend"):
        fail_to_start(releases, old, new)
    assert releases.current == old
    assert systemd.calls[:2] == ["systemctl daemon-reload", "systemctl restart edgeclassify.service"]
    assert systemd.calls[2].startswith("journalctl --unit=edgeclassify.service --since=@")


def test_that_the_old_version_does_not_start_either_is_said(tmp_path: Path, systemd: Systemd) -> None:
    releases, old, new = Releases(tmp_path), version(tmp_path, "1"), version(tmp_path, "2")
    systemctl = tmp_path / "bin/systemctl"
    systemctl.write_text('#!/bin/sh\n[ "$1" != restart ]\n')
    with pytest.raises(UnavailableError, match="the version before it does not start any more either"):
        fail_to_start(releases, old, new)
    assert releases.current == old


def test_ctrl_c_while_it_starts_is_undone_and_stays_ctrl_c(tmp_path: Path, systemd: Systemd) -> None:
    releases, old, new = Releases(tmp_path), version(tmp_path, "1"), version(tmp_path, "2")
    with pytest.raises(KeyboardInterrupt):
        fail_to_start(releases, old, new, KeyboardInterrupt())
    assert releases.current == old
    assert systemd.calls[-1] == "systemctl restart edgeclassify.service"


@pytest.mark.parametrize("other", ["a link", "a link to nothing", "a program", "a folder"])
def test_another_program_of_that_name_is_never_written_put_back_or_removed(tmp_path: Path, other: str) -> None:
    places, program = Places(tmp_path), tmp_path / "program"
    places.command.parent.mkdir(parents=True)
    if other == "a link":
        program.write_text("exec /opt/edgeclassify/current/bin/edgeclassify")
    if other.startswith("a link"):
        places.command.symlink_to(program)
    elif other == "a program":
        places.command.write_text("#!/bin/sh\n")
    else:
        places.command.mkdir()
    assert places.command not in own_files(places).values()
    assert places.unit in own_files(places).values()


def test_the_command_that_it_wrote_is_its_own(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert places.command in own_files(places).values()
    places.command.parent.mkdir(parents=True)
    places.command.write_bytes((resources.systemd() / "edgeclassify.sh").read_bytes())
    assert places.command in own_files(places).values()


def test_who_was_killed_while_pip_works_keeps_others_out_until_pip_has_ended(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    code = (
        "from pathlib import Path; from edgeclassify.tools.service.installing import locked, Places, run\n"
        f"with locked(Places(Path({str(tmp_path)!r}))): run('sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60')"
    )
    installation = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    installation.kill()
    installation.wait()
    with pytest.raises(UnavailableError, match="another installation is under way"), locked(Places(tmp_path)):
        pass
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    def is_free() -> bool:
        with contextlib.suppress(UnavailableError), locked(Places(tmp_path)):
            return True
        return False

    wait_until(is_free)
