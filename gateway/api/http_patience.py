"""A connection ends when its client neither says what it wants nor takes what it asked for (promise P7).

uvicorn bounds how long a connection rests between two requests, and nothing else: a client that never finishes the
head of a request, or that stops reading, would keep its connection for ever.
"""

import asyncio

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.api.http_exchange import PEER


def impatient(head_seconds: float, write_seconds: float) -> type[H11Protocol]:
    """The protocol of connections on which a request's head comes in time, and what is sent is taken in time."""
    return type("_Impatient", (_Impatient,), {"head_seconds": head_seconds, "write_seconds": write_seconds})


def known_as(certificate: bytes, app: ASGIApp) -> ASGIApp:
    """The application, told on every request who is at the other end of the connection."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {**scope.get("extensions", {}), PEER: certificate}}, receive, send)

    return told


class _Impatient(H11Protocol):
    """HTTP/1.1 with a bound on waiting for the client."""

    head_seconds: float
    write_seconds: float
    _for_head: asyncio.TimerHandle | None = None
    _for_reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first request."""
        super().connection_made(transport)
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured is not None else None
        if certificate:
            self.app = known_as(certificate, self.app)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request; the clock runs from the first byte of its head to the last."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait_for_head()
        elif self._for_head is not None:
            self._for_head.cancel()
            self._for_head = None

    def pause_writing(self) -> None:
        """The client does not keep up."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """The client keeps up again."""
        super().resume_writing()
        self._stop_waiting_for_reader()
        if self.transport.is_closing():
            self._wait_for_reader()

    def on_response_complete(self) -> None:
        """All is said; some of it may still have to be taken."""
        super().on_response_complete()
        self._wait_for_reader()

    def timeout_keep_alive_handler(self) -> None:
        """No other request came; what was sent may still have to be taken."""
        super().timeout_keep_alive_handler()
        self._wait_for_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if self._for_head is not None:
            self._for_head.cancel()
        super().connection_lost(exc)
        self._stop_waiting_for_reader()

    def _wait_for_head(self) -> None:
        if self._for_head is None:
            self._for_head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _wait_for_reader(self) -> None:
        self._stop_waiting_for_reader()
        if left := self.transport.get_write_buffer_size():
            self._for_reader = self.loop.call_later(self.write_seconds, self._look_again, left)

    def _look_again(self, before: int) -> None:
        """End a connection on which nothing was taken; a client that was sent much at once may take its time."""
        self._for_reader = None
        # While more may be sent, the size of what is left says nothing.
        if self.flow.write_paused or self.transport.is_closing():
            if self.transport.get_write_buffer_size() >= before:
                self.transport.abort()
            else:
                self._wait_for_reader()

    def _stop_waiting_for_reader(self) -> None:
        if self._for_reader is not None:
            self._for_reader.cancel()
            self._for_reader = None
