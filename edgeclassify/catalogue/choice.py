"""Which model of the catalogue suits a machine, by one simple rule."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """What is known of a model; None is not known."""

    @property
    def top1_percent(self) -> float | None:
        """Published accuracy."""
        ...

    @property
    def latency_ms(self) -> float | None:
        """Published latency on a CPU."""
        ...

    @property
    def edgetpu(self) -> bool:
        """It has a twin for the Edge TPU."""
        ...


_Candidate = TypeVar("_Candidate", bound=Candidate)


@dataclass(frozen=True)
class Machine:
    """What the choice depends on."""

    architecture: str
    bits: int
    """Of the programs that run here: a 32-bit system may sit on a 64-bit processor."""
    cores: int
    memory_bytes: int
    edgetpus: tuple[str, ...] = ()
    """The Edge TPUs that are plugged in: `usb:0`, `pci:0`."""

    @property
    def budget_ms(self) -> float:
        """How slow a model may be by its published latency, so that several frames a second are classified here."""
        if self.bits < 64 or self.cores < 2:  # the runtime for 32 bits is the older and slower one
            return 15.0
        return 60.0 if self.memory_bytes >= 900_000_000 else 35.0

    def __str__(self) -> str:
        tpus = "".join(f", Edge TPU {name}" for name in self.edgetpus)
        memory = f"{self.memory_bytes / 1e9:.1f} GB of memory"
        return f"{self.cores} cores, {self.architecture}, {self.bits}-bit, {memory}{tpus}"


RULE = (
    "the most accurate model whose published latency is at most 15 ms for 32-bit systems or one core, "
    "35 ms with less than 0.9 GB of memory, 60 ms for all others; with an Edge TPU one that has a twin for it, if "
    "there is any (within the same time, since the CPU goes on when it is lost)"
)


def this_machine(edgetpus: Sequence[str] = ()) -> Machine:
    """Return what this process runs on and may use of it, beside the Edge TPUs that were found."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bits = 64 if sys.maxsize > 2**32 else 32
    return Machine(platform.machine(), bits, len(os.sched_getaffinity(0)), memory, tuple(edgetpus))


def choose(candidates: Iterable[_Candidate], machine: Machine) -> _Candidate | None:
    """Return the most accurate candidate within the machine's budget; models of unknown latency are none."""
    within = [c for c in candidates if c.top1_percent and c.latency_ms and c.latency_ms <= machine.budget_ms]
    if machine.edgetpus:
        within = [c for c in within if c.edgetpu] or within
    return max(within, key=lambda candidate: candidate.top1_percent or 0, default=None)
