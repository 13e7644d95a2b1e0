"""Where the broker is, and as whom we come: from options, an address, the configuration, or what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.address import Address, parse_address
from edgeclassify.tools.setup.brokers_nearby import Nearby, brokers_nearby
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.given import Given

PLAIN_PORT, TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class ChosenBroker:
    """What is to be written; `password` is one that no file holds yet."""

    config: MqttConfig
    password: str | None = None


def placed(given: Given, current: MqttConfig, dialogue: Dialogue) -> ChosenBroker:
    """Return the broker with what its address tells, and what else options say."""
    if given.host is not None:
        address = parse_address(given.host)
        if address.password:
            dialogue.say("the password in --host can be seen by every user of this machine while this runs;")
            dialogue.say("better: --password-file, --password-stdin or $EDGECLASSIFY_MQTT_PASSWORD")
    elif _is_configured(current) and not dialogue.attended:
        address = _configured(given, current)
    else:
        address = _chosen_address(given, current, dialogue)
    chosen = ChosenBroker(current)
    if address.host != current.host and current.username:
        # A password that was meant for one broker is not told to another, which may be a slip of the keyboard.
        chosen = ChosenBroker(current.model_copy(update={"username": "", "password_file": ""}))
        if given.username is None and not address.username:
            dialogue.say(f"the login at {current.host} is not used at {address.host}")
    tls = address.tls if given.tls is None else given.tls
    if tls is None and (given.ca or given.certificate):
        tls = True
    address = replace(address, port=given.port or address.port, tls=tls)
    return _with_options(given, at(chosen, address))


def _is_configured(current: MqttConfig) -> bool:
    """Return whether the configuration says anything of where the broker is and how to come to it."""
    usual = MqttConfig()
    keys = ("host", "port", "username", "password_file", "tls")
    return any(getattr(current, key) != getattr(usual, key) for key in keys)


def _configured(given: Given, current: MqttConfig) -> Address:
    """Return the broker of the configuration; a usual port goes with TLS, or without."""
    follows = given.tls not in (None, current.tls.enabled) and current.port in (PLAIN_PORT, TLS_PORT)
    return Address(current.host, None if follows else current.port)


def _with_options(given: Given, chosen: ChosenBroker) -> ChosenBroker:
    update: dict[str, object] = {"base_topic": given.base_topic} if given.base_topic else {}
    password = given.password or chosen.password
    if given.username is not None:
        update["username"] = given.username
    if given.username == "":
        update["password_file"], password = "", None
    if given.password_file is not None:
        if not (given.username or chosen.config.username):
            raise UsageError("setup: --password-file: there is no user whose password it could be; give --username too")
        update["password_file"], password = str(given.password_file.absolute()), None
    config = chosen.config.model_copy(update=update)
    files = {key: str(path.absolute()) for key in ("ca", "certificate", "key") if (path := getattr(given, key))}
    if files:
        config = with_tls(config, enabled=given.tls is not False, **files)
    return ChosenBroker(config, password)


def at(chosen: ChosenBroker, address: Address) -> ChosenBroker:
    """Return the broker at another address; the port tells of TLS, and TLS of the port, where only one is known."""
    config, tls, port = chosen.config, address.tls, address.port
    is_same = address.host == config.host and port in (None, config.port)
    if tls is None:
        is_usual = port in (PLAIN_PORT, TLS_PORT)
        stays = address.host == config.host and config.tls.enabled  # never taken away by a port alone
        tls = config.tls.enabled if is_same or stays or not is_usual else port == TLS_PORT
    if port is None:
        port = config.port if is_same and tls == config.tls.enabled else TLS_PORT if tls else PLAIN_PORT
    update = {"host": address.host, "port": port, "username": address.username or config.username}
    return ChosenBroker(with_tls(config.model_copy(update=update), enabled=tls), address.password or chosen.password)


def with_tls(config: MqttConfig, **update: object) -> MqttConfig:
    """Return the section with these keys of its `tls` changed."""
    return config.model_copy(update={"tls": config.tls.model_copy(update=update)})


def _chosen_address(given: Given, current: MqttConfig, dialogue: Dialogue) -> Address:
    dialogue.say("looking for brokers here, at homeassistant.local and by mDNS ...")
    nearby = brokers_nearby()
    for remark in nearby.remarks:
        dialogue.say(remark)
    if not dialogue.attended:
        return _only_one(nearby)
    found = [Address(one.host, one.port, tls=one.tls) for one in nearby.found]
    choices = [f"{one.host}:{one.port} ({one.about})" for one in nearby.found]
    if _is_configured(current):
        found.insert(0, _configured(given, current))
        choices.insert(0, f"{current.host}:{current.port}, as it is configured")
    if not found:
        dialogue.say("No broker was found. It may be on another machine:")
        return asked_address(dialogue)
    number = dialogue.choose_or_name("Which broker?", [*choices, "another"], "--host")
    if isinstance(number, str):
        return asked_address(dialogue, number)
    return found[number] if number < len(found) else asked_address(dialogue)


def asked_address(dialogue: Dialogue, answer: str | None = None) -> Address:
    """Ask until it is one, unless `answer` is."""
    while True:
        try:
            return parse_address(dialogue.ask("Its name or address", "", "--host") if answer is None else answer)
        except UsageError as error:
            dialogue.say(str(error).removeprefix("setup: "))
            answer = None


def _only_one(nearby: Nearby) -> Address:
    if len(nearby.found) != 1:
        names = ", ".join(f"{one.host}:{one.port}" for one in nearby.found)
        what = f"{len(nearby.found)} brokers were found ({names})" if names else "no broker was found"
        raise UsageError(f"setup: {what}; give one: --host NAME")
    (one,) = nearby.found
    return Address(one.host, one.port, tls=one.tls)
