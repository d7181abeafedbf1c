"""What holds other records waits for them: they come by by themselves, and are not read a second time."""

from typing import Any

import pytest

from accord.rules.choices import Choice
from accord.rules.labels import ACT_CODE
from accord.rules.reading import read_record
from accord.terms.answers import Ending
from accord.terms.identifiers import RecordRef
from accord.terms.queries import Order, Selection
from node_agent import awaiting, judging
from node_agent.ports import SourceUnavailable
from testbed.contracts.records import ANNA, observation, patient, resource
from testbed.memory_source import MemorySource
from tests.node_agent.asking import YES, Answer, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

ANNA_A = patient("a", ANNA)
TO_ANNA = {"subject": {"reference": "Patient/a"}}
SECRET = {"meta": {"security": [{"system": ACT_CODE, "code": "HIV"}]}}


def report(*results: str, logical_id: str = "d") -> bytes:
    return resource("DiagnosticReport", logical_id, **TO_ANNA, result=[{"reference": result} for result in results])


def names(told: Answer) -> list[str]:
    """What was told, but for Anna herself."""
    return [f"{record.resourceType}/{record.id}" for record in map(read_record, told.records) if record.resourceType != "Patient"]


def one_by_one(*records: bytes) -> MemorySource:
    return MemorySource([ANNA_A, *records], at_once=1)


async def test_a_report_that_comes_before_its_results_is_told_behind_them_and_nothing_is_read_twice() -> None:
    source = one_by_one(report("Observation/1", "Observation/2"), observation("1", "a"), observation("2", "a"))
    told = await ask(holder_over(source), question())

    assert names(told) == ["Observation/1", "Observation/2", "DiagnosticReport/d"]
    assert "read" not in source.asked


async def test_a_list_of_a_report_of_a_result_is_told_when_the_last_of_them_came() -> None:
    folder = resource("List", "l", **TO_ANNA, entry=[{"item": {"reference": "DiagnosticReport/d"}}])
    source = one_by_one(folder, report("Observation/1"), observation("1", "a"), observation("2", "a"))
    told = await ask(holder_over(source), question())

    assert names(told) == ["Observation/1", "DiagnosticReport/d", "List/l", "Observation/2"]
    assert "read" not in source.asked


@pytest.mark.parametrize("order", Order)
async def test_p5_what_holds_a_withheld_record_is_withheld_whichever_comes_first(order: Order) -> None:
    selection = Selection(order=order, limit=100)
    folder = resource("List", "l", **TO_ANNA, entry=[{"item": {"reference": "DiagnosticReport/d"}}])
    for records in ((folder, report("Observation/s"), observation("s", "a", **SECRET)), (observation("s", "a", **SECRET), report("Observation/s"), folder)):
        told = await ask(holder_over(one_by_one(*records, observation("plain", "a"))), question(selection=selection))

        assert names(told) == ["Observation/plain"]
        assert told.closed.counts.unfit == 0


@pytest.mark.parametrize("first", [True, False])
async def test_p9_the_source_is_asked_the_same_whether_a_label_withholds_or_nothing_does(*, first: bool) -> None:
    asked = []
    for members in ({}, SECRET):
        records = [report("Observation/s"), observation("s", "a", **members)]
        source = one_by_one(*(records if first else records[::-1]))
        await ask(holder_over(source), question())
        asked.append(source.asked)

    assert asked[0] == asked[1]


async def test_what_waits_for_something_that_never_comes_is_told_in_the_end() -> None:
    source = one_by_one(report("Observation/nowhere"), observation("1", "a"))
    told = await ask(holder_over(source), question())

    assert names(told) == ["Observation/1", "DiagnosticReport/d"]
    assert source.asked.count("read") == 1


async def test_records_that_hold_each_other_do_not_wait_for_ever() -> None:
    lists = [resource("List", one, **TO_ANNA, entry=[{"item": {"reference": f"List/{other}"}}]) for one, other in ("xy", "yx")]
    told = await ask(holder_over(one_by_one(*lists)), question())

    assert sorted(names(told)) == ["List/x", "List/y"]


async def test_nothing_waits_for_what_was_not_asked_for() -> None:
    source = one_by_one(report("Observation/1"), report("Observation/2", logical_id="e"), observation("1", "a"), observation("2", "a"))
    told = await ask(holder_over(source), question(selection=Selection(types=frozenset({"DiagnosticReport"}))))

    assert names(told) == ["DiagnosticReport/d", "DiagnosticReport/e"]


@pytest.mark.parametrize("order", Order)
async def test_p8_when_the_source_fails_what_waited_is_told_as_far_as_it_can_be_decided_on(order: Order) -> None:
    source = one_by_one(report("Observation/1"), observation("2", "a"), observation("1", "a"))
    source.fails_after = 2
    told = await ask(holder_over(source), question(selection=Selection(order=order, limit=100)))

    assert "DiagnosticReport/d" in names(told)
    assert told.closed.ending is Ending.CUT_OFF


@pytest.mark.parametrize("order", Order)
async def test_p3_when_the_source_fails_altogether_what_waited_stays_in(order: Order) -> None:
    class Failing(MemorySource):
        async def read(self, refs: Any) -> Any:
            del refs
            raise SourceUnavailable("read")

    source = Failing([ANNA_A, report("Observation/1"), observation("2", "a"), observation("1", "a")], at_once=1)
    source.fails_after = 2
    told = await ask(holder_over(source), question(selection=Selection(order=order, limit=100)))

    assert names(told) == ["Observation/2"]
    assert told.closed.ending is Ending.CUT_OFF


@pytest.mark.parametrize("bound", ["_MOST", "_MOST_BYTES"])
async def test_p7_what_waits_is_bounded_and_what_is_one_too_many_is_decided_on_at_once(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, bound, 3 if bound == "_MOST" else 3 * len(report("Observation/0", logical_id="d0")))
    reports = [report(f"Observation/{number}", logical_id=f"d{number}") for number in range(10)]
    source = one_by_one(*reports, *(observation(str(number), "a") for number in range(10)))
    told = await ask(holder_over(source), question())

    assert len(names(told)) == 20
    assert source.asked.count("read") == 7


@pytest.mark.parametrize("first", [True, False])
async def test_p9_a_report_stands_in_the_same_place_whether_its_result_is_withheld_or_not_there(*, first: bool) -> None:
    """Where the result is withheld and not for a label, the report dangles: when it comes must not tell that the result passed by."""
    choices = MemoryChoices(others=(YES, Choice(permits=False, record=RecordRef("Observation", "1"))))
    told, asked = [], []
    for results in ([observation("1", "a")], []):
        records = [report("Observation/1"), *results] if first else [*results, report("Observation/1")]
        source = one_by_one(observation("0", "a"), *records, observation("2", "a"), observation("3", "a"))
        told.append(names(await ask(holder_over(source, choices), question())))
        asked.append(source.asked)

    assert told[0] == told[1]
    assert asked[0] == asked[1]


async def test_p8_what_is_forgotten_of_earlier_records_withholds_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_REMEMBERED", 2)
    medicines = [resource("Medication", "m0", **SECRET), *(resource("Medication", f"m{number}") for number in range(1, 6))]
    wanted = [resource("MedicationRequest", str(number), **TO_ANNA, medicationReference={"reference": f"Medication/m{number}"}) for number in range(6)]
    told = await ask(holder_over(MemorySource([ANNA_A, *medicines, *wanted])), question(selection=Selection(includes=())))

    assert names(told) == [f"MedicationRequest/{number}" for number in range(1, 6)]


@pytest.mark.parametrize("at_once", [1, 2, 3, 50])
async def test_p9_where_a_report_stands_does_not_tell_how_the_source_cut_its_lists(at_once: int) -> None:
    """A withheld record that fills a list would push what follows it into the next."""
    records = [report("Observation/1"), observation("1", "a"), observation("2", "a"), observation("3", "a")]
    told = await ask(holder_over(MemorySource([ANNA_A, *records], at_once=at_once)), question())

    assert names(told) == ["Observation/1", "DiagnosticReport/d", "Observation/2", "Observation/3"]


async def test_p9_a_report_that_is_withheld_in_the_end_changes_the_order_of_no_others() -> None:
    told = []
    for hidden in ([report("Observation/gone", "Observation/s", logical_id="d0"), observation("s", "a", **SECRET)], []):
        records = [*hidden, report("Observation/nowhere", logical_id="d2"), report("Observation/gone", logical_id="d1"), observation("1", "a")]
        told.append(names(await ask(holder_over(one_by_one(*records)), question())))

    assert told[0] == told[1] == ["Observation/1", "DiagnosticReport/d2", "DiagnosticReport/d1"]
