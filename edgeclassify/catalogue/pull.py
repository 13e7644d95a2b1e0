"""Pulling a model: all its files whole and verified, or nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edgeclassify.catalogue.archive import unpack
from edgeclassify.catalogue.checksums import Checksum, sha256_of
from edgeclassify.catalogue.entries import CatalogueFile, Entry
from edgeclassify.catalogue.limits import MAX_MODEL_BYTES, Limits
from edgeclassify.catalogue.manifest import Manifest, manifests, read_manifest
from edgeclassify.catalogue.naming import check_name, check_not_learned, file_name_of, stem_of
from edgeclassify.catalogue.report import Report
from edgeclassify.catalogue.sets import link_rest, publish
from edgeclassify.catalogue.source import Wanted, in_mirror, is_web, obtain
from edgeclassify.catalogue.storage import check_space, locked, part_path, storage_errors
from edgeclassify.catalogue.web import MissingError
from edgeclassify.errors import ModelError, UsageError
from edgeclassify.redact import hide_password

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pulled:
    """A model that is here now."""

    name: str
    path: Path
    files: tuple[str, ...]
    """What was brought; nothing when all was here already."""


@dataclass(frozen=True)
class Puller:
    """Brings models into a folder; several processes may do so at once."""

    folder: Path
    report: Report
    mirror: str = ""
    """An address or a folder that has all files, in place of where they were published; empty: none."""
    limits: Limits = field(default_factory=Limits)

    def pull_entry(self, entry: Entry, *, with_twin: bool) -> Pulled:
        """Bring a model of the catalogue; files that are here and right are not brought again.

        Raises:
            UsageError: a learned model has its name.
            WebError: a file cannot be had.
            ModelError: what came is something else.
            UnavailableError: the disk is full or may not be written.
        """
        files = [file for file in entry.files if with_twin or file is not entry.twin]
        check_not_learned(entry.name, self.folder)
        with locked(self.folder, self.report.note):
            link_rest(self.folder, entry.name)
            with storage_errors(self.folder):
                here = {file.name: path for file in entry.files if _is_here(path := self.folder / file.name, file)}
                lacking = [file for file in files if file.name not in here]
            check_space(self.folder, sum(self._still_to_come(file, entry) for file in lacking))
            # One after the other: what was obtained lies ready should the next one fail.
            finished = {file.name: self._obtain(file, entry) for file in lacking}
            if finished:
                self._publish(entry.name, finished, here, self._places(entry.model)[0], "")
        return Pulled(entry.name, self.folder / entry.model.name, tuple(finished))

    def pull_address(self, address: str, sha256: str, name: str | None) -> Pulled:
        """Bring a .tflite file, or a zip archive with one in it, from an address or a path.

        Args:
            address: http://, https://, or a path.
            sha256: what it must be, in hexadecimal; empty: not known, which ends with an error that tells it.
            name: what to call the model; None: as the file.

        Raises:
            UsageError: the checksum is missing, or the name cannot be used.
            WebError: it cannot be had.
            ModelError: what came is something else.
            UnavailableError: the disk is full or may not be written.
        """
        sha256 = sha256.strip().lower().removeprefix("sha256:")
        if sha256 and not _SHA256.fullmatch(sha256):
            raise UsageError("models: --sha256 takes 64 hexadecimal digits; copy them from where the file is published")
        file_name = file_name_of(address)
        check_name(name or stem_of(file_name), self.folder)
        if not is_web(address):
            place = str(Path(address).absolute())
        else:
            place = in_mirror(self.mirror, file_name)[0] if self.mirror else address
        with locked(self.folder, self.report.note):
            if (here := self._pulled_before(sha256, name)) is not None:
                link_rest(self.folder, here.name)
                return Pulled(here.name, self.folder / f"{here.name}.tflite", ())
            checksum = Checksum(sha256) if sha256 else None
            wanted = Wanted(file_name, (place,), checksum, None, MAX_MODEL_BYTES)
            part = obtain(wanted, self.folder, self.limits, self.report)
            if checksum is None:
                self._ask_for_checksum(part, wanted, address)
            with self._model_files(part, place, file_name, name) as (own_name, finished):
                self._publish(own_name, finished, {}, place, sha256)
                part.unlink(missing_ok=True)  # of an archive
        return Pulled(own_name, self.folder / f"{own_name}.tflite", tuple(finished))

    def _places(self, file: CatalogueFile) -> tuple[str, ...]:
        # A folder of pulled models is a good mirror too: there labels have the model's name.
        return in_mirror(self.mirror, file.published_name, file.name) if self.mirror else (file.address,)

    def _still_to_come(self, file: CatalogueFile, entry: Entry) -> int:
        """Return how many bytes are to be brought; a twin of unknown size counts as much as the model."""
        sizes = [Path(place).stat().st_size for place in self._places(file) if not is_web(place) and _is_file(place)]
        size = file.size_bytes or next(iter(sizes), None) or entry.model.size_bytes or 0
        part = part_path(self.folder, file.name, file.checksum.key)
        return max(size - (part.stat().st_size if part.exists() else 0), 0)

    def _obtain(self, file: CatalogueFile, entry: Entry) -> Path:
        if (self.folder / file.name).exists():
            self.report.note(f"{file.name}: what is here is not the catalogue's; it is replaced")
        wanted = Wanted(file.name, self._places(file), file.checksum, file.size_bytes, MAX_MODEL_BYTES)
        try:
            return obtain(wanted, self.folder, self.limits, self.report)
        except MissingError as error:
            if file is entry.twin:
                raise MissingError(f"{error}; without an Edge TPU it is not needed: --no-edgetpu") from error
            raise

    def _pulled_before(self, sha256: str, name: str | None) -> Manifest | None:
        """Return what this very file brought earlier, if that is still whole."""
        for manifest in manifests(self.folder):
            same = sha256 and manifest.source_sha256 == sha256 and name in (None, manifest.name)
            if same and not manifest.wrong(self.folder):
                return manifest
        return None

    def _ask_for_checksum(self, part: Path, wanted: Wanted, address: str) -> None:
        found = sha256_of(part)
        with storage_errors(part):
            part.replace(part_path(self.folder, wanted.name, Checksum(found).key))  # the next pull finds it there
        raise UsageError(
            f"{hide_password(address)}: was brought and not used, since --sha256 is missing; it has sha256 {found}; "
            "if that is what its publisher says, pull again with it (nothing is downloaded twice)"
        )

    @contextlib.contextmanager
    def _model_files(
        self, part: Path, place: str, file_name: str, name: str | None
    ) -> Iterator[tuple[str, dict[str, Path]]]:
        """Yield the model's name and its finished partial files; those of an archive do not outlive the block."""
        head = _head(part)
        if _is_model(head):
            own_name = name or stem_of(file_name)
            yield own_name, {f"{own_name}.tflite": part}
            return
        shown = hide_password(place)
        if not head.startswith(b"PK"):
            part.unlink()
            raise ModelError(f"{shown}: is neither a TensorFlow Lite model nor a zip archive; nothing was kept")
        try:
            own_name, finished = unpack(part, shown, self.folder, name)
            check_name(own_name, self.folder)
            _check_unpacked(finished, shown)
            yield own_name, finished
        except ModelError:
            part.unlink(missing_ok=True)
            raise
        finally:
            for unpacked in self.folder.glob(".*.unpacked.part"):
                unpacked.unlink()

    def _publish(
        self, name: str, finished: Mapping[str, Path], kept: Mapping[str, Path], place: str, sha256: str
    ) -> None:
        """Make a model visible: what was brought, and what is kept of its files that are here."""
        before = read_manifest(self.folder, name)
        with storage_errors(self.folder):
            files = {**kept, **finished}
            checksums = {file: sha256_of(path) for file, path in files.items()}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        publish(self.folder, name, files, Manifest(name, now, hide_password(place), sha256, checksums))
        with storage_errors(self.folder):
            for part in finished.values():
                part.unlink()
            for file in (before.files.keys() if before else set()) - files.keys():  # of the model that was replaced
                (self.folder / file).unlink(missing_ok=True)


def _is_here(path: Path, file: CatalogueFile) -> bool:
    return path.is_file() and file.checksum.matches(path)


def _is_file(place: str) -> bool:
    try:
        return Path(place).is_file()
    except OSError:  # in a folder that this user may not look into: said when it is copied
        return False


def _check_unpacked(finished: dict[str, Path], shown: str) -> None:
    for final, part in finished.items():
        if final.endswith(".tflite") and not _is_model(_head(part)):
            raise ModelError(f"{shown}: the {final} in it is not a TensorFlow Lite model; name another file")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _is_model(head: bytes) -> bool:
    return head[4:8] == b"TFL3"
