"""How long an answer takes must not tell whether somebody is withheld or unknown: the source does the same for both."""

import pytest

from accord.rules.consent import Choice
from accord.rules.labels import ACT_CODE
from accord.terms.answers import Ending
from accord.terms.identifiers import RecordRef
from accord.terms.queries import Selection
from node_agent.ports import SourceAnswerInvalid
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, NOBODY, observation, patient, resource
from testbed.fhir_server import fhir_server
from testbed.memory_source import MemorySource
from tests.node_agent.asking import YES, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

#: Bert's record was merged with another, which takes more questions to find out.
MERGED = patient("b", BERT, link=[{"other": {"reference": "Patient/old"}, "type": "replaces"}])
RECORDS = [patient("a", ANNA), observation("1", "a"), MERGED, patient("old"), observation("2", "old"), observation("3", "b")]

WHOM: tuple[str | RecordRef, ...] = (
    *(ANNA, BERT, NOBODY),
    *(RecordRef("Observation", name) for name in ("1", "3", "none")),
    *(RecordRef("Patient", name) for name in ("b", "none")),
)


@pytest.mark.parametrize("withheld_by", [(), (Choice(permits=False),), (YES, Choice(permits=False))])
async def test_p9_a_withheld_person_takes_as_many_requests_as_an_unknown_one(withheld_by: tuple[Choice, ...]) -> None:
    asked: dict[str | RecordRef, list[tuple[str, str]]] = {}
    async with fhir_server(RECORDS) as running, FhirServer(FhirEndpoint(running.base)) as source:
        await source.check()
        holder = holder_over(source, MemoryChoices(others=withheld_by))
        for about in WHOM:
            running.desk.witness.reset()
            told = await ask(holder, question(about, birth_date=None))
            assert told.closed.ending is Ending.NOTHING_SHOWN
            asked[about] = [(seen.method, seen.path.partition("/")[0]) for seen in running.desk.witness.seen]

    assert asked[ANNA] == asked[BERT] == asked[NOBODY] == [("POST", "Patient")] * 2
    assert asked[RecordRef("Observation", "1")] == asked[RecordRef("Observation", "3")] == asked[RecordRef("Observation", "none")]
    assert asked[RecordRef("Patient", "b")] == asked[RecordRef("Patient", "none")]


async def test_p9_a_source_that_finds_no_withheld_person_cannot_tell_of_them() -> None:
    class Telling(MemorySource):
        async def find(self, bsn: object) -> None:
            if getattr(bsn, "value", "") == ANNA:
                raise SourceAnswerInvalid("Patient")

    told = await ask(holder_over(Telling(RECORDS), MemoryChoices(others=())), question())

    assert told.frames == [told.closed]
    assert told.closed.ending is Ending.NOTHING_SHOWN


async def test_a_person_who_may_be_shown_is_looked_for_as_before() -> None:
    told = await ask(holder_over(MemorySource(RECORDS)), question(RecordRef("Observation", "1")))

    assert told.records == RECORDS[:2]


async def test_p9_beside_a_record_that_is_shown_a_name_that_leads_to_nothing_takes_as_much_as_one_that_is_withheld() -> None:
    """Two names are asked for, and one is shown: the other is withheld for what it holds, or for its label, or is not there."""
    secret = {"meta": {"security": [{"system": ACT_CODE, "code": "HIV"}]}}
    to_anna, result = {"subject": {"reference": "Patient/a"}}, [{"reference": "Observation/s"}]
    others = [
        [resource("DiagnosticReport", "d", **to_anna, result=result), observation("s", "a", **secret)],
        [resource("DiagnosticReport", "d", **to_anna, **secret)],
        [],
    ]
    asked = []
    for other in others:
        source = MemorySource([*RECORDS, *other])
        told = await ask(holder_over(source), question(selection=Selection(types=frozenset({"DiagnosticReport", "Observation"}), ids=("1", "d"))))
        assert told.records == RECORDS[:2]
        asked.append(source.asked)

    assert asked[0] == asked[1] == asked[2]


async def test_where_all_that_was_named_is_shown_nothing_is_read_for_nothing() -> None:
    source = MemorySource(RECORDS)
    await ask(holder_over(source), question(selection=Selection(types=frozenset({"Observation"}), ids=("1",))))

    assert source.asked.count("read") == 1
