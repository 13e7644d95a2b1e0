"""The step of the broker: one of those found, or an address; tried stage by stage, with a message to ourselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UnavailableError, UsageError
from edgeclassify.mqtt.credentials import read_password
from edgeclassify.mqtt.trouble import LOGIN_REFUSED, SPEAKS_TLS
from edgeclassify.tools.doctor.broker import PART, check_broker
from edgeclassify.tools.doctor.checks import Check
from edgeclassify.tools.doctor.findings import Finding
from edgeclassify.tools.setup.address import Address, parse_address
from edgeclassify.tools.setup.brokers_nearby import Nearby, brokers_nearby
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.given import Given

PLAIN_PORT, TLS_PORT = 1883, 8883
_TRIAL_S = 30.0
_PLACE = "--host and --port"
_OPTIONS = {
    "tls": "--tls or --no-tls, --ca, --certificate and --key",
    "login": "--username, and --password-file or --password-stdin",
    "publish": "--username and --node",
}


@dataclass(frozen=True)
class ChosenBroker:
    """What is to be written; `password` is one that no file holds yet."""

    config: MqttConfig
    password: str | None = None


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
    chosen = _placed(given, current, dialogue)
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
        mended = _mended(failed, chosen, dialogue)
        if mended is None:
            break
        chosen = mended
    return chosen


def _placed(given: Given, current: MqttConfig, dialogue: Dialogue) -> ChosenBroker:
    """Return the broker with what its address tells, and what else options say."""
    if given.host is not None:
        address = parse_address(given.host)
        if address.password:
            dialogue.say("the password in --host can be seen by every user of this machine while this runs;")
            dialogue.say("better: --password-file, --password-stdin or $EDGECLASSIFY_MQTT_PASSWORD")
    elif current.host != MqttConfig().host and not dialogue.attended:
        address = Address(current.host, current.port)
    else:
        address = _chosen_address(current, dialogue)
    tls = address.tls if given.tls is None else given.tls
    if tls is None and (given.ca or given.certificate):
        tls = True
    address = replace(address, port=given.port or address.port, tls=tls)
    return _with_options(given, _at(ChosenBroker(current), address))


def _with_options(given: Given, chosen: ChosenBroker) -> ChosenBroker:
    update: dict[str, object] = {"base_topic": given.base_topic} if given.base_topic else {}
    password = given.password or chosen.password
    if given.username is not None:
        update["username"] = given.username
    if given.password_file is not None:
        update["password_file"], password = str(given.password_file.absolute()), None
    config = chosen.config.model_copy(update=update)
    files = {key: str(path.absolute()) for key in ("ca", "certificate", "key") if (path := getattr(given, key))}
    if files:
        config = _with_tls(config, enabled=given.tls is not False, **files)
    return ChosenBroker(config, password)


def _at(chosen: ChosenBroker, address: Address) -> ChosenBroker:
    """Return the broker at another address; the port tells of TLS, and TLS of the port, where only one is known."""
    config, tls, port = chosen.config, address.tls, address.port
    is_same = address.host == config.host and port in (None, config.port)
    if tls is None:
        tls = config.tls.enabled if is_same or port not in (PLAIN_PORT, TLS_PORT) else port == TLS_PORT
    if port is None:
        port = config.port if is_same and tls == config.tls.enabled else TLS_PORT if tls else PLAIN_PORT
    update = {"host": address.host, "port": port, "username": address.username or config.username}
    return ChosenBroker(_with_tls(config.model_copy(update=update), enabled=tls), address.password or chosen.password)


def _with_tls(config: MqttConfig, **update: object) -> MqttConfig:
    return config.model_copy(update={"tls": config.tls.model_copy(update=update)})


def _chosen_address(current: MqttConfig, dialogue: Dialogue) -> Address:
    dialogue.say("looking for brokers here, at homeassistant.local and by mDNS ...")
    nearby = brokers_nearby()
    for remark in nearby.remarks:
        dialogue.say(remark)
    if not dialogue.attended:
        return _only_one(nearby)
    found = [Address(one.host, one.port, tls=one.tls) for one in nearby.found]
    choices = [f"{one.host}:{one.port} ({one.about})" for one in nearby.found]
    if current.host != MqttConfig().host:
        found.insert(0, Address(current.host, current.port))
        choices.insert(0, f"{current.host}:{current.port}, as it is configured")
    if not found:
        dialogue.say("No broker was found. It may be on another machine:")
        return _asked_address("", dialogue)
    number = dialogue.choose("Which broker?", [*choices, "another"], "--host")
    return found[number] if number < len(found) else _asked_address("", dialogue)


def _asked_address(default: str, dialogue: Dialogue) -> Address:
    while True:
        try:
            return parse_address(dialogue.ask("Its name or address", default, "--host"))
        except UsageError as error:
            dialogue.say(str(error).removeprefix("setup: "))


def _only_one(nearby: Nearby) -> Address:
    if len(nearby.found) != 1:
        names = ", ".join(f"{one.host}:{one.port}" for one in nearby.found)
        what = f"{len(nearby.found)} brokers were found ({names})" if names else "no broker was found"
        raise UsageError(f"setup: {what}; give one: --host NAME")
    (one,) = nearby.found
    return Address(one.host, one.port, tls=one.tls)


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


def _mended(failed: Finding, chosen: ChosenBroker, dialogue: Dialogue) -> ChosenBroker | None:
    """Ask for what may help; None to take it all the same."""
    config = chosen.config
    dialogue.say(f"fail {failed.check}: {failed.message}")
    if failed.check == "login" and failed.message.startswith(SPEAKS_TLS) and not config.tls.enabled:
        return replace(chosen, config=_with_tls(config, enabled=True))
    if failed.check == "login" and failed.message.startswith(LOGIN_REFUSED):
        return _asked_login(chosen, dialogue)
    mends: dict[str, Callable[[], ChosenBroker | None]] = {}
    if failed.check == "login" and not config.tls.enabled:
        mends["try with TLS"] = lambda: replace(chosen, config=_with_tls(config, enabled=True))
    if failed.check == "tls":
        mends["trust an authority of your own, from a file"] = lambda: _with_authority(chosen, dialogue)
        mends["try without TLS"] = lambda: replace(chosen, config=_with_tls(config, enabled=False))
    mends["another address"] = lambda: _at(chosen, _asked_address("", dialogue))
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
            return replace(chosen, config=_with_tls(chosen.config, ca=str(path)))
        dialogue.say(f"{path}: there is no such file")
