"""An agent that only calls out: whoever stands between it and its gateways, whatever breaks, whoever pretends."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.terms.answers import Batch, Ending, Frame
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, QueryId
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from accord.wire.v1 import agent_door_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from gateway.adapters.agent_door import RETRY_AFTER, DoorTimes
from gateway.ports import HolderFailure
from testbed.connect_proxy import ConnectProxy, Inspection
from testbed.contracts.records import ANNA, observation
from testbed.memory_source import MemorySource
from testbed.outbound import Door, OutboundRegion
from tests.region.outbound_world import (
    ASKER,
    BRINKHOF,
    QUICK,
    RECORDS,
    SECONDS,
    WIEKE,
    answer,
    attending,
    holders_of,
    is_whole,
    region_in,
    until,
    until_here,
)
from tests.region.scripted_agent import called, claim, introduced, refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
def region(tmp_path: Path) -> OutboundRegion:
    return region_in(tmp_path)


@pytest.fixture
async def door(region: OutboundRegion) -> AsyncIterator[Door]:
    async with region.door(uncertified="127.0.0.1:0", times=QUICK) as door:
        yield door


async def test_p13_what_the_source_keeps_arrives_byte_for_byte_from_an_agent_without_a_port(region: OutboundRegion, door: Door) -> None:
    async with attending(region.agent("brinkhof", [door.address])):
        await until_here(door)

        assert is_whole(await answer(door, region))


@pytest.mark.parametrize("password", ["", "s3cr%40t"])
async def test_the_proxy_of_the_provider_is_gone_through(region: OutboundRegion, door: Door, password: str) -> None:
    async with ConnectProxy(user="agent" if password else "", password="s3cr@t" if password else "") as proxy:
        url = proxy.bare_url.replace("//", f"//agent:{password}@") if password else proxy.url
        async with attending(region.agent("brinkhof", [door.address], proxy=url)):
            await until_here(door)

            assert is_whole(await answer(door, region))
            assert (proxy.connections, proxy.refused) == (1, 0)


async def test_without_the_password_of_the_proxy_nobody_gets_out(region: OutboundRegion, door: Door) -> None:
    async with ConnectProxy(user="agent", password="secret") as proxy, attending(region.agent("brinkhof", [door.address], proxy=proxy.bare_url)):
        await until(lambda: proxy.refused > 0)

        assert len(door.agents.sessions) == 0


async def test_p6_a_proxy_that_opens_tls_passes_everything_on_and_can_read_none_of_it(region: OutboundRegion, door: Door) -> None:
    inspection = Inspection("\n".join(door.live.newest.authorities))
    async with ConnectProxy(inspection=inspection) as proxy:
        async with attending(region.agent("brinkhof", [door.uncertified], proxy=proxy.url, further=inspection.authority)):
            await until_here(door)

            assert is_whole(await answer(door, region))
        seen = bytes(proxy.seen)
        # It did read the control stream.
        assert BRINKHOF.value.encode() in seen
        assert ANNA.encode() not in seen
        assert not any(record[:40] in seen or record[-40:] in seen for record in RECORDS)


async def test_a_proxy_that_opens_tls_and_is_not_believed_is_not_gone_through(region: OutboundRegion, door: Door) -> None:
    inspection = Inspection("\n".join(door.live.newest.authorities))
    async with ConnectProxy(inspection=inspection) as proxy, attending(region.agent("brinkhof", [door.uncertified], proxy=proxy.url)):
        await until(lambda: proxy.connections > 1)

        assert len(door.agents.sessions) == 0


async def test_p1_what_a_proxy_changes_is_no_answer(region: OutboundRegion, door: Door) -> None:
    inspection = Inspection("\n".join(door.live.newest.authorities))

    def change(data: bytes) -> bytes:
        # Somewhere in what is sealed.
        return data if len(data) < 10_000 else data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]

    async with ConnectProxy(inspection=inspection) as proxy:
        proxy.change = change
        source = MemorySource([RECORDS[0], *(observation(str(number), "a") for number in range(2000))])
        async with attending(region.agent("brinkhof", [door.uncertified], proxy=proxy.url, further=inspection.authority), source):
            await until_here(door)
            with pytest.raises(HolderFailure) as failed:
                await answer(door, region)

    assert failed.value.ending is Ending.CUT_OFF


async def test_an_agent_without_a_certificate_does_not_get_in_where_one_is_wanted(region: OutboundRegion, door: Door) -> None:
    inspection = Inspection("\n".join(door.live.newest.authorities))
    async with ConnectProxy(inspection=inspection) as proxy, attending(region.agent("brinkhof", [door.address], proxy=proxy.url, further=inspection.authority)):
        await until(lambda: proxy.connections > 1)

        assert len(door.agents.sessions) == 0


async def test_p3_an_agent_that_is_lost_is_unreachable_at_once_and_comes_back(region: OutboundRegion, door: Door) -> None:
    async with ConnectProxy() as proxy, attending(region.agent("brinkhof", [door.address], proxy=proxy.url)):
        await until_here(door)
        proxy.cut()
        await until_here(door, 0)
        with pytest.raises(HolderFailure) as failed:
            await answer(door, region)
        await until_here(door)

        assert (failed.value.ending, failed.value.code) == (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)
        assert is_whole(await answer(door, region))


async def test_p8_an_answer_that_is_lost_in_the_middle_is_told_to_be_cut(region: OutboundRegion, door: Door) -> None:
    source = MemorySource(RECORDS, at_once=1)
    source.waits_after = 2
    async with ConnectProxy() as proxy, attending(region.agent("brinkhof", [door.address], proxy=proxy.url), source):
        await until_here(door)
        came: list[Frame] = []
        query = HolderQuery(QueryId("q-1"), BRINKHOF, Bsn(ANNA), None, ASKER, PurposeOfUse.TREATMENT, EVERYTHING)
        async with holders_of(door).ask(door.registered(region.members["brinkhof"]), query, seconds=SECONDS) as frames:
            while not any(isinstance(frame, Batch) for frame in came):
                came.append(await anext(frames))
            proxy.cut()
            with pytest.raises(HolderFailure) as failed:
                await _all(frames)

    # With something shown, the gateway makes this cut-off, as for a holder with a port.
    assert failed.value.ending is Ending.UNREACHABLE


async def _all(frames: AsyncIterator[Frame]) -> list[Frame]:
    return [frame async for frame in frames]


async def test_a_frozen_control_stream_is_a_lost_agent_and_both_ends_find_out(region: OutboundRegion, door: Door) -> None:
    async with ConnectProxy() as proxy, attending(region.agent("brinkhof", [door.address], proxy=proxy.url)):
        await until_here(door)
        proxy.freeze()
        await until_here(door, 0)
        # The agent, too, has to notice that nothing comes any more, before it makes another connection.
        await until(lambda: proxy.connections > 1)
        proxy.thaw()
        await until_here(door)

        assert is_whole(await answer(door, region))


async def test_an_agent_is_at_every_gateway_and_one_that_is_gone_takes_nobody_with_it(region: OutboundRegion, door: Door) -> None:
    async with region.door(times=QUICK) as other, attending(region.agent("brinkhof", [door.address, other.address])):
        await until_here(door)
        await until_here(other)

        assert is_whole(await answer(door, region))
        assert is_whole(await answer(other, region))


async def test_after_a_restart_of_the_gateway_the_agent_is_back(region: OutboundRegion, tmp_path: Path) -> None:
    at = f"unix:{tmp_path}/door"
    async with attending(region.agent("brinkhof", [at])):
        async with region.door(certified=at, times=QUICK) as door:
            await until_here(door)
        async with region.door(certified=at, times=QUICK) as door:
            await until_here(door)

            assert is_whole(await answer(door, region))


async def test_p11_a_blocked_organisation_is_out_with_its_work_under_way(region: OutboundRegion, door: Door) -> None:
    source = MemorySource(RECORDS, at_once=1)
    source.waits_after = 1
    async with attending(region.agent("brinkhof", [door.address]), source), anyio.create_task_group() as tasks:
        tasks.start_soon(door.live.keep_fresh)
        await until_here(door)
        query = HolderQuery(QueryId("q-1"), BRINKHOF, Bsn(ANNA), None, ASKER, PurposeOfUse.TREATMENT, EVERYTHING)
        async with holders_of(door).ask(door.registered(region.members["brinkhof"]), query, seconds=SECONDS) as frames:
            await anext(frames)
            region.change(lambda draft: draft.block(BRINKHOF))
            with pytest.raises(HolderFailure) as failed:
                await _all(frames)
        await until_here(door, 0)
        tasks.cancel_scope.cancel()

    assert failed.value.ending is Ending.UNREACHABLE


async def test_whoever_has_another_key_than_the_register_says_does_not_get_in(region: OutboundRegion, door: Door) -> None:
    agent = region.agent("brinkhof", [door.address], key=Ed25519PrivateKey.generate())
    async with called(agent, door.address) as stub:
        code = await refusal(stub, agent)

    assert code == Fault.SESSION_BROKEN
    assert len(door.agents.sessions) == 0


async def test_whoever_says_to_be_another_than_its_certificate_is_refused(region: OutboundRegion, door: Door) -> None:
    agent = region.agent("brinkhof", [door.address])
    async with called(region.agent("wieke", []), door.address) as stub:
        code = await refusal(stub, agent)

    assert code == Fault.NOT_A_MEMBER


async def test_nobody_takes_up_anothers_work_and_no_work_twice(region: OutboundRegion, door: Door) -> None:
    """A claim that is made again, with another token, or of another session, is refused, and the work goes on."""
    brinkhof = region.agent("brinkhof", [door.address])
    async with called(brinkhof, door.address) as ours, called(region.agent("wieke", []), door.address) as theirs:  # noqa: SIM117 - a session needs its client first
        async with introduced(ours, brinkhof) as session, anyio.create_task_group() as tasks:
            client = HolderServiceStub(door.channel_to(BRINKHOF))
            tasks.start_soon(_described, client)
            number = await session.next_work()
            seals = session.key.work(number)
            good = pb.WorkClaim(session=session.name, number=number, token=seals.token)
            codes = [
                await claim(ours, pb.WorkClaim(session=session.name, number=number, token=bytes(32))),
                await claim(ours, pb.WorkClaim(session=session.name, number=number + 1, token=seals.token)),
                await claim(ours, pb.WorkClaim(session=bytes(16), number=number, token=seals.token)),
                # Even with everything that the right one has: the channel is another's.
                await claim(theirs, good),
            ]
            call = ours.Work(timeout=SECONDS)
            await call.write(pb.WorkRequest(claim=good))
            order: Any = await call.read()
            codes.append(await claim(ours, good))
            call.cancel()
            tasks.cancel_scope.cancel()

    assert codes == [Fault.WORK_GONE, Fault.WORK_GONE, Fault.WORK_GONE, Fault.NOT_A_MEMBER, Fault.WORK_GONE]
    assert pb.WorkOrder.FromString(seals.order.open(order.order)).method.endswith("/Describe")


async def _described(client: Any) -> None:
    with suppress(aio.AioRpcError):
        await client.Describe(holder_service_pb2.DescribeRequest(), timeout=SECONDS)


async def test_p7_more_agents_than_are_let_in_are_told_when_to_come_back(region: OutboundRegion) -> None:
    async with region.door(times=DoorTimes(per_second=0.01)) as door:
        agent = region.agent("brinkhof", [door.address])
        async with called(agent, door.address) as stub:
            code = await refusal(stub, agent)
            call: Any = stub.Attend()
            trailers = dict(await call.trailing_metadata())

            assert code == Fault.DOOR_BUSY
            assert int(trailers[RETRY_AFTER]) >= 1000


async def test_p7_claims_that_say_nothing_and_questions_of_strangers_keep_nobody_out(region: OutboundRegion, door: Door) -> None:
    wieke = region.agent("wieke", [door.address])
    async with called(wieke, door.address) as flooding:
        calls = [flooding.Work() for _ in range(300)] + [flooding.Attend() for _ in range(100)]
        await anyio.lowlevel.checkpoint()
        async with attending(region.agent("brinkhof", [door.address])):
            await until_here(door)

            assert is_whole(await answer(door, region))
        for call in calls:
            call.cancel()
    assert {WIEKE} & {session.ura for session in door.agents.sessions.everyone} == set()
