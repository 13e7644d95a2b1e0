"""A check with a time limit: whatever hangs in it is left behind and told as a finding."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgeclassify.errors import EdgeClassifyError
from edgeclassify.tools.doctor.findings import Finding, Part


@dataclass(frozen=True)
class Check:
    """One part's checks."""

    part: Part
    body: Callable[[], Iterator[Finding]]
    timeout_s: float
    stuck: str
    """What to do when it takes longer."""

    def run(self) -> Iterator[Finding]:
        """Yield each finding as soon as it is there; always ends, and raises nothing."""
        findings: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        # A daemon thread: one that hangs in a name look-up or a driver cannot keep the process alive.
        threading.Thread(target=self._work, args=(findings,), name=f"doctor-{self.part.name}", daemon=True).start()
        deadline_s = time.monotonic() + self.timeout_s
        while True:
            try:
                finding = findings.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                yield self.part.fail("check", f"not done within {self.timeout_s:g} s", self.stuck)
                return
            if finding is None:
                return
            yield finding

    def _work(self, findings: queue.SimpleQueue[Finding | None]) -> None:
        try:
            for finding in self.body():
                findings.put(finding)
        except EdgeClassifyError as error:
            findings.put(self.part.failed("check", str(error)))
        except Exception as error:  # noqa: BLE001 - a doctor that dies of one illness tells nothing of the others
            findings.put(self.part.fail("check", f"could not be made ({error!r})", "report this as a bug"))
        finally:
            findings.put(None)
