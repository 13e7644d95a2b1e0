"""The files that come with the program are found however it was installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify import resources

PROJECT = Path(__file__).parents[1]
TELL = "from edgeclassify import resources as r; print(r.default_config(), r.models(), r.systemd(), sep='\\n')"


def _lay(share: Path) -> None:
    share.mkdir(parents=True)
    shutil.copy(PROJECT / "config.yaml", share)
    for folder in ("models", "systemd"):
        (share / folder).mkdir()


def _told_by(package_folder: Path, home: Path) -> list[str]:
    """Run a copy of the package in `package_folder`, away from the checkout."""
    shutil.copytree(PROJECT / "edgeclassify", package_folder / "edgeclassify")
    result = subprocess.run(
        [sys.executable, "-c", TELL],
        env={"PYTHONPATH": str(package_folder), "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.splitlines() or result.stderr.splitlines()


def test_a_checkout_uses_its_own_files() -> None:
    assert resources.root() == PROJECT
    assert resources.default_config().is_file()
    assert (resources.models() / "starter.tflite").is_file()
    assert list(resources.systemd().glob("*.service"))


@pytest.mark.parametrize(
    ("packages", "share"),
    [
        ("prefix/lib/python3.11/site-packages", "prefix/share/edgeclassify"),
        ("prefix/lib/python3/dist-packages", "prefix/share/edgeclassify"),
        ("target", "target/share/edgeclassify"),
        ("anywhere", "home/.local/share/edgeclassify"),
    ],
)
def test_an_installed_package_finds_its_share_folder(tmp_path: Path, packages: str, share: str) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    _lay(tmp_path / share)
    root = tmp_path / share
    assert _told_by(tmp_path / packages, tmp_path / "home") == [
        str(root / "config.yaml"),
        str(root / "models"),
        str(root / "systemd"),
    ]


def test_a_package_without_its_files_says_what_to_do(tmp_path: Path) -> None:
    last_line = _told_by(tmp_path / "alone", tmp_path)[-1]
    assert last_line.endswith("config.yaml and models/ are missing; install edgeclassify again")


def test_pulled_models_lie_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("EDGECLASSIFY_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert resources.pulled_models() == Path("/home/ann/.local/share/edgeclassify/models")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert resources.pulled_models() == Path("/data/edgeclassify/models")
    monkeypatch.setenv("EDGECLASSIFY_MODELS", "/models")
    assert resources.pulled_models() == Path("/models")
