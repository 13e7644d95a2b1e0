"""Which commands go on until Ctrl-C, and what they must have said by then."""

from __future__ import annotations

import re

_UNTIL_CTRL_C = (
    (r"(\./scripts/demo|edgeclassify demo)(?!.*(--seconds|--faults))", r" appeared "),
    (r"edgeclassify run", r"camera \S+: online"),
    (r"edgeclassify watch", r"\S"),
    (r"mosquitto_sub(?!.* -[CW] ?\d)", r"\S"),
    (r"journalctl.* (-f|--follow)", r"\S"),
)


def expected_of(command: str) -> str | None:
    """What a command says when it works, as a regular expression; None for a command that ends by itself."""
    return next((words for pattern, words in _UNTIL_CTRL_C if re.match(pattern, command)), None)


def is_daemon(command: str) -> bool:
    """Whether what follows in the block has need of it."""
    return bool(re.match(r"edgeclassify run\b", command))
