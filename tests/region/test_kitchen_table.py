"""The kitchen table: Ria helps Dina under her own name; a stop for home care is in force at once, and they see who looked (promise P11)."""

from collections.abc import Iterator

import pytest

from accord.audit.events import ChoiceChanged, JournalViewed
from accord.audit.verifying import events_of, verify
from accord.link.pseudonyms import pseudonym_key
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import HolderKind
from testbed import asking
from testbed.bulk import grown
from testbed.patient_visit import visiting
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.region_files import key_of
from testbed.revoking import read_slowly

pytestmark = pytest.mark.slow

HOLDERS = ("reggerbrug", "brinkhof", "wieke")
BYTES = 24_000_000
PLANNER = {"id": "900000088", "role": "30.000", "name": "Joke Bolscher", "treatment": "registered"}


@pytest.fixture(scope="module")
def table() -> Iterator[tuple[BlockingRegion, str]]:
    """A region with pages, and the gRPC address of De Wieke's own proxy."""
    change = grown({"reggerbrug": BYTES})
    with BlockingRegion.start(story=False, holders=HOLDERS, patients=True, change=change, seconds=30.0, patient=True) as region:
        _, grpc = region.connect("connect-wieke", user="wieke", professional=PLANNER)
        yield region, grpc


def each_wish(objecting: str) -> dict[str, str]:
    """The answers about the wishes: no for one kind of provider, and nothing about the others."""
    return {f"each-{kind}": "objects" if kind == objecting else "withdrawn" for kind in HolderKind}


def seen_by(address: str) -> asking.Dossier:
    return asking.ask(address, asking.request(DINA.bsn), 40.0)


def test_p11_a_stop_at_the_kitchen_table_cuts_what_is_open_and_is_kept_by_every_holder(table: tuple[BlockingRegion, str]) -> None:
    region, wieke = table
    before = seen_by(wieke)
    with visiting(region.patients_url) as visit:
        overview = visit.enter("ria")
        wishes = visit.log_in(visit.choose("wishes", overall="each", **each_wish("home-care")), "ria")
        stop = visit.choose("looks:home-care", overall="objects")
        told: list[str] = []
        reading = read_slowly(wieke, "reggerbrug", after_batches=5, then=lambda: told.append(visit.log_in(stop, "ria")), pause=0.0)
        looked = visit.get("/inzage")
        choices = visit.get("/keuzes")

    assert before.holders["brinkhof"].ending is Ending.ANSWERED
    assert "Dina Olde Wolbers-Nijkamp" in overview
    for page in (wishes, told[0]):
        assert all(region.files[name].holder.title in page for name in HOLDERS)
        assert "⚠" not in page  # nobody who did not confirm
    assert (reading.ending, reading.code) == (Ending.CUT_OFF, Fault.SHARING_CHANGED)
    assert 0 < reading.bytes < BYTES
    assert reading.seconds_to_last_byte <= 5.0  # the promise itself
    afterwards = seen_by(wieke)
    assert {afterwards.holders[name].ending for name in ("reggerbrug", "brinkhof")} == {Ending.NOTHING_SHOWN}
    assert not afterwards.records
    assert region.ask(DINA.bsn, types=["Patient"]).holders["brinkhof"].ending is Ending.ANSWERED  # the hospital still may
    assert "Joke Bolscher" in looked
    assert "Thuiszorg De Wieke" in looked
    assert "Nee" in choices


def test_every_holder_has_the_choice_in_its_journal_before_it_keeps_it_and_the_journals_agree_with_themselves(table: tuple[BlockingRegion, str]) -> None:
    region, _ = table
    with visiting(region.patients_url) as visit:
        visit.enter("dina")
        page = visit.log_in(visit.choose("looks:pharmacy", overall="permits"), "dina")
        visit.get("/inzage")

    assert all(region.files[name].holder.title in page for name in HOLDERS)
    for name in HOLDERS:
        folder, key = region.files[name].agent / "journal", pseudonym_key(key_of(name))
        mark = key.mark(key.pseudonym(Bsn(DINA.bsn)))
        lines = [event for _, event in events_of(folder) if isinstance(event, ChoiceChanged | JournalViewed) and event.patient == mark]
        assert [event.by for event in lines if isinstance(event, ChoiceChanged)][-1] == "patient"
        assert any(isinstance(event, JournalViewed) for event in lines)
        assert verify(folder).breaks == []
