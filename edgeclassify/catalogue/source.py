"""Where a file of a model comes from: a web server, or a folder that stands in for one."""

from __future__ import annotations

import hashlib
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.catalogue.checksums import Checksum, sha256_of
from edgeclassify.catalogue.download import Download
from edgeclassify.catalogue.limits import Limits
from edgeclassify.catalogue.report import Report
from edgeclassify.catalogue.storage import check_space, part_path, storage_errors
from edgeclassify.catalogue.web import MissingError
from edgeclassify.errors import ModelError, UnavailableError
from edgeclassify.redact import hide_password

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A file to bring."""

    name: str
    """What it will be called here."""
    places: tuple[str, ...]
    """Addresses or paths, of which the first that has it counts."""
    checksum: Checksum | None
    """None: not known."""
    size_bytes: int | None
    max_bytes: int

    @property
    def key(self) -> str:
        """What its partial file is known by: the content, else the place."""
        return self.checksum.key if self.checksum else hashlib.sha256(self.places[0].encode()).hexdigest()[:12]


def is_web(place: str) -> bool:
    """Whether a place is an address, not a path."""
    return "://" in place


def in_mirror(mirror: str, *names: str) -> tuple[str, ...]:
    """Return the places of a file in a mirror, under each of its names."""
    distinct = dict.fromkeys(names)
    if not is_web(mirror):
        return tuple(str(Path(mirror) / name) for name in distinct)
    base, mark, query = mirror.partition("?")  # a server may want a token with every address
    return tuple(f"{base.rstrip('/')}/{urllib.parse.quote(name)}{mark}{query}" for name in distinct)


def obtain(wanted: Wanted, folder: Path, limits: Limits, report: Report) -> Path:
    """Return a partial file in `folder` with the whole content, its checksum verified if it is known.

    Raises:
        WebError: no place has it, or not now.
        ModelError: what came is something else.
        UnavailableError: the disk is full or may not be written.
    """
    part = part_path(folder, wanted.name, wanted.key)
    with storage_errors(folder):
        if part.exists() and _right(part, wanted):
            return part
        # Without a checksum nothing would tell that the rest of another file was put behind what was kept.
        if wanted.checksum is None:
            part.unlink(missing_ok=True)
    kept = part.exists()
    place = _bring(wanted, part, limits, report)
    if kept and not _right(part, wanted):
        report.note(f"{wanted.name}: what an earlier pull had kept does not fit; beginning anew")
        part.unlink()
        place = _bring(wanted, part, limits, report)
    if wanted.checksum is not None and not _right(part, wanted):
        found = sha256_of(part)
        part.unlink()
        raise ModelError(
            f"{hide_password(place)}: is not the file that was asked for: it has sha256 {found} where "
            f"{wanted.checksum} is right; nothing was kept; try another address or --mirror"
        )
    return part


def _right(part: Path, wanted: Wanted) -> bool:
    return wanted.checksum is not None and wanted.checksum.matches(part)


def _bring(wanted: Wanted, part: Path, limits: Limits, report: Report) -> str:
    """Fill the partial file; return the place that had it."""
    missing: list[str] = []
    for place in wanted.places:
        try:
            if is_web(place):
                Download(
                    place,
                    part,
                    name=wanted.name,
                    size_bytes=wanted.size_bytes,
                    max_bytes=wanted.max_bytes,
                    limits=limits,
                    report=report,
                ).run()
            else:
                _copy(Path(place), part, wanted, report)
        except MissingError as error:
            missing.append(str(error))
        else:
            return place
    raise MissingError(missing[0])


def _copy(source: Path, part: Path, wanted: Wanted, report: Report) -> None:
    try:
        with source.open("rb") as file:
            size = source.stat().st_size
            if size > wanted.max_bytes:
                raise ModelError(f"{source}: has {size / 1e6:.0f} MB, too large; name another file")
            check_space(part.parent, size)
            with storage_errors(part), part.open("wb") as target:
                while chunk := file.read(_CHUNK_BYTES):
                    target.write(chunk)
                    report.progress(wanted.name, target.tell(), size)
    except UnavailableError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"{source}: there is no such file; check the path") from error
    except OSError as error:
        raise UnavailableError(
            f"{source}: cannot be read ({error.strerror or error}); check the path and the disk"
        ) from error
