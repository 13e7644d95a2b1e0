"""What `--version` tells also where much is broken: nothing is loaded that could crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.running import run_to_end

CRASH = "import os\nos.abort()\n"


def told(folder: Path, **variables: str) -> dict[str, str]:
    done = run_to_end(folder, "--version", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("edgeclassify ")
    return {line[:15].rstrip(): line[15:] for line in lines[1:]}


def test_modules_that_crash_are_named_and_not_loaded(tmp_path: Path) -> None:
    for module in ("picamera2", "libcamera", "av"):
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text(CRASH)
    (tmp_path / "libedgetpu.so.1.0").write_bytes(b"no library")
    (tmp_path / "libedgetpu.so.1").symlink_to("libedgetpu.so.1.0")
    versions = told(tmp_path, PYTHONPATH=str(tmp_path), LD_LIBRARY_PATH=str(tmp_path))
    assert versions["picamera2"].endswith(f", {tmp_path}/picamera2/__init__.py")
    assert versions["libcamera"].endswith(f", {tmp_path}/libcamera/__init__.py")
    assert versions["libedgetpu"].startswith(f"{tmp_path}/libedgetpu.so.1.0")


@pytest.mark.parametrize("metadata", [b"\xff\xfe\x00garbage", b"", b"Name: numpy\n", None])
def test_broken_metadata_are_told(tmp_path: Path, metadata: bytes | None) -> None:
    folder = tmp_path / "numpy-0.dist-info"
    folder.mkdir()
    if metadata is not None:
        (folder / "METADATA").write_bytes(metadata)
    assert told(tmp_path, PYTHONPATH=str(tmp_path))["numpy"] == "broken"


def test_a_python_without_sqlite(tmp_path: Path) -> None:
    (tmp_path / "sqlite3.py").write_text("raise ImportError('no _sqlite3')")
    assert told(tmp_path, PYTHONPATH=str(tmp_path))["SQLite"] == "broken"


def test_the_board_and_the_files_in_use(tmp_path: Path) -> None:
    tree = tmp_path / "root/proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    (tmp_path / "config.yaml").write_text("node: [")
    versions = told(tmp_path, EDGECLASSIFY_SYSFS_ROOT=str(tmp_path / "root"))
    assert versions["machine"].endswith(f"{os.cpu_count()} cores, Raspberry Pi 4 Model B Rev 1.4")
    assert versions["configuration"] == str(tmp_path / "config.yaml"), "whether or not it is right"
