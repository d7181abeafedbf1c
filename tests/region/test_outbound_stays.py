"""An agent that only calls out never gives up: whatever a gateway, or the line to it, does not do."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
from grpc import StatusCode, aio

from accord.region.draft import Draft
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, QueryId, Ura
from accord.terms.members import MemberStatus
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from accord.wire.v1 import agent_door_service_pb2 as pb
from node_agent.api.attending import Attending, AttendTimes, Connect
from testbed.connect_proxy import ConnectProxy
from testbed.contracts.records import ANNA
from testbed.memory_source import MemorySource
from testbed.outbound import OutboundRegion, outbound_member
from tests.region.outbound_world import ASKER, BRINKHOF, QUICK, RECORDS, SECONDS, answer, attending, holders_of, is_whole, region_in, until, until_here
from tests.region.scripted_door import scripted_door

pytestmark = pytest.mark.anyio

#: So impatient that a test need not wait for long. Only where a gateway is to be given up: on a busy machine a sound one may be, too.
IMPATIENT = AttendTimes(introduction=0.3, order=0.3)
#: For an order alone: how long an introduction takes is the machine's.
IMPATIENT_OF_ORDERS = AttendTimes(introduction=SECONDS, order=0.3)


@pytest.fixture
def region(tmp_path: Path) -> OutboundRegion:
    return region_in(tmp_path)


@asynccontextmanager
async def kept(region: OutboundRegion, address: str, times: AttendTimes, *, proxy: str = "") -> AsyncIterator[Attending]:
    """An agent that is at this address, and answers nothing."""
    agent = region.agent("brinkhof", [address], proxy=proxy)
    attending = Attending(address, agent.to.own, {}, agent.to.connect, times)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(attending.keep)
        yield attending
        tasks.cancel_scope.cancel()


async def test_a_gateway_that_says_nothing_is_called_again_and_again(region: OutboundRegion) -> None:
    """As one does that is starting on a busy machine: of 200 agents some gave up for ever."""
    async with scripted_door(region) as (door, address):
        door.lets_in = False
        async with kept(region, address, IMPATIENT) as one:
            await until(lambda: door.attends > 2 or one.ended.is_set())
            lost = (one.attached, bool(one.told.code))
            door.lets_in = True
            await until(lambda: one.stays > 0 or one.ended.is_set())

            assert one.stays == 1
            assert (lost, one.attached, one.told.code) == ((False, True), True, "")


async def test_a_gateway_that_is_lost_has_one_line_and_one_when_it_is_back(region: OutboundRegion) -> None:
    """However often it is called in between."""
    with structlog.testing.capture_logs() as logged:
        async with scripted_door(region) as (door, address):
            door.lets_in = False
            async with kept(region, address, IMPATIENT) as one:
                await until(lambda: door.attends > 3)
                door.lets_in = True
                await until(lambda: one.stays > 0)

    assert [line["event"] for line in logged if line.get("gateway") == address] == ["gateway lost", "the gateway is back"]


class _HangsUp:
    """A call of which a word is cut off, as grpc.aio tells it (seen once in 200): its own error, for good, and not what the gateway said."""

    def __init__(self, call: Any, words: int) -> None:
        self._call = call
        self._words = words

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def write(self, said: object) -> None:
        if self._words:
            self._words -= 1
            await self._call.write(said)
            return
        self._call.cancel()
        raise aio.AioRpcError(StatusCode.INTERNAL, aio.Metadata(), aio.Metadata(), details="Internal error from Core")


def hanging_up(connect: Connect, *, times: int, words: int) -> Connect:
    """A way to a gateway that hangs up so many times, after so many words."""
    made = 0

    def connected(address: str) -> Any:
        channel = connect(address)
        call_of = channel.stream_stream

        def stream_stream(*arguments: Any, **options: Any) -> Any:
            def call(*given: Any, **more: Any) -> Any:
                nonlocal made
                made += 1
                called = call_of(*arguments, **options)(*given, **more)
                return _HangsUp(called, words) if made <= times else called

            return call

        channel.stream_stream = stream_stream  # type: ignore[method-assign]
        return channel

    return connected


@pytest.mark.parametrize("times", [1, 100])
async def test_a_gateway_that_hung_up_while_we_spoke_is_asked_what_it_said(region: OutboundRegion, times: int) -> None:
    """It turned us away before it had read a word. Asked at once it says why; one that goes on so is lost, in a code of ours."""
    region.change(lambda draft: draft.block(BRINKHOF))
    async with region.door(times=QUICK) as door:
        agent = region.agent("brinkhof", [door.address])
        one = Attending(door.address, agent.to.own, {}, hanging_up(agent.to.connect, times=times, words=0))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.keep)
            await until(lambda: bool(one.told.code))
            tasks.cancel_scope.cancel()

    assert one.told.code == (Fault.ORGANISATION_BLOCKED if times == 1 else Fault.STREAM_CUT).value


async def test_a_gateway_that_hangs_up_on_a_session_has_a_new_one_with_numbers_of_its_own(region: OutboundRegion) -> None:
    """Greeting and proof are heard, and a sign of life is cut off: work of the next session begins at one again, and is taken up."""
    async with scripted_door(region) as (door, address):
        agent = region.agent("brinkhof", [address])
        one = Attending(address, agent.to.own, {}, hanging_up(agent.to.connect, times=1, words=2), IMPATIENT_OF_ORDERS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.keep)
            stood = None
            for stays in (1, 2):
                await until(lambda: door.stands is not stood)  # noqa: B023 - waited for at once
                stood = door.stands
                await door.tell(pb.AttendResponse(waiting=pb.WorkWaiting(number=1)))
                await until(lambda: len(door.claims) == stays)  # noqa: B023
                await door.tell(pb.AttendResponse(ping=pb.GatewayPing(number=1)))
            tasks.cancel_scope.cancel()

    assert door.claims == [1, 1]


async def test_an_agent_that_is_not_active_yet_says_that_and_what_comes_next(region: OutboundRegion) -> None:
    """It may run before it is activated: that is no gateway that is lost."""

    def stands(status: MemberStatus) -> Callable[[Draft], None]:
        return lambda draft: draft.change_member(BRINKHOF, lambda member: replace(member, status=status))

    region.change(stands(MemberStatus.PLANNED))
    with structlog.testing.capture_logs() as logged:
        async with region.door(times=QUICK) as door, anyio.create_task_group() as tasks:
            agent = region.agent("brinkhof", [door.address])
            one = Attending(door.address, agent.to.own, {}, agent.to.connect)
            for live in (door.live, agent.live):
                tasks.start_soon(live.keep_fresh)
            tasks.start_soon(one.keep)
            await until(lambda: bool(one.told.code))
            waits = one.told.code
            region.change(stands(MemberStatus.ACTIVE))
            await until(lambda: one.stays > 0)
            region.change(stands(MemberStatus.BLOCKED))
            await until(lambda: one.told.code == Fault.ORGANISATION_BLOCKED.value)
            tasks.cancel_scope.cancel()

    assert waits == Fault.NOT_ACTIVE.value
    told = [line for line in logged if line.get("gateway") == door.address]
    assert [line["event"] for line in told] == ["not active yet, so this gateway does not let us in", "attending", "gateway lost"]
    assert "noaber agent activate" in told[0]["next"]


async def test_an_order_that_does_not_come_ends_nothing_but_its_own_work(region: OutboundRegion) -> None:
    """Whoever stands in the line may hold back one call: the session stays, and what else is under way in it."""
    async with scripted_door(region) as (door, address), kept(region, address, IMPATIENT_OF_ORDERS) as one:
        await until(lambda: door.stands is not None)
        for number in (1, 2):
            await door.tell(pb.AttendResponse(waiting=pb.WorkWaiting(number=number)))
            await until(partial(door.has_claim, number))
            await anyio.sleep(2 * IMPATIENT_OF_ORDERS.order)
        await door.tell(pb.AttendResponse(ping=pb.GatewayPing(number=1)))
        await until(lambda: door.pongs > 0 or one.stays > 1)

        assert (one.stays, door.attends, door.claims) == (1, 1, [1, 2])


#: A session that is old after half a second, as others are after twenty minutes.
SHORT_LIVED = AttendTimes(life=0.5, grace=SECONDS)


async def test_p8_while_sessions_are_renewed_every_answer_comes_whole(region: OutboundRegion) -> None:
    """There is always a session that takes up work, and one that is replaced finishes its own."""
    names: set[bytes] = set()
    gaps = 0
    async with region.door(times=QUICK) as door, attending(region.agent("brinkhof", [door.address], times=SHORT_LIVED), MemorySource(RECORDS, at_once=1)):
        await until_here(door)
        answers = 0
        while len(names) < 5:
            names |= {session.name for session in door.agents.sessions.everyone}
            gaps += door.agents.sessions.of(BRINKHOF) is None
            assert is_whole(await answer(door, region))
            answers += 1

    assert gaps == 0
    assert answers >= 1


async def test_p8_an_answer_that_is_under_way_while_its_session_is_renewed_goes_on_to_its_end(region: OutboundRegion) -> None:
    source = MemorySource(RECORDS, at_once=1)
    source.waits_after = 1
    async with region.door(times=QUICK) as door, attending(region.agent("brinkhof", [door.address], times=SHORT_LIVED), source):
        await until_here(door)
        (first,) = door.agents.sessions.everyone
        query = HolderQuery(QueryId("q-1"), BRINKHOF, Bsn(ANNA), None, ASKER, PurposeOfUse.TREATMENT, EVERYTHING)
        async with holders_of(door).ask(door.registered(region.members["brinkhof"]), query, seconds=SECONDS) as frames:
            came = [await anext(frames)]
            # It is in the middle of its answer, and its session is an old one now.
            await until(lambda: first.leaving)
            source.go_on.set()
            came += [frame async for frame in frames]
        still = door.agents.sessions.of(BRINKHOF)

    assert is_whole(came)
    assert still is not None
    assert still is not first


async def test_an_old_session_stays_for_as_long_as_there_is_no_new_one(region: OutboundRegion) -> None:
    """A gateway that lets nobody in at this moment loses nobody whom it has."""
    goes_on = anyio.Event()
    async with scripted_door(region) as (door, address), kept(region, address, replace(IMPATIENT, life=0.2)) as one:

        async def holds_up_whoever_comes_again() -> None:
            if one.stays:
                await goes_on.wait()

        # By the door and not by us: a session is old so soon that on a busy machine another might be in before we look.
        door.before_welcome = holds_up_whoever_comes_again
        await until(lambda: one.stays > 0)
        before = door.attends
        await until(lambda: door.attends > before + 1)
        assert (door.left, one.stays) == (0, 1)
        await door.tell(pb.AttendResponse(waiting=pb.WorkWaiting(number=1)))
        await until(lambda: door.claims == [1])
        goes_on.set()
        await until(lambda: door.left > 0)


async def test_who_is_told_to_wait_keeps_its_connection(region: OutboundRegion) -> None:
    """At a gateway to which many come, a handshake is what costs most."""
    async with scripted_door(region) as (door, address), ConnectProxy() as proxy:
        door.busy = 2
        async with kept(region, address, AttendTimes(), proxy=proxy.url) as one:
            await until(lambda: one.stays > 0)

            assert (door.attends, proxy.connections) == (3, 1)


async def test_p7_agents_that_lost_their_gateway_at_the_same_moment_come_back_in_turns(tmp_path: Path) -> None:
    """Whatever chance says: two of them do not come within the same part of the time."""
    holders = [outbound_member(f"h{number}", Ura(f"9100{number:04}")) for number in range(40)]
    region = OutboundRegion(tmp_path, holders)
    agent = region.agent("h0", [])
    waits = []
    for holder in holders:
        own = replace(agent.to.own, ura=holder.ura)
        waits.append(Attending("127.0.0.1:9", own, {}, agent.to.connect).wait_after(TimeoutError()))
    spread = 40 / 9.0

    assert [int(wait / spread * 40) for wait in waits] == list(range(40))
