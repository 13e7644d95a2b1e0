"""What a pull tells while it goes on."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Who is told how a pull goes on."""

    def note(self, text: str) -> None:
        """Something that the user should know."""
        ...

    def progress(self, file: str, done_bytes: int, total_bytes: int | None) -> None:
        """So much of a file is here; both 0 when it starts anew."""
        ...
