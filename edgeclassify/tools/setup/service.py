"""Letting the service that runs use what was written."""

from __future__ import annotations

from collections.abc import Iterable

from edgeclassify.config.document import KeyPath
from edgeclassify.tools.service.places import NAME, Places, require_systemd
from edgeclassify.tools.service.running import systemctl
from edgeclassify.tools.setup.draft import Change

_TAKE_A_RESTART: tuple[KeyPath, ...] = (("node",), ("mqtt", "base_topic"))


def verb_for(changes: Iterable[Change], *, new_password: bool) -> str:
    """Return what systemctl is to do: a new password, and a new name in topics, are only used after a restart."""
    restarts = new_password or any(change.path in _TAKE_A_RESTART for change in changes)
    return "restart" if restarts else "reload"


def use(verb: str) -> str:
    """Reload or restart the service, or start it; return what was done.

    Raises:
        UnavailableError: it does not work, and the service's log says why.
    """
    require_systemd(Places())
    # Of a service that does not run, a start is made of either.
    systemctl("restart" if verb == "restart" else "reload-or-restart", f"{NAME}.service")
    return f"done: systemctl {verb} {NAME}"
