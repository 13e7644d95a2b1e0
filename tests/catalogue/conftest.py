"""A bad web server, a patient pull and a report that remembers."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgeclassify.catalogue.limits import Limits
from edgeclassify.catalogue.pull import Puller
from tests.catalogue.server import Server, serving

QUICK = Limits(silence_s=1.0, answer_s=1.0, slow_s=0.5, slowest_bytes_per_s=1000, tries=3, pause_s=0.01)


def model_bytes(size: int = 4_000_000, seed: int = 1) -> bytes:
    """What looks like a model from outside; pulling does not run it."""
    return b"\x1c\0\0\0TFL3" + random.Random(seed).randbytes(size - 8)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Heard:
    """A report that keeps what it is told."""

    notes: list[str] = field(default_factory=list)
    positions: list[tuple[str, int, int | None]] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, file: str, done_bytes: int, total_bytes: int | None) -> None:
        self.positions.append((file, done_bytes, total_bytes))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("EDGECLASSIFY_MIRROR", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def puller(folder: Path, heard: Heard) -> Puller:
    return Puller(folder, heard, limits=QUICK)


def visible(folder: Path) -> list[str]:
    """The names of a folder that are no partial files and no lock."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.part"))
