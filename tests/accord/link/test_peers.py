"""Who is at the other end is decided for each call: a blocked organisation is out at once, on open channels and in open streams."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import grpc
import pytest
from grpc import aio

from accord.link.certificates import key_digest
from accord.link.live_register import LiveRegister
from accord.link.peers import certificate_digest, member_by_digest, still_a_member
from accord.region.draft import Draft
from accord.terms.faults import Fault, Unavailable
from accord.terms.members import MemberStatus
from tests.accord.link.calling import calling, credentials_of, refusal, serving, who
from tests.accord.link.small_region import GATEWAY, NOW, PLANNED, SmallRegion

pytestmark = pytest.mark.anyio


@pytest.fixture
def region(tmp_path: Path) -> SmallRegion:
    return SmallRegion(tmp_path)


def gateways_digest(region: SmallRegion) -> bytes:
    return key_digest(region.files(GATEWAY).certificate.read_bytes())


async def test_a2_a_certificate_of_the_region_that_is_of_no_member_is_refused(region: SmallRegion) -> None:
    async with serving(region, region.live()) as (service, target), calling(target, credentials_of(region, region.stranger())) as channel:
        assert await refusal(channel) == (grpc.StatusCode.PERMISSION_DENIED, "not-a-member")
        assert service.reached == 1


async def test_a2_who_does_not_take_part_yet_is_refused(region: SmallRegion) -> None:
    async with serving(region, region.live()) as (_, target), calling(target, credentials_of(region, region.files(PLANNED))) as channel:
        assert await refusal(channel) == (grpc.StatusCode.PERMISSION_DENIED, "organisation-blocked")


async def test_a2_a_certificate_with_anothers_name_and_an_unknown_key_is_of_nobody(region: SmallRegion) -> None:
    with region.change() as draft:
        draft.renew_keys(GATEWAY.ura, region.folder / "renewed")
        draft.drop_old(GATEWAY.ura)
    async with serving(region, region.live()) as (_, target), calling(target, credentials_of(region, region.files(GATEWAY))) as channel:
        assert (await refusal(channel))[1] == "not-a-member"


@pytest.mark.slow
@pytest.mark.parametrize("over", ["tcp", "unix"])
async def test_p11_a_blocked_organisation_is_cut_off_on_an_open_channel_and_its_stream_ends(region: SmallRegion, over: str) -> None:
    live = region.live()
    address = "127.0.0.1:0" if over == "tcp" else f"unix:{region.folder}/h.sock"
    credentials = credentials_of(region, region.files(GATEWAY))
    async with serving(region, live, address) as (_, target), calling(target, credentials) as channel, anyio.create_task_group() as tasks:
        tasks.start_soon(live.keep_fresh)
        assert await who(channel) == "gateway"
        watch: Any = channel.unary_stream("/test/Watch")
        stream = watch(b"")
        assert await stream.read() == b"first"
        with region.change() as draft:
            draft.block(GATEWAY.ura)
        with anyio.fail_after(5):  # the promise itself, from the office's file to the last word
            with pytest.raises(aio.AioRpcError) as ended:
                await stream.read()
        assert (ended.value.code(), ended.value.details()) == (grpc.StatusCode.PERMISSION_DENIED, "organisation-blocked")
        assert (await refusal(channel))[1] == "organisation-blocked"
        with region.change() as draft:
            draft.activate(GATEWAY.ura)
        assert live.offer(region.text, NOW)
        assert await who(channel) == "gateway"
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda draft: draft.block(GATEWAY.ura), Fault.ORGANISATION_BLOCKED),
        (lambda draft: draft.change_member(GATEWAY.ura, lambda member: replace(member, status=MemberStatus.PLANNED)), Fault.ORGANISATION_BLOCKED),
        (lambda draft: draft.change_member(GATEWAY.ura, lambda member: replace(member, certificates=frozenset())), Fault.NOT_A_MEMBER),
    ],
)
async def test_what_runs_for_a_member_ends_when_it_is_one_no_longer(region: SmallRegion, change: Callable[[Draft], None], fault: Fault) -> None:
    live = region.live()
    with region.change() as draft:
        change(draft)

    async def run() -> None:
        async with still_a_member(live, gateways_digest(region), clock=lambda: NOW):
            live.take(region.text, NOW)
            await anyio.sleep_forever()

    with pytest.raises(Unavailable) as ended:
        await run()
    assert ended.value.fault is fault


async def test_what_runs_for_a_member_ends_when_the_register_expires(region: SmallRegion) -> None:
    time = [NOW]
    live = LiveRegister(region.office.register_path, [region.office.public_key], known=region.folder / "k", clock=lambda: time[0])

    async def run() -> None:
        async with still_a_member(live, gateways_digest(region), clock=lambda: time[0]):
            time[0] = live.newest.expires
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(live.keep_fresh, every=0.01))
        with pytest.raises(Unavailable, match="register-outdated"):
            await run()
        tasks.cancel_scope.cancel()


async def test_another_change_of_the_register_disturbs_nobody(region: SmallRegion) -> None:
    live, done = region.live(), False
    async with still_a_member(live, gateways_digest(region), clock=lambda: NOW):
        for days in (1, 2):
            with region.change() as draft:
                draft.renew(days)
            live.take(region.text, NOW)
            await anyio.wait_all_tasks_blocked()
        done = True

    assert done


async def test_what_is_raised_inside_comes_out_as_it_is(region: SmallRegion) -> None:
    live = region.live()

    with pytest.raises(KeyError):
        async with still_a_member(live, gateways_digest(region), clock=lambda: NOW):
            raise KeyError


async def test_what_is_inside_does_not_begin_for_who_is_no_member(region: SmallRegion) -> None:
    with pytest.raises(Unavailable, match="not-a-member"):
        async with still_a_member(region.live(), b"\0" * 32, clock=lambda: NOW):
            raise AssertionError


def test_a_certificate_that_expired_after_the_handshake_counts_no_longer(region: SmallRegion) -> None:
    pem = region.files(GATEWAY).certificate.read_bytes()

    assert member_by_digest(region.live().current(NOW), certificate_digest(pem, NOW)).ura == GATEWAY.ura
    with pytest.raises(Unavailable, match="not-a-member"):
        certificate_digest(pem, NOW + timedelta(days=91))
    with pytest.raises(Unavailable, match="not-a-member"):
        certificate_digest(pem, NOW - timedelta(days=1))


@pytest.mark.parametrize("wrong", [b"", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", b"\x30" * 40_000])
def test_what_is_no_certificate_is_of_nobody(wrong: bytes) -> None:
    with pytest.raises(Unavailable, match="not-a-member"):
        certificate_digest(wrong, NOW)
