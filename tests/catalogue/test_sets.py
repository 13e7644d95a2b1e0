"""A model of the same name replaces the one before as a whole, whenever the process is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgeclassify.catalogue.pull import Puller
from edgeclassify.catalogue.verify import verify
from edgeclassify.errors import UnavailableError
from edgeclassify.inference.labels import label_file
from edgeclassify.inference.twins import find_twins
from tests.catalogue.conftest import model_bytes, parts, sha256, visible

Seen = tuple[bytes, bytes, bytes]
"""Model, labels, twin; empty: none."""

OLD: Seen = (model_bytes(2000, 1), b"old\n", model_bytes(2000, 2))
NEW: Seen = (model_bytes(2000, 3), b"new\n", model_bytes(2000, 4))
BARE: Seen = (model_bytes(2000, 5), b"", b"")

# Pulls in a process that is killed before its Nth change of the disk, for every N; each in a copy of the folder.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from edgeclassify.catalogue.pull import Puller

CHANGES = {"os.link", "os.symlink", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir", "open"}

class Silent:
    def note(self, text): pass
    def progress(self, *_): pass

start, archive, checksum, copies = sys.argv[1:]
step = [0]
def count(limit):
    def hook(event, arguments):
        written = event != "open" or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if event in CHANGES and written:
            step[0] += 1
            if step[0] == limit:
                os.kill(os.getpid(), signal.SIGKILL)
    return hook

number = 0
while True:
    number += 1
    folder = Path(copies, str(number))
    shutil.copytree(start, folder, symlinks=True)
    child = os.fork()
    if child == 0:
        sys.addaudithook(count(number))
        Puller(folder, Silent()).pull_address(archive, checksum, "birds")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def archive(path: Path, content: Seen) -> tuple[str, str]:
    """A zip with a model and what comes with it; its path and checksum."""
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in zip(("birds.tflite", "birds.txt", "birds_edgetpu.tflite"), content, strict=True):
            if data:
                opened.writestr(name, data)
    return str(path), sha256(path.read_bytes())


def seen(folder: Path) -> Seen | None:
    """What a reader finds that follows the model's name."""
    if not (folder / "birds.tflite").exists():
        return None
    twins = find_twins(str(folder / "birds.tflite"), folder)
    labels = label_file("", folder, twins.cpu)
    return tuple(path.read_bytes() if path else b"" for path in (twins.cpu, labels, twins.edgetpu))  # type: ignore[return-value]


@pytest.mark.parametrize(("before", "after"), [(OLD, NEW), (OLD, BARE), (BARE, NEW), (None, NEW)])
def test_whenever_it_is_killed_the_old_or_the_new_set_is_whole(
    puller: Puller, folder: Path, tmp_path: Path, before: Seen | None, after: Seen
) -> None:
    folder.mkdir()
    if before:
        puller.pull_address(*archive(tmp_path / "before.zip", before), "birds")
    pulled = archive(tmp_path / "after.zip", after)
    copies = tmp_path / "copies"
    subprocess.run([sys.executable, "-c", KILLED, folder, *pulled, copies], check=True, timeout=60)
    last = max(int(copy.name) for copy in copies.iterdir())
    assert last > 15
    found = [seen(copies / str(number)) for number in range(1, last + 1)]
    assert set(found) <= {before, after}
    # Old until one moment, new from then on.
    assert found == sorted(found, key=lambda one: one == after)
    for number in range(1, last + 1):
        copy = copies / str(number)
        again = Puller(copy, puller.report)
        again.pull_address(*pulled, "birds")
        assert seen(copy) == after
        assert all(check.ok for check in verify(copy) if not check.file.name.startswith(".")), verify(copy)
        assert len(visible(copy)) == 1 + sum(bool(data) for data in after)


def test_whoever_uses_the_version_before_still_finds_all_of_it(puller: Puller, folder: Path, tmp_path: Path) -> None:
    puller.pull_address(*archive(tmp_path / "old.zip", OLD), "birds")
    twins = find_twins(str(folder / "birds.tflite"), folder)
    puller.pull_address(*archive(tmp_path / "new.zip", NEW), "birds")
    assert twins.edgetpu is not None
    assert (twins.cpu.read_bytes(), twins.edgetpu.read_bytes()) == (OLD[0], OLD[2])
    puller.pull_address(*archive(tmp_path / "bare.zip", BARE), "birds")
    assert not twins.cpu.exists()  # the one before the last is not kept for ever
    assert len(list((folder / ".sets/birds").iterdir())) == 2
    assert parts(folder) == []


def test_labels_and_twins_that_a_person_put_there_count(puller: Puller, folder: Path, tmp_path: Path) -> None:
    puller.pull_address(*archive(tmp_path / "bare.zip", BARE), "birds")
    (folder / "birds.txt").write_bytes(b"mine\n")
    (folder / "birds_edgetpu.tflite").write_bytes(b"my twin")
    assert seen(folder) == (BARE[0], b"mine\n", b"my twin")


def test_what_lay_there_without_a_set_is_replaced_too(puller: Puller, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    files = {"birds.tflite": OLD[0], "birds.txt": OLD[1], "birds_edgetpu.tflite": OLD[2]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    checksums = {name: sha256(content) for name, content in files.items()}
    manifest = {"name": "birds", "pulled": "2026", "source": "x", "source_sha256": "", "files": checksums}
    (folder / "birds.json").write_text(json.dumps(manifest))
    puller.pull_address(*archive(tmp_path / "bare.zip", BARE), "birds")
    assert seen(folder) == BARE
    assert visible(folder) == ["birds.json", "birds.tflite"]


def test_a_model_whose_links_were_deleted_frees_its_space(puller: Puller, folder: Path, tmp_path: Path) -> None:
    puller.pull_address(*archive(tmp_path / "old.zip", OLD), "birds")
    for name in visible(folder):
        (folder / name).unlink()
    puller.pull_address(*archive(tmp_path / "new.zip", NEW), "owls")
    assert [path.name for path in (folder / ".sets").iterdir()] == ["owls"]


def test_a_disk_without_links_is_a_message(
    puller: Puller, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.symlink", refuse)
    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(UnavailableError, match=r"cannot hold links \(is it FAT\?\)"):
        puller.pull_address(*archive(tmp_path / "old.zip", OLD), "birds")
    assert visible(folder) == []
