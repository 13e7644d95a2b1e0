"""A time of day that jumps, for one process: this machine's clock is left alone."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """A process started with `variables` sees the right time plus what `jump` said last."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("cannot run here: no C compiler")
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "wall_clock.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)], check=True)
        self._offset = folder / "offset"
        self.jump(0)
        self.variables = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(self._offset)}

    def jump(self, seconds: int) -> None:
        """Let the time of day be so far from the right one."""
        if not self._offset.exists():
            self._offset.write_bytes(struct.pack("q", 0))
        with self._offset.open("r+b", buffering=0) as file:  # the same file: it is mapped
            file.write(struct.pack("q", seconds))
