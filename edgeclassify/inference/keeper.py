"""Looks after the Edge TPU in a thread of its own: finds it, tries it out, hands it over; over and over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from edgeclassify.errors import EdgeClassifyError, UnavailableError
from edgeclassify.inference.devices import Device, find_devices
from edgeclassify.inference.edgetpu import EdgeTpu
from edgeclassify.inference.model import Model
from edgeclassify.records import Frame, Scores

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_PROVEN_S = 60.0  # one that worked for so long has a fresh start when it is lost
_LOOK_S = 0.25  # how often sysfs is looked at meanwhile
_DISAGREEMENT = 0.2
_JOIN_S = 0.05


class Keeper:
    """Has an Edge TPU ready whenever there is one, from `__enter__` to `__exit__`.

    One other thread, which classifies, takes what is ready with `take` and says with `lost` when it failed.

    Args:
        asked_for: `auto`, `edgetpu`, or one device: `edgetpu:usb:0`.
        library: libedgetpu, by name or path.
        model: as it runs on the CPU.
        twin: the same model, compiled for the Edge TPU.
        reference: the last frame that the CPU classified, and its scores, to try devices out with.
    """

    def __init__(
        self, asked_for: str, library: str, model: Model, twin: Path, reference: Callable[[], tuple[Frame, Scores]]
    ) -> None:
        self._asked_for = asked_for
        self._library = library
        self._model = model
        self._twin = twin
        self._reference = reference
        self._starting: EdgeTpu | None = None
        self._ready: EdgeTpu | None = None
        self._returned = threading.Event()
        self._closing = threading.Event()
        self._tried = threading.Event()
        self._seen: frozenset[Device] = frozenset()
        self._pause_s = _FIRST_PAUSE_S
        self._told: set[str] = set()
        self._disagreement_was_told = False
        # Every child is started by this thread: it would end with the thread that starts it.
        self._thread = threading.Thread(target=self._run, name="edgetpu", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread and its child, also while it hangs in the library."""
        self._closing.set()
        self._returned.set()
        while self._thread.is_alive():
            if starting := self._starting:
                starting.kill()
            self._thread.join(_JOIN_S)

    def wait_for_first_try(self, timeout_s: float) -> None:
        """Return when it is known whether there is an Edge TPU, or after `timeout_s`."""
        self._tried.wait(timeout_s)

    def take(self) -> EdgeTpu | None:
        """Return a device that passed its trial, once; None when there is none."""
        # Only the other thread puts one there, and only after `lost`: nothing comes between these lines.
        ready = self._ready
        if ready is not None:
            self._ready = None
        return ready

    def lost(self) -> None:
        """Say that what was taken failed; its user has let go of it."""
        self._returned.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            before = frozenset(find_devices())
            started_s = time.monotonic()
            try:
                self._keep_one()
            except (EdgeClassifyError, OSError) as error:  # OSError: no process or no memory for one now
                self._tell(error)
                # Loading the firmware makes another device of it, which nobody plugged in. One where none was, was.
                self._seen = frozenset(find_devices()) if before else before
            self._tried.set()
            if time.monotonic() - started_s >= _PROVEN_S:
                self._pause_s = _FIRST_PAUSE_S
            self._pause()

    def _keep_one(self) -> None:
        """Open a device, try it out, hand it over and wait until it is lost."""
        device = self._asked_for.partition(":")[2]
        names = [device] if device else [found.name for found in find_devices()]
        self._starting = EdgeTpu(self._model, self._twin, self._library, names)
        try:
            with self._starting as tpu:
                self._try_out(tpu)
                self._starting = None
                self._hand_over(tpu)
        finally:
            self._starting = None

    def _hand_over(self, tpu: EdgeTpu) -> None:
        """Return when it is lost, or no longer needed."""
        self._seen = frozenset(find_devices())
        self._returned.clear()
        self._ready = tpu
        self._tried.set()
        while not self._closing.is_set() and not self._returned.wait(_LONGEST_PAUSE_S):
            pass
        self._ready = None
        self._told = {UnavailableError.__name__}  # that it is away was said when it was lost

    def _try_out(self, tpu: EdgeTpu) -> None:
        frame, expected = self._reference()
        scores = tpu.try_out(frame)
        best, expected_best = int(scores.values.argmax()), int(expected.values.argmax())
        apart = float(abs(scores.values - expected.values).max())
        if (best == expected_best and apart <= _DISAGREEMENT) or self._disagreement_was_told:
            return
        self._disagreement_was_told = True
        labels = self._model.labels
        log.warning(
            "accelerator %s: %s says %s %.2f where the CPU says %s %.2f of the same picture, scores are up to %.2f "
            "apart; if both files are of one model that is seldom",
            tpu.accelerator, self._twin.name, labels[best], scores.values[best],
            labels[expected_best], expected.values[expected_best], apart,
        )  # fmt: skip

    def _tell(self, error: Exception) -> None:
        """Say what is wrong, each kind once until it works; `auto` without a device is nothing wrong."""
        kind = type(error).__name__
        silent = self._asked_for == "auto" and isinstance(error, UnavailableError) and not find_devices()
        if silent or kind in self._told or self._closing.is_set():
            log.debug("accelerator %s: %s", self._asked_for, error)
            return
        self._told.add(kind)
        log.warning(
            "accelerator %s: %s; the CPU is used, and the Edge TPU tried again; see: edgeclassify doctor",
            self._asked_for, error,
        )  # fmt: skip

    def _pause(self) -> None:
        """Wait a growing while, or until a device is plugged in."""
        until_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        while (left_s := until_s - time.monotonic()) > 0 and not self._closing.wait(min(_LOOK_S, left_s)):
            seen, self._seen = self._seen, frozenset(find_devices())
            if self._seen - seen:
                self._pause_s = _FIRST_PAUSE_S
                return
