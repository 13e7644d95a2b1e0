"""A recording to benchmark with, made on the spot: what a network camera sends."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av

from edgeclassify.errors import UnavailableError

WIDTH, HEIGHT = 640, 480
_RATE = 25
_SECONDS = 10
_BITS_PER_SECOND = 1_500_000
# Not every build of FFmpeg may encode H.264.
_CODECS = {"libx264": {"preset": "veryfast", "g": "50", "bf": "0"}, "mpeg4": {"g": "50"}}


def make_clip(path: Path) -> str:
    """Write 640 x 480 pixels of a moving pattern under sensor noise; return what it is: `640 x 480, h264`.

    Raises:
        UnavailableError: this FFmpeg cannot make one.
    """
    reasons = []
    for codec, options in _CODECS.items():
        try:
            return f"{WIDTH} x {HEIGHT}, {_encoded(path, codec, options)}"
        except (av.FFmpegError, ValueError, OSError) as error:  # ValueError: it has no such codec
            reasons.append(f"{codec}: {error}")
    raise UnavailableError(
        f"benchmark: no clip could be made ({'; '.join(reasons)}); install PyAV again: pip install av"
    )


def _encoded(path: Path, codec: str, options: dict[str, str]) -> str:
    source = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={_RATE},noise=alls=6:allf=t"
    with av.open(source, format="lavfi") as pattern, av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=_RATE, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", _BITS_PER_SECOND
        for number, picture in enumerate(itertools.islice(pattern.decode(video=0), _SECONDS * _RATE)):
            frame = picture.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        return stream.codec_context.codec.canonical_name
