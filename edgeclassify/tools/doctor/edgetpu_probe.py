"""What a child process does to try libedgetpu, which may crash or hang."""

from __future__ import annotations

from collections.abc import Sequence

from edgeclassify.inference import runtime


class Probe:
    """Opens a device, without a model."""

    def __init__(self, memory: memoryview, library: str, devices: Sequence[str]) -> None:
        """Open the first of the devices, or any; `memory` is not used."""
        del memory
        self._delegate = runtime.load_delegate(library, {"device": devices[0]} if devices else {})

    def close(self) -> None:
        """Give the device back."""
        del self._delegate
