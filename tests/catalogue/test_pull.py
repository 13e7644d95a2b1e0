"""Pulling models: of the catalogue, from an address, out of an archive; all or nothing."""

import dataclasses
import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeclassify.catalogue.entries import Entry, catalogue
from edgeclassify.catalogue.naming import is_name
from edgeclassify.catalogue.pull import Puller
from edgeclassify.catalogue.web import MissingError
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError, UnavailableError, UsageError
from edgeclassify.inference import find_model, load_model
from tests.catalogue.conftest import Heard, model_bytes, parts, sha256, visible
from tests.catalogue.server import Page, Server
from tests.disks import small_disk

NAME = "mobilenet_v1_0.25_128_quant"
MODEL = model_bytes(50_000)


@pytest.fixture
def entry() -> Entry:
    """All of its files are at hand."""
    return catalogue().entry(NAME)


def serve(server: Server, shared: Path, entry: Entry) -> None:
    for file in entry.files:
        server.pages[f"/{file.published_name}"] = Page((shared / "models" / file.published_name).read_bytes())


def archive(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return target.getvalue()


def pull_bytes(
    puller: Puller, server: Server, content: bytes, name: str | None = None, path: str = "/birds.zip"
) -> str:
    server.pages[path] = Page(content)
    return puller.pull_address(server.address(path), sha256(content), name).name


def test_a_model_of_the_catalogue_comes_with_labels_and_twin_and_can_be_used(
    server: Server, shared: Path, puller: Puller, entry: Entry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, shared, entry)
    pulled = dataclasses.replace(puller, mirror=server.address("/")).pull_entry(entry, with_twin=True)
    assert visible(folder) == [f"{NAME}.json", f"{NAME}.tflite", f"{NAME}.txt", f"{NAME}_edgetpu.tflite"]
    assert pulled.files == (f"{NAME}.txt", f"{NAME}_edgetpu.tflite", f"{NAME}.tflite")
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(folder))
    assert find_model(NAME, folder) == pulled.path.resolve()
    assert len(load_model(ModelConfig(name=NAME, labels=str(folder / f"{NAME}.txt")), folder).labels) == 1001


def test_what_is_here_and_whole_is_not_brought_again(
    server: Server, shared: Path, puller: Puller, entry: Entry, folder: Path
) -> None:
    serve(server, shared, entry)
    puller = dataclasses.replace(puller, mirror=server.address())
    puller.pull_entry(entry, with_twin=False)
    asked = len(server.requests)
    assert puller.pull_entry(entry, with_twin=False).files == ()
    assert len(server.requests) == asked
    assert puller.pull_entry(entry, with_twin=True).files == (entry.twin.name,)
    assert len(json.loads((folder / f"{NAME}.json").read_bytes())["files"]) == 3


def test_what_is_damaged_is_brought_again(
    server: Server, shared: Path, puller: Puller, entry: Entry, folder: Path, heard: Heard
) -> None:
    serve(server, shared, entry)
    puller = dataclasses.replace(puller, mirror=server.address())
    path = puller.pull_entry(entry, with_twin=False).path
    with path.open("r+b") as file:
        file.seek(300_000)
        file.write(b"damage")
    assert puller.pull_entry(entry, with_twin=False).files == (path.name,)
    assert entry.model.checksum.matches(path)
    assert "replaced" in heard.notes[0]


def test_a_folder_is_a_mirror_and_so_is_one_of_pulled_models(
    shared: Path, puller: Puller, entry: Entry, folder: Path, tmp_path: Path
) -> None:
    dataclasses.replace(puller, mirror=str(shared / "models")).pull_entry(entry, with_twin=True)
    second = dataclasses.replace(puller, mirror=str(folder), folder=tmp_path / "second")
    assert len(second.pull_entry(entry, with_twin=True).files) == 3
    assert visible(tmp_path / "second") == visible(folder)


def test_a_mirror_without_the_twin_says_what_to_do(
    shared: Path, puller: Puller, folder: Path, entry: Entry, server: Server
) -> None:
    serve(server, shared, entry)
    del server.pages[f"/{entry.twin.published_name}"]
    for mirror in (server.address(), str(folder.parent / "nothing")):
        with pytest.raises(MissingError):
            dataclasses.replace(puller, mirror=mirror).pull_entry(entry, with_twin=True)
        assert visible(folder) == []
    with pytest.raises(MissingError, match="--no-edgetpu"):
        dataclasses.replace(puller, mirror=server.address()).pull_entry(entry, with_twin=True)


def test_a_mirror_of_another_version_is_found_out_by_size_and_by_checksum(
    server: Server, puller: Puller, entry: Entry, shared: Path, folder: Path
) -> None:
    serve(server, shared, entry)
    puller = dataclasses.replace(puller, mirror=server.address())
    page = server.pages[f"/{NAME}.tflite"]
    right = page.content
    page.content = right + b"more"
    with pytest.raises(ModelError, match="is another file: 525,602 bytes where 525,598"):
        puller.pull_entry(entry, with_twin=False)
    page.content = right[:-1] + b"!"
    with pytest.raises(ModelError, match="nothing was kept"):
        puller.pull_entry(entry, with_twin=False)
    assert visible(folder) == []


def test_without_a_checksum_nothing_is_used_and_the_one_found_is_said(
    server: Server, puller: Puller, folder: Path
) -> None:
    server.pages["/birds.tflite"] = Page(MODEL)
    with pytest.raises(UsageError, match=sha256(MODEL)):
        puller.pull_address(server.address("/birds.tflite"), "", None)
    assert visible(folder) == []
    puller.pull_address(server.address("/birds.tflite"), sha256(MODEL).upper(), None)
    assert (folder / "birds.tflite").read_bytes() == MODEL
    assert len(server.requests) == 1


def test_an_archive_brings_model_labels_and_twin(server: Server, puller: Puller, folder: Path) -> None:
    content = archive(
        {
            "v1/b.tflite": MODEL,
            "v1/b_edgetpu.tflite": MODEL,
            "v1/labels.txt": b"robin\n",
            "README.txt": b"read me",
            "__MACOSX/._b.tflite": b"junk",
        }
    )
    assert pull_bytes(puller, server, content) == "b"
    assert visible(folder) == ["b.json", "b.tflite", "b.txt", "b_edgetpu.tflite"]
    assert (folder / "b.txt").read_bytes() == b"robin\n"
    assert parts(folder) == []
    asked = len(server.requests)
    assert pull_bytes(puller, server, content) == "b"
    assert len(server.requests) == asked


def test_a_newer_model_of_the_same_name_replaces_the_older_one_and_its_labels(
    server: Server, puller: Puller, folder: Path
) -> None:
    pull_bytes(puller, server, archive({"birds.tflite": MODEL, "labels.txt": b"robin\n"}))
    newer = model_bytes(60_000, seed=9)
    pull_bytes(puller, server, newer, path="/birds.tflite")
    assert visible(folder) == ["birds.json", "birds.tflite"]
    assert (folder / "birds.tflite").read_bytes() == newer


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive({"../../etc/birds.tflite": MODEL}), "leads outside"),
        (archive({"/etc/birds.tflite": MODEL}), "leads outside"),
        (archive({"..\\birds.tflite": MODEL}), "leads outside"),
        (archive({"notes.txt": b"nothing"}), "has no model in it"),
        (archive({}), "has no model in it"),
        (archive({"a.tflite": MODEL, "b.tflite": MODEL}), "has 2 models in it"),
        (archive({"a.tflite": b"<html>"}), "is not a TensorFlow Lite model"),
        (archive({"a.tflite": MODEL})[:-30], "damaged"),
        (archive({f"{n}.txt": b"" for n in range(1001)}), "too many"),
        (archive({"a.tflite": MODEL, "labels.txt": bytes(11_000_000)}), "unpacks to 11 MB"),
        (archive({"mobilenet_v2_1.0_224_quant.tflite": MODEL}), "is a model of the catalogue: pull it by its name"),
        (b"GIF89a nothing", "neither a TensorFlow Lite model nor a zip"),
        (b"", "neither a TensorFlow Lite model nor a zip"),
    ],
)
def test_bad_archives_leave_nothing(server: Server, puller: Puller, folder: Path, content: bytes, said: str) -> None:
    with pytest.raises((ModelError, UsageError), match=said):
        pull_bytes(puller, server, content)
    assert visible(folder) == []
    assert [part for part in parts(folder) if "unpacked" in part.name] == []


def test_a_bomb_is_refused_before_it_is_unpacked(server: Server, puller: Puller, folder: Path) -> None:
    bomb = archive({"a.tflite": bytes(300 * 1024 * 1024)})
    with pytest.raises(ModelError, match="unpacks to 315 MB, too large"):
        pull_bytes(puller, server, bomb)
    lying = bomb.replace(struct.pack("<I", 300 * 1024 * 1024), struct.pack("<I", 1000))
    assert lying != bomb
    with pytest.raises(ModelError, match=r"damaged|not a TensorFlow"):
        pull_bytes(puller, server, lying)
    assert (visible(folder), parts(folder)) == ([], [])


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "", ".hidden", "a b", "x" * 200, "-x", "a\n", "é", "a.tflite", "\0"]
)
def test_names_that_are_paths_or_worse_are_refused(server: Server, puller: Puller, folder: Path, name: str) -> None:
    assert not is_name(name)
    server.pages["/birds.tflite"] = Page(MODEL)
    if name:
        with pytest.raises(UsageError):
            puller.pull_address(server.address("/birds.tflite"), sha256(MODEL), name)
    assert not folder.exists()


def test_addresses_that_end_in_no_name_are_refused_and_none_leads_outside(
    server: Server, puller: Puller, folder: Path
) -> None:
    for address in ("/a/..", "/", "", "/%00.tflite", "/?name=birds.tflite"):
        with pytest.raises(UsageError, match="does not end in the name of a file"):
            puller.pull_address(server.address(address), sha256(MODEL), None)
    assert not folder.exists()
    server.pages["/..%2F..%2Fevil.tflite"] = Page(MODEL)
    path = puller.pull_address(server.address("/..%2F..%2Fevil.tflite"), sha256(MODEL), None).path
    assert path == folder / "evil.tflite"


def test_names_that_are_taken_are_refused(server: Server, puller: Puller, folder: Path) -> None:
    folder.mkdir()
    (folder / "mine.tflite").write_bytes(b"my own")
    for name in ("starter", NAME, f"{NAME}_edgetpu", "mine"):
        with pytest.raises(UsageError, match=r"give another .*with --name"):
            pull_bytes(puller, server, MODEL, name, "/birds.tflite")
    assert (folder / "mine.tflite").read_bytes() == b"my own"


def test_a_catalogue_name_that_is_not_there_brings_suggestions() -> None:
    with pytest.raises(UsageError, match=r"did you mean mobilenet_v2_1\.0_224_quant"):
        catalogue().entry("mobilenet_v2_224_quant")


@pytest.mark.parametrize("digits", ["abc", "g" * 64, "0" * 63])
def test_what_is_no_sha256_is_refused(puller: Puller, digits: str) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        puller.pull_address("http://127.0.0.1/birds.tflite", digits, None)


def test_a_file_on_this_device_is_pulled_as_well(puller: Puller, tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "birds.tflite"
    source.write_bytes(MODEL)
    puller = dataclasses.replace(puller, mirror="/nowhere")  # which is for addresses
    puller.pull_address(str(source), sha256(MODEL), None)
    assert (folder / "birds.tflite").read_bytes() == MODEL
    with pytest.raises(MissingError, match="no such file"):
        puller.pull_address(str(tmp_path / "other.tflite"), "0" * 64, None)
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(UnavailableError, match="cannot be read"):
        puller.pull_address(str(tmp_path / "folder.tflite"), "0" * 64, None)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 8) as mounted:
        yield mounted


def test_a_disk_that_is_too_small_is_said_before_and_one_that_fills_up_meanwhile_too(
    server: Server, puller: Puller, tiny_disk: Path
) -> None:
    content = model_bytes(9_000_000)
    puller = dataclasses.replace(puller, folder=tiny_disk / "models")
    with pytest.raises(UnavailableError, match=r"14.0 MB are needed and 8.4 MB are free"):
        pull_bytes(puller, server, content, path="/birds.tflite")
    assert parts(puller.folder) == []
    server.pages["/birds.tflite"] = Page(content, claimed_bytes=0)  # how much will come is not said
    with pytest.raises(UnavailableError, match="the disk is full"):
        puller.pull_address(server.address("/birds.tflite"), sha256(content), None)
    assert visible(puller.folder) == []


def test_a_folder_that_may_not_be_written_is_said(server: Server, puller: Puller, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file in place of a folder")
    with pytest.raises(UnavailableError, match="blocked"):
        pull_bytes(dataclasses.replace(puller, folder=blocked / "models"), server, MODEL, path="/birds.tflite")
    if os.geteuid() == 0:
        # Root may write everywhere but here.
        locked = Path("/proc/models")
    else:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        locked = locked / "models"
    with pytest.raises(UnavailableError, match=str(locked)):
        pull_bytes(dataclasses.replace(puller, folder=locked), server, MODEL, path="/birds.tflite")


def test_partial_files_that_nobody_came_back_for_are_removed(server: Server, puller: Puller, folder: Path) -> None:
    folder.mkdir()
    old, new = folder / ".old.tflite.123.part", folder / ".new.tflite.123.part"
    for path in (old, new):
        path.write_bytes(b"begun")
    os.utime(old, (0, 0))
    pull_bytes(puller, server, MODEL, path="/birds.tflite")
    assert parts(folder) == [new]


def test_enough_disk_for_the_whole_set_is_checked_before_anything_is_brought(
    server: Server, puller: Puller, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sum(file.size_bytes or 0 for file in entry.files)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, whole + 4_000_000))
    with pytest.raises(UnavailableError, match=r"6\.3 MB are needed and 5\.3 MB are free"):
        dataclasses.replace(puller, mirror=server.address()).pull_entry(entry, with_twin=True)
    assert server.requests == []


def test_a_folder_that_cannot_be_is_said_with_what_to_do(tmp_path: Path, server: Server, puller: Puller) -> None:
    (tmp_path / "file").write_text("a letter")
    with pytest.raises(UnavailableError, match=r"file: cannot be used \(File exists\); .*EDGECLASSIFY_MODELS"):
        dataclasses.replace(puller, folder=tmp_path / "file").pull_address(server.address("/a.tflite"), "0" * 64, None)
    assert (tmp_path / "file").read_text() == "a letter"
