"""All checks, in the order in which they depend on each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edgeclassify.config.names import node_name, state_dir
from edgeclassify.config.reader import ConfigFile, find_config, load_config
from edgeclassify.errors import ConfigError
from edgeclassify.mqtt.credentials import password_warnings, read_password, tls_context
from edgeclassify.redact import hide_password
from edgeclassify.tools.doctor import broker, device, edgetpu, firewall, model, state
from edgeclassify.tools.doctor.cameras import check_camera
from edgeclassify.tools.doctor.checks import Check
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine
from edgeclassify.tools.service.hidden import hidden_files

CONFIGURATION = Part("configuration")

_SERVICE_CONFIG, _SERVICE_STATE = Path("/etc/edgeclassify"), Path("/var/lib/edgeclassify")


def examine(option: Path | None, machine: Machine, begin: Callable[[str], None]) -> Iterator[Finding]:
    """Check everything; yield each finding as soon as it is there.

    Args:
        option: the configuration, as on the command line.
        machine: this one.
        begin: called with the name of each part before its checks, some of which take seconds.
    """
    files: list[ConfigFile] = []
    yield from _run(Check(CONFIGURATION, partial(_configuration, option, files), 20, "is it on a slow disk?"), begin)
    stuck = "report this as a bug"
    yield from _run(Check(device.PART, partial(device.check_device, machine), 30, stuck), begin)
    if not files:
        yield CONFIGURATION.skip("other parts", "they are checked once the configuration is right")
        return
    for check in _checks_of(files[0], machine):
        yield from _run(check, begin)


def _run(check: Check, begin: Callable[[str], None]) -> Iterator[Finding]:
    begin(check.part.name)
    yield from check.run()


def _configuration(option: Path | None, files: list[ConfigFile]) -> Iterator[Finding]:
    """Yield every problem of the file; put it into `files` when it can be used."""
    path = find_config(option)
    try:
        file = load_config(path)
        state_dir(file.config, file.base)
    except ConfigError as error:
        for problem in error.problems:
            yield CONFIGURATION.failed("file", problem)
        return
    files.append(file)
    yield CONFIGURATION.ok("file", f"{file.files}, node {node_name(file.config)}")
    for odd in file.document.warnings:
        what, _, advice = odd.partition("; ")
        yield CONFIGURATION.warn("file", what, advice)
    for name, read in (
        ("password", partial(read_password, file.config.mqtt)),
        ("tls", partial(tls_context, file.config.mqtt.tls)),
    ):
        try:
            read(file.base)
        except ConfigError as error:
            yield CONFIGURATION.failed(name, str(error))
            return
    for warning in password_warnings(file.config.mqtt, file.base):
        what, _, advice = warning.partition("; ")
        yield CONFIGURATION.warn("password", what, advice)
    for text in hidden_files(file):
        yield CONFIGURATION.failed("home folders", text)


def _checks_of(file: ConfigFile, machine: Machine) -> Iterator[Check]:
    config, base = file.config, file.base
    folder = _state_dir(file)
    daemon = state.running_daemon(folder, machine)
    yield Check(
        state.PART, partial(state.check_state, folder, daemon), 30, "the disk does not answer; check the SD card"
    )
    yield Check(
        model.PART, partial(model.check_model, file), 150, "this machine is too slow or too busy for this model"
    )
    tpu = partial(edgetpu.check_edgetpu, config.model, base, machine, daemon)
    yield Check(edgetpu.PART, tpu, 60, "unplug it and plug it in")
    for name, camera in config.cameras.items():
        look = partial(check_camera, name, camera, base, machine, daemon)
        stuck = f"{hide_password(camera.source)} hangs; unplug it and plug it in, or restart it"
        yield Check(Part(f"camera {name}"), look, 60, stuck)
    talk = partial(broker.check_broker, config.mqtt, base, node_name(config))
    wall = partial(firewall.check_firewall, config.mqtt, machine)
    yield Check(firewall.PART, wall, 40, "the look-up of mqtt.host hangs; check the network's name server")
    yield Check(broker.PART, talk, 40, "the look-up of mqtt.host hangs; check the network's name server")


def _state_dir(file: ConfigFile) -> Path:
    """Return the daemon's folder: the service's, when it is the service's configuration that is checked."""
    is_service = file.base == _SERVICE_CONFIG and _SERVICE_STATE.is_dir()
    if is_service and not file.config.state_dir and "STATE_DIRECTORY" not in os.environ:
        return _SERVICE_STATE
    return state_dir(file.config, file.base)
