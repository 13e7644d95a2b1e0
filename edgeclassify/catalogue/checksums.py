"""What a file must be: by its SHA-256, or by the SHA-1 that git keeps it under."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """At least one of them is known; SHA-256 wins. Both in lower case hexadecimal."""

    sha256: str = ""
    git_blob_sha1: str = ""

    @property
    def key(self) -> str:
        """A short name for this content, good in a file's name."""
        return (self.sha256 or self.git_blob_sha1)[:12]

    def matches(self, path: Path) -> bool:
        """Whether a file has this content."""
        if self.sha256:
            return sha256_of(path) == self.sha256
        return git_blob_sha1_of(path) == self.git_blob_sha1

    def __str__(self) -> str:
        return f"sha256 {self.sha256}" if self.sha256 else f"git's SHA-1 {self.git_blob_sha1}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_sha1_of(path: Path) -> str:
    """Return the name that git gives to a file's content."""
    # Not a choice of ours: it is what is known of files that only their git repository names.
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
