"""A process that stands where a gateway expects an agent, and spoils what the agent behind it says.

    python -m testbed.faults_relay --listen unix:/… --behind unix:/… --spoil lying --record FILE

What it does not spoil it relays frame for frame, so that everything else about the answer is a real agent's own.
"""

# ruff: noqa: N802 - the generated class names the methods

import argparse
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.link.addresses import loopback
from accord.link.closing import sign_closed
from accord.link.options import CHANNEL, SERVER, Options
from accord.rules.reading import category_of, read_record
from accord.terms.answers import Batch, Closed, Outcome
from accord.terms.identifiers import Ura
from accord.terms.limits import MIB
from accord.wire import answer_codec
from accord.wire.hashing import StreamDigest
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceServicer, HolderServiceStub, add_HolderServiceServicer_to_server
from testbed.region_office import Credentials
from testbed.scripted_holder import batch_of, row_of

if TYPE_CHECKING:
    from accord.wire.v1.holder_service_pb2_grpc import HolderServiceAsyncStub  # only the stubs have it

_Context = aio.ServicerContext[Any, Any]
_Frames = AsyncIterator[pb.QueryResponse]
_LONGEST: Final = 60.0
#: A message over the size on which both ends agreed: nobody takes it in.
_OVERSIZED: Final = 3 * MIB


class ConnectionBroke(Exception):
    """The agent is gone: what the gateway sees is a connection that broke."""


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What is spoilt: `how`, after how many seconds, whom to kill, and the record of somebody else."""

    how: str
    seconds: float = 0.0
    kill: int = 0
    record: bytes = b""
    key: Ed25519PrivateKey | None = None


async def slowly(frames: _Frames, spoiling: Spoiling) -> _Frames:
    """Say everything, but later."""
    await anyio.sleep(spoiling.seconds)
    async for frame in frames:
        yield frame


async def cut(frames: _Frames, spoiling: Spoiling) -> _Frames:
    """After the first records the agent is killed, and the rest of what it said is lost."""
    async for frame in frames:
        yield frame
        if frame.HasField("batch"):
            os.kill(spoiling.kill, signal.SIGKILL)
            break
    # What was under way when it died is lost, its last word included.
    raise ConnectionBroke


async def lying(frames: _Frames, spoiling: Spoiling) -> _Frames:
    """Put somebody else's record among the first ones, and make decision, counts, digest and signature fit: only its patient is wrong."""
    record = read_record(spoiling.record)
    digest, size, has_lied = StreamDigest(), len(spoiling.record), False
    async for frame in frames:
        said = answer_codec.frame_from_wire(frame)
        if isinstance(said, Outcome) and record.kind is not None:
            said = replace(said, released=said.released | {category_of(record, record.kind)})
        elif isinstance(said, Batch):
            said, has_lied = said if has_lied else _with_record(said, spoiling.record), True
            digest.add(said)
        elif isinstance(said, Closed) and has_lied:
            counts = replace(said.counts, records=said.counts.records + 1, bytes=said.counts.bytes + size)
            said = replace(said, counts=counts, digest=digest.value())
            said = said if spoiling.key is None else sign_closed(said, spoiling.key)
        yield answer_codec.frame_to_wire(said)


def _with_record(batch: Batch, record: bytes) -> Batch:
    blob = batch.blob + record
    return Batch(batch.columns + row_of(record, len(blob)), blob, batch.categories | batch_of([record]).categories)


async def oversized(frames: _Frames, _: Spoiling) -> _Frames:
    """After the first records comes a message that is larger than agreed."""
    async for frame in frames:
        yield frame
        if frame.HasField("batch"):
            yield pb.QueryResponse(batch=pb.Batch(columns=frame.batch.columns, blob=b" " * _OVERSIZED))


async def as_it_is(frames: _Frames, _: Spoiling) -> _Frames:
    """Relay."""
    async for frame in frames:
        yield frame


SPOILERS: Final[dict[str, Callable[[_Frames, Spoiling], _Frames]]] = {
    "slow": slowly,
    "cut": cut,
    "lying": lying,
    "oversized": oversized,
    "silent": as_it_is,
    "telling": as_it_is,
}


class Relay(HolderServiceServicer):
    """Stands in for the agent behind it. `silent` denies knowing anybody; `telling` says that it refuses."""

    def __init__(self, behind: "HolderServiceAsyncStub", spoiling: Spoiling) -> None:
        self._behind = behind
        self._spoiling = spoiling

    async def Describe(self, request: pb.DescribeRequest, context: _Context) -> Any:
        """As the agent does."""
        async with _relaying(context):
            return await self._behind.Describe(request, timeout=_left(context))

    async def Locate(self, request: pb.LocateRequest, context: _Context) -> Any:
        """As the agent does, unless it is to deny or to tell."""
        if self._spoiling.how in ("silent", "telling"):
            return pb.LocateResponse(located=self._spoiling.how == "telling")
        async with _relaying(context):
            return await self._behind.Locate(request, timeout=_left(context))

    async def Query(self, request: pb.QueryRequest, context: _Context) -> None:  # type: ignore[override]  # written with context.write
        """Spoil the answer."""
        if self._spoiling.how == "telling":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "patient-refused")
        async with _relaying(context):
            call = self._behind.Query(request, timeout=_left(context))
            try:
                async for frame in SPOILERS[self._spoiling.how](_frames(call), self._spoiling):
                    await context.write(frame)
            finally:
                call.cancel()

    async def Exchange(self, request: pb.ExchangeRequest, context: _Context) -> Any:
        """As the agent does."""
        async with _relaying(context):
            return await self._behind.Exchange(request, timeout=_left(context))

    async def Watch(self, request: pb.WatchRequest, context: _Context) -> None:  # type: ignore[override]  # as above
        """As the agent does."""
        async with _relaying(context):
            await _relay(self._behind.Watch(request, timeout=_left(context)), context)

    async def FetchAttachment(self, request: pb.FetchAttachmentRequest, context: _Context) -> None:  # type: ignore[override]  # as above
        """As the agent does."""
        async with _relaying(context):
            await _relay(self._behind.FetchAttachment(request, timeout=_left(context)), context)


async def _relay(call: Any, context: _Context) -> None:
    try:
        async for frame in _frames(call):
            await context.write(frame)
    finally:
        call.cancel()


@asynccontextmanager
async def _relaying(context: _Context) -> AsyncIterator[None]:
    try:
        yield
    except aio.AioRpcError as failure:
        await context.abort(failure.code(), failure.details() or "")
    except ConnectionBroke:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "")


async def _frames(call: Any) -> AsyncIterator[Any]:
    while (frame := await call.read()) is not aio.EOF:
        yield frame


def _left(context: _Context) -> float:
    left = context.time_remaining()
    return _LONGEST if left is None else min(left, _LONGEST)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; says `ready` once it can be asked."""
    parser = argparse.ArgumentParser(prog="testbed.faults_relay")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--behind", required=True)
    parser.add_argument("--spoil", choices=sorted(SPOILERS), required=True)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--kill", type=int, default=0, help="process that `cut` kills in the middle of its answer")
    parser.add_argument("--keys", type=Path, required=True, help="folder with the keys of the holder that is stood in for")
    parser.add_argument("--gateway-keys", type=Path, required=True, help="folder with the keys of the gateway that the agent behind expects")
    parser.add_argument("--ura", type=Ura, required=True, help="whom the relay stands in for")
    parser.add_argument("--record", type=Path, help="the record of somebody else that `lying` puts in")
    given = parser.parse_args(arguments)
    own = Credentials(given.keys, known=Path("relay.known"))
    gateway = Credentials(given.gateway_keys, known=Path("relay-gateway.known"))
    spoiling = Spoiling(given.spoil, given.seconds, given.kill, given.record.read_bytes() if given.record else b"", own.answer_key())
    anyio.run(_serve, loopback(given.listen).target, loopback(given.behind).target, spoiling, own, gateway.channel(given.ura))


async def _serve(listen: str, behind: str, spoiling: Spoiling, own: Credentials, through: tuple[grpc.ChannelCredentials, Options]) -> None:
    credentials, options = through
    async with aio.secure_channel(behind, credentials, options=(*CHANNEL, *options)) as channel:
        server = aio.server(options=(*SERVER, ("grpc.max_send_message_length", 2 * _OVERSIZED)))
        add_HolderServiceServicer_to_server(Relay(HolderServiceStub(channel), spoiling), server)
        server.add_secure_port(listen, own.server())
        await server.start()
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            async for _ in signals:
                break
        await server.stop(None)


if __name__ == "__main__":
    main()
