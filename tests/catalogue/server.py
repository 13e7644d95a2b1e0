"""A real web server that can be as bad as those of this world."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_CHUNK_BYTES = 16 * 1024


@dataclass
class Page:
    """What the server does when a path is asked for; the defaults are those of a good server."""

    content: bytes = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    etag: str = '"1"'
    redirect: str = ""
    ranges: bool = True
    """It knows `Range:`."""
    drops: list[int] = field(default_factory=list)
    """The connection ends after so many bytes of the answer: one entry for each request, then no more."""
    statuses: list[int] = field(default_factory=list)
    """Answers so instead: one entry for each request, then no more."""
    claimed_bytes: int | None = None
    """Content-Length says so; 0: there is none."""
    bytes_per_s: float = 0.0
    """A drip; 0: as fast as it can."""
    drips_headers: bool = False
    silent: bool = False
    """Nothing is ever answered."""
    gate: threading.Event | None = None
    """The second half of the answer waits for this."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    path: str
    start: int
    if_range: str
    authorization: str


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages`; remembers `requests`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def address(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are the point of these tests


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        # Through a proxy the whole address is asked for.
        path = self.path.removeprefix("http://files.invalid")
        asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
        page = self.server.pages.get(path, Page(status=404))
        start = int(asked) if page.ranges else 0
        if_range = self.headers.get("If-Range", "")
        if if_range and if_range != page.etag:
            start = 0
        self.server.requests.append(Request(path, int(asked), if_range, self.headers.get("Authorization", "")))
        if page.silent:
            self.server.stopping.wait(60)
        elif page.statuses:
            self._status(page.statuses.pop(0))
        elif page.redirect:
            self._status(302, Location=page.redirect)
        elif page.status != 200:
            self._status(page.status)
        elif start >= len(page.content) > 0:
            self._status(416)
        else:
            self._send(page, start)

    def _status(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, page: Page, start: int) -> None:
        content = page.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
        if page.claimed_bytes != 0:
            self.send_header("Content-Length", str(page.claimed_bytes or len(content)))
        self.send_header("Content-Type", page.content_type)
        self.send_header("ETag", page.etag)
        if page.drips_headers:
            self._drip(b"".join(self._headers_buffer) + b"X-Wait: " + b"." * 10_000, 10)  # type: ignore[attr-defined]
        self.end_headers()
        if page.drops:
            content = content[: page.drops.pop(0)]
        if page.gate:
            self.wfile.write(content[: len(content) // 2])
            page.gate.wait(30)
            self.wfile.write(content[len(content) // 2 :])
        elif page.bytes_per_s:
            self._drip(content, page.bytes_per_s)
        else:
            for position in range(0, len(content), _CHUNK_BYTES):
                self.wfile.write(content[position : position + _CHUNK_BYTES])
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def _drip(self, content: bytes, bytes_per_s: float) -> None:
        for position in range(len(content)):
            if self.server.stopping.wait(1 / bytes_per_s):
                return
            self.wfile.write(content[position : position + 1])
            self.wfile.flush()


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block is left."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
