"""The step of the broker: one of those found, or an address; tried stage by stage, with a message to ourselves."""

from __future__ import annotations

from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UnavailableError
from edgeclassify.mqtt.credentials import read_password
from edgeclassify.mqtt.trouble import LOGIN_REFUSED
from edgeclassify.tools.doctor.broker import PART, check_broker
from edgeclassify.tools.doctor.checks import Check
from edgeclassify.tools.doctor.findings import Finding
from edgeclassify.tools.setup.broker_mending import mended
from edgeclassify.tools.setup.broker_place import ChosenBroker, placed
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.given import Given

_TRIAL_S = 30.0
_PLACE = "--host and --port"
_OPTIONS = {
    "tls": "--tls or --no-tls, --ca, --certificate and --key",
    "login": "--username, and --password-file or --password-stdin",
    "publish": "--username and --node",
}


def choose_broker(given: Given, current: MqttConfig, base: Path, node: str, dialogue: Dialogue) -> ChosenBroker:
    """Return a broker that takes our messages, or that somebody wants all the same.

    Args:
        given: by options.
        current: the section as it is.
        base: the folder that relative paths are relative to.
        node: this device's name in topics.
        dialogue: is asked and told.

    Raises:
        UsageError: there is nobody to ask, and the options do not say enough.
        UnavailableError: there is nobody to ask, and the broker does not take our messages.
    """
    chosen = placed(given, current, dialogue)
    while not given.untested:
        failed = _tried(chosen, base, node, dialogue)
        if failed is None:
            break
        if not dialogue.attended:
            where = f"setup: broker {chosen.config.host}:{chosen.config.port}: {failed.check}"
            options = _OPTIONS.get(failed.check, _PLACE)
            if failed.check == "login" and not failed.message.startswith(LOGIN_REFUSED):
                options = f"{_PLACE}, --tls or --no-tls"
            raise UnavailableError(f"{where}: {failed.message}; {failed.advice}; options: {options}, or --untested")
        other = mended(failed, chosen, dialogue)
        if other is None:
            break
        chosen = other
    return chosen


def _tried(chosen: ChosenBroker, base: Path, node: str, dialogue: Dialogue) -> Finding | None:
    """Try all stages and tell each; return the one that failed."""
    config = chosen.config

    def password() -> str | None:
        return chosen.password if chosen.password is not None else read_password(config, base)

    dialogue.say(f"trying {config.host}:{config.port}{' with TLS' if config.tls.enabled else ''} ...")
    check = Check(
        PART,
        lambda: check_broker(config, base, node, "setup", password),
        _TRIAL_S,
        "the look-up of its name hangs; check the network's name server, or give its number",
    )
    for finding in check.run():
        if finding.status == "fail" and finding.check != "receive":
            return finding
        if finding.status == "fail":
            dialogue.say(f"warn receive: {finding.message}; that may be so: events need no such right")
        elif finding.status != "skip":
            dialogue.say(f"{finding.status:4} {finding.check}: {finding.message}")
    return None
