"""Asking a web server for a file, or for the rest of one: HTTP and HTTPS only, proxies from the environment.

Everything that can go wrong ends here as WebError, told apart by what to do about it. The standard library is enough:
it verifies certificates and knows proxies; the limits on redirects, headers and rates are ours with any library.
"""

from __future__ import annotations

import base64
import errno
import http.client
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import NoReturn, Self

from edgeclassify import __version__
from edgeclassify.catalogue.limits import Limits
from edgeclassify.catalogue.opener import web_opener
from edgeclassify.errors import UnavailableError
from edgeclassify.redact import hide_password

_CHUNK_BYTES = 1 << 16
# The server, or a proxy before it, is overloaded or restarts.
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_MISSING = {404, 410}
_REFUSED = {401, 403, 407}
_RANGE_WRONG = 416
_PARTIAL = 206
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_ALLOWED = "%/:=&?~#+!$,;'@()*[]"


class WebError(UnavailableError):
    """A file cannot be had; asking again would not help."""


class MissingError(WebError):
    """The server has no such file."""


class RangeError(WebError):
    """The server has nothing behind the place that was asked for."""


class BrokenError(WebError):
    """Something broke on the way; asking again may help."""


class OfflineError(BrokenError):
    """The server could not even be found: this device is perhaps not connected."""


class Answer:
    """What a server sends, until the `with` block is left."""

    def __init__(self, response: http.client.HTTPResponse, shown: str) -> None:
        self._response = response
        self._shown = shown
        etag = response.headers.get("ETag", "")
        self.etag = "" if etag.startswith("W/") else etag
        """A strong validator for asking for the rest later; empty: none."""
        self.start = 0
        """The first byte that comes is this one of the file."""
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if length.isdecimal() else None
        """Bytes of the whole file, if the server says so."""
        if response.status == _PARTIAL:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match is None:
                raise BrokenError(f"{shown}: the server sends a part of the file without saying which")
            self.start = int(match[1])
            self.total = None if match[2] == "*" else int(match[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def read(self) -> bytes:
        """Return what has arrived, as soon as something has; nothing: the end, which may be early.

        Raises:
            BrokenError: the connection broke, or was silent for too long.
        """
        try:
            return self._response.read1(_CHUNK_BYTES)
        except (http.client.HTTPException, OSError, ValueError) as error:  # ValueError: a broken chunk's length
            _raise_failure(error, self._shown, error)


def ask(address: str, start: int, etag: str, limits: Limits) -> Answer:
    """Ask for a file from byte `start` on.

    Args:
        address: http:// or https://; a name and password in it are sent, but not to where it redirects to.
        start: 0 for the whole file; else the answer may all the same start at 0.
        etag: of the answer whose rest is wanted; empty: unknown.
        limits: how long to wait.

    Raises:
        WebError: or one of its kinds, with the address in the message.
    """
    shown = hide_password(address)
    try:
        request = _request(address, start, etag)
    except ValueError as error:
        raise WebError(f"{shown}: is not an address that can be pulled from ({error}); check the address") from error
    try:
        response = web_opener(limits.answer_s).open(request, timeout=limits.silence_s)
    except urllib.error.HTTPError as error:
        with error:
            _raise_status(error, shown)
    except urllib.error.URLError as error:
        _raise_failure(error.reason, shown, error)
    except (http.client.InvalidURL, UnicodeError) as error:  # UnicodeError: a host's name that cannot be one
        raise WebError(f"{shown}: is not an address that can be pulled from ({error}); check the address") from error
    except (http.client.HTTPException, OSError) as error:
        _raise_failure(error, shown, error)
    try:
        return Answer(response, shown)
    except BrokenError:
        response.close()
        raise


def _request(address: str, start: int, etag: str) -> urllib.request.Request:
    parts = urllib.parse.urlsplit(urllib.parse.quote(address, safe=_ALLOWED))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("http://HOST/FILE or https://HOST/FILE is needed")
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl())  # noqa: S310 - checked above
    request.add_header("User-Agent", f"edgeclassify/{__version__}")
    if user:
        credentials = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    if start:
        request.add_header("Range", f"bytes={start}-")
        if etag:
            request.add_header("If-Range", etag)
    return request


def _raise_status(error: urllib.error.HTTPError, shown: str) -> NoReturn:
    said = f"{error.code} {error.reason}"
    if error.code in _MISSING:
        raise MissingError(f"{shown}: the server has no such file ({error.code}); check the address") from error
    if error.code == _RANGE_WRONG:
        raise RangeError(f"{shown}: {said}") from error
    if error.code in _TRY_AGAIN:
        raise BrokenError(f"{shown}: the server says {said}") from error
    if error.code in _REFUSED:
        raise WebError(f"{shown}: refused ({said}); an address may hold https://NAME:PASSWORD@HOST/...") from error
    if 300 <= error.code < 400:  # the library's own message is several lines long
        raise WebError(f"{shown}: redirects in a circle, too often or to where it may not; ask who runs it") from error
    raise WebError(f"{shown}: the server says {said}; ask who runs it, or try another address") from error


def _raise_failure(reason: object, shown: str, error: Exception) -> NoReturn:
    if isinstance(reason, ssl.SSLCertVerificationError):
        raise WebError(
            f"{shown}: its certificate is not valid ({reason.verify_message}); "
            "is this device's clock right, and is the address?"
        ) from error
    if isinstance(reason, socket.gaierror):
        raise OfflineError(f"{shown}: the host's name cannot be resolved; is this device connected?") from error
    if isinstance(reason, OSError) and reason.errno in _UNREACHABLE:
        raise OfflineError(f"{shown}: {reason.strerror}; is this device connected?") from error
    if isinstance(reason, TimeoutError):
        raise BrokenError(f"{shown}: the server does not answer") from error
    if isinstance(reason, str):  # of the library: an unknown scheme in a redirect, say
        raise WebError(f"{shown}: {reason}; check the address") from error
    if isinstance(reason, ConnectionRefusedError):
        raise BrokenError(f"{shown}: the connection was refused; is the server running?") from error
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    raise BrokenError(f"{shown}: the connection broke ({said})") from error
