"""The Pi camera in its child process, where picamera2 runs.

libcamera's bindings hold the interpreter's lock while they block, and picamera2's own thread may die unseen.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeclassify.cameras.camera import NoFrameError
from edgeclassify.cameras.picamera_device import import_picamera2, open_device
from edgeclassify.errors import CameraError

Size = tuple[int, int]

# By libcamera's name, which tells the order in a little-endian word: "RGB888" is blue, green, red in memory.
_PYAV_FORMATS = {
    "YUV420": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "YUYV": "yuyv422",
    "RGB888": "bgr24",
    "BGR888": "rgb24",
    "XRGB8888": "bgra",
    "XBGR8888": "rgba",
}
_FASTEST_FRAME_US = 100  # the sensor's own limit holds
_SLOWEST_FRAME_US = 100_000  # in the dark it may expose for so long
_OLDEST_FRAME_S = 5.0


@dataclass(frozen=True, slots=True)
class Stream:
    """How the frames of one stream really come, and where each one lies in the shared memory."""

    pixel_format: str
    """PyAV's name."""
    width: int
    height: int
    stride: int
    """Bytes in a row of the first plane; rows may end in padding."""
    full_range: bool
    bt709: bool
    offset: int
    size_bytes: int


class PiCameraServer:
    """An open, running Pi camera; each `read` leaves one frame of every stream in the shared memory."""

    def __init__(
        self, memory: memoryview, *, name: str, number: int, size: Size, lores_size: Size | None, fps: float
    ) -> None:
        """Open and start it; `fps` is how many frames a second are wanted, 0 for as many as it gives.

        Raises:
            CameraError: picamera2 or the camera is missing, or the camera is in use.
        """
        self._name = name
        self._memory = np.frombuffer(memory, np.uint8)
        picamera2 = import_picamera2(name)
        self._mapped_array = picamera2.MappedArray
        self._model, self._camera = open_device(picamera2, name, number)
        self._configure(size, lores_size, fps)
        self._streams = self._read_back()
        self._job: Any = None
        self._camera.start()

    def describe(self) -> tuple[str, list[Stream]]:
        """Return the sensor's name and the streams: main, and the low-resolution one if there is one."""
        return self._model, list(self._streams.values())

    def read(self, timeout_s: float) -> float:
        """Wait for the next frame, put it into the memory; return when it was taken, `time.monotonic()` seconds.

        Raises:
            NoFrameError: none came in time.
        """
        request = self._next_request(timeout_s)
        try:
            for stream_name, stream in self._streams.items():
                with self._mapped_array(request, stream_name, reshape=False) as mapped:
                    self._memory[stream.offset :][: stream.size_bytes] = mapped.array[: stream.size_bytes]
            return _monotonic_s(request.get_metadata().get("SensorTimestamp"))
        finally:
            request.release()

    def close(self) -> None:
        """Stop the camera and let others have it."""
        self._camera.close()

    def _next_request(self, timeout_s: float) -> Any:  # noqa: ANN401 - picamera2 has no types
        """Return the next frame's buffers, which must be released.

        A job that timed out stays in picamera2's queue and will take a buffer: it is kept, and waited for again.
        """
        if self._job is not None:
            with contextlib.suppress(TimeoutError):
                self._camera.wait(self._job, 0).release()  # it came when nobody waited: it may be old
                self._job = None
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._camera.wait(self._job, timeout_s)
        except TimeoutError:
            raise NoFrameError(
                f"camera {self._name}: no frame from the Pi camera for {timeout_s:g} s; check its cable"
            ) from None
        self._job = None
        return request

    def _configure(self, size: Size, lores_size: Size | None, fps: float) -> None:
        camera = self._camera
        options: dict[str, Any] = {"main": {"format": "YUV420", "size": size}, "buffer_count": 4}
        # Without a queue each request waits for a new frame; with one it gets the last, which may be old.
        options["queue"] = False
        if "FrameDurationLimits" in camera.camera_controls:
            # Twice as many as are wanted: the one that is taken is then fresh, and few are made for nothing.
            shortest_us = min(round(1_000_000 / (2 * fps)), _SLOWEST_FRAME_US) if fps else _FASTEST_FRAME_US
            options["controls"] = {"FrameDurationLimits": (shortest_us, _SLOWEST_FRAME_US)}
        if "ColorFilterArrangement" in camera.camera_properties:  # a sensor whose modes can be told apart
            mode = widest_mode(camera.sensor_modes, size)
            options["sensor"] = {"output_size": mode["size"], "bit_depth": mode["bit_depth"]}
        if lores_size and _gives_two_streams(camera):
            lores = {"format": "YUV420", "size": lores_size}
            camera.configure(camera.create_video_configuration(lores=lores, **options))
            configured = camera.camera_configuration()
            if _is_smaller_copy(configured["lores"]["size"], configured["main"]["size"]):
                return
        camera.configure(camera.create_video_configuration(**options))

    def _read_back(self) -> dict[str, Stream]:
        """Return what was really configured, which may be other than what was asked."""
        configured = self._camera.camera_configuration()
        colours = configured["colour_space"]
        streams = {}
        offset = 0
        for name in ("main", "lores"):
            stream = configured[name]
            if stream is None:
                continue
            width, height = stream["size"]
            if stream["format"] not in _PYAV_FORMATS:
                raise CameraError(
                    f"camera {self._name}: it gives {stream['format']}, which is not supported; "
                    "if it is a USB camera, name its /dev/video device as source"
                )
            if offset + stream["framesize"] > len(self._memory):
                raise CameraError(f"camera {self._name}: it gives only {width} x {height} pixels; set this as size")
            streams[name] = Stream(
                _PYAV_FORMATS[stream["format"]],
                width,
                height,
                stream["stride"],
                full_range=colours is not None and colours.range.name == "Full",
                bt709=colours is not None and colours.ycbcrEncoding.name == "Rec709",
                offset=offset,
                size_bytes=stream["framesize"],
            )
            offset += stream["framesize"]
        return streams


def widest_mode(modes: Sequence[dict[str, Any]], size: Size) -> dict[str, Any]:
    """Return the sensor's mode that sees most; of several the smallest that is not smaller than `size`.

    Left to itself, libcamera takes the mode whose size comes nearest, which for 640 x 480 is often a narrow crop.
    """

    def cost(mode: dict[str, Any]) -> tuple[int, bool, int, int]:
        _, _, seen_width, seen_height = mode["crop_limits"]
        width, height = mode["size"]
        return -seen_width * seen_height, width < size[0] or height < size[1], width * height, -mode["bit_depth"]

    return min(modes, key=cost)


def _gives_two_streams(camera: Any) -> bool:  # noqa: ANN401 - picamera2 has no types
    import libcamera

    role = libcamera.StreamRole.Viewfinder
    both = camera.camera.generate_configuration([role, role])
    return both is not None and both.size == 2


def _is_smaller_copy(lores: Size, main: Size) -> bool:
    """Whether the stream that was really configured shows the same part of the world, with fewer pixels."""
    return lores[0] < main[0] and abs(lores[0] * main[1] / (lores[1] * main[0]) - 1) < 0.03


def _monotonic_s(boot_ns: int | None) -> float:
    """Turn the sensor's time, which also counts while the machine sleeps, into `time.monotonic()` seconds."""
    now_s = time.monotonic()
    if boot_ns is None:
        return now_s
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - boot_ns / 1e9
    return now_s - age_s if 0 <= age_s < _OLDEST_FRAME_S else now_s
