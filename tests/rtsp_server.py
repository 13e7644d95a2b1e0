"""A small RTSP server: H.264 over the RTSP connection; it can be silent, stall, hang up, end and change its size."""

from __future__ import annotations

import base64
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

import av

_CLOCK_HZ = 90_000
_MOST_PAYLOAD = 1400

_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
    b"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\n"
)


class RtspServer:
    """Serves a test pattern at rtsp://127.0.0.1:PORT/PATH, from `__enter__` to `__exit__`.

    Args:
        sizes: of the pictures, one after the other, each for `frames` frames.
        frames: how many of each size, then it hangs up; None for no end.
        silent: it accepts connections and never answers.
        login: `user:password` that a client must give.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        path: str = "/door",
        rate: int = 15,
        sizes: tuple[tuple[int, int], ...] = ((320, 240),),
        frames: int | None = None,
        silent: bool = False,
        login: str = "",
    ) -> None:
        self._path, self._rate, self._sizes, self._frames = path, rate, sizes, frames
        self._silent, self._login = silent, login
        self.stalled = threading.Event()
        self.sent_total = 0
        self._closing = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> RtspServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}{self._path}"

    @property
    def clients(self) -> int:
        """How many clients have ever come."""
        return len(self._connections)

    def hang_up(self) -> None:
        for connection in self._connections:
            with suppress(OSError):  # it was gone already
                connection.shutdown(socket.SHUT_RDWR)

    def _start(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._start(self._answer, connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            try:
                while self._answer_one(connection, requests):
                    pass
            except (OSError, ValueError):
                pass  # the client has gone

    def _answer_one(self, connection: socket.socket, requests) -> bool:
        first = requests.read(1)
        if first == b"$":  # RTCP from the client
            requests.read(struct.unpack("!xH", requests.read(3))[0])
            return True
        if not first or self._silent:
            return bool(first)
        method, url, _ = (first + requests.readline()).decode().split()
        headers = dict(line.split(": ", 1) for line in iter(lambda: requests.readline().decode().strip(), ""))
        status, extra, body = self._reply(method, url, headers)
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['CSeq']}", f"Content-Length: {len(body)}", *extra, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        if method == "PLAY":
            self._start(self._send, connection)
        return method != "TEARDOWN"

    def _reply(self, method: str, url: str, headers: dict[str, str]) -> tuple[str, list[str], bytes]:
        if method == "OPTIONS":
            return "200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"], b""
        expected = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and headers.get("Authorization") != expected:
            return "401 Unauthorized", ['WWW-Authenticate: Basic realm="test"'], b""
        if self._path not in url:
            return "404 Not Found", [], b""
        if method == "DESCRIBE":
            return "200 OK", ["Content-Type: application/sdp", f"Content-Base: {url.rstrip('/')}/"], _SDP
        if method == "SETUP":
            return "200 OK", ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1;timeout=60"], b""
        return "200 OK", ["Session: 1", "Range: npt=0-"], b""

    def _send(self, connection: socket.socket) -> None:
        sequence = itertools.count()
        started_s = time.monotonic()
        try:
            for number, units in enumerate(self._encoded()):
                while self.stalled.is_set() and not self._closing.wait(0.01):
                    pass
                for payload, last in _payloads(units):
                    head = struct.pack(
                        "!BBHII", 0x80, 96 | last << 7, next(sequence) & 0xFFFF, number * _CLOCK_HZ // self._rate, 1
                    )
                    connection.sendall(struct.pack("!cBH", b"$", 0, len(head + payload)) + head + payload)
                self.sent_total += 1
                if self._closing.wait(max(0.0, started_s + (number + 1) / self._rate - time.monotonic())):
                    return
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client has gone

    def _encoded(self) -> Iterator[list[bytes]]:
        """Yield the NAL units of each picture."""
        for width, height in self._sizes:
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base = Fraction(1, self._rate)
            encoder.options = {
                "tune": "zerolatency",
                "preset": "ultrafast",
                "g": str(self._rate),
                "x264-params": "repeat-headers=1:threads=1",
            }
            with av.open(f"testsrc2=size={width}x{height}:rate={self._rate}", format="lavfi") as pattern:
                for number, picture in enumerate(itertools.islice(pattern.decode(video=0), self._frames)):
                    frame = picture.reformat(format="yuv420p")
                    frame.pts, frame.time_base = number, Fraction(1, self._rate)
                    for packet in encoder.encode(frame):
                        stream = bytes(packet).replace(b"\0\0\0\1", b"\0\0\1")
                        yield [unit for unit in stream.split(b"\0\0\1") if unit]


def _payloads(units: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield RTP payloads (RFC 6184), each with whether it is the picture's last; large units in fragments (FU-A)."""
    for unit in units:
        last_unit = unit is units[-1]
        if len(unit) <= _MOST_PAYLOAD:
            yield unit, last_unit
            continue
        starts = range(1, len(unit), _MOST_PAYLOAD)
        for start in starts:
            first, last = start == starts[0], start == starts[-1]
            indicator, header = unit[0] & 0xE0 | 28, unit[0] & 0x1F | first << 7 | last << 6
            yield bytes([indicator, header]) + unit[start : start + _MOST_PAYLOAD], last_unit and last
