"""Resident memory of the daemon with one 640 x 480 camera, as the minutes go by."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig import CAMERA, Daemon, machine, make_video, parser, running_daemon

_SETTLED_S = 30.0


@contextmanager
def rtsp_camera() -> Iterator[str]:
    """Serve a test pattern at 15 frames/s."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.rtsp_server import RtspServer

    with RtspServer(sizes=((640, 480),)) as server:
        yield server.url


@contextmanager
def source(kind: str) -> Iterator[str]:
    """Yield what config.yaml says under `source`."""
    if kind == "rtsp":
        with rtsp_camera() as url:
            yield url
    elif kind == "file":
        with tempfile.TemporaryDirectory() as name:
            make_video(Path(name, "video.mp4"))
            yield str(Path(name, "video.mp4"))
    else:
        yield kind


def readings(daemon: Daemon, seconds: float) -> Iterator[tuple[float, float]]:
    """Yield the time since the camera came online and the memory in MB, every second; print a line a minute."""
    daemon.next(f"{CAMERA}/status", lambda arrival: arrival.payload == b"online")
    started_s = time.monotonic()
    minutes = at_s = 0.0
    while at_s < seconds:
        health = daemon.next("health")
        at_s, resident_mb = health.monotonic_s - started_s, daemon.resident_mb()
        yield at_s, resident_mb
        if at_s // 60 > minutes:
            minutes = at_s // 60
            frames = health.fields["cameras"][CAMERA]["classified_total"]
            print(f"  after {minutes:.0f} min: {resident_mb:.1f} MB, {frames} frames", flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--source", default="file", help="file, rtsp or test")
    options.add_argument("--frames-per-second", type=float, default=5.0, help="that are classified; 0: all")
    options.add_argument("--minutes", type=float, default=10.0, help="how long it is watched")
    given = options.parse_args()
    print(machine(), flush=True)
    with source(given.source) as name:
        camera = {"source": name, "frames_per_second": given.frames_per_second}
        with running_daemon({"model": {"name": str(given.model)}, "cameras": {CAMERA: camera}}) as daemon:
            all_mb = list(readings(daemon, 60 * given.minutes))
    settled = [resident_mb for at_s, resident_mb in all_mb if at_s >= _SETTLED_S]
    growth = f"{settled[-1] - settled[0]:+.1f} MB" if settled else "not measured"
    print(f"{given.source}: highest {max(mb for _, mb in all_mb):.1f} MB, growth from {_SETTLED_S:g} s on: {growth}")


if __name__ == "__main__":
    main()
