"""Which file the set-up writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.errors import UsageError
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.setup.target import Target, find_target, require_writable


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A machine with an installed service."""
    places = Places(tmp_path / "machine")
    places.settings.mkdir(parents=True)
    places.config.touch()
    return places


def test_a_new_file_is_written_here(here: Path, tmp_path: Path) -> None:
    assert find_target(None, Places(tmp_path / "bare")) == Target(Path("config.yaml"))


def test_what_is_named_wins_over_what_is_here(here: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "config.yaml").touch()
    monkeypatch.setenv("EDGECLASSIFY_CONFIG", "named.yaml")
    assert find_target(Path("given.yaml"), places).path == Path("given.yaml")
    assert find_target(None, places).path == Path("named.yaml")


def test_root_sets_up_the_service_unless_there_is_a_file_here(
    here: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    target = find_target(None, places)
    assert (target.path, target.service) == (places.config, places)
    assert target.reason == "the configuration of the service on this machine"
    (here / "config.yaml").touch()
    assert find_target(None, places) == Target(Path("config.yaml"))


def test_others_are_told_how_to_set_up_the_service(here: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    target = find_target(None, places)
    assert (target.path, target.service) == (Path("config.yaml"), None)
    assert target.reason.endswith("sudo edgeclassify setup")


def test_the_services_file_is_known_by_any_name(places: Places, here: Path) -> None:
    (here / "link.yaml").symlink_to(places.config)
    assert find_target(Path("link.yaml"), places).service == places


def test_in_a_checkout_the_default_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.chdir(resources.default_config().parent)
    target = find_target(None, Places(tmp_path))
    assert (target.path, target.reason) == (Path("my-config.yaml"), "config.yaml here is the program's own default")
    with pytest.raises(UsageError, match="is the program's own default"):
        find_target(Path("config.yaml"), Places(tmp_path))


def test_a_folder_that_is_missing_is_said_before_anything_is_asked(here: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no such folder; make it: mkdir -p .*/none"):
        require_writable(Target(Path("none/config.yaml")))
    require_writable(Target(Path("config.yaml")))


@pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can become another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_folder_of_somebody_else_is_said_before_anything_is_asked(here: Path, mode: int) -> None:
    here.chmod(mode)
    code = (
        "import os, sys, pathlib; from edgeclassify.tools.setup.target import Target, require_writable\n"
        "os.setresuid(65534, 65534, 65534); require_writable(Target(pathlib.Path(sys.argv[1])))"
    )
    for path in (here / "config.yaml", here / "below/config.yaml"):
        result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        (says,) = [line for line in result.stderr.splitlines() if "Error: " in line]
        assert "this user may not write there; run it with sudo, or give another file" in says


def test_a_folder_in_place_of_a_file_is_said(here: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a folder; give the file in it: --config .*/config\.yaml"):
        find_target(here, Places(tmp_path))
