"""The configuration that a new installation begins with, and the model that it names."""

from __future__ import annotations

import os
from pathlib import Path

from edgeclassify.resources import GOOD_MODEL
from edgeclassify.tools.service.files import write
from edgeclassify.tools.service.places import NAME, Places
from edgeclassify.tools.service.pulling import pull
from edgeclassify.tools.service.running import Say

_LATER = f"later: sudo {NAME} models pull {GOOD_MODEL}"
# Addresses of cameras hold passwords: the service may read it, other users may not.
MODE = 0o640
# What is written into it belongs to the service's group by itself.
_FOLDER_MODE = 0o2750

_TEXT = """\
# edgeclassify: the configuration of the service. It may hold only what differs from the default; every key there is,
# with its unit: {default}
# *.yaml in config.d beside it are merged over it, in the order of their names.
# Camera and broker are asked for, tried and written here by: sudo edgeclassify setup
# After a change: sudo edgeclassify check && sudo systemctl reload edgeclassify

state_dir: {state}
{model}
mqtt:
  host: localhost              # the broker; its password: sudo edgeclassify service set-password
"""
_GOOD = """
model:
  name: {model}
events:
  groups: home                 # tabby, tiger cat, ... count as one: cat
"""
_STARTER = """
# The starter model is for trying it out, and errs. With a connection to the internet, as root:
#   edgeclassify models pull {model}
# and in place of the two lines below: name: {model}, and in a section `events`: groups: home
model:
  name: starter
"""


def write_first_config(places: Places, release: Path, group_id: int, say: Say, mirror: str | None) -> None:
    """Write config.yaml, unless there is one: that is the user's, and only its group is set. Make config.d.

    Args:
        places: of the service.
        release: the version that pulls.
        group_id: the service's.
        say: is told what is done.
        mirror: an address or a folder that has the model; empty: where it was published; None: it is not pulled.

    Raises:
        OSError: one of them cannot be written.
    """
    _make_fragments_folder(places.fragments, group_id)
    if places.config.exists():
        _let_service_read(places.config, group_id)
        say(f"{places.config} is kept as it is" + (f"; no model is pulled, {_LATER}" if mirror else ""))
        return
    pulled = mirror is not None and pull(GOOD_MODEL, places, release, mirror, say)
    if not pulled:
        say(f"the starter model is used, which errs; {_LATER}, see {places.config}")
    text = _TEXT.format(
        default=places.programs / "current/share/edgeclassify/config.yaml",
        state=places.state,
        model=(_GOOD if pulled else _STARTER).format(model=GOOD_MODEL),
    )
    write(places.config, text.encode(), MODE, group_id)
    say(f"{places.config} is written")


def _make_fragments_folder(folder: Path, group_id: int) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        os.chown(folder, -1, group_id)
        folder.chmod(_FOLDER_MODE)  # after the change of group, which takes the bit away
        return
    for path in (folder, *folder.glob("*.yaml")):
        if path.exists():  # no link that leads nowhere
            _let_service_read(path, group_id)


def _let_service_read(config: Path, group_id: int) -> None:
    """After an uninstallation it belongs to a group that was removed, after a careful copy to root alone."""
    status = config.stat()
    if not status.st_mode & 0o004 and status.st_uid == 0:
        os.chown(config, -1, group_id)
        config.chmod(status.st_mode & 0o7777 | (0o050 if config.is_dir() else 0o040))
