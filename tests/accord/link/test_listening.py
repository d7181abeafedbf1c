"""Places of a server: no organisation has them all, whoever does not read keeps theirs until the deadline, and others are served."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from hyperframe.frame import SettingsFrame

from accord.link.listening import Bystanders, Ears, Listening
from accord.rules.places import Places
from accord.terms.faults import Fault
from testbed.http2_floods import call
from testbed.http2_peer import PREFACE, Http2Peer

pytestmark = pytest.mark.anyio

SERVICE: Final = "accord.test.Talking"
WHO: Final = "who"


async def _unnoted(_fault: Fault) -> None:
    """Nobody is refused here for who they are."""


class Talking:
    """Tells something large; `waits` until it may go on."""

    def __init__(self) -> None:
        self.goes_on = anyio.Event()

    async def tell(self, _message: Any, context: Any) -> None:
        """A message larger than any window."""
        await self.goes_on.wait()
        await context.write(b"x" * 200_000)


@asynccontextmanager
async def talking(folder: Path, *, most: int = 6, of_one: int = 4) -> AsyncGenerator[tuple[Talking, Places, str]]:
    """The service, its places, and where it is. The first header of a call says who calls."""
    service, places = Talking(), Places(most, of_one=of_one)

    def who(context: Any) -> str:
        return next((str(value) for key, value in context.invocation_metadata() if key == WHO), "nobody")

    ears = Ears(Listening(places), who, _unnoted, 300.0)
    server = aio.server(interceptors=[Bystanders(3)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Tell": ears.many_answers(service.tell, Empty, bytes)}),))
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    target = f"unix:{folder}/talking"
    server.add_insecure_port(target)
    await server.start()
    try:
        yield service, places, target
    finally:
        await server.stop(None)


def ask(channel: aio.Channel, who: str) -> Any:
    tell: Any = channel.unary_stream(f"/{SERVICE}/Tell", request_serializer=Empty.SerializeToString, response_deserializer=None)
    return tell(Empty(), timeout=30, metadata=((WHO, who),))


async def heard(asked: Any) -> str:
    """The details of a refusal; empty for an answer."""
    try:
        async for _ in asked:
            pass
    except aio.AioRpcError as refused:
        return refused.details() or ""
    return ""


async def until(holds: Any) -> None:
    with anyio.fail_after(60):
        while not holds():  # noqa: ASYNC110 - nobody tells when grpc is through with a call
            await anyio.sleep(0.01)


async def test_p7_one_organisation_cannot_have_all_places(tmp_path: Path) -> None:
    async with talking(tmp_path) as (service, places, target), aio.insecure_channel(target) as channel:
        under_way = [ask(channel, "one") for _ in range(4)]
        await until(lambda: places.held == 4)
        fifth = await heard(ask(channel, "one"))
        service.goes_on.set()
        other = await heard(ask(channel, "other"))
        answers = [await heard(one) for one in under_way]
        await until(lambda: places.held == 0)

    assert (fifth, other) == (Fault.TOO_MANY_QUESTIONS, "")
    assert answers == [""] * 4


async def test_p7_whoever_never_reads_has_their_place_until_the_deadline_and_no_longer(tmp_path: Path) -> None:
    async with talking(tmp_path) as (service, places, target):
        service.goes_on.set()

        def stand_still() -> tuple[int, int]:
            with Http2Peer.connect(target, None) as peer:
                peer.send([PREFACE, SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}).serialize()])
                peer.listen(0.2)
                peer.send(call(f"/{SERVICE}/Tell", deadline="6S"))
                end = time.monotonic() + 60
                while not places.held and time.monotonic() < end:
                    peer.listen(0.02)
                peer.listen(1.0)
                during = places.held
                peer.listen(60.0, until="RstStream")
                return during, peer.heard["Data"]

        during, data = await anyio.to_thread.run_sync(stand_still)
        await until(lambda: places.held == 0)

    assert (during, data) == (1, 0)


async def test_p7_whoever_watches_over_health_keeps_nobody_from_asking(tmp_path: Path) -> None:
    async with talking(tmp_path) as (service, _, target), aio.insecure_channel(target) as channel:
        service.goes_on.set()
        health: Any = health_pb2_grpc.HealthStub(channel)
        watching = [health.Watch(health_pb2.HealthCheckRequest(), timeout=30) for _ in range(3)]
        for one in watching:
            await one.read()
        fourth = await heard(health.Watch(health_pb2.HealthCheckRequest(), timeout=30))
        with pytest.raises(aio.AioRpcError) as checked:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=30)
        answered = await heard(ask(channel, "one"))
        for one in watching:
            one.cancel()
        with anyio.fail_after(20):
            while await heard(_checking(health)) == Fault.TOO_MANY_QUESTIONS:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)

    assert (fourth, checked.value.details(), answered) == (Fault.TOO_MANY_QUESTIONS, Fault.TOO_MANY_QUESTIONS, "")


async def _checking(health: Any) -> AsyncGenerator[Any]:
    yield await health.Check(health_pb2.HealthCheckRequest(), timeout=30)
