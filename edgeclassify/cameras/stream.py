"""What FFmpeg can read: devices, network streams, video files; opened, decoded, and its errors in words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import av.container
import av.error

from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.redact import hide_password

# The words that FFmpeg logs hold URLs; what matters comes as an exception.
av.logging.set_level(None)

# Without counting frames to find out how many come in a second: opening takes a third of the time.
_QUICK_START = {"fpsprobesize": "0"}
# A title in another encoding is no reason to refuse a file: PyAV 19 always thinks so, and no longer has the option.
_ANY_TITLE: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_LARGEST_RAW = 640 * 480  # a USB 2 camera cannot send larger frames fast enough without compression
_LARGEST_FOR_ONE_THREAD = 1920 * 1088
_TEST_FRAMES_PER_SECOND = 30


@dataclass(frozen=True)
class Source:
    """Something that FFmpeg can open."""

    url: str
    where: str
    """For errors and logs: `camera door: rtsp://ann:***@door/1`."""
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Return the address without its password."""
        return self.where.split(": ", 1)[1]


@dataclass(frozen=True)
class Stream:
    """An open source: its video, decoded."""

    source: Source
    container: av.container.InputContainer
    video: av.VideoStream

    @property
    def description(self) -> str:
        """What it is, without a password."""
        codec = self.video.codec_context
        name = "" if codec.name == "wrapped_avframe" else f"{codec.name} "  # what FFmpeg calls its own test pattern's
        return f"{self.source.shown}, {name}{codec.width} x {codec.height}"

    @property
    def recorded(self) -> bool:
        """Whether it comes in its own time only if it is held back: a recording, or HLS, which comes in pieces."""
        return bool(self.container.duration) or self.container.format.name == "hls"

    @property
    def ends(self) -> bool:
        """Whether it is as long as it says, and may be played again."""
        return bool(self.container.duration)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode to the end, which is also what a hang-up looks like.

        Raises:
            CameraError: nothing more came in time, or the connection broke.
        """
        with _errors_in_words(self.source):
            for packet in self.container.demux(self.video):
                try:
                    decoded = packet.decode()
                except av.FFmpegError:
                    continue  # a damaged packet: the next key frame mends it
                yield from decoded


def video_file(name: str, file: Path) -> Source:
    """Return a file as a source; raises CameraError when there is no such thing."""
    where = f"camera {name}: {file}"
    if not file.exists():
        raise CameraError(f"{where}: no such file; check source in the configuration")
    if not file.is_file():
        raise CameraError(f"{where}: is no file; name a video file, a picture or a folder of pictures")
    if file.stat().st_size == 0:
        raise CameraError(f"{where}: the file is empty; copy it again")
    # "file:" because a name may hold a colon, which FFmpeg would take for a protocol.
    return Source(f"file:{file}", where)


def test_source(name: str, config: CameraConfig) -> Source:
    """Return a moving test pattern."""
    width, height = config.size
    rate = min(config.frames_per_second or _TEST_FRAMES_PER_SECOND, _TEST_FRAMES_PER_SECOND)
    return Source(f"testsrc2=size={width}x{height}:rate={rate:g}", f"camera {name}: test", "lavfi")


def live_sources(name: str, config: CameraConfig, source: str) -> list[Source]:
    """Return the ways to open a device or an address, the best first."""
    where = f"camera {name}: {hide_password(source)}"
    if source.startswith("/dev/"):
        size = {"video_size": f"{config.size[0]}x{config.size[1]}"}
        raw = Source(source, where, "v4l2", size)
        compressed = Source(source, where, "v4l2", size | {"input_format": "mjpeg"})
        return [raw] if config.size[0] * config.size[1] <= _LARGEST_RAW else [compressed, raw]
    if re.match(r"rtsps?://", source, re.IGNORECASE):
        # Over UDP pictures break up on any Wi-Fi. Sound would only be thrown away.
        options = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
        return [Source(source, where, None, _QUICK_START | options)]
    return [Source(source, where, None, _QUICK_START)]


@contextmanager
def open_stream(source: Source, open_s: float | None = None, read_s: float | None = None) -> Iterator[Stream]:
    """Open a source in this thread, which alone may use and close it.

    Args:
        source: what to open.
        open_s: how long that may take, about; None for ever.
        read_s: how long to wait for each packet; None for ever. A device of the machine does not heed it.

    Raises:
        CameraError: it cannot be opened or holds no video.
    """
    with _errors_in_words(source):
        container = av.open(
            source.url,
            format=source.format,
            options=source.options,
            timeout=(open_s, read_s),
            **_ANY_TITLE,
        )
    with container:
        cover = av.stream.Disposition.attached_pic  # of a music file
        video = next((stream for stream in container.streams.video if not stream.disposition & cover), None)
        if video is None:
            raise CameraError(f"{source.where}: holds no video; name another source")
        codec = video.codec_context
        # One thread costs the least CPU and memory and adds no delay; above full HD a small board needs two.
        codec.thread_count = 1 if codec.width * codec.height <= _LARGEST_FOR_ONE_THREAD else 2
        yield Stream(source, container, video)


@contextmanager
def _errors_in_words(source: Source) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise CameraError(f"{source.where}: {_words(error, source)}") from None  # the cause holds the whole URL


def _words(error: av.FFmpegError, source: Source) -> str:
    """Say what went wrong and what to do."""
    network, device = "://" in source.url, source.format == "v4l2"
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return "refuses user name or password; write them into the address: //USER:PASSWORD@HOST/"
    if isinstance(error, av.error.HTTPNotFoundError):
        return "the server has no such stream; check the path of the address"
    if isinstance(error, av.error.ExitError | TimeoutError):
        return "no answer in time; check that it is switched on and reachable"
    if isinstance(error, av.InvalidDataError):
        if network:
            return "no video came; check the address, and that it can be played elsewhere"
        return "is no video, or was cut off; copy it again or name another"
    if device and error.errno == errno.EBUSY:
        return "is used by another program; close that, or name another camera"
    if device and error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO):
        return "no such camera; plug it in, or see which there are: edgeclassify cameras"
    if device and error.errno == errno.ENOTTY:
        return "is no camera; see which there are: edgeclassify cameras"
    if error.errno == errno.EACCES:
        return "may not be opened; " + (
            "add the user to the group video: sudo usermod -aG video USER" if device else "check its permissions"
        )
    hint = "check the address, and that it is switched on" if network else "name another source"
    return f"{hide_password(str(error.strerror)).lower()}; {hint}"
