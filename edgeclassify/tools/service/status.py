"""`service status`: how the service fares, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from edgeclassify.errors import ConfigError, UnavailableError
from edgeclassify.tools.service.places import Places, require_systemd
from edgeclassify.tools.service.releases import Releases
from edgeclassify.tools.service.running import journal, properties

_ASKED = ("ActiveState", "SubState", "UnitFileState", "StatusText", "NRestarts", "Result", "ExecMainStatus", "MainPID")
_LINES = 5


def is_active() -> bool:
    """Whether the service runs.

    Raises:
        UnavailableError: systemd does not run this machine, or does not answer.
    """
    require_systemd(Places())
    return properties("ActiveState").get("ActiveState") in ("active", "reloading")


def report() -> Iterator[str]:
    """Yield what is to be said.

    Raises:
        UnavailableError: systemd does not run this machine, or does not answer.
    """
    places = Places()
    require_systemd(places)
    if not places.unit.exists():
        yield "not installed; install it: sudo edgeclassify service install"
        return
    told = properties(*_ASKED)
    state, enabled = told.get("ActiveState", "unknown"), told.get("UnitFileState", "unknown")
    yield f"service:        {state} ({told.get('SubState', '')}), {enabled} at boot"
    if told.get("StatusText"):
        yield f"says:           {told['StatusText']}"
    yield f"restarts:       {told.get('NRestarts', '?')}, by itself"
    yield f"version in:     {Releases(places.programs).current or 'none: run: sudo edgeclassify service install'}"
    yield f"configuration:  {places.config}"
    if changes := sorted(path.name for path in places.drop_ins.glob("*.conf")):
        yield f"drop-ins:       {', '.join(changes)}"
    yield from (f"cannot see:     {text}" for text in _hidden(places))
    if state in ("active", "reloading"):
        return
    yield f"ended with:     {told.get('Result', 'unknown')}, exit code {told.get('ExecMainStatus', '?')}"
    try:
        lines = journal(f"--lines={_LINES}")
    except UnavailableError:
        lines = []
    yield "last words:     " + ("\n                ".join(lines) or f"none that this user may read; sudo {_JOURNAL}")


def _hidden(places: Places) -> list[str]:
    from edgeclassify.config.reader import load_config  # late: the installer's own Python may lack what it needs
    from edgeclassify.tools.service.hidden import hidden_files

    try:
        return hidden_files(load_config(places.config))
    except ConfigError:  # this user may not read it, or it is wrong, which is told elsewhere
        return []


_JOURNAL = "journalctl -u edgeclassify"
