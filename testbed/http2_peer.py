"""A peer that speaks raw HTTP/2 over TLS, as badly as a script wants: floods, resets, endless headers, or not a word.

    with Http2Peer.connect(target, context, name) as peer:
        peer.begin()
        peer.send(rapid_reset(20_000))
        peer.listen(2.0)
        print(peer.heard, peer.went_away, peer.is_closed)

A well-behaved library would refuse to send most of this, so frames are laid out here one by one (hyperframe and hpack, of
which the package h2 is made); `testbed.http2_floods` has those that do harm.
"""

import select
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from hpack import Decoder
from hpack.exceptions import HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_PIECE: Final = 65_536
_HEADER_BYTES: Final = 9


class Http2Peer:
    """One connection. `heard` counts frames by name, resets with their code (`RST_STREAM 7`), statuses (`grpc-status 8`) and their texts."""

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext | None, name: str, session: ssl.SSLSession | None = None) -> None:
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=name, session=session) if tls is not None else None
        self._waiting = bytearray()
        self._received = bytearray()
        self._block = bytearray()
        self._headers = Decoder()
        self.heard: Counter[str] = Counter()
        self.went_away: int | None = None
        self.is_closed = False
        self.failure = ""
        self._has_begun = False

    @classmethod
    @contextmanager
    def connect(
        cls, target: str, tls: ssl.SSLContext | None, name: str = "", *, seconds: float = 30.0, session: ssl.SSLSession | None = None
    ) -> Iterator["Http2Peer"]:
        """Connect to `host:port` or `unix:/path`, with a TLS handshake unless *tls* is none: then not a word is said.

        A handshake that the other side refuses leaves a peer that is closed, with what TLS said in `failure`.
        """
        connection = _socket_to(target, seconds)
        try:
            if tls is not None:
                tls.set_alpn_protocols(["h2"])
            peer = cls(connection, tls, name, session)
            if tls is not None:
                peer._shake_hands(time.monotonic() + seconds)
            yield peer
        finally:
            connection.close()

    def begin(self) -> None:
        """Say the preface and the settings, as every connection begins. Before that, nothing is answered either."""
        self._has_begun = True
        self.send([PREFACE, SettingsFrame(0).serialize(), _window(0)])

    def send(self, frames: Iterable[bytes], seconds: float = 20.0) -> bool:
        """Send all of it, and hear what comes meanwhile; false when the other side hung up or took nothing any more."""
        until = time.monotonic() + seconds
        for frame in frames:
            if self.is_closed:
                return False
            self._write(frame)
            while len(self._waiting) >= _PIECE and not self.is_closed and time.monotonic() < until:
                self._turn(0.1)
        while self._waiting and not self.is_closed and time.monotonic() < until:
            self._turn(0.1)
        return not self._waiting and not self.is_closed

    def listen(self, seconds: float, until: str = "") -> bool:
        """Hear what comes, so long, or until the connection is closed, or *until* was heard; says whether it is closed."""
        end = time.monotonic() + seconds
        while not self.is_closed and time.monotonic() < end and not (until and self.heard[until]):
            self._turn(min(0.1, max(0.0, end - time.monotonic())))
        return self.is_closed

    @property
    def tls_version(self) -> str:
        """What was agreed on, for instance `TLSv1.3`."""
        return (self._tls.version() if self._tls is not None else None) or ""

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection may resume."""
        return self._tls.session if self._tls is not None else None

    @property
    def was_resumed(self) -> bool:
        """Whether this connection resumed an earlier one."""
        return bool(self._tls is not None and self._tls.session_reused)

    def _shake_hands(self, until: float) -> None:
        tls = self._tls
        while tls is not None and not self.is_closed and time.monotonic() < until:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._waiting += self._outgoing.read()
                self._turn(0.1, raw=True)
            except ssl.SSLError as failure:
                self._ended(failure)
            else:
                self._waiting += self._outgoing.read()
                return

    def _write(self, plain: bytes) -> None:
        if self._tls is None:
            self._waiting += plain
            return
        self._tls.write(plain)
        self._waiting += self._outgoing.read()

    def _turn(self, seconds: float, *, raw: bool = False) -> None:
        """Send and receive once, whichever is possible."""
        readable, writable, _ = select.select([self._socket], [self._socket] if self._waiting else [], [], seconds)
        try:
            if writable:
                del self._waiting[: self._socket.send(self._waiting[:_PIECE])]
            if readable:
                received = self._socket.recv(_PIECE)
                if not received:
                    self.is_closed = True
                elif self._tls is None:
                    self._received += received
                else:
                    self._incoming.write(received)
                    self._received += b"" if raw else self._plain()
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ssl.SSLError) as failure:
            self._ended(failure)
        if not raw:
            self._read()

    def _plain(self) -> bytes:
        plain, tls = bytearray(), self._tls
        while tls is not None:
            try:
                more = tls.read(_PIECE)
            except ssl.SSLWantReadError:
                return bytes(plain)
            except ssl.SSLZeroReturnError:
                more = b""
            if not more:
                self.is_closed = True
                return bytes(plain)
            plain += more
        return bytes(plain)

    def _ended(self, failure: Exception) -> None:
        self.is_closed = True
        self.failure = getattr(failure, "reason", None) or type(failure).__name__

    def _read(self) -> None:
        while len(self._received) >= _HEADER_BYTES:
            try:
                frame, length = Frame.parse_frame_header(memoryview(bytes(self._received[:_HEADER_BYTES])))
                if len(self._received) < _HEADER_BYTES + length:
                    return
                frame.parse_body(memoryview(bytes(self._received[_HEADER_BYTES : _HEADER_BYTES + length])))
            except HyperframeError as failure:
                self._ended(failure)
                return
            del self._received[: _HEADER_BYTES + length]
            self._note(frame)

    def _note(self, frame: Frame) -> None:
        self.heard[type(frame).__name__.removesuffix("Frame")] += 1
        if isinstance(frame, GoAwayFrame):
            self.went_away = frame.error_code
        elif isinstance(frame, RstStreamFrame):
            self.heard[f"RST_STREAM {frame.error_code}"] += 1
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags and self._has_begun:
            self._write(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, HeadersFrame | ContinuationFrame):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                block, self._block = bytes(self._block), bytearray()
                self._note_status(block)

    def _note_status(self, block: bytes) -> None:
        try:
            for header in self._headers.decode(block):
                name, value = str(header[0]), str(header[1])
                if name in ("grpc-status", "grpc-message", ":status"):
                    self.heard[name] += 1
                    self.heard[f"{name} {value}"] += 1
        except HPACKError as failure:
            self._ended(failure)


def _window(stream: int) -> bytes:
    return WindowUpdateFrame(stream, window_increment=2**20).serialize()


def _socket_to(target: str, seconds: float) -> socket.socket:
    if target.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        connection.connect(target.removeprefix("unix:"))
    else:
        host, _, port = target.rpartition(":")
        connection = socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)
    connection.setblocking(False)
    return connection
