"""A gateway that asks and does not read outlives neither a revocation nor a block (promises P7 and P11)."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest

from accord.audit.events import Closing, Release
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from node_agent.outlet import GRACE_SECONDS
from testbed.attack_kit import AttackKit
from testbed.http2_floods import QUERY, call
from testbed.scripted_gateway import question
from tests.region.trust_world import BULKY, HOLDER, PERMIT, VICTIM, choose, events_at, within_five_seconds

pytestmark = pytest.mark.slow

_L = TypeVar("_L", Closing, Release)

#: So little leaves for a reader that takes nothing: what its window and the sockets hold, and the one message behind that.
MOST_BYTES = 1_000_000


@contextmanager
def revoked(kit: AttackKit) -> Iterator[None]:
    choose(kit.region, {"permits": False}, bsn=BULKY)
    try:
        yield
    finally:
        choose(kit.region, PERMIT, bsn=BULKY)


@contextmanager
def blocked(kit: AttackKit) -> Iterator[None]:
    ura = kit.ura("eschrand")
    kit.region.office.change(lambda draft: draft.block(ura))
    try:
        yield
    finally:
        kit.region.office.change(lambda draft: draft.activate(ura))
        assert within_five_seconds(lambda: kit.gateway(HOLDER).query(question(kit.user("eschrand").mandate(VICTIM), kit.ura(HOLDER), VICTIM)).status == "OK")


def test_p7_the_place_of_whoever_reads_nothing_is_free_again_at_their_deadline(kit: AttackKit) -> None:
    asked = question(kit.user().mandate(BULKY), kit.ura(HOLDER), BULKY)
    # This peer neither widens its window nor takes anything back, as a library would do when its own clock says so.
    with kit.peer(HOLDER, as_member="gateway") as peer:
        peer.begin()
        peer.send(call(QUERY, asked.SerializeToString(), deadline="8S"))
        peer.listen(2.0)
        before = peer.heard["RstStream"]
        peer.listen(16.0, until="RstStream")

    assert peer.heard["Data"] > 0
    assert (before, peer.heard["RstStream"], peer.is_closed) == (0, 1, False)


def test_p7_a_question_without_a_deadline_gets_no_place(kit: AttackKit) -> None:
    asked = question(kit.user().mandate(BULKY), kit.ura(HOLDER), BULKY)
    with kit.peer(HOLDER, as_member="gateway") as peer:
        peer.begin()
        peer.send(call(QUERY, asked.SerializeToString(), deadline=""))
        peer.listen(60.0, until="grpc-status")

    assert peer.heard[f"grpc-message {Fault.DEADLINE_MISSING}"] == 1
    assert peer.heard["Data"] == 0


@pytest.mark.parametrize(("cut", "causes"), [(revoked, {Fault.SHARING_CHANGED}), (blocked, {Fault.STREAM_CUT, Fault.SHARING_CHANGED})])
@pytest.mark.parametrize("seconds", [60.0, 300.0])
def test_p11_whoever_does_not_read_is_cut_off_all_the_same(
    kit: AttackKit, cut: Callable[[AttackKit], AbstractContextManager[None]], causes: set[Fault], seconds: float
) -> None:
    before = len(events_at(kit.region))
    asked = question(kit.user("eschrand").mandate(BULKY), kit.ura(HOLDER), BULKY)

    def lines(kind: type[_L]) -> list[_L]:
        return [line for line in events_at(kit.region)[before:] if isinstance(line, kind) and line.query == asked.query.query_id]

    with kit.new_gateway(HOLDER).holding(asked, seconds=seconds) as held:
        assert within_five_seconds(lambda: len(lines(Release)) >= 2)  # the second fills the window
        with cut(kit):
            has_its_line = within_five_seconds(lambda: bool(lines(Closing)))
            released = lines(Release)
            # Whoever reads on within the time of grace after their line is told the last word as everybody else.
            time.sleep(GRACE_SECONDS + 1)
            told = held.rest()
    (closing,) = lines(Closing)

    assert has_its_line
    assert closing.ending is Ending.CUT_OFF
    assert closing.fault in causes
    assert (closing.batches, closing.bytes) == (len(released), sum(line.bytes for line in released))
    assert lines(Release) == released
    assert (told.status == "OK", told.closed) == (False, None)
    assert len(told.batches) <= closing.batches
    assert len(told.blob) <= closing.bytes <= MOST_BYTES
