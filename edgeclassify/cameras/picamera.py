"""The Pi camera: picamera2 in a child process, its frames through shared memory."""

from __future__ import annotations

import importlib.util
import logging
import math
import re
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace

from edgeclassify.cameras.found import FoundCamera
from edgeclassify.cameras.picamera_child import Size, Stream
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError, ChildError
from edgeclassify.image import VideoPicture
from edgeclassify.processes import Child
from edgeclassify.view import View

log = logging.getLogger(__name__)

_SERVER = "edgeclassify.cameras.picamera_child:PiCameraServer"
_FINDER = "edgeclassify.cameras.picamera_device:PiCameraFinder"
_START_TIMEOUT_S = 30.0  # importing picamera2 takes seconds on a small Pi
_FIND_TIMEOUT_S = 15.0
_ANSWER_MARGIN_S = 0.5
_DESCRIBE_TIMEOUT_S = 5.0
_LEAST_MEMORY_BYTES = 32 << 20  # only what frames really fill is taken; a camera may give more than was asked
_SOURCE = re.compile(r"picamera(?::(\d{1,2}))?\Z")


class PiCamera:
    """A Pi camera, open from `__enter__` to `__exit__`; a `cameras.Camera`.

    Args:
        name: the camera's id, for errors.
        config: its section of config.yaml, with a source `picamera` or `picamera:N`.
        model_size: width and height of the model's input.
    """

    live = True

    def __init__(self, name: str, config: CameraConfig, model_size: Size) -> None:
        self._view = View.of(config)
        size = (config.size[0] & ~1, config.size[1] & ~1)
        arguments = {
            "name": name,
            "number": _number(name, config.source),
            "size": size,
            "lores_size": lores_size(self._view, size, model_size),
            "fps": config.frames_per_second,
        }
        self._child = Child(
            f"camera {name}",
            _SERVER,
            arguments,
            memory_bytes=max(_LEAST_MEMORY_BYTES, 4 * size[0] * size[1]),
            start_timeout_s=_START_TIMEOUT_S,
        )
        self.description = config.source

    def __enter__(self) -> Self:
        """Open the camera; raises CameraError."""
        try:
            self._child.__enter__()
            model, self._streams = self._child.call("describe", timeout_s=_DESCRIBE_TIMEOUT_S)
        except ChildError as error:
            self._child.close()
            raise CameraError(str(error)) from error
        sizes = " and ".join(f"{s.width} x {s.height} {s.pixel_format}" for s in self._streams)
        self.description = f"{self.description} ({model}), {sizes}"
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def read(self, timeout_s: float) -> VideoPicture:
        """Return the next frame.

        Raises:
            NoFrameError: none came in time.
            CameraError: picamera2 or libcamera hangs or crashed.
        """
        try:
            captured_s = self._child.call("read", timeout_s, timeout_s=timeout_s + _ANSWER_MARGIN_S)
        except ChildError as error:
            raise CameraError(str(error)) from error
        memory = np.frombuffer(self._child.memory, np.uint8)
        frames = [_copied(memory, stream) for stream in self._streams]
        return VideoPicture(frames[-1], self._view, captured_s, full=frames[0])


def find_pi_cameras() -> list[FoundCamera]:
    """Return the Pi cameras of this machine; none where picamera2 is missing or does not work."""
    if importlib.util.find_spec("picamera2") is None:
        return []
    finder = Child("search for Pi cameras", _FINDER, {}, start_timeout_s=_FIND_TIMEOUT_S)
    try:
        with finder:
            models: list[str] = finder.call("models", timeout_s=_DESCRIBE_TIMEOUT_S)
    except (ChildError, CameraError) as error:
        log.warning("%s; no Pi camera can be used", error)
        return []
    return [
        FoundCamera(f"picamera:{number}" if number else "picamera", model, f"Pi camera {number}, picamera2")
        for number, model in enumerate(models)
    ]


def lores_size(view: View, size: Size, model_size: Size) -> Size | None:
    """Return the smallest even size with the aspect of `size` in which the part that counts covers the model's input.

    The camera's own scaler then does most of the work. None when that would save next to nothing.
    """
    placement = view.place(size, model_size)
    left, top, right, bottom = placement.box
    scale = max(placement.size[0] / (right - left), placement.size[1] / (bottom - top))
    if scale > 0.75:
        return None
    return 2 * math.ceil(size[0] * scale / 2), 2 * math.ceil(size[1] * scale / 2)


def _number(name: str, source: str) -> int:
    match = _SOURCE.match(source)
    if match is None:
        raise CameraError(f"camera {name}: source {source!r} is no Pi camera; write picamera, or picamera:1")
    return int(match[1] or 0)


def _copied(memory: npt.NDArray[np.uint8], stream: Stream) -> av.VideoFrame:
    """Return the frame that lies in the memory, which the next one will overwrite."""
    frame = av.VideoFrame(stream.width, stream.height, stream.pixel_format)
    frame.colorspace = Colorspace.ITU709 if stream.bt709 else Colorspace.ITU601
    frame.color_range = ColorRange.JPEG if stream.full_range else ColorRange.MPEG
    start = stream.offset
    planes = frame.planes
    for plane in planes:
        # Of three planes, two have half the width and half the height; of two, the second has half the height.
        stride = stream.stride // 2 if len(planes) == 3 and start > stream.offset else stream.stride
        rows = memory[start : start + stride * plane.height].reshape(plane.height, stride)
        copied_bytes = min(stride, plane.line_size)
        target = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        target[: plane.height, :copied_bytes] = rows[:, :copied_bytes]
        start += stride * plane.height
    return frame
