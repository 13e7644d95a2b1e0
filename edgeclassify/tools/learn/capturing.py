"""Pictures of one class from a camera, each as the model sees it; blurred ones and near-duplicates are skipped."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeclassify.cameras import NoFrameError, open_camera
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import InputError, UnavailableError
from edgeclassify.image import load_picture
from edgeclassify.picturefile import is_picture
from edgeclassify.records import Pixels

Gray = npt.NDArray[np.float32]

_ENLARGED = 2  # times the model's input, so that a finer backbone can learn from the pictures later
_QUALITY = 92
_THUMBNAIL = 16  # pixels
_ALIKE = 4.0  # mean difference of the thumbnails' pixels, of 255, below which a picture shows nothing new
_BLURRED = 0.35  # of the median sharpness up to here
_FLAT = 1.0  # sharpness of a picture that shows nothing: a lid, darkness
_FEWEST = 4
_SLICE_S = 0.5
_SETTLE_S = 1.0  # a camera finds its exposure with the first frames


def sharpness(gray: Gray) -> float:
    """Return the spread of the second differences of a picture, shape (height, width)."""
    differences = gray[1:-1, :-2] + gray[1:-1, 2:] + gray[:-2, 1:-1] + gray[2:, 1:-1] - 4 * gray[1:-1, 1:-1]
    return float(differences.std())


@dataclass(eq=False)
class Choice:
    """Which pictures are worth keeping, judged by those before."""

    duplicates: int = 0
    blurred: int = 0
    _seen: list[Gray] = field(default_factory=list)
    _sharpness: list[float] = field(default_factory=list)

    def remember(self, pixels: Pixels) -> None:
        """Take in a picture that was kept before."""
        self._seen.append(_thumbnail(_grey(pixels)))

    def takes(self, pixels: Pixels) -> bool:
        """Whether to keep a picture; it is remembered then."""
        image = _grey(pixels)
        thumbnail = _thumbnail(image)
        if any(float(np.abs(thumbnail - other).mean()) < _ALIKE for other in self._seen):
            self.duplicates += 1
            return False
        sharp = sharpness(np.asarray(image, np.float32))
        usual = float(np.median(self._sharpness)) if len(self._sharpness) >= _FEWEST else 0.0
        self._sharpness.append(sharp)  # also of blurred ones: a camera that is always soft is not blurred
        if sharp < max(_FLAT, _BLURRED * usual):
            self.blurred += 1
            return False
        self._seen.append(thumbnail)
        return True


def captured(
    camera: str,
    config: CameraConfig,
    base: Path,
    folder: Path,
    size: tuple[int, int],
    choice: Choice,
    patience_s: float,
    stopped: Callable[[], int],
) -> Generator[Path, None, None]:
    """Yield each picture that was written, until stopped or until nothing new came for `patience_s`.

    Args:
        camera: its id.
        config: its section.
        base: the folder that relative paths start at.
        folder: where the pictures go; made when the first is written.
        size: width and height of the model's input.
        choice: decides which.
        patience_s: seconds without a new picture after which to end.
        stopped: how often it was asked to end.

    Raises:
        CameraError: the camera cannot be opened, or fails.
        UnavailableError: the pictures cannot be written.
    """
    _remember_all(folder, size, choice)
    with open_camera(camera, config, size, base) as opened:
        started_s = last_s = time.monotonic()
        while not stopped() and time.monotonic() - last_s < patience_s:
            try:
                picture = opened.read(_SLICE_S)
            except NoFrameError:
                continue
            if opened.live and time.monotonic() - started_s < _SETTLE_S:
                continue
            if not choice.takes(picture.model_input(*size)):
                continue
            last_s = time.monotonic()
            yield _write(folder, picture.model_input(size[0] * _ENLARGED, size[1] * _ENLARGED))


def _remember_all(folder: Path, size: tuple[int, int], choice: Choice) -> None:
    """Show the pictures of the runs before to the choice."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if is_picture(path):
            with suppress(InputError):
                choice.remember(load_picture(path).model_input(*size))


def _grey(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("L")


def _thumbnail(image: Image.Image) -> Gray:
    return np.asarray(image.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX), np.float32)


def _write(folder: Path, pixels: Pixels) -> Path:
    encoded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(encoded, "JPEG", quality=_QUALITY)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() // 1_000_000 % 1000:03d}.jpg"
    part = folder / f".{path.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(encoded.getvalue())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"{path}: cannot be written ({error.strerror or error}); free some space, or give another folder with --to"
        ) from error
    return path
