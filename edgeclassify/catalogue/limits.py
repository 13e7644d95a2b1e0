"""How long a transfer may take before it is given up."""

from __future__ import annotations

from dataclasses import dataclass

MAX_MODEL_BYTES = 200 * 1024 * 1024
MAX_LABEL_BYTES = 10 * 1000 * 1000


@dataclass(frozen=True)
class Limits:
    """The defaults are for a slow line that often fails, in the hands of somebody who waits."""

    silence_s: float = 20.0
    """Nothing at all for so long, while connecting or later: the connection is dead."""

    answer_s: float = 30.0
    """The first line of an answer until the last of its headers."""

    slow_s: float = 30.0
    slowest_bytes_per_s: float = 1000.0
    """Slower than this for `slow_s`: given up."""

    tries: int = 5
    """So many in a row that bring nothing more; one that does begins the count anew."""

    pause_s: float = 1.0
    """After the first of them; doubled after each further one."""

    max_pause_s: float = 8.0
