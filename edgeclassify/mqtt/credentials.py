"""The password for the broker, and the TLS context: from files, never from config.yaml itself."""

from __future__ import annotations

import ipaddress
import os
import shlex
import ssl
from pathlib import Path

from edgeclassify import homes
from edgeclassify.config.sections import MqttConfig, TlsConfig
from edgeclassify.errors import ConfigError

_CREDENTIAL = "mqtt-password"
_VARIABLE = "EDGECLASSIFY_MQTT_PASSWORD"
_MAX_PASSWORD_BYTES = 65_535
_READABLE_BY_OTHERS = 0o004


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def read_password(config: MqttConfig, base: Path) -> str | None:
    """Return the password: of password_file, else of the environment, else of systemd's credential; None for none.

    Raises:
        ConfigError: password_file is named and cannot be used.
    """
    if config.password_file:
        return _password_of(base / Path(config.password_file).expanduser(), "mqtt.password_file")
    if password := os.environ.get(_VARIABLE):
        return password
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / _CREDENTIAL if folder else None
    if credential is not None and credential.exists() and not _is_blank(credential):
        return _password_of(credential, f"systemd credential {_CREDENTIAL}")
    return None


def password_warnings(config: MqttConfig, base: Path) -> list[str]:
    """Return who else may get to know the password: users of this machine, whoever listens to the network.

    Only this machine itself is no network: on a LAN, others may listen too.

    Raises:
        ConfigError: password_file is named and cannot be used.
    """
    found = []
    has_password = bool(config.username) and read_password(config, base) is not None
    if has_password and not config.tls.enabled and not _is_this_machine(config.host):
        found.append(
            f"mqtt.host {config.host}: the password is sent unencrypted, whoever listens to this network can read it; "
            "set mqtt.tls.enabled: true, or let this user do little at the broker (docs/examples/mosquitto)"
        )
    path = base / Path(config.password_file).expanduser()
    if config.password_file and path.stat().st_mode & _READABLE_BY_OTHERS:
        mend = f"chmod o-r {shlex.quote(str(path))}"
        found.append(f"mqtt.password_file {path}: every user of this machine can read it; run: {mend}")
    return found


def tls_context(config: TlsConfig, base: Path) -> ssl.SSLContext | None:
    """Return what the connection is secured with, the broker's certificate verified; None without TLS.

    Raises:
        ConfigError: a file is missing, unreadable or not PEM.
    """
    if not config.enabled:
        return None
    context = ssl.create_default_context()
    if config.ca:
        path = _file(base, config.ca, "mqtt.tls.ca")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts this authority only, not the system's
        try:
            context.load_verify_locations(cafile=path)
        except ssl.SSLError as error:
            raise ConfigError(f"mqtt.tls.ca: {path}: holds no certificate; it must be PEM ({_reason(error)})") from None
    context.sslsocket_class = _Socket
    if config.certificate:
        certificate = _file(base, config.certificate, "mqtt.tls.certificate")
        key = _file(base, config.key, "mqtt.tls.key")
        try:
            # Asked for a password on the terminal, a daemon would hang: no key may need one.
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError as error:
            raise ConfigError(
                f"mqtt.tls.certificate: {certificate} and {key} do not fit together or are not PEM; "
                f"give a certificate and its key without a password ({_reason(error)})"
            ) from None
    return context


def _is_this_machine(host: str) -> bool:
    name = host.lower().rstrip(".").strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False  # a name; looking it up here could take long, and be another machine tomorrow


def _is_blank(credential: Path) -> bool:
    """Whether it is the one that the unit gives where no password was set."""
    return credential.stat().st_size <= 1 and not credential.read_text(encoding="ascii", errors="replace").strip()


def _password_of(path: Path, where: str) -> str:
    try:
        if path.stat().st_size > _MAX_PASSWORD_BYTES:
            raise ConfigError(f"{where}: {path}: too large for a password; it must hold nothing else")
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        mend = homes.advice(path, "write the password into it, for this user to read")
        raise ConfigError(f"{where}: {path}: {error.strerror}; {mend}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: {path}: is not UTF-8 text; it must hold the password and nothing else") from None
    if not password:
        raise ConfigError(f"{where}: {path}: is empty; write the password into it")
    return password


def _file(base: Path, name: str, where: str) -> Path:
    path = base / Path(name).expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        mend = homes.advice(path, "give a PEM file that this user may read")
        raise ConfigError(f"{where}: {path}: {error.strerror}; {mend}") from None


def _no_password() -> str:
    return ""


def _reason(error: ssl.SSLError) -> str:
    return error.reason or str(error)
