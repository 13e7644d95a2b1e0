"""Which model of the catalogue suits a machine, by one simple rule."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from edgeclassify.catalogue.entries import Entry


@dataclass(frozen=True)
class Machine:
    """What the choice depends on."""

    architecture: str
    bits: int
    """Of the programs that run here: a 32-bit system may sit on a 64-bit processor."""
    cores: int
    memory_bytes: int

    @property
    def budget_ms(self) -> float:
        """How slow a model may be by its published latency, so that several frames a second are classified here."""
        if self.bits < 64 or self.cores < 2:  # the runtime for 32 bits is the older and slower one
            return 15.0
        return 60.0 if self.memory_bytes >= 900_000_000 else 35.0

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.architecture}, {self.bits}-bit, {self.memory_bytes / 1e9:.1f} GB of memory"


RULE = (
    "the most accurate model whose published latency is at most 15 ms for 32-bit systems or one core, "
    "35 ms with less than 0.9 GB of memory, 60 ms for all others"
)


def this_machine() -> Machine:
    """Return what this process runs on and may use of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bits = 64 if sys.maxsize > 2**32 else 32
    return Machine(platform.machine(), bits, len(os.sched_getaffinity(0)), memory)


def choose(entries: Iterable[Entry], machine: Machine) -> Entry | None:
    """Return the most accurate entry within the machine's budget; models of unknown latency are none."""
    within = [e for e in entries if e.top1_percent and e.latency_ms and e.latency_ms <= machine.budget_ms]
    return max(within, key=lambda entry: entry.top1_percent or 0, default=None)
