"""Cameras that need no hardware: video files made here, pictures, an HTTP server; and a way to run the capture loop."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from edgeclassify.cameras.capture import capture
from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.config.sections import CameraConfig
from edgeclassify.mailbox import FrameMailbox

COLOURS = ((220, 30, 30), (30, 200, 30), (40, 40, 220), (220, 220, 40), (200, 200, 200))
"""Of a made video's frames, over and over."""


def colour_of(pixels: np.ndarray) -> tuple[int, int, int]:
    """Return the one of COLOURS that comes nearest to the middle of a picture."""
    height, width = pixels.shape[:2]
    middle = pixels[height // 2, width // 2].astype(int)
    return min(COLOURS, key=lambda colour: int(np.abs(middle - colour).sum()))


def make_video(
    path: Path,
    *,
    codec: str = "libx264",
    frames: int = 10,
    rate: int = 25,
    size: tuple[int, int] = (64, 48),
    container: str | None = None,
    pts: Callable[[int], int] | None = None,
) -> Path:
    """Write a video whose frames have COLOURS, in turn."""
    options = {"x264-params": "threads=1:bframes=0"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            pixels = np.full((size[1], size[0], 3), COLOURS[number % len(COLOURS)], np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = (pts(number) if pts else number), Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def make_picture(path: Path, colour: tuple[int, int, int] = COLOURS[0], size: tuple[int, int] = (64, 48)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


@contextmanager
def http_server(*parts: bytes, content_type: str, endless: bool = False) -> Iterator[str]:
    """Serve these bytes at a URL, one part after the other; `endless`: the last ones come again and again."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            if not endless:
                self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            while not closing.is_set():
                for part in parts:
                    try:
                        self.wfile.write(part)
                    except OSError:
                        return
                    if endless and closing.wait(0.03):
                        return
                if not endless:
                    return

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            closing.set()
            server.shutdown()
            serving.join()


def mjpeg_parts() -> list[bytes]:
    """Return a multipart stream of JPEGs, of which the third is damaged."""
    parts = []
    for number, colour in enumerate(COLOURS):
        file = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(file, "JPEG")
        jpeg = file.getvalue() if number != 2 else file.getvalue()[:200] + b"\xff" * 100
        parts.append(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg))
    return parts


@dataclass
class Running:
    """A capture thread with its mailbox."""

    mailbox: FrameMailbox
    status: CameraStatus
    wishes: CameraWishes
    stopping: threading.Event
    thread: threading.Thread

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(5)
        assert not self.thread.is_alive(), "the capture thread did not end"


@pytest.fixture
def start_capture(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start the capture loop of a camera: `start_capture("door", source=..., mailbox=...)`."""
    running: list[Running] = []

    def start(name: str = "door", mailbox: FrameMailbox | None = None, **config: object) -> Running:
        section = CameraConfig(**config)
        wishes = CameraWishes(classified=section.enabled)
        one = Running(mailbox or FrameMailbox(), CameraStatus(), wishes, threading.Event(), threading.Thread())
        flow = (one.mailbox, lambda: (32, 24), one.status, one.wishes)
        one.thread = threading.Thread(target=capture, args=(name, section, *flow, one.stopping, tmp_path))
        one.thread.start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.stopping.set()
    for one in running:
        one.stop()
