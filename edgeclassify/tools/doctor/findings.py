"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgeclassify.redact import hide_password

Status = Literal["ok", "warn", "fail", "skip"]
"""skip: it does not apply here, or cannot be told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    status: Status
    part: str
    """`broker`, `camera door`."""
    check: str
    """`login`, `frames`."""
    message: str
    advice: str = ""
    """How to mend it; given with every `fail` and `warn`."""

    @property
    def line(self) -> str:
        """As people read it."""
        text = f"{self.status:4} {self.part} {self.check}: {self.message}"
        return f"{text}; {self.advice}" if self.advice else text


@dataclass(frozen=True, slots=True)
class Part:
    """Makes the findings about one part of the installation; no password gets into them."""

    name: str

    def ok(self, check: str, message: str) -> Finding:
        """Return that all is well."""
        return Finding("ok", self.name, check, hide_password(message))

    def skip(self, check: str, message: str) -> Finding:
        """Return why there is nothing to be said."""
        return Finding("skip", self.name, check, hide_password(message))

    def warn(self, check: str, message: str, advice: str) -> Finding:
        """Return what works, but not well."""
        return Finding("warn", self.name, check, hide_password(message), hide_password(advice))

    def fail(self, check: str, message: str, advice: str) -> Finding:
        """Return what does not work."""
        return Finding("fail", self.name, check, hide_password(message), hide_password(advice))

    def failed(self, check: str, text: str) -> Finding:
        """Return a failure from a text of this program's own form, `WHERE: WHAT; WHAT TO DO`."""
        what, _, advice = " ".join(text.removeprefix(f"{self.name}: ").split()).partition("; ")
        return self.fail(check, what, advice)
