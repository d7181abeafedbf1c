"""A patient's objection takes effect in seconds (promise P11): answers under way are cut, and nothing is shown afterwards."""

from collections.abc import Iterator

import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from testbed.bulk import grown
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.revoking import Desk, Reading, read_slowly

pytestmark = pytest.mark.slow

HOLDER = "reggerbrug"
#: More than all buffers between a holder and an application hold.
BYTES = 16_000_000


@pytest.fixture(scope="module")
def revoking() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(
        story=False, holders=(HOLDER, "brinkhof"), change=grown({HOLDER: BYTES, "brinkhof": 20_000}), seconds=30.0, patient=True
    ) as region:
        yield region


def _object_in_mid_stream(region: BlockingRegion) -> Reading:
    desk = Desk(region.files[HOLDER].source / "choices.db", DINA.bsn)
    desk.permit()
    return read_slowly(region.gateway_address, HOLDER, after_batches=5, then=desk.object, pause=0.02)


@pytest.mark.parametrize("_turn", range(3))
def test_p11_a_stream_under_way_is_cut_and_nothing_is_shown_afterwards(revoking: BlockingRegion, _turn: int) -> None:
    reading = _object_in_mid_stream(revoking)

    assert reading.ending is Ending.CUT_OFF
    assert reading.code == Fault.SHARING_CHANGED
    assert 0 < reading.bytes < BYTES
    assert reading.seconds_to_last_byte <= 5.0  # the promise itself
    afterwards = revoking.ask(DINA.bsn, holders=[HOLDER])
    assert afterwards.holders[HOLDER].ending is Ending.NOTHING_SHOWN
    assert afterwards.holders[HOLDER].code == ""
    assert afterwards.records == ()


def test_p11_an_objection_at_one_holder_leaves_the_others_alone(revoking: BlockingRegion) -> None:
    _object_in_mid_stream(revoking)
    dossier = revoking.ask(DINA.bsn)

    assert dossier.holders[HOLDER].ending is Ending.NOTHING_SHOWN
    assert dossier.holders["brinkhof"].ending is Ending.ANSWERED


def test_p11_a_permit_takes_effect_too(revoking: BlockingRegion) -> None:
    desk = Desk(revoking.files[HOLDER].source / "choices.db", DINA.bsn)
    desk.object()
    assert revoking.ask(DINA.bsn, holders=[HOLDER], types=["Patient"]).records == ()
    desk.permit()

    assert revoking.ask(DINA.bsn, holders=[HOLDER], types=["Patient"]).holders[HOLDER].ending is Ending.ANSWERED


def test_p11_an_answer_goes_on_when_somebody_else_objects(revoking: BlockingRegion) -> None:
    path = revoking.files[HOLDER].source / "choices.db"
    Desk(path, DINA.bsn).permit()
    somebody_else = Desk(path, "999900006")
    reading = read_slowly(revoking.gateway_address, HOLDER, after_batches=5, then=somebody_else.object, pause=0.02)

    # Its records are converted, so that they have other sizes than those that it keeps: all of it is what an answer has that nobody disturbs.
    whole = sum(len(record.json) for record in revoking.ask(DINA.bsn, holders=[HOLDER], seconds=60).records)
    assert reading.ending is Ending.ANSWERED
    assert reading.bytes == whole > BYTES / 2
