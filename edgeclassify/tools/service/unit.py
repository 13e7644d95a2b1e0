"""What the installed unit and its drop-ins say, read from their files: no right to ask systemd is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgeclassify.tools.service.places import Places


def settings(root: Path = Path("/")) -> Iterator[tuple[str, str]]:
    """Yield each `key=value`, in the order in which systemd reads them; nothing where no unit is installed."""
    places = Places(root)
    if not places.unit.exists():
        return
    for path in (places.unit, *sorted(places.drop_ins.glob("*.conf"))):
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            key, equals, value = line.partition("=")
            if equals and not key.startswith(("#", ";")):
                yield key.strip(), value.strip()
