"""What anybody may have sent over the broker: taken apart, and shown so that it does no harm."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_CHARACTERS = 200
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def parse(payload: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else that came."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):  # no JSON, or brackets in brackets in brackets
        return None
    return message if isinstance(message, dict) else None


def harmless(text: object, at_most: int = MAX_CHARACTERS) -> str:
    """Return one line of `text` without what could move the cursor or turn the writing around, cut if long.

    Anybody may publish on the topics of a node: a label can hold escape sequences.
    """
    cut = str(text)[: at_most + 1]
    plain = "".join(character if character.isprintable() else "?" for character in cut)
    return plain if len(plain) <= at_most else plain[: at_most - 1] + "…"


def harmless_json(payload: bytes) -> str:
    """Return JSON as it came, in one line; of control characters the escapes, which mean the same."""
    text = payload.decode("utf-8", "replace")
    return _CONTROLS.sub(lambda found: " " if found[0] in "\t\r\n" else f"\\u{ord(found[0]):04x}", text)
