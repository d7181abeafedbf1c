"""D4: floods of HTTP/2 from somebody with a certificate of the region: others are served, memory is bounded, limits hold from outside."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import pytest

from accord.link.options import SERVER
from accord.terms.faults import Fault
from testbed.asking import RegionDidNotAnswer
from testbed.attack_kit import AttackKit, opening
from testbed.http2_floods import (
    DESCRIBE,
    OPEN,
    QUERY,
    call,
    continuation_flood,
    crumbs,
    giant_metadata,
    large_message,
    many_streams,
    ping_flood,
    rapid_reset,
    settings_flood,
)
from testbed.http2_peer import Http2Peer
from testbed.scripted_gateway import question
from tests.region.trust_world import BULKY, CANARY, HOLDER, VICTIM, comes_true, resident_kib

pytestmark = pytest.mark.slow

FACES: Final = {HOLDER: QUERY, "gateway": OPEN}
#: SAFETY.md, M3: what an attack may cost in memory.
MOST_KIB: Final = 64 * 1024
LIMITS: Final = dict(SERVER)
_QUESTIONS: Final = 10

FLOODS: Final[dict[str, Callable[[str], Iterator[bytes]]]] = {
    "rapid reset": lambda path: rapid_reset(20_000, path),
    "pings": lambda _: ping_flood(5_000),
    "settings": lambda _: settings_flood(5_000),
    "endless headers": lambda path: continuation_flood(3_000, path=path),
    "ten thousand streams": lambda path: many_streams(10_000, path),
    "giant metadata": lambda path: giant_metadata(2**21, path),
    "a message byte by byte": lambda path: crumbs(20_000, path),
}


def memory_of(kit: AttackKit, face: str) -> int:
    """How much memory the process behind a face has in use, in KiB."""
    process = kit.region.process_of(face)
    assert process is not None
    return resident_kib(process.pid)


def answered(kit: AttackKit, face: str) -> int:
    """How many questions of somebody else, put one after another, are answered in full."""
    if face == HOLDER:
        told = [kit.gateway(HOLDER).query(question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM)) for _ in range(_QUESTIONS)]
        return sum(CANARY.encode() in one.blob for one in told)
    return sum(bool(kit.region.ask(VICTIM).of(HOLDER)) for _ in range(_QUESTIONS))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("flood", FLOODS)
def test_d4_while_somebody_floods_others_are_answered_and_memory_is_bounded(kit: AttackKit, face: str, flood: str) -> None:
    before = memory_of(kit, face)
    with kit.peer(face, as_member="eschrand") as peer, ThreadPoolExecutor(1) as threads:
        peer.begin()
        attack = threads.submit(peer.send, FLOODS[flood](FACES[face]))
        served = answered(kit, face)
        attack.result(timeout=60)
        grown = memory_of(kit, face) - before

    assert served == _QUESTIONS
    assert grown <= MOST_KIB


@pytest.mark.parametrize("face", FACES)
def test_d4_two_hundred_connections_and_200_that_say_nothing_leave_room_for_others(kit: AttackKit, face: str) -> None:
    before = memory_of(kit, face)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(Http2Peer.connect(kit.address(face), None))
        for _ in range(40):
            stack.enter_context(Http2Peer.connect(kit.address(face), kit.tls("eschrand"), kit.name(face))).begin()
        served = answered(kit, face)
        grown = memory_of(kit, face) - before

    assert served == _QUESTIONS
    assert grown <= MOST_KIB


@pytest.mark.parametrize("face", FACES)
def test_d4_whoever_connects_and_says_nothing_is_hung_up_on(kit: AttackKit, face: str) -> None:
    patience = int(LIMITS["grpc.server_handshake_timeout_ms"]) / 1_000
    with Http2Peer.connect(kit.address(face), None) as mute, Http2Peer.connect(kit.address(face), kit.tls("eschrand"), kit.name(face)) as without_preface:
        assert mute.listen(2 * patience + 5)
        assert without_preface.listen(2 * patience + 5)
        assert not any(name.startswith("grpc-status") for name in without_preface.heard)


@pytest.mark.parametrize("face", FACES)
def test_d4_streams_over_the_limit_are_refused(kit: AttackKit, face: str) -> None:
    limit, over = int(LIMITS["grpc.max_concurrent_streams"]), 300
    with kit.peer(face, as_member="eschrand") as peer:
        peer.begin()
        peer.send(many_streams(limit + over, FACES[face]))
        while peer.heard["RstStream"] < over and not peer.listen(0.2, until="RST_STREAM 11"):
            peer.listen(0.1)

    # 7 is REFUSED_STREAM, 11 ENHANCE_YOUR_CALM.
    assert peer.heard["RST_STREAM 7"] + peer.heard["RST_STREAM 11"] == over


@pytest.mark.parametrize("face", FACES)
def test_d4_questions_that_are_begun_and_never_said_leave_room_for_others(kit: AttackKit, face: str) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            peer = stack.enter_context(kit.peer(face, as_member="eschrand"))
            peer.begin()
            peer.send(many_streams(100, FACES[face]))
            peer.listen(0.3)
        try:
            served = answered(kit, face)
        except RegionDidNotAnswer:
            served = 0

    assert served == _QUESTIONS


def test_d4_a_data_user_that_opens_dossiers_and_reads_nothing_leaves_room_for_others(kit: AttackKit) -> None:
    """More than one organisation may have under way at the same time; what was opened stays open, for its deadline is far away."""
    user = kit.user("eschrand")
    with kit.dossiers("eschrand") as opener:
        under_way = [opener.Open(opening(user.mandate(BULKY), BULKY), timeout=240) for _ in range(90)]
        try:
            # All of them are there when some are sent away; how soon that is, is the machine's.
            refused = comes_true(lambda: any(call.done() and call.details() == Fault.TOO_MANY_QUESTIONS for call in under_way))
            served = answered(kit, "gateway")
        finally:
            for call in under_way:
                call.cancel()

    assert served == _QUESTIONS
    assert refused


@pytest.mark.parametrize("face", FACES)
def test_d4_a_message_over_the_limit_is_refused_by_its_announced_size(kit: AttackKit, face: str) -> None:
    # A holder hears gateways only: nobody else's message is even waited for.
    with kit.peer(face, as_member="eschrand" if face == "gateway" else "gateway") as peer:
        peer.begin()
        peer.send(large_message(int(LIMITS["grpc.max_receive_message_length"]) + 1, FACES[face]))
        peer.listen(60.0, until="grpc-status")

    assert peer.heard["grpc-status 8"] == 1, peer.heard


@pytest.mark.parametrize("size", [40_000, 300_000])
def test_d4_metadata_over_the_limit_is_refused(kit: AttackKit, size: int) -> None:
    told = kit.gateway(HOLDER).query(question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM), metadata=(("x-giant", "a" * size),))

    assert told.refused
    assert "metadata size exceeds" in told.details


@pytest.mark.parametrize("face", FACES)
def test_d4_metadata_of_megabytes_in_many_frames_ends_the_connection(kit: AttackKit, face: str) -> None:
    with kit.peer(face, as_member="eschrand") as peer:
        peer.begin()
        peer.send(giant_metadata(2**21, FACES[face]))
        peer.listen(60.0, until="grpc-status")

    assert peer.is_closed or peer.heard["grpc-status 8"] or peer.heard["grpc-status 14"]


def test_d4_after_all_of_it_the_same_peer_is_answered_as_ever(kit: AttackKit) -> None:
    with kit.peer(HOLDER, as_member="eschrand") as peer:
        peer.begin()
        peer.send(call(DESCRIBE))
        peer.listen(60.0, until="grpc-status")

    assert peer.heard[f"grpc-message {Fault.NOT_A_MEMBER.value}"] == 1
