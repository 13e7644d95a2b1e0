"""Getting a good model for `edgeclassify demo`, quickly or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from edgeclassify.resources import GOOD_MODEL, local_models

_AT_MOST_S = 20


def try_to_get_better_model(say: Callable[[str], None]) -> None:
    """Pull the good model unless it is here, for at most 20 s; the demo can do without.

    What was brought when the time is over is kept: the next try goes on there.
    """
    if GOOD_MODEL in local_models():
        return
    say(f"getting the model {GOOD_MODEL}, for at most {_AT_MOST_S} s (not with --offline)")
    # In a process of its own: the time that looking up a host's name takes has no limit that could be set.
    command = [sys.executable, "-m", "edgeclassify", "models", "pull", "--no-edgetpu", GOOD_MODEL]
    try:
        pull = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_AT_MOST_S, check=False
        )
    except subprocess.TimeoutExpired:
        say("it did not come in time, and the next demo goes on where this one ended; using the starter")
        return
    if pull.returncode != 0:
        reason = (pull.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        say(f"{reason.removeprefix('edgeclassify: ')} (using the starter)")
