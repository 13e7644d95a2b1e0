"""How long `edgeclassify --help` takes, and the daemon from its start to its first classified frame."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rig import CAMERA, Arrival, machine, make_video, parser, running_daemon, spread


def help_s() -> float:
    """Run the installed command."""
    command = Path(sys.executable).with_name("edgeclassify")
    started_s = time.monotonic()
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started_s


def first_frame_s(model: Path, video: Path) -> float:
    """Start the daemon; an event on the first frame tells when that was classified, and arrives a little later."""
    events = {"appear_after_seconds": 0, "margin": 0, "thresholds": {"*": 0.01}, "ignore": []}
    config = {"model": {"name": str(model)}, "cameras": {CAMERA: {"source": str(video)}}, "events": events}

    def appeared(arrival: Arrival) -> bool:
        return arrival.fields["event_type"] == "appeared"

    with running_daemon(config) as daemon:
        return daemon.next(f"{CAMERA}/event", appeared).monotonic_s - daemon.started_s


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
    print(f"| edgeclassify --help | {spread(helps)} s |")
    print(f"| start to the event of the first classified frame, at the broker's subscriber | {spread(firsts)} s |")


if __name__ == "__main__":
    main()
