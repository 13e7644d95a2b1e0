"""Versions beside each other: one is used, a failed one is gone, files are the old or the new ones."""

import os
import sys
from pathlib import Path

import pytest

from edgeclassify.errors import UnavailableError
from edgeclassify.resources import root
from edgeclassify.tools.service.files import contents, restore, write
from edgeclassify.tools.service.releases import Releases, own_source


def made(releases: Releases, folder: Path, name: str) -> Path:
    """What stands for an installed version."""
    release = folder / "versions" / name
    (release / "bin").mkdir(parents=True)
    (release / "bin/python").touch()
    return release


def test_the_version_that_is_used_is_switched_at_once_and_the_others_go(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    assert releases.current is None
    first, second = (made(releases, tmp_path, name) for name in ("9", "10"))
    releases.switch(first)
    assert releases.current == first
    releases.switch(second)
    assert (tmp_path / "current").resolve() == second
    releases.prune()
    assert not first.exists()
    assert releases.current == second
    releases.switch(None)
    assert releases.current is None


def test_a_link_to_a_version_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("versions/3")
    assert Releases(tmp_path).current is None


def test_a_version_that_pip_cannot_install_is_gone_again_and_the_other_stays(tmp_path: Path) -> None:
    releases, said = Releases(tmp_path), list[str]()
    old = made(releases, tmp_path, "4")
    releases.switch(old)
    made(releases, tmp_path, "7")  # a power cut left it behind
    missing = tmp_path / "missing.whl"
    with (
        pytest.raises(UnavailableError, match=r"^service: .*missing\.whl: failed with 1; mend what it says:\n"),
        releases.building(str(missing), said.append),
    ):
        pytest.fail("there is nothing to be used")
    assert os.listdir(tmp_path / "versions") == ["4"]  # noqa: PTH208
    assert releases.current == old
    assert said[0].startswith(f"installing {missing} into {tmp_path}/versions/5")


def test_in_a_checkout_the_checkout_is_what_is_installed() -> None:
    assert own_source() == str(root())


def test_files_are_put_back_as_they_were(tmp_path: Path) -> None:
    there, absent = tmp_path / "a/there", tmp_path / "b/absent"
    write(there, b"old", 0o755)
    before = contents(there, absent)
    write(there, b"new", 0o755)
    write(absent, b"new", 0o644)
    restore(before)
    assert there.read_bytes() == b"old"
    assert there.stat().st_mode & 0o777 == 0o755
    assert not absent.exists()
    assert [path.name for path in there.parent.iterdir()] == ["there"]


@pytest.mark.parametrize("executable", ["/home/pi/.pyenv/versions/3.12.4/bin/python3.12", "/root/python"])
def test_a_python_that_the_service_would_not_see_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr("edgeclassify.tools.service.releases._SYSTEM_PYTHON", Path("/bin/false"))
    monkeypatch.setattr(sys, "executable", executable)
    with (
        pytest.raises(UnavailableError, match=f"{executable}: this Python lies in a home folder, .*; install Python"),
        Releases(tmp_path).building("nothing", [].append),
    ):
        pass
    assert list((tmp_path / "versions").iterdir()) == []
