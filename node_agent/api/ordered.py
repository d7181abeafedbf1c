"""A call that came as an order instead of at a port: for whoever answers it, a call as any other."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NoReturn

import anyio
import grpc
from grpc import aio

#: What one call sends goes here: messages as bytes.
Send = Callable[[bytes], Any]


class OrderContext(aio.ServicerContext[Any, Any]):
    """What a servicer sees of an order. *certificate* is the one by which the gateway is known that proved itself (PEM).

    `status` and `said` are how the call ended.
    """

    def __init__(self, certificate: bytes, seconds: float, send: Send, serialise: Callable[[Any], bytes]) -> None:
        self.status: grpc.StatusCode = grpc.StatusCode.OK
        self.said = ""
        self._certificate = certificate
        self._until = anyio.current_time() + seconds
        self._send = send
        self._serialise = serialise
        self._over: list[Callable[[Any], None]] = []

    def over(self) -> None:
        """The call is over: what was held for it is given back."""
        over, self._over = self._over, []
        for callback in over:
            callback(self)

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """The gateway, by its certificate: whether it takes part is looked up for each call anew."""
        return {"x509_pem_cert": [self._certificate]}

    def time_remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._until - anyio.current_time())

    def add_done_callback(self, callback: Any) -> None:
        """Call it when the call is over."""
        self._over.append(callback)

    async def write(self, message: Any) -> None:
        """Send a message of the answer, as a server would: it is held back while the gateway does not read."""
        await self._send(self._serialise(message))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:  # noqa: ARG002 - as grpc has it
        """End the call with this status."""
        self.status, self.said = code, details
        raise aio.AbortError

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """There are none."""

    async def read(self) -> NoReturn:
        """An order has one message, and that was read."""
        raise NotImplementedError

    async def abort_with_status(self, status: Any) -> NoReturn:
        """As `abort`."""
        raise NotImplementedError(status)

    def peer(self) -> str:
        """It is not at a port."""
        return "outbound"

    def peer_identities(self) -> None:
        """See `auth_context`."""

    def peer_identity_key(self) -> None:
        """See `auth_context`."""

    def invocation_metadata(self) -> None:
        """There are none."""

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """There are none."""

    def set_compression(self, compression: Any) -> None:
        """Nothing is compressed."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """How the call ended."""
        self.status = code

    def set_details(self, details: str) -> None:
        """As above."""
        self.said = details


class _Only:
    """The one message of an order."""

    def __init__(self, message: Any) -> None:
        self._messages = [message]

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self._messages:
            raise StopAsyncIteration
        return self._messages.pop()


async def carry_out(handler: "grpc.RpcMethodHandler[Any, Any]", request: bytes, context: OrderContext) -> None:
    """Answer an order by the very behaviour that would answer it at the port; how it ended stands in *context*."""
    method: Any = handler
    try:
        messages = _Only(method.request_deserializer(request))
        if method.response_streaming:
            await method.stream_stream(messages, context)
        else:
            await context.write(await method.stream_unary(messages, context))
    except aio.AbortError:
        if context.status is grpc.StatusCode.OK:
            context.status = grpc.StatusCode.UNKNOWN
    finally:
        context.over()
