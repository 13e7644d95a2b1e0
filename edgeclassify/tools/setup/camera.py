"""The step of the camera: one of those found, or an address; tried, and shown as the model sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeclassify.cameras import discovery
from edgeclassify.cameras.found import FoundCamera
from edgeclassify.config.filenames import names_file
from edgeclassify.config.sections import CameraConfig, Config
from edgeclassify.errors import CameraError, InputError, UsageError
from edgeclassify.redact import hide_password
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.given import Given
from edgeclassify.tools.setup.look import View, look
from edgeclassify.tools.setup.model import ChosenModel
from edgeclassify.tools.setup.names import choose_id

_OPTION = "--source"


@dataclass(frozen=True)
class ChosenCamera:
    """What is to be written."""

    name: str
    source: str


def choose_camera(given: Given, current: Config, model: ChosenModel, base: Path, dialogue: Dialogue) -> ChosenCamera:
    """Return a camera that gives pictures, or that somebody wants all the same.

    Args:
        given: by options.
        current: the configuration as it is; its first camera is the one that is set up.
        model: what classifies.
        base: the folder that relative paths are relative to.
        dialogue: is asked and told.

    Raises:
        UsageError: there is nobody to ask, and the options do not say enough.
        CameraError: there is nobody to ask, and the camera does not work.
    """
    name = choose_id("Name of the camera", given.camera, next(iter(current.cameras)), "--camera", dialogue)
    section = current.cameras.get(name, CameraConfig())
    kept = section.source if section.source != CameraConfig().source else None
    source = _from_here(given.source) if given.source else _choose_source(kept, dialogue)
    groups = model.groups or (current.events_for(name) if name in current.cameras else current.events).groups

    def works(source: str) -> bool:
        dialogue.say(f"opening {hide_password(source)} ...")
        try:
            config = section.model_copy(update={"source": source})
            view = look(name, config, model.config, groups, base, given.pictures, keep=dialogue.attended)
        except (CameraError, InputError) as error:
            return _told(error, dialogue)
        _tell(view, dialogue)
        return True

    while not given.untested and not works(source):
        if dialogue.agree("Take it all the same?", "--untested", default=False):
            break
        source = _choose_source(None, dialogue)
    return ChosenCamera(name, source)


def _choose_source(kept: str | None, dialogue: Dialogue) -> str:
    if kept and not dialogue.attended:
        return kept
    found = discovery.find_cameras()
    if not dialogue.attended:
        return _only_one(found).source
    sources = [kept] if kept else []
    choices = [f"{hide_password(kept)}, as it is configured"] if kept else []
    for camera in found:
        sources.append(camera.source)
        choices.append(f"{camera.name} ({camera.detail})")
    if not found:
        dialogue.say("No camera was found on this machine.")
    choices += ["a network camera: rtsp://... or http://...", "a video, a picture or a folder of pictures", "none yet"]
    number = dialogue.choose_or_name("Which camera?", choices, _OPTION)
    if isinstance(number, str):
        return _from_here(number)
    if number < len(sources):
        return sources[number]
    if number == len(choices) - 1:
        dialogue.say("A test picture is used until there is one.")
        return "test"
    question = "Its address" if number == len(choices) - 3 else "Its path"
    return _from_here(dialogue.ask(question, "", _OPTION))


def _from_here(source: str) -> str:
    """Return a path that was typed here as it is from everywhere; anything else as it is."""
    is_file = names_file(("cameras", "", "source"), source) and not source.startswith(("~", "/"))
    return str(Path(source).absolute()) if is_file else source


def _only_one(found: list[FoundCamera]) -> FoundCamera:
    if not found:
        raise UsageError(
            f"setup: no camera was found on this machine; connect one, or give {_OPTION} with an address (rtsp://...), "
            "a path, or: test"
        )
    if len(found) > 1:
        raise UsageError(f"setup: there are {len(found)} cameras; give one: {_OPTION} {found[0].source}")
    return found[0]


def _told(error: CameraError | InputError, dialogue: Dialogue) -> bool:
    """Tell why a camera does not work, and return False; raise it where there is nobody to ask."""
    if not dialogue.attended:
        raise type(error)(f"{error}; or write it untried: --untested") from error
    dialogue.say(str(error))
    return False


def _tell(view: View, dialogue: Dialogue) -> None:
    dialogue.say(f"it works: {view.description}")
    dialogue.say(f"the model says: {', '.join(view.answers)}")
    if view.pictures:
        dialogue.say(f"what it saw: {view.pictures[1]}")
    if view.warning:
        dialogue.say(f"but the picture is {view.warning}")
