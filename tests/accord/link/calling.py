"""A small gRPC server behind the region's TLS, and calls to it: `Who` tells the caller its name, `Watch` ticks until it is ended."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import grpc
from grpc import aio

from accord.link.credentials import TlsFiles, TlsMaterial, server_credentials, to_member
from accord.link.failures import answering
from accord.link.live_register import LiveRegister
from accord.link.options import CHANNEL
from accord.link.peers import peer_digest, peer_of, still_a_member
from accord.terms.identifiers import Ura
from tests.accord.link.small_region import HOSPITAL, NOW, SmallRegion

_Context = aio.ServicerContext[Any, Any]


class Service:
    """Knows how many calls reached it, and what gRPC said of the last one."""

    def __init__(self, live: LiveRegister) -> None:
        self.live = live
        self.reached = 0
        self.authenticated: dict[str, list[bytes]] = {}

    async def who(self, _: bytes, context: _Context) -> bytes:
        """Who calls."""
        self.reached += 1
        self.authenticated = {key: list(values) for key, values in context.auth_context().items()}
        async with answering(context, "Who"):
            return peer_of(context, self.live, NOW).name.value.encode()
        raise AssertionError

    async def watch(self, _: bytes, context: _Context) -> None:
        """One message, and then silence for as long as the caller takes part."""
        self.reached += 1
        async with answering(context, "Watch"), still_a_member(self.live, peer_digest(context, NOW), clock=lambda: NOW):
            await context.write(b"first")
            await anyio.sleep_forever()

    def handler(self) -> grpc.GenericRpcHandler:
        """Both, for a server."""
        return grpc.method_handlers_generic_handler(
            "test", {"Who": grpc.unary_unary_rpc_method_handler(self.who), "Watch": grpc.unary_stream_rpc_method_handler(self.watch)}
        )


@asynccontextmanager
async def serving(
    region: SmallRegion, live: LiveRegister, address: str = "127.0.0.1:0", *, credentials: Callable[[TlsMaterial], grpc.ServerCredentials] = server_credentials
) -> AsyncIterator[tuple[Service, str]]:
    """The hospital's server, and the address to call it at."""
    service = Service(live)
    server = aio.server()
    server.add_generic_rpc_handlers((service.handler(),))
    port = server.add_secure_port(address, credentials(TlsMaterial(region.files(HOSPITAL), live)))
    await server.start()
    try:
        yield service, address if address.startswith("unix:") else f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def calling(
    address: str, credentials: grpc.ChannelCredentials, ura: Ura = HOSPITAL.ura, options: Sequence[tuple[str, Any]] = ()
) -> AsyncIterator[aio.Channel]:
    async with aio.secure_channel(address, credentials, options=(*CHANNEL, *to_member(ura), *options)) as channel:
        yield channel


def credentials_of(region: SmallRegion, files: TlsFiles) -> grpc.ChannelCredentials:
    """As any caller may make them, whether they fit or not."""
    return grpc.ssl_channel_credentials(region.office.authority.certificate.encode(), files.key.read_bytes(), files.certificate.read_bytes())


async def who(channel: aio.Channel) -> str:
    """The name by which the hospital knows who calls."""
    call: Any = channel.unary_unary("/test/Who")  # without a serialiser the stubs allow no request at all
    return str((await call(b"", timeout=10)).decode())


async def refusal(channel: aio.Channel) -> tuple[grpc.StatusCode, str]:
    """How a call ended that must not succeed."""
    try:
        name = await who(channel)
    except aio.AioRpcError as failure:
        return failure.code(), failure.details() or ""
    raise AssertionError(name)
