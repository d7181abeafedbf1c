"""Whose a result is: merges one after another and back, numbers that are given out twice, and what a report lists."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from node_agent.feed_settings import FeedSettings
from node_agent.feeding.belonging import Merges
from node_agent.sources import embedded_writing
from node_agent.sources.embedded_schema import open_for_reading
from testbed.contracts.records import ANNA, BERT
from tests.node_agent.feed_messages import Fed, admission, header, lines, obr, obx, pid

pytestmark = pytest.mark.anyio

EARLY, LATER, LAST = "20261112081500+0100", "20261113081500+0100", "20261114081500+0100"


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    """A store to feed."""
    return Fed(tmp_path)


def merge(survivor: str, replaced: str, at: str, bsn: str = ANNA) -> bytes:
    """An A40."""
    return admission("A40", f"m{replaced}{at}", at=at, person=pid(bsn, survivor), visit="", more=(f"MRG|{replaced}^^^TWK^PI",))


def told(bsn: str, number: str, order: str, *observed: str, control: str = "", status: str = "F", at: str = EARLY) -> bytes:
    """An ORU."""
    first = header(control or order + number, at=at)
    return lines(first, pid(bsn, number), obr(order, status=status, changed=at), *(observed or (obx(status=status),)))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_p4_after_two_merges_in_a_row_a_mistaken_number_finds_nobody_in_whatever_order_they_are_told(fed: Fed, order: tuple[int, ...]) -> None:
    merges = [merge("p2", "p1", EARLY), merge("p3", "p2", LATER, BERT)]
    fed.take(told(ANNA, "p1", "O-1"), *(merges[place] for place in order))

    assert await fed.records(ANNA) == []
    assert len(await fed.of_type("Observation", BERT)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_of_two_merges_that_take_each_other_back_the_later_counts(fed: Fed, order: tuple[int, ...]) -> None:
    merges = [merge("p2", "p1", EARLY), merge("p1", "p2", LATER)]
    fed.take(told(ANNA, "p1", "O-1"), told(ANNA, "p2", "O-2"), *(merges[place] for place in order))
    whole = {one["identifier"][1]["value"]: one for one in await fed.of_type("Patient")}

    assert (whole["p1"]["active"], whole["p2"]["active"]) == (True, False)
    assert "link" not in whole["p1"]
    assert whole["p2"]["link"] == [{"other": {"reference": f"Patient/{whole['p1']['id']}"}, "type": "replaced-by"}]


@pytest.mark.parametrize(("into", "left"), [("chain", "p300"), ("circle", "p000"), ("tail", "p200")])
async def test_p7_a_long_row_of_merges_is_followed_once_however_many_of_them_are_asked_about(into: str, left: str) -> None:
    """Each message about one of them asks about all of them; to follow the row from each anew took as many questions as its length to the third power."""
    asked: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE merged (patient TEXT PRIMARY KEY, survivor TEXT NOT NULL, rank TEXT NOT NULL)")
        last = {"chain": "p300", "circle": "p000", "tail": "p200"}[into]
        rows = [(f"p{number:03}", f"p{number + 1:03}" if number < 299 else last, f"{number:03}") for number in range(300)]
        connection.executemany("INSERT INTO merged VALUES (?, ?, ?)", rows)
        connection.set_trace_callback(asked.append)
        merges = Merges(connection)
        everybody = merges.all_with(["p150"])
        survivors = {merges.survivor_of(patient) for patient in everybody}
        replaced = [patient for patient in everybody if merges.replaced_by(patient) is not None]

    assert survivors == {left}
    assert len(replaced) == len(everybody) - 1
    assert len(asked) < 4 * len(everybody)


async def test_a_merge_is_of_the_patient_by_whichever_number_it_is_known(fed: Fed) -> None:
    several = admission("A40", "m", at=LATER, person=pid(ANNA, "p2"), visit="", more=("MRG|p9^^^TWK^PI~p1^^^TWK^PI~p2^^^TWK^PI",))
    fed.take(told(ANNA, "p1", "O-1"), told(ANNA, "p2", "O-2"), several)

    assert sorted(one["active"] for one in await fed.of_type("Patient")) == [False, True]


async def test_a_second_merge_in_a_message_is_not_passed_over(fed: Fed) -> None:
    two = admission("A40", "m", person=pid(ANNA, "p2"), visit="", more=("MRG|p1^^^TWK^PI", "MRG|p3^^^TWK^PI"))

    assert fed.take(two) == ["AE malformed-message"]


@pytest.mark.parametrize("part", [(header(more="||7"), ()), (header(), ("DSC|7|F",))])
async def test_a_part_of_a_message_is_refused_for_the_rest_of_it_would_be_missing(fed: Fed, part: tuple[str, tuple[str, ...]]) -> None:
    assert fed.take(lines(part[0], pid(), obr(), obx(), *part[1])) == ["AR unsupported-message"]
    assert await fed.records() == []


async def test_p4_an_order_number_that_was_somebody_elses_takes_no_result_away(fed: Fed) -> None:
    first, second = told(BERT, "p2", "O-1"), told(ANNA, "p1", "O-1", at=LATER)

    assert fed.take(first) + fed.take(second) == ["AA", "AE order-clash"]
    assert [len(await fed.of_type("Observation", bsn)) for bsn in (BERT, ANNA)] == [1, 0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_p4_a_report_that_was_corrected_to_somebody_else_lists_nothing_of_the_first(fed: Fed, order: tuple[int, ...]) -> None:
    letter = obx("^AP^PDF^Base64^JVBERi0=", kind="ED", code="L^brief^L")
    other = obx("8", code="718-7^Hb^LN")
    both = [told(BERT, "p2", "O-1", obx(), other, letter), told(ANNA, "p1", "O-1", obx(status="C"), status="C", at=LATER)]

    assert fed.take(*(both[place] for place in order)) == ["AA", "AA"]
    (report,), (mine,) = await fed.of_type("DiagnosticReport"), await fed.of_type("Observation")
    assert report["result"] == [{"reference": f"Observation/{mine['id']}"}]
    assert "presentedForm" not in report
    assert [one["code"]["coding"][0]["code"] for one in await fed.of_type("Observation", BERT)] == ["718-7"]


async def test_two_numbers_of_one_person_are_no_clash(fed: Fed) -> None:
    assert fed.take(told(ANNA, "p1", "O-1"), told(ANNA, "p2", "O-1", at=LATER)) == ["AA", "AA"]


async def test_departments_with_the_same_order_number_do_not_replace_each_others_results(tmp_path: Path) -> None:
    fed = Fed(tmp_path, FeedSettings(listen="127.0.0.1:0", senders=["LIS|TWK", "PATH|TWK"]))
    ours = told(ANNA, "p1", "O-1")
    theirs, numbered = ours.replace(b"|LIS|", b"|PATH|"), ours.replace(b"O-1^TWK", b"O-1^MICRO")

    assert fed.take(ours, theirs, numbered) == ["AA", "AA", "AA"]
    assert len(await fed.of_type("Observation")) == 3
    assert len(await fed.of_type("DiagnosticReport")) == 3


async def test_what_is_kept_together_is_on_the_disk_all_at_once_however_much_it_is(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_writing, "_RECORDS_PER_TRANSACTION", 2)
    seen: list[int] = []
    put = embedded_writing.StoreWriter.put

    def looking(writer: embedded_writing.StoreWriter, kept: embedded_writing.Kept) -> embedded_writing.Stored:
        stored = put(writer, kept)
        seen.append(_visible(fed.path))
        return stored

    monkeypatch.setattr(embedded_writing.StoreWriter, "put", looking)
    fed.take(told(ANNA, "p1", "O-1", *(obx(str(number), sub=str(number)) for number in range(1, 6))))

    assert set(seen) == {0}
    assert len(await fed.of_type("Observation")) == 5


def _visible(path: Path) -> int:
    with closing(open_for_reading(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])
