"""Showing parts of a configuration: short, harmless to a terminal, and without its passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeclassify.redact import hide_password

_MAX_LENGTH = 60
_SECRET_KEY = re.compile(r"passw|passphrase|pwd|secret|token|credential", re.IGNORECASE)
# Wider than in logs, where URLs have been tried: what is wrong here may be an unencoded / in a password.
_USER_IN_URL = re.compile(r"(\w://)\S*@")


def is_secret(path: Iterable[object]) -> bool:
    """Tell whether what stands at this path of keys must not be shown."""
    return any(isinstance(part, str) and _SECRET_KEY.search(part) is not None for part in path)


def shortened(text: str) -> str:
    """Return `text` without passwords, in quotes, control characters escaped, cut if long."""
    harmless = _USER_IN_URL.sub(r"\1***@", hide_password(text))  # before the cut: half a URL is not known for one
    return repr(harmless if len(harmless) <= _MAX_LENGTH else harmless[: _MAX_LENGTH - 1] + "…")
