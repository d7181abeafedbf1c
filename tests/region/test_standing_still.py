"""A gateway that asks and does not read outlives neither a revocation nor a block (promises P7 and P11)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest

from accord.audit.events import Closing, Release
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from testbed.attack_kit import AttackKit
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


@pytest.mark.parametrize(("cut", "causes"), [(revoked, {Fault.SHARING_CHANGED}), (blocked, {Fault.STREAM_CUT, Fault.SHARING_CHANGED})])
@pytest.mark.parametrize("deadline", [True, False])
def test_p11_whoever_does_not_read_is_cut_off_all_the_same(
    kit: AttackKit, cut: Callable[[AttackKit], AbstractContextManager[None]], causes: set[Fault], *, deadline: bool
) -> None:
    before = len(events_at(kit.region))
    asked = question(kit.user("eschrand").mandate(BULKY), kit.ura(HOLDER), BULKY)

    def lines(kind: type[_L]) -> list[_L]:
        return [line for line in events_at(kit.region)[before:] if isinstance(line, kind) and line.query == asked.query.query_id]

    with kit.new_gateway(HOLDER).holding(asked, deadline=deadline) as held:
        assert within_five_seconds(lambda: len(lines(Release)) >= 2)  # the second fills the window
        with cut(kit):
            has_its_line = within_five_seconds(lambda: bool(lines(Closing)))
            released = lines(Release)
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
