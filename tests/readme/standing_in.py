"""What is run in place of a command as it is written: where a person would answer, or this world lacks something."""

from __future__ import annotations

import re

_IN_PLACE_OF = (
    # The tests that run this are among those that it would run.
    (r"^\./scripts/test$", "./scripts/test tests/test_vocabulary.py"),
    # What stands for the internet has no twins.
    (r"^(edgeclassify models pull (?!.*--mirror).*)$", r"\1 --no-edgetpu"),
)
_SETUP = re.compile(r"^((?:sudo )?edgeclassify setup\b.*)$")


def as_run_here(text: str, answers: str) -> str:
    """Return what to run; `answers` are options of `setup` in place of a person's answers."""
    for pattern, other in _IN_PLACE_OF:
        text = re.sub(pattern, other, text)
    return _SETUP.sub(lambda found: f"{found[1]} {answers}", text)
