"""What a region without ports stands when much comes at once, keys are withdrawn, and sessions change at a bad moment."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from grpc import StatusCode, aio, stream_stream_rpc_method_handler

from accord.terms.faults import Fault
from accord.terms.members import MemberStatus
from accord.wire.v1 import agent_door_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from gateway.adapters.agent_channel import AgentChannel
from node_agent.api.attending import Attending, AttendTimes
from testbed.outbound import Door, OutboundRegion
from testbed.region_office import GATEWAY
from tests.region.outbound_world import BRINKHOF, QUICK, SECONDS, attending, region_in, until, until_here
from tests.region.scripted_agent import called, claim
from tests.region.scripted_door import scripted_door

pytestmark = pytest.mark.anyio


@pytest.fixture
def region(tmp_path: Path) -> OutboundRegion:
    return region_in(tmp_path)


@pytest.fixture
async def door(region: OutboundRegion) -> AsyncIterator[Door]:
    async with region.door(uncertified="127.0.0.1:0", times=QUICK) as door:
        yield door


async def _describes(channel: AgentChannel, number: int) -> Counter[StatusCode]:
    """How so many calls at the same time end."""
    ended: Counter[StatusCode] = Counter()
    client: Any = HolderServiceStub(channel)

    async def describe() -> None:
        try:
            await client.Describe(holder_service_pb2.DescribeRequest(), timeout=SECONDS / 3)
            ended[StatusCode.OK] += 1
        except aio.AioRpcError as failure:
            ended[failure.code()] += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(number):
            tasks.start_soon(describe)
    return ended


@pytest.mark.parametrize("certified", [True, False])
async def test_p8_of_many_questions_at_the_same_moment_none_is_lost_at_the_door(region: OutboundRegion, door: Door, *, certified: bool) -> None:
    async with attending(region.agent("brinkhof", [door.address if certified else door.uncertified])):
        await until_here(door)
        ended = await _describes(door.channel_to(BRINKHOF), 400)

    assert StatusCode.DEADLINE_EXCEEDED not in ended, ended


async def test_p7_a_crowd_at_the_door_for_strangers_keeps_no_agent_that_is_in_from_its_work(region: OutboundRegion, door: Door) -> None:
    """Not even when the crowd comes from the agent's own host, as it does behind one proxy."""
    async with attending(region.agent("brinkhof", [door.uncertified])), called(region.agent("wieke", []), door.uncertified) as flooding:
        await until_here(door)
        calls = [flooding.Work() for _ in range(100)]
        with anyio.fail_after(SECONDS):
            while await claim(flooding, pb.WorkClaim(session=bytes(16))) is not Fault.DOOR_BUSY:
                pass
        ended = await _describes(door.channel_to(BRINKHOF), 3)
        for call in calls:
            call.cancel()

    assert ended == Counter({StatusCode.OK: 3})


async def test_p8_work_that_was_announced_before_the_gateway_knew_that_a_session_ends_is_taken_up(region: OutboundRegion) -> None:
    """Two sessions are two connections: what the gateway said on the old one may arrive after the agent said farewell there."""
    async with scripted_door(region) as (door, address), attending(region.agent("brinkhof", [address], times=AttendTimes(life=0.3, farewell=SECONDS))):
        await until(lambda: door.stands is not None)
        first = door.stands
        await until(lambda: door.left > 0)
        assert first is not None
        await first.write(pb.AttendResponse(waiting=pb.WorkWaiting(number=1)))

        await until(lambda: door.has_claim(1))


async def test_a_session_that_was_left_ends_as_soon_as_nothing_waits_in_it(region: OutboundRegion, door: Door) -> None:
    async with attending(region.agent("brinkhof", [door.address], times=AttendTimes(life=0.3, farewell=10 * SECONDS, grace=20 * SECONDS))):
        await until_here(door)
        (first,) = door.agents.sessions.everyone
        await until(first.ended.is_set)
        await until_here(door)


async def test_p11_a_session_ends_with_the_key_that_opened_it(region: OutboundRegion, door: Door) -> None:
    """A stolen key of answers opens a session at the door that asks for no certificate: once the office drops the key, nothing is asked there."""
    async with anyio.create_task_group() as tasks, attending(region.agent("brinkhof", [door.uncertified])):
        tasks.start_soon(door.live.keep_fresh)
        await until_here(door)
        region.change(lambda draft: draft.change_member(BRINKHOF, lambda member: replace(member, keys=())))
        await until_here(door, 0)
        tasks.cancel_scope.cancel()


async def test_p8_work_that_fails_in_an_unforeseen_way_ends_nothing_but_itself(region: OutboundRegion, door: Door) -> None:
    agent, goes_on = region.agent("brinkhof", [door.address]), anyio.Event()

    async def wait(_: Any, context: Any) -> None:
        await goes_on.wait()
        await context.write(b"done")

    async def fail(_: Any, __: Any) -> None:
        raise KeyError("unforeseen")

    calls: Any = {f"/{name}": stream_stream_rpc_method_handler(each, bytes, bytes) for name, each in (("wait", wait), ("fail", fail))}
    attending = Attending(door.address, agent.to.own, calls, agent.to.connect)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(attending.keep)
        await until_here(door)
        channel = door.channel_to(BRINKHOF)
        waiting = channel.unary_stream("/wait", bytes, bytes)(b"", timeout=SECONDS)
        with pytest.raises(aio.AioRpcError):
            await channel.unary_stream("/fail", bytes, bytes)(b"", timeout=SECONDS).read()
        goes_on.set()
        said = await waiting.read()
        tasks.cancel_scope.cancel()

    assert (said, attending.stays) == (b"done", 1)


async def test_p11_a_gateway_that_is_blocked_just_before_its_welcome_is_left(region: OutboundRegion) -> None:
    """The agent looked when the gateway proved itself, and then only at what changes: this change lay in between."""
    async with scripted_door(region) as (door, address), anyio.create_task_group() as tasks:
        agent = region.agent("brinkhof", [address])
        tasks.start_soon(agent.live.keep_fresh)

        async def is_blocked() -> None:
            region.change(lambda draft: draft.block(GATEWAY))
            await until(lambda: agent.live.newest.by_ura[GATEWAY].status is MemberStatus.BLOCKED)

        door.before_welcome = is_blocked
        attending = Attending(address, agent.to.own, {}, agent.to.connect)
        tasks.start_soon(attending.keep)
        await until(lambda: attending.stays == 1 and not attending.attached)
        tasks.cancel_scope.cancel()
