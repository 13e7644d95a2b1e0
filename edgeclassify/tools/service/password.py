"""`service set-password`: the broker's password, for root's eyes and the service's credential only."""

from __future__ import annotations

from edgeclassify.errors import UnavailableError, UsageError
from edgeclassify.tools.service.files import write
from edgeclassify.tools.service.places import NAME, Places
from edgeclassify.tools.service.running import Say, properties, systemctl

_NONE = "to have none: sudo rm /etc/edgeclassify/secrets/*"
MAX_BYTES = 65_535  # the most that MQTT can carry


def password_from(text: bytes, where: str = "service set-password", none: str = _NONE) -> bytes:
    """Return the password that somebody typed or piped: one line of UTF-8.

    Args:
        text: what came.
        where: the command, for errors.
        none: what to do for no password.

    Raises:
        UsageError: it is none.
    """
    password = text.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        raise UsageError(f"{where}: the password is empty; {none}")
    if len(password) > MAX_BYTES:
        raise UsageError(f"{where}: the password is longer than {MAX_BYTES} bytes, which MQTT cannot carry")
    if any(byte in password for byte in b"\0\r\n"):
        raise UsageError(f"{where}: the password holds more than one line; give the password and nothing else")
    try:
        password.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{where}: the password is not UTF-8 text; convert it first") from None
    return password


def write_password(places: Places, password: bytes) -> None:
    """Keep the password.

    Raises:
        UnavailableError: it cannot be written.
    """
    try:
        places.password.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        places.password.parent.chmod(0o700)
        write(places.password, password + b"\n", 0o600)
    except OSError as error:
        raise UnavailableError(f"service: {places.password}: {error.strerror}; free the way and try again") from None


def use_password(places: Places, say: Say) -> None:
    """Let the service know the new password: systemd hands it over at a start only.

    Raises:
        UnavailableError: it does not start.
    """
    if not (places.root / "run/systemd/system").is_dir() or not places.unit.exists():
        say(f"{places.password} is written; no service is installed that uses it")
    elif properties("ActiveState").get("ActiveState") in ("active", "activating", "reloading"):
        systemctl("restart", f"{NAME}.service")
        say(f"{places.password} is written, and the service was restarted to use it")
    else:
        say(f"{places.password} is written; the service does not run: sudo systemctl start {NAME}")
