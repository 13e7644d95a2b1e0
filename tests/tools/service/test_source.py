"""What an installation is made from, and that nobody but root can change it for the next one."""

import json
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.errors import UsageError
from edgeclassify.tools.service.releases import Releases, own_source

CODE = "edgeclassify/__init__.py"
INFO = "edgeclassify-9.9.9.dist-info"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel without dependencies, in a folder and with a mode that let everybody change it."""
    path = tmp_path / "open/edgeclassify-9.9.9-py3-none-any.whl"
    path.parent.mkdir(mode=0o777)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(CODE, '"""The right one."""\n')
        file.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: edgeclassify\nVersion: 9.9.9\n")
        file.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{INFO}/RECORD", f"{CODE},,\n{INFO}/METADATA,,\n{INFO}/WHEEL,,\n{INFO}/RECORD,,\n")
    path.chmod(0o666)
    return path


def test_a_later_installation_uses_the_copy_that_was_kept_whatever_becomes_of_the_original(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = Releases(tmp_path / "opt")
    with releases.building(str(wheel), lambda _: None) as first:
        releases.switch(first)
    kept = first / "source" / wheel.name
    assert stat.S_IMODE(kept.stat().st_mode) == 0o644
    (recorded,) = first.glob("lib/python3*/site-packages/edgeclassify-9.9.9.dist-info/direct_url.json")
    assert json.loads(recorded.read_text())["url"] == kept.as_uri()

    wheel.write_bytes(b"what somebody else put there")
    monkeypatch.setattr(resources, "root", lambda: first / "share/edgeclassify")  # as the installed one sees it
    assert own_source(first) == str(kept)
    with releases.building(own_source(first), lambda _: None) as second:
        releases.switch(second)
    assert second.name == "2"
    said = subprocess.run(
        [second / "bin/python", "-I", "-c", "import edgeclassify; print(edgeclassify.__doc__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "The right one.\n"


def test_an_environment_of_the_users_own_is_not_guessed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = tmp_path / "lib/python3.11/site-packages/edgeclassify-9.9.9.dist-info/direct_url.json"
    recorded.parent.mkdir(parents=True)
    recorded.write_text(json.dumps({"url": tmp_path.as_uri()}))
    monkeypatch.setattr(resources, "root", lambda: tmp_path / "share/edgeclassify")
    with pytest.raises(UsageError, match=r"was not made by it; say what to install: --from WHEEL"):
        own_source(tmp_path)
