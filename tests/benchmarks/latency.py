"""From the moment a frame is captured to the PUBACK of its event, at 10 frames/s, beside the inference time.

A recording shows one picture after the other; without smoothing, waiting and cooldown each change gives events.
Measured from outside: the time in the event, which is the frame's, against the PUBACK on its way to the daemon.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from relay import Acknowledged, Relay
from rig import CAMERA, machine, make_video, parser, picture, running_daemon

_FRAMES_PER_PICTURE = 12
_EVENTS = {
    "thresholds": {"*": 0.3},
    "margin": 0,
    "smoothing_seconds": 0,
    "appear_after_seconds": 0,
    "gone_after_seconds": 0,
    "cooldown_seconds": 0,
}


def turns() -> Iterator[np.ndarray]:
    """Show pictures in turns."""
    pictures = [picture(name, (640, 480)).astype(np.uint8) for name in ("parrot.jpg", "sunflower.bmp", "cat.bmp")]
    for shown in itertools.cycle(pictures):
        yield from itertools.repeat(shown, _FRAMES_PER_PICTURE)


def latency_ms(acknowledged: Acknowledged) -> float:
    """Return the time since the frame, half a millisecond too much on average: the event's time has no fractions."""
    return 1000 * (acknowledged.wall_s - datetime.fromisoformat(acknowledged.fields["time"]).timestamp())


def row(name: str, values: Sequence[float]) -> str:
    return f"| {name} | {statistics.median(values):.1f} | {statistics.quantiles(values, n=20)[-1]:.1f} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=200, help="how many are measured")
    options.add_argument("--threads", type=int, default=1, help="of the interpreter")
    options.add_argument("--no-snapshots", action="store_true", help="without encoding a JPEG for each `appeared`")
    given = options.parse_args()
    print(machine())
    relay = Relay()
    with tempfile.TemporaryDirectory() as name:
        video = Path(name, "video.mp4")
        make_video(video, frames=turns())
        config = {
            "model": {"name": str(given.model), "threads": given.threads},
            "cameras": {CAMERA: {"source": str(video), "frames_per_second": 10}},
            "events": _EVENTS,
            "snapshots": {"enabled": not given.no_snapshots},
        }
        with running_daemon(config, relay) as daemon:
            daemon.next(f"{CAMERA}/event")
            measured = [relay.acknowledged.get(timeout=60) for _ in range(given.events)]
    print(f"{len(measured)} events\n| ms | median | p95 |\n|---|---|---|")
    for kind in ("appeared", "gone"):
        chosen = [one for one in measured if one.fields["event_type"] == kind]
        print(row(f"frame to PUBACK, {kind}", [latency_ms(one) for one in chosen]))
    print(row("inference", [one.fields["inference_ms"] for one in measured]))


if __name__ == "__main__":
    main()
