"""One file from a web server into a partial file beside its place, going on where an earlier try ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edgeclassify.catalogue.limits import Limits
from edgeclassify.catalogue.report import Report
from edgeclassify.catalogue.storage import check_space, storage_errors
from edgeclassify.catalogue.web import Answer, BrokenError, OfflineError, RangeError, WebError, ask
from edgeclassify.errors import ModelError, UnavailableError
from edgeclassify.redact import hide_password

# A new try that brings so much is no failure; less would let a server go on for ever.
_PROGRESS_BYTES = 64 * 1024
_HTML = (b"<!doctype html", b"<html", b"<head", b"<?xml")


class Download:
    """Brings one file into `part`, however often the connection breaks.

    Args:
        address: http:// or https://.
        part: what an earlier run left there is kept; checking the whole is the caller's.
        name: of the file, for the report.
        size_bytes: if it is known.
        max_bytes: no file is larger.
        limits: when to give up.
        report: is told of progress and trouble.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        address: str,
        part: Path,
        *,
        name: str,
        size_bytes: int | None,
        max_bytes: int,
        limits: Limits,
        report: Report,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = address
        self._shown = hide_password(address)
        self._part = part
        self._name = name
        self._size_bytes = size_bytes
        self._max_bytes = max_bytes
        self._limits = limits
        self._report = report
        self._sleep = sleep
        self._etag = ""
        self._reached = False
        """The server has answered once: it is there."""

    def run(self) -> None:
        """Return when the server has sent the whole file.

        Raises:
            WebError: it cannot be had, or not now.
            ModelError: it is something else.
            UnavailableError: the disk is full or may not be written.
        """
        failures, best = 0, self._position()
        while True:
            try:
                self._try()
            except RangeError:  # what is here is longer than the file
                if self._position() == 0:
                    raise
                self._part.unlink()
            except BrokenError as error:
                position = self._position()
                failures = 0 if position >= best + _PROGRESS_BYTES else failures + 1
                best = max(best, position)
                self._wait(error, failures)
            else:
                return

    def _wait(self, error: BrokenError, failures: int) -> None:
        """Wait before another try, or raise."""
        if failures >= self._limits.tries or (isinstance(error, OfflineError) and not self._reached):
            kept = f"; {self._position() / 1e6:.1f} MB are kept for the next pull" if self._position() else ""
            raise WebError(f"{error}{kept}") from error
        pause_s = min(self._limits.pause_s * 2 ** max(failures - 1, 0), self._limits.max_pause_s)
        self._report.note(f"{error}; trying again in {pause_s:g} s")
        self._sleep(pause_s)

    def _position(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _try(self) -> None:
        with ask(self._address, self._position(), self._etag, self._limits) as answer:
            self._reached = True
            self._etag = answer.etag
            first = answer.read()
            self._check(answer, first)
            position = self._take(answer, first)
        expected = answer.total or self._size_bytes or 0
        if position < expected:
            raise BrokenError(f"{self._shown}: the connection ended at {position:,} of {expected:,} bytes")

    def _check(self, answer: Answer, first: bytes) -> None:
        """Raise before anything is written when this cannot be the file."""
        if answer.start == 0 and first.lstrip().lower().startswith(_HTML):
            raise ModelError(
                f"{self._shown}: is a web page, not a model; give the address of the file itself "
                "(a network with a login page sends such pages too)"
            )
        if self._size_bytes is not None and answer.total not in (None, self._size_bytes):
            raise ModelError(
                f"{self._shown}: is another file: {answer.total:,} bytes where {self._size_bytes:,} are right; "
                "try another address or --mirror"
            )
        if answer.total is not None and answer.total > self._max_bytes:
            raise ModelError(f"{self._shown}: has {answer.total / 1e6:.0f} MB, too large; name another file")
        expected = answer.total or self._size_bytes
        check_space(self._part.parent, (expected or len(first)) - answer.start)

    def _take(self, answer: Answer, chunk: bytes) -> int:
        """Append what comes; return the position reached."""
        limit = self._size_bytes or self._max_bytes
        with storage_errors(self._part), self._part.open("ab") as file:
            # A server that sends the whole again, or from somewhere else: what it sends is what counts.
            if answer.start > file.tell():
                raise BrokenError(f"{self._shown}: the server begins at byte {answer.start}, which leaves a gap")
            file.truncate(answer.start)
            position = answer.start
            pace = _Pace(self._limits, position)
            while chunk:
                file.write(chunk)
                position += len(chunk)
                if position > limit:
                    raise ModelError(
                        f"{self._shown}: sends more than {limit:,} bytes; it is another file: check the address"
                    )
                self._report.progress(self._name, position, answer.total or self._size_bytes)
                if pace.too_slow(position):
                    raise UnavailableError(
                        f"{self._shown}: slower than {self._limits.slowest_bytes_per_s:g} bytes/s for "
                        f"{self._limits.slow_s:g} s; pull again later, it goes on where it ended"
                    )
                chunk = answer.read()
        return position


class _Pace:
    """Tells when a transfer is a drip."""

    def __init__(self, limits: Limits, position: int) -> None:
        self._limits = limits
        self._since_s = time.monotonic()
        self._from = position

    def too_slow(self, position: int) -> bool:
        """Whether so little has come for so long."""
        took_s = time.monotonic() - self._since_s
        if took_s < self._limits.slow_s:
            return False
        slow = position - self._from < took_s * self._limits.slowest_bytes_per_s
        self._since_s, self._from = time.monotonic(), position
        return slow
