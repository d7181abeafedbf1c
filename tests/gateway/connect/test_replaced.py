"""Connections that were replaced: left alone while an answer may be under way on them, and closed after that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import anyio
import grpc
import pytest
from grpc import aio

from accord.link.certificates import make_authority
from gateway.connect.composition import _look_around
from gateway.connect.grpc_relay import GatewayChannel
from gateway.connect.patients import Patients
from gateway.connect.replaced import GRACE_SECONDS, Replaced
from gateway.connect.upstream import Upstream, gateway_address
from tests.accord.link.small_region import GATEWAY, HOSPITAL, SmallRegion
from tests.gateway.connect.local_proxy import Answer, FakeGateway, Seen, running

pytestmark = pytest.mark.anyio

SECONDS: Final = 60.0
OVER: Final = SECONDS + GRACE_SECONDS
CLOSED: Final = grpc.ChannelConnectivity.SHUTDOWN


class Clock:
    """Seconds that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


async def test_what_was_replaced_is_closed_after_its_longest_question_or_at_the_end() -> None:
    clock, closed = Clock(), list[str]()
    replaced = Replaced(SECONDS, clock)

    async def close(name: str) -> None:
        closed.append(name)

    replaced.put(lambda: close("first"))
    clock.now += 50
    replaced.put(lambda: close("second"))
    clock.now += OVER - 51
    await replaced.close_over()
    assert closed == []

    clock.now += 1
    await replaced.close_over()
    assert closed == ["first"]

    await replaced.close_all()
    await replaced.close_all()
    assert closed == ["first", "second"]


async def test_one_that_cannot_be_closed_keeps_none_of_the_others_open() -> None:
    closed: list[str] = []
    replaced = Replaced(SECONDS)

    async def fail() -> None:
        raise OSError

    async def close() -> None:
        closed.append("second")

    replaced.put(fail)
    replaced.put(close)
    await replaced.close_all()

    assert closed == ["second"]


# -- gRPC


@asynccontextmanager
async def gateway_that_waits(go_on: anyio.Event) -> AsyncIterator[str]:
    """One that says a word, and another when it is told to go on."""

    async def answer(_: bytes, context: Any) -> None:
        await context.write(b"first")
        await go_on.wait()
        await context.write(b"second")

    server = aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Ask": grpc.unary_stream_rpc_method_handler(answer)}),))
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_channels_of_earlier_certificates_are_closed_when_their_answers_must_be_over() -> None:
    clock, go_on, generation = Clock(), anyio.Event(), [1]
    async with gateway_that_waits(go_on) as target:
        gateway = GatewayChannel(target, credentials=lambda: (grpc.local_channel_credentials(), generation[0]), seconds=SECONDS, now=clock)
        channels = [gateway.current()]
        ask: Any = channels[0].unary_stream("/test/Ask")
        answers = aiter(ask(b""))
        first = await anext(answers)
        for number in range(2, 7):
            generation[0] = number
            channels.append(gateway.current())
        clock.now += OVER - 1
        await gateway.close_over()
        assert CLOSED not in [channel.get_state() for channel in channels]

        go_on.set()
        assert (first, await anext(answers)) == (b"first", b"second")

        clock.now += 1
        await gateway.close_over()
        assert [channel.get_state() for channel in channels[:-1]] == [CLOSED] * 5
        assert gateway.current() is channels[-1]
        assert channels[-1].get_state() is not CLOSED

        await gateway.close()
        assert channels[-1].get_state() is CLOSED


async def test_channels_that_were_replaced_are_closed_at_the_end_too() -> None:
    generation = [1]
    gateway = GatewayChannel("127.0.0.1:1", credentials=lambda: (grpc.local_channel_credentials(), generation[0]))
    channels = [gateway.current()]
    generation[0] = 2
    channels.append(gateway.current())
    await gateway.close()

    assert [channel.get_state() for channel in channels] == [CLOSED, CLOSED]


# -- HTTP


async def test_an_answer_on_a_replaced_connection_is_read_to_its_end_before_it_is_closed(tmp_path: Path) -> None:
    clock, go_on = Clock(), anyio.Event()

    async def answers(seen: Seen) -> Answer:
        return Answer(parts=(b"first", b"second"), go_on=go_on) if "metadata" in seen.target else Answer()

    async with running(tmp_path, FakeGateway(answers), tls=True, elapsed=clock) as run:
        upstream = run.parts.upstream
        earlier = upstream._client
        async with run.client.stream("GET", "/fhir/metadata") as answer:
            parts = answer.aiter_raw()
            first = await anext(parts)
            with run.region.change() as draft:
                draft.renew_keys(GATEWAY.ura, tmp_path / "renewed")
                draft.drop_old(GATEWAY.ura)
            upstream.live.take(run.region.text, datetime.now(UTC))
            upstream.check_standing()
            clock.now += OVER - 1
            await upstream.close_over()
            go_on.set()
            rest = b"".join([part async for part in parts])

        assert (first, rest) == (b"first", b"second")
        assert upstream._client is not earlier
        assert not earlier.is_closed

        clock.now += 1
        await upstream.close_over()
        assert (earlier.is_closed, upstream._client.is_closed) == (True, False)


@pytest.mark.parametrize("at_the_end", [False, True])
async def test_no_client_of_earlier_authorities_is_lost_sight_of(tmp_path: Path, at_the_end: bool) -> None:  # noqa: FBT001
    clock, files = Clock(), SmallRegion(tmp_path).files(HOSPITAL)
    live: Any = SimpleNamespace(newest=of_authorities(0))
    upstream = Upstream(gateway_address("https://127.0.0.1:1"), GATEWAY.ura, live, files, SECONDS, now=clock)
    clients = [upstream._client]
    for number in range(1, 7):
        live.newest = of_authorities(number)
        upstream.refresh()
        clients.append(upstream._client)
    await upstream.close_over()
    assert not any(client.is_closed for client in clients)

    if at_the_end:
        await upstream.close()
    else:
        clock.now += OVER
        await upstream.close_over()
    assert [client.is_closed for client in clients] == [True] * 6 + [at_the_end]


def of_authorities(number: int) -> SimpleNamespace:
    return SimpleNamespace(authorities=(make_authority(f"twente{number}", at=datetime.now(UTC), days=30).certificate,))


async def test_the_process_closes_them_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.connect.composition._LOOK_AROUND_SECONDS", 0.01)
    both = anyio.Event(), anyio.Event()

    def closing(closed: anyio.Event) -> Any:
        async def close_over() -> None:
            closed.set()

        return SimpleNamespace(close_over=close_over, refresh=lambda: None)

    parts: Any = SimpleNamespace(patients=Patients(), book=SimpleNamespace(forget_expired=lambda _: None), upstream=closing(both[0]))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_look_around, parts, closing(both[1]))
        with anyio.fail_after(60):
            for closed in both:
                await closed.wait()
        tasks.cancel_scope.cancel()

    assert all(closed.is_set() for closed in both)
