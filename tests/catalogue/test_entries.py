"""The catalogue itself, its checksums, and the choice for a machine."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from edgeclassify.catalogue.checksums import Checksum, git_blob_sha1_of
from edgeclassify.catalogue.choice import Machine, choose, this_machine
from edgeclassify.catalogue.entries import catalogue

GB = 1_000_000_000
ENTRIES = list(catalogue().entries.values())


def test_every_file_has_a_checksum_and_a_safe_address() -> None:
    assert len(ENTRIES) == 21
    for entry in ENTRIES:
        for file in entry.files:
            assert len(file.checksum.git_blob_sha1) == 40
            assert len(file.checksum.sha256) in (0, 64)
            assert file.address.startswith("https://")
            assert file.address.endswith(f"/{file.published_name}")


def test_the_files_at_hand_are_those_of_the_catalogue_by_both_checksums(shared: Path) -> None:
    checked = 0
    for file in {file.published_name: file for entry in ENTRIES for file in entry.files}.values():
        path = shared / "models" / file.published_name
        if path.is_file():
            checked += 1
            assert path.stat().st_size == file.size_bytes
            assert Checksum(sha256=file.checksum.sha256).matches(path)
            assert Checksum(git_blob_sha1=file.checksum.git_blob_sha1).matches(path)
    assert checked >= 6


def test_the_name_that_git_gives_is_computed_as_git_does(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a line\n" * 1000)
    by_git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True)
    assert git_blob_sha1_of(path) == by_git.stdout.strip()


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (Machine("aarch64", 64, 4, 4 * GB), "mobilenet_v2_1.0_224_quant"),  # Pi 4, 5
        (Machine("aarch64", 64, 4, GB // 2), "mobilenet_v1_0.75_192_quant"),  # Pi Zero 2
        (Machine("aarch64", 32, 4, GB), "mobilenet_v1_0.5_160_quant"),  # a 32-bit system on a Pi 3
        (Machine("x86_64", 64, 1, 8 * GB), "mobilenet_v1_0.5_160_quant"),
    ],
)
def test_the_choice_fits_the_machine(machine: Machine, name: str) -> None:
    chosen = choose(ENTRIES, machine)
    assert chosen is not None
    assert chosen.name == name


def test_a_model_of_unknown_speed_is_never_chosen() -> None:
    assert choose([entry for entry in ENTRIES if entry.latency_ms is None], this_machine()) is None


@dataclasses.dataclass(frozen=True)
class Listed:
    """A model as the list shows it."""

    name: str
    top1_percent: float | None
    latency_ms: float | None
    edgetpu: bool


def test_with_an_edge_tpu_one_with_a_twin_is_chosen_if_there_is_any() -> None:
    better, twin = Listed("better", 75, 20, edgetpu=False), Listed("twin", 70, 20, edgetpu=True)
    slow = Listed("slow", 80, 500, edgetpu=True)
    assert choose([better, twin, slow], this_machine()) == better
    assert choose([better, twin, slow], this_machine(["usb:0"])) == twin
    assert choose([better, slow], this_machine(["usb:0"])) == better
    assert "Edge TPU usb:0" in str(this_machine(["usb:0"]))
