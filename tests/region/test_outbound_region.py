"""A region of which some holders have no port: their agents call the gateway, and nobody who asks can tell the difference."""

import time
from collections.abc import Iterator

import pytest

from accord.terms.answers import Ending
from testbed.asking import Dossier
from testbed.bulk import grown
from testbed.faults import FaultKind
from testbed.killing import KillableRegion
from testbed.patient_visit import visiting
from testbed.people import DINA
from testbed.processes import ProcessFailed
from testbed.revoking import Desk, read_slowly
from tests.region.trust_world import within_five_seconds

pytestmark = pytest.mark.slow

#: Two with a store of their own, one that is read through; and one of the region that has a port.
OUTBOUND = ("dinkelhorst", "brinkhof", "wieke", "reggerbrug")
INBOUND = "vijzelmarke"
BULKY = "reggerbrug"
BYTES = 16_000_000


@pytest.fixture(scope="module")
def _region() -> Iterator[KillableRegion]:
    with KillableRegion.start(
        story=False, holders=(*OUTBOUND, INBOUND), people=40, outbound=OUTBOUND, patients=True, change=grown({BULKY: BYTES}), seconds=30.0, patient=True
    ) as region:
        yield region


@pytest.fixture
def region(_region: KillableRegion) -> Iterator[KillableRegion]:
    yield _region
    _region.restore({})


def _of_small_ones(region: KillableRegion) -> Dossier:
    return region.ask(DINA.bsn, holders=[name for name in (*OUTBOUND, INBOUND) if name != BULKY])


def test_p8_p13_every_record_arrives_byte_for_byte_and_everybody_has_an_ending(region: KillableRegion) -> None:
    dossier = _of_small_ones(region)

    for name in (*OUTBOUND, INBOUND):
        if name != BULKY:
            kept = set(region.kept(name).values())
            assert dossier.holders[name].ending is Ending.ANSWERED
            assert dossier.of(name)
            assert {record.json for record in dossier.of(name)} <= kept
    assert dossier.conserves(region.files)


@pytest.mark.parametrize(
    ("fault", "endings"),
    [
        (FaultKind.DEAD, {Ending.UNREACHABLE}),
        # At first only its silence shows; then its signs of life stay out, and nobody waits for it any more.
        (FaultKind.FROZEN, {Ending.TOO_LATE, Ending.UNREACHABLE}),
        (FaultKind.PAUSED, {Ending.PAUSED}),
    ],
)
def test_p3_whatever_is_the_matter_with_an_agent_without_a_port_the_others_stand(region: KillableRegion, fault: FaultKind, endings: set[Ending]) -> None:
    region.fault("brinkhof", fault)
    dossier = _of_small_ones(region)
    region.heal("brinkhof")

    assert dossier.holders["brinkhof"].ending in endings
    assert {dossier.holders[name].ending for name in ("dinkelhorst", "wieke", INBOUND)} == {Ending.ANSWERED}
    assert _of_small_ones(region).holders["brinkhof"].ending is Ending.ANSWERED


def test_nothing_stands_in_the_place_of_a_port_that_is_not_there(region: KillableRegion) -> None:
    with pytest.raises(ProcessFailed):
        region.fault("wieke", FaultKind.LYING)


def test_p8_an_agent_that_is_killed_in_the_middle_of_its_answer_is_cut_off(region: KillableRegion) -> None:
    reading = read_slowly(region.gateway_address, BULKY, after_batches=5, then=lambda: region.fault(BULKY, FaultKind.DEAD), pause=0.02)
    region.heal(BULKY)

    assert reading.ending is Ending.CUT_OFF
    assert 0 < reading.bytes < BYTES


def test_p11_a_stream_under_way_is_cut_and_nothing_is_shown_afterwards(region: KillableRegion) -> None:
    desk = Desk(region.files[BULKY].source / "choices.db", DINA.bsn)
    desk.permit()
    reading = read_slowly(region.gateway_address, BULKY, after_batches=5, then=desk.object, pause=0.02)
    afterwards = region.ask(DINA.bsn, holders=[BULKY])
    desk.permit()

    assert reading.ending is Ending.CUT_OFF
    assert 0 < reading.bytes < BYTES
    assert reading.seconds_to_last_byte <= 5.0  # the promise itself
    assert (afterwards.holders[BULKY].ending, afterwards.records) == (Ending.NOTHING_SHOWN, ())


def test_p11_what_a_patient_chooses_on_the_pages_reaches_an_agent_without_a_port(region: KillableRegion) -> None:
    before = region.ask(DINA.bsn, holders=["brinkhof"])
    with visiting(region.patients_url) as visit:
        overview = visit.enter("ria")
        told = visit.log_in(visit.choose("looks:hospital", overall="objects"), "ria")
        looked = visit.get("/inzage")
        afterwards = region.ask(DINA.bsn, holders=["brinkhof"])
        visit.log_in(visit.choose("looks:hospital", overall="permits"), "ria")

    assert "Dina Olde Wolbers-Nijkamp" in overview
    assert "De Brinkhof" in told
    assert "De Brinkhof" in looked
    assert len(afterwards.records) < len(before.records)


def test_m12_a_blocked_holder_without_a_port_is_out_within_five_seconds(region: KillableRegion) -> None:
    ura = region.files["wieke"].holder.ura
    region.office.change(lambda draft: draft.block(ura))
    try:
        is_out = within_five_seconds(lambda: _ending_of_wieke(region) is Ending.NOT_ASKED)
    finally:
        region.office.change(lambda draft: draft.activate(ura))
    while _ending_of_wieke(region) is not Ending.ANSWERED:
        time.sleep(0.2)

    assert is_out


def _ending_of_wieke(region: KillableRegion) -> Ending:
    return region.ask(DINA.bsn, holders=["wieke", INBOUND]).holders["wieke"].ending


def test_after_the_gateway_was_killed_every_agent_is_back(region: KillableRegion) -> None:
    region.stay_at_address()
    region.kill("gateway")
    region.start_again("gateway")
    for name in OUTBOUND:
        region.settle(name)

    assert _of_small_ones(region).complete
