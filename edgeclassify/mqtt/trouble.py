"""What is wrong with the connection to the broker, in words that say what to set. Pure functions."""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import ConfigError

LOGIN_REFUSED = "login refused"
SPEAKS_TLS = "this port speaks TLS"
"""What these troubles' texts begin with."""
_TLS_ALERT = b"\x15"
# CONNACK codes: of MQTT 5, and those of 3.1.1 as paho translates them.
UNSUPPORTED_VERSION = 132
_BAD_CLIENT_ID, _BAD_LOGIN, _NOT_AUTHORIZED, _BANNED = 133, 134, 135, 138
_UNSPECIFIED, SESSION_TAKEN_OVER = 128, 142
# OpenSSL's numbers of what can be wrong with a certificate.
_NOT_YET_VALID, _EXPIRED, _HOSTNAME, _IP_ADDRESS = 9, 10, 62, 64


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no connection: what is wrong, what to do, and whether waiting may help (WARNING) or not (ERROR)."""

    text: str
    level: int = logging.WARNING


def of_dialling(error: Exception, config: MqttConfig) -> Trouble:
    """Explain what opening the connection raised."""
    if isinstance(error, ConfigError):
        return Trouble(str(error), logging.ERROR)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(f"TLS: {_certificate(error, config)}", logging.ERROR)
    if isinstance(error, socket.gaierror):
        return Trouble(f"the name is not known here ({error.strerror}); check mqtt.host and the network")
    if isinstance(error, ConnectionRefusedError):
        return Trouble("connection refused; start the broker, or check mqtt.host and mqtt.port")
    if isinstance(error, TimeoutError):
        return Trouble("no answer in time; check mqtt.host, mqtt.port, the network and a firewall")
    if config.tls.enabled and isinstance(error, ssl.SSLError | ConnectionError):
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        return Trouble(
            f"TLS: no secure connection ({reason}); this port may not speak TLS: check mqtt.port and mqtt.tls.enabled, "
            "or the broker wants a client certificate: set mqtt.tls.certificate and key",
            logging.ERROR,
        )
    return Trouble(f"cannot be reached ({getattr(error, 'strerror', None) or error}); check the network and mqtt.host")


def of_refusal(code: ReasonCode, config: MqttConfig) -> Trouble:
    """Explain a CONNACK that is a no."""
    if code.value in (_BAD_LOGIN, _NOT_AUTHORIZED):
        advice = "check mqtt.username and the password in mqtt.password_file"
        if not config.username:
            advice = "set mqtt.username and mqtt.password_file"
        return Trouble(f"{LOGIN_REFUSED} ({code}); {advice}", logging.ERROR)
    if code.value == UNSUPPORTED_VERSION:
        return Trouble("it speaks neither MQTT 5 nor 3.1.1; use another broker", logging.ERROR)
    if code.value in (_BAD_CLIENT_ID, _BANNED):
        return Trouble(f"this client is refused ({code}); allow it at the broker", logging.ERROR)
    return Trouble(f"connection refused by the broker ({code}); look into its log")


def of_silence(timeout_s: float) -> Trouble:
    """Explain a broker that takes the connection and then says nothing."""
    return Trouble(f"it does not answer within {timeout_s:g} s; check mqtt.port and that the broker is well")


def of_hang_up(first_byte: bytes, config: MqttConfig) -> Trouble:
    """Explain a connection that was closed, or answered by something else, before the CONNACK."""
    if first_byte == _TLS_ALERT and not config.tls.enabled:
        return Trouble(f"{SPEAKS_TLS}; set mqtt.tls.enabled: true, or the port without TLS", logging.ERROR)
    if first_byte:
        return Trouble("what answers there is no MQTT broker; check mqtt.host and mqtt.port", logging.ERROR)
    if config.tls.certificate or config.tls.enabled:
        return Trouble(
            "the connection is closed without an answer; if the broker wants a client certificate, "
            "set mqtt.tls.certificate and key"
        )
    return Trouble("the connection is closed without an answer; if this port speaks TLS, set mqtt.tls.enabled: true")


def of_write_refusal(code: ReasonCode, topic: str, config: MqttConfig) -> Trouble:
    """Explain a broker that lets us in and does not take our status."""
    return Trouble(
        f"may not publish on {topic} ({code}); give user {config.username or '(anonymous)'} write access to "
        f"{topic.rpartition('/')[0]}/# in the broker's access list",
        logging.ERROR,
    )


def of_loss(code: ReasonCode | None) -> Trouble:
    """Explain the end of a connection that had worked."""
    if code is None or code.value == _UNSPECIFIED:
        return Trouble("connection lost; events wait until it is back")
    return Trouble(f"connection lost ({code}); events wait until it is back")


def _certificate(error: ssl.SSLCertVerificationError, config: MqttConfig) -> str:
    if error.verify_code == _EXPIRED:
        return "the broker's certificate has expired; renew it, or set this machine's clock if it is wrong"
    if error.verify_code == _NOT_YET_VALID:
        return "the broker's certificate is not yet valid; this machine's clock may be wrong, set it (timedatectl)"
    if error.verify_code in (_HOSTNAME, _IP_ADDRESS):
        return f"the broker's certificate is not for {config.host}; set mqtt.host to the name in it"
    trusted = f"mqtt.tls.ca ({config.tls.ca})" if config.tls.ca else "the system's own authorities"
    return (
        f"the broker's certificate is not trusted by {trusted} ({error.verify_message}); "
        "set mqtt.tls.ca to the authority that signed it"
    )
