"""Connections to web servers: HTTP and HTTPS only, certificates verified, few redirects, headers in time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.request
from functools import partial
from typing import IO, Any


class _InTime:
    """Adds to a connection that its headers must have come within `answer_s`; a slow drip of them resets no clock."""

    sock: socket.socket | None

    def __init__(self, *arguments: Any, answer_s: float, **more: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*arguments, **more)
        self._answer_s = answer_s

    def getresponse(self) -> http.client.HTTPResponse:
        timer = threading.Timer(self._answer_s, self._hang_up)
        timer.start()
        try:
            response: http.client.HTTPResponse = super().getresponse()  # type: ignore[misc]
            return response
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


class _Connection(_InTime, http.client.HTTPConnection):
    pass


class _SecureConnection(_InTime, http.client.HTTPSConnection):
    pass


class _Handler(urllib.request.HTTPHandler):
    def __init__(self, answer_s: float) -> None:
        super().__init__()
        self._connection = partial(_Connection, answer_s=answer_s)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, answer_s: float) -> None:
        super().__init__()
        self._connection = partial(_SecureConnection, answer_s=answer_s, context=ssl.create_default_context())

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_repeats = 2
    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            return None  # never from a safe connection to one that is not: the answer counts as an error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def web_opener(answer_s: float) -> urllib.request.OpenerDirector:
    """Return what opens addresses; proxies are those of the environment.

    Args:
        answer_s: how long the headers of an answer may take.
    """
    # By hand: build_opener() would add ftp: and file:, also as the target of a redirect.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Handler(answer_s),
        _SecureHandler(answer_s),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
