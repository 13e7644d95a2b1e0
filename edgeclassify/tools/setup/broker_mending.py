"""What may help where a broker does not take our messages, for somebody to choose from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgeclassify.mqtt.trouble import LOGIN_REFUSED, SPEAKS_TLS
from edgeclassify.tools.doctor.findings import Finding
from edgeclassify.tools.setup.broker_place import ChosenBroker, asked_address, at, with_tls
from edgeclassify.tools.setup.dialogue import Dialogue


def mended(failed: Finding, chosen: ChosenBroker, dialogue: Dialogue) -> ChosenBroker | None:
    """Ask for what may help; None to take it all the same."""
    config = chosen.config
    dialogue.say(f"fail {failed.check}: {failed.message}")
    if failed.check == "login" and failed.message.startswith(SPEAKS_TLS) and not config.tls.enabled:
        return replace(chosen, config=with_tls(config, enabled=True))
    if failed.check == "login" and failed.message.startswith(LOGIN_REFUSED):
        return _asked_login(chosen, dialogue)
    mends: dict[str, Callable[[], ChosenBroker | None]] = {}
    if failed.check == "login" and not config.tls.enabled:
        mends["try with TLS"] = lambda: replace(chosen, config=with_tls(config, enabled=True))
    if failed.check == "tls":
        mends["trust an authority of your own, from a file"] = lambda: _with_authority(chosen, dialogue)
        mends["try without TLS"] = lambda: replace(chosen, config=with_tls(config, enabled=False))
    mends["another address"] = lambda: at(chosen, asked_address(dialogue))
    mends["another user"] = lambda: _asked_login(chosen, dialogue)
    mends["take it all the same, as it is"] = lambda: None
    return list(mends.values())[dialogue.choose("What now?", list(mends), "--untested")]()


def _asked_login(chosen: ChosenBroker, dialogue: Dialogue) -> ChosenBroker:
    username = dialogue.ask("User name at the broker", chosen.config.username, "--username")
    password = dialogue.ask_secret("Password", "--password-file")
    return ChosenBroker(chosen.config.model_copy(update={"username": username, "password_file": ""}), password or None)


def _with_authority(chosen: ChosenBroker, dialogue: Dialogue) -> ChosenBroker:
    while True:
        path = Path(dialogue.ask("File with its certificate (PEM)", "", "--ca")).expanduser().absolute()
        if path.is_file():
            return replace(chosen, config=with_tls(chosen.config, ca=str(path)))
        dialogue.say(f"{path}: there is no such file")
