"""How long `edgeclassify --help` takes, and the daemon from its start to its first classified frame.

CPU seconds stand beside, which a busy machine changes less.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rig import CAMERA, Arrival, machine, make_video, parser, running_daemon, spread


def help_s() -> tuple[float, float]:
    """Run the installed command; return wall and CPU seconds."""
    command = Path(sys.executable).with_name("edgeclassify")
    started_s, before = time.monotonic(), os.times()
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - started_s, cpu_s


def first_frame_s(model: Path, video: Path) -> tuple[float, float]:
    """Start the daemon; an event on the first frame tells when that was classified, and arrives a little later."""
    events = {"appear_after_seconds": 0, "margin": 0, "thresholds": {"*": 0.01}, "ignore": []}
    config = {"model": {"name": str(model)}, "cameras": {CAMERA: {"source": str(video)}}, "events": events}

    def appeared(arrival: Arrival) -> bool:
        return arrival.fields["event_type"] == "appeared"

    with running_daemon(config) as daemon:
        return daemon.next(f"{CAMERA}/event", appeared).monotonic_s - daemon.started_s, daemon.cpu_s()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    print(machine())
    helps = [help_s() for _ in range(given.runs)]
    with tempfile.TemporaryDirectory() as name:
        video = Path(name, "video.mp4")
        make_video(video, seconds=2)
        firsts = [first_frame_s(given.model, video) for _ in range(given.runs)]
    print("| | seconds | of CPU |\n|---|---|---|")
    for what, runs in ("edgeclassify --help", helps), ("start to the first frame's event, at a subscriber", firsts):
        print(f"| {what} |", " | ".join(spread(values) for values in zip(*runs, strict=True)), "|")


if __name__ == "__main__":
    main()
