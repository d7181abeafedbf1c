"""Which version of a record is current does not depend on the order in which messages arrive, nor on how often."""

import os
import sqlite3
from contextlib import closing
from itertools import permutations
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING
from node_agent.feeding import taking
from node_agent.importing.run import run_import
from node_agent.ports import Derives, SourceUnavailable
from node_agent.sources.embedded import EmbeddedStore
from node_agent.sources.embedded_schema import hold_the_lock
from node_agent.sources.fed_schema import prepare_store
from node_agent.sources.fed_store import FedStore, was_fed
from testbed.contracts.records import ANNA, BERT, observation, patient
from tests.node_agent.feed_messages import Fed, admission, header, lines, obr, obx, pid, result

pytestmark = pytest.mark.anyio

EARLY, LATER, LAST = "20261112081500+0100", "20261112101500+0100", "20261113081500+0100"


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    """A store to feed."""
    return Fed(tmp_path)


async def _current(fed: Fed) -> tuple[Any, str]:
    (found,) = await fed.of_type("Observation")
    return found["valueQuantity"]["value"], found["status"]


async def test_the_same_message_again_is_acknowledged_and_changes_nothing(fed: Fed) -> None:
    fed.take(result())
    before = await fed.records()

    assert fed.take(result(), result()) == ["AA", "AA"]
    assert fed.take(result(control="another")) == ["AA"]
    assert await fed.records() == before


async def test_the_same_control_id_with_other_content_is_another_message(fed: Fed) -> None:
    assert fed.take(result("1"), result("2", changed=LATER)) == ["AA", "AA"]
    assert await _current(fed) == (2, "final")


async def test_a_correction_takes_the_place_of_what_it_corrects_which_is_kept_as_a_former_version(fed: Fed) -> None:
    fed.take(result("1"), result("2", "2", status="C", changed=LATER))
    (found,) = await fed.of_type("Observation")

    assert (found["valueQuantity"]["value"], found["status"]) == (2, "corrected")
    former = await fed.former(RecordRef("Observation", found["id"]))
    assert [(one["valueQuantity"]["value"], one["status"]) for one in former] == [(1, "final")]


@pytest.mark.parametrize(
    ("first", "second", "current"),
    [
        (("1", "F", LATER), ("2", "F", EARLY), (1, "final")),
        (("1", "F", EARLY), ("2", "P", LATER), (1, "final")),
        (("1", "P", EARLY), ("2", "P", LATER), (2, "preliminary")),
        (("1", "P", LATER), ("2", "F", EARLY), (2, "final")),
        (("1", "C", LATER), ("2", "F", EARLY), (1, "corrected")),
        (("1", "F", EARLY), ("2", "F", EARLY), None),
        (("1", "F", EARLY), ("1", "X", LATER), (1, "cancelled")),
        (("1", "F", EARLY), ("1", "D", LATER), (1, "entered-in-error")),
        (("1", "F", EARLY), ("1", "W", EARLY), (1, "entered-in-error")),
        (("1", "D", EARLY), ("2", "F", LATER), (2, "final")),
    ],
)
async def test_the_newest_that_is_definitive_counts(tmp_path: Path, first: Any, second: Any, current: tuple[int, str] | None) -> None:
    outcomes = []
    for turn, order in enumerate(permutations((first, second))):
        (tmp_path / str(turn)).mkdir()
        fed = Fed(tmp_path / str(turn))
        for value, status, changed in order:
            fed.take(result(value, f"{value}{status}", status=status, changed=changed))
        outcomes.append(await _current(fed))

    assert outcomes[0] == outcomes[1]
    assert current in (None, outcomes[0])


async def test_a_correction_of_one_line_leaves_the_others_in_the_report(fed: Fed) -> None:
    two = (obx("1", code="a^A^L"), obx("2", code="b^B^L"))
    fed.take(lines(header("1"), pid(), obr(), *two), lines(header("2"), pid(), obr(status="C", changed=LATER), obx("3", code="b^B^L", status="C")))
    (report,) = await fed.of_type("DiagnosticReport")

    assert report["status"] == "corrected"
    assert len(report["result"]) == 2
    assert sorted(one["valueQuantity"]["value"] for one in await fed.of_type("Observation")) == [1, 3]


async def test_a_result_that_was_somebody_elses_moves_to_whose_it_is(fed: Fed) -> None:
    fed.take(result("1", bsn=BERT))
    fed.take(result("1", "2", status="C", changed=LATER).replace(b"~p1", b"~p2"))

    assert await fed.of_type("Observation", BERT) == []
    assert len(await fed.of_type("Observation", ANNA)) == 1


async def test_a_result_under_the_number_of_somebody_else_is_refused_until_the_administration_says_who_it_is(fed: Fed) -> None:
    fed.take(result("1", bsn=BERT))
    mistaken = result("2", "2").replace(b"ORD-1", b"ORD-2")

    assert fed.take(mistaken) == ["AE bsn-changed"]
    assert [len(await fed.of_type("Observation", bsn)) for bsn in (ANNA, BERT)] == [0, 1]
    assert fed.take(admission("A08", "3", at=LAST), mistaken) == ["AA", "AA"]
    assert [len(await fed.of_type("Observation", bsn)) for bsn in (ANNA, BERT)] == [2, 0]


async def test_what_a_result_mentions_never_replaces_what_the_administration_told(fed: Fed) -> None:
    told = pid(more="||Jansen^Anna||19500101|F|||Noaberpad 7^^Marksveen")
    fed.take(admission("A31", person=told, at=EARLY), result("1", "2", at=LAST))
    (found,) = await fed.of_type("Patient")

    assert found["address"] == [{"line": ["Noaberpad 7"], "city": "Marksveen"}]


async def test_visits_begin_end_and_are_taken_back(fed: Fed) -> None:
    statuses = []
    for trigger, at in (("A01", EARLY), ("A03", LATER), ("A13", LAST), ("A11", "20261114081500+0100"), ("A03", LATER)):
        fed.take(admission(trigger, trigger + at, at=at))
        (found,) = await fed.of_type("Encounter")
        statuses.append((found["status"], "end" in found["period"]))

    assert statuses == [("in-progress", False), ("finished", True), ("in-progress", False), ("cancelled", False), ("cancelled", False)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_merge_links_the_replaced_patient_in_whatever_order_it_is_told(fed: Fed, order: tuple[int, ...]) -> None:
    merge = admission("A40", "m", at=LATER, person=pid(number="p2"), visit="", more=("MRG|p1^^^TWK^PI",))
    messages = [result("1"), result("2", "2").replace(b"~p1", b"~p2").replace(b"ORD-1", b"ORD-2"), merge]
    fed.take(*(messages[place] for place in order))
    old, new = sorted(await fed.of_type("Patient"), key=lambda one: one["active"])

    assert old["link"] == [{"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}]
    assert len(await fed.of_type("Observation")) == 2


async def test_a_number_that_was_a_mistake_finds_nobody_after_the_merge(fed: Fed) -> None:
    fed.take(result("1", bsn=BERT), admission("A40", "m", person=pid(number="p2"), visit="", more=("MRG|p1^^^TWK^PI",)))

    assert await fed.records(BERT) == []
    assert len(await fed.of_type("Patient", ANNA)) == 2


_VERSION = st.tuples(
    st.sampled_from(["1", "2"]),
    st.sampled_from("PFCXDW"),
    st.sampled_from([EARLY, LATER, LAST]),
    st.sampled_from([EARLY, LAST]),
    st.sampled_from(["a^A^L", "b^B^L"]),
)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.lists(_VERSION, min_size=1, max_size=6), st.integers(0, 2**16))
def test_any_order_and_any_repetition_lead_to_the_same(versions: list[tuple[str, str, str, str, str]], seed: int) -> None:
    messages = [
        lines(header(str(turn), at=at), pid(), obr(status=status, changed=changed), obx(value, status=status, code=code))
        for turn, (value, status, changed, at, code) in enumerate(versions)
    ]
    chance = Random(seed)
    other = chance.sample(messages, len(messages)) + chance.choices(messages, k=3)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        first, second = Fed(Path(one)), Fed(Path(two))
        first.take(*messages)
        for message in other:
            second.take(message)

        assert _sorted(anyio.run(first.records)) == _sorted(anyio.run(second.records))


def _sorted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: (record["resourceType"], record["id"]))


async def test_an_imported_store_stays_as_it_is_until_it_is_fed(tmp_path: Path) -> None:
    (tmp_path / "d.ndjson").write_bytes(patient("a", ANNA) + b"\n" + observation("1", "a"))
    run_import([tmp_path / "d.ndjson"], tmp_path / "records.db")
    before = EmbeddedStore(tmp_path / "records.db")
    assert not was_fed(tmp_path / "records.db")
    fed = Fed(tmp_path)
    fed.take(result("1"))

    assert was_fed(fed.path)
    for source in (before, FedStore(fed.path)):  # what was opened before the store was fed sees it as well
        who = await source.find(Bsn(ANNA))
        assert who is not None
        found = [record async for some in source.records_of(who, EVERYTHING) for record in some]
        assert {record.derived for record in found if record.fhir_json == observation("1", "a")} == {False}
        assert {record.derived for record in found if record.fhir_json != observation("1", "a")} == {True}
        assert isinstance(source, Derives) is isinstance(source, FedStore)
        await source.close()


async def test_an_import_into_a_fed_store_is_no_derived_record(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    fed.take(result("1"))
    (found,) = await fed.of_type("Observation")
    theirs = observation(found["id"], found["subject"]["reference"].removeprefix("Patient/"))
    (tmp_path / "d.ndjson").write_bytes(theirs)
    run_import([tmp_path / "d.ndjson"], fed.path)
    async with fed.source() as source:
        ref = RecordRef("Observation", found["id"])
        record = (await source.read([ref]))[ref]

        assert (record.fhir_json, record.derived) == (theirs, False)
        assert await source.original(ref) is None


def test_a_store_of_another_format_is_refused(tmp_path: Path) -> None:
    prepare_store(tmp_path / "records.db")
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection, connection:
        connection.execute("UPDATE about SET value = '3' WHERE name = 'format'")

    with pytest.raises(SourceUnavailable):
        FedStore(tmp_path / "records.db")


@pytest.mark.slow
async def test_while_an_import_is_under_way_the_sender_is_asked_to_send_again(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_PATIENCE_SECONDS", 0.2)
    lock = hold_the_lock(fed.path)
    told = fed.take(result())
    os.close(lock)

    assert told == ["AR source-unavailable"]
    assert fed.take(result()) == ["AA"]
