"""A camera's picture as a JPEG that every broker and Home Assistant take."""

from __future__ import annotations

import logging

from edgeclassify.config.sections import SnapshotsConfig
from edgeclassify.records import Picture

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
_LOWER_QUALITY = 50


def snapshot_of(picture: Picture, camera: str, config: SnapshotsConfig) -> bytes | None:
    """Encode a picture, poorer or smaller than `config` says where it would be larger than MAX_BYTES.

    Returns:
        None when that does not work, said in the log: an event is worth more than its picture.
    """
    lower = min(config.quality, _LOWER_QUALITY)
    sizes = [(config.width, config.quality), *((config.width // part, lower) for part in (1, 2, 4))]
    try:
        for width, quality in sizes:
            jpeg = picture.jpeg(max(16, width), quality)
            if len(jpeg) <= MAX_BYTES:
                return jpeg
    except (OSError, ValueError, MemoryError) as error:
        log.warning("camera %s: no snapshot: %s", camera, error)
        return None
    log.warning("camera %s: no snapshot: larger than %d bytes; set snapshots.width lower", camera, MAX_BYTES)
    return None
