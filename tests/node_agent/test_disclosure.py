"""Whatever a source keeps and whatever patients chose: nothing leaves that should not, and in the promised order."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from accord.rules.consent import Basis, Choice, decide
from accord.rules.identity import check_about
from accord.rules.reading import category_of, read_record
from accord.terms.answers import Batch, Ending, Outcome
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Order, Selection
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CATEGORY_BIT, CATEGORY_ORDER, CareCategory, HolderKind
from accord.wire.columns import DERIVED, ENTERED_IN_ERROR, SPLICED, rows
from gateway.screening import Screening
from node_agent.ports import SourceRecord
from testbed.contracts.records import ANNA, BERT, companions, observation, patient, resource
from testbed.memory_source import MemorySource
from tests.node_agent.asking import ASKER, NOW, YES, Answer, MemoryChoices, ask, ask_over, holder_over, question

pytestmark = pytest.mark.anyio

OTHER = {"reference": "Patient/b"}
SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"


def about_anna(**members: Any) -> bytes:
    return observation("odd", "a", **members)


UNFIT = {
    "another patient as performer": about_anna(performer=[OTHER]),
    "another patient deep in an extension": about_anna(extension=[{"url": "u", "extension": [{"url": "v", "valueReference": OTHER}]}]),
    "another patient contained": about_anna(contained=[json.loads(patient("c", BERT))]),
    "a contained record about another": about_anna(contained=[{"resourceType": "Observation", "id": "c", "subject": OTHER}]),
    "another patient elsewhere": about_anna(performer=[{"reference": "https://elsewhere.example/fhir/Patient/a"}]),
    "an id that begins the same": about_anna(performer=[{"reference": "Patient/ab"}]),
    "another by logical reference": about_anna(performer=[{"identifier": {"system": BSN_SYSTEM, "value": BERT}}]),
    "another by the number of the object": about_anna(performer=[{"identifier": {"system": BSN_OID, "value": BERT}}]),
    "another by type and local number": about_anna(performer=[{"type": "Patient", "identifier": {"system": "x", "value": "7"}}]),
    "somebody to be searched for": about_anna(performer=[{"reference": f"Patient?identifier={BERT}"}]),
    "another behind an escaped slash": about_anna(performer=[OTHER]).replace(b"Patient/b", b"Patient\\/b"),
    "another in escaped letters": about_anna(performer=[OTHER]).replace(b"Patient/b", b"\\u0050atient/b"),
    "another behind a percent sign": about_anna(performer=[{"reference": "%50atient%2Fb"}]),
    "another by the type's full name": about_anna(
        performer=[{"type": "http://hl7.org/fhir/StructureDefinition/Patient", "identifier": {"system": "x", "value": "7"}}]
    ),
    "the subject twice": about_anna().replace(b'"status"', b'"subject": {"reference": "Group/1"}, "status"'),
    "no subject": resource("Observation", "odd", performer=[{"reference": "Patient/a"}]),
    "a display for a subject": resource("Observation", "odd", subject={"display": "Anna"}, performer=[{"reference": "Patient/a"}]),
    "not UTF-8": about_anna(valueString="x").replace(b'"x"', b'"\xff"'),
    "nested too deeply": about_anna(extension=json.loads("[" * 70 + "]" * 70)),
    "cut off": about_anna()[:-2],
    "no id": about_anna().replace(b'"id": "odd", ', b""),
    "an id that is none": about_anna().replace(b'"odd"', b'"o/d"'),
    "a type that nobody knows": about_anna().replace(b'"Observation"', b'"Observatory"'),
}


@pytest.mark.parametrize("wrong", UNFIT)
async def test_p4_an_unfit_record_never_leaves_and_harms_no_other(wrong: str) -> None:
    source = MemorySource([patient("a", ANNA), patient("b", BERT), observation("1", "a")])
    # Unreadable ones are yielded with everybody's; those that can be read are told apart by the source, so name Anna.
    source.put(SourceRecord(UNFIT[wrong]))
    told = await ask(ReadsAll.over(source), question())

    assert told.records == [patient("a", ANNA), observation("1", "a")]
    assert told.closed.ending is Ending.ANSWERED
    assert told.closed.counts.unfit == 1


class ReadsAll(MemorySource):
    """A source that yields every record for everybody: it tells no owners apart."""

    @classmethod
    def over(cls, source: MemorySource) -> Any:
        """A holder over the records of *source*."""
        careless = cls([])
        careless._records = {ref: given for ref, given in source._records.items() if ref.type != "Patient"}
        careless._read = source._read
        careless._patients = {ref: given for ref, given in source._records.items() if ref.type == "Patient"}
        return holder_over(careless)

    _patients: dict[RecordRef, SourceRecord]

    async def patients(self, patient: Any) -> Any:
        """Anna's record."""
        yield [given for ref, given in self._patients.items() if ref.id in patient.ids]

    def _is_about(self, ref: RecordRef, own: set[bytes], selection: Selection) -> bool:
        del ref, own, selection
        return True


FINE = {
    "the subject as a versioned reference": observation("odd", "a").replace(b"Patient/a", b"Patient/a/_history/3"),
    "the subject behind an escaped slash": observation("odd", "a").replace(b"Patient/a", b"Patient\\/a"),
    "the subject with its type": resource("Observation", "odd", subject={"reference": "Patient/a", "type": "Patient"}),
    "the subject with the BSN": resource("Observation", "odd", subject={"reference": "Patient/a", "identifier": {"system": BSN_SYSTEM, "value": ANNA}}),
    "another owner's name": resource("Coverage", "odd", beneficiary={"reference": "Patient/a"}),
    "a participant": resource("Appointment", "odd", participant=[{"actor": {"reference": "Patient/a"}}]),
    "a link in the narrative": observation("odd", "a", text={"div": '<div><a href="Patient/b">zie</a></div>'}),
    "letters beyond ASCII": observation("odd", "a", valueString="café 🧡 漢"),
    "many brackets": observation("odd", "a", component=[{"code": {"coding": [{}]}}] * 60),
    "a percentage": observation("odd", "a", valueString="97%, was 95%25"),
    "a search in words": observation("odd", "a", valueString="Patient? Ja."),
    "a contained record about her": observation("odd", "a", contained=[{"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/a"}}]),
    "brackets in words": observation("odd", "a", valueString="[" * 500),
}


@pytest.mark.parametrize("odd", FINE)
async def test_p13_what_is_written_oddly_and_is_hers_leaves_byte_for_byte(odd: str) -> None:
    source = MemorySource([patient("a", ANNA), patient("b", BERT)])
    source.put(SourceRecord(FINE[odd]))
    told = await ask(ReadsAll.over(source), question())

    assert told.records == [patient("a", ANNA), FINE[odd]]
    accepted_by_the_gateway(told)


async def test_flags_say_what_was_spliced_derived_or_entered_in_error() -> None:
    source = MemorySource([patient("a", ANNA), observation("1", "a").replace(b'"final"', b'"entered-in-error"')])
    source.put(SourceRecord(observation("2", "a"), spliced=True))
    source.put(SourceRecord(observation("3", "a"), derived=True))
    told = await ask(holder_over(source), question())

    assert [row.flags for row, _ in told.rows] == [0, ENTERED_IN_ERROR, SPLICED, DERIVED]


async def test_what_says_nothing_about_care_is_passed_over() -> None:
    source = MemorySource([patient("a", ANNA), observation("1", "a")])
    source.put(SourceRecord(resource("OperationOutcome", "1", issue=[])))
    told = await ask(ReadsAll.over(source), question())

    assert (len(told.records), told.closed.counts.unfit) == (2, 0)


# -- Properties

_KINDS = some.sampled_from(["Observation", "AllergyIntolerance", "Condition", "Coverage", "Encounter", "Immunization", "Consent", "Provenance"])
_REFERENCES = some.sampled_from(
    ["Patient/a", "Patient/b", "Practitioner/p1", "Organization/o1", "PractitionerRole/r1", "Medication/m1", "Practitioner/gone", "Group/1"]
)
_CATEGORIES = some.sampled_from(["laboratory", "vital-signs", "exam"])
_CHOICES = some.builds(
    Choice,
    permits=some.booleans(),
    user=some.none() | some.sampled_from([HolderKind.HOSPITAL, HolderKind.PHARMACY, ASKER.data_user.ura]),
    category=some.none()
    | some.sampled_from([CareCategory.PATIENT, CareCategory.OBSERVATION_EXAM, CareCategory.CONDITION, CareCategory.FINANCIAL, CareCategory.PRACTITIONER]),
    record=some.none() | some.sampled_from([RecordRef("Observation", "0"), RecordRef("Condition", "1")]),
)
_ANY_SELECTIONS = some.builds(
    Selection,
    types=some.frozensets(some.sampled_from(["Patient", "Observation", "Condition", "Coverage", "Practitioner"]), max_size=2),
    categories=some.frozensets(some.sampled_from([CareCategory.OBSERVATION_EXAM, CareCategory.CONDITION, CareCategory.PATIENT]), max_size=1),
    includes=some.sampled_from([("*",), (), ("Observation:performer",)]),
    order=some.sampled_from(Order),
    limit=some.sampled_from([0, 0, 3]),
)
#: In the global order a limit must be given.
_SELECTIONS = _ANY_SELECTIONS.map(lambda drawn: replace(drawn, limit=drawn.limit or 1_001) if drawn.order is Order.GLOBAL else drawn)


@some.composite
def _records(draw: some.DrawFn) -> list[bytes]:
    made = []
    for number in range(draw(some.integers(0, 12))):
        kind = TYPE_BY_NAME[draw(_KINDS)]
        owner: Any = {"reference": draw(some.sampled_from(["Patient/a", "Patient/a", "Patient/b"]))}
        members: dict[str, Any] = {kind.owner: [owner] if kind.name == "Provenance" else owner}
        members["performer"] = [{"reference": reference} for reference in draw(some.lists(_REFERENCES, max_size=3))]
        if kind.name == "Observation":
            members["category"] = [{"coding": [{"system": SYSTEM, "code": draw(_CATEGORIES)}]}]
        if draw(some.booleans()):
            members["valueString"] = "x" * draw(some.integers(1, 9_000))
        made.append(resource(kind.name, str(number), **members))
    return made


ROLE = resource("PractitionerRole", "r1", practitioner={"reference": "Practitioner/p1"}, organization={"reference": "Organization/o1"})
SHELF = [patient("a", ANNA, generalPractitioner=[{"reference": "Practitioner/p1"}]), patient("b", BERT), *companions(), ROLE]


def accepted_by_the_gateway(told: Answer, selection: Selection = EVERYTHING) -> None:
    """The other end, which believes nobody, takes every frame."""
    screening = Screening(Bsn(ANNA), question().birth_date, selection)
    for frame in told.frames:
        if isinstance(frame, Outcome):
            screening.decided(frame)
        elif isinstance(frame, Batch):
            screening.check(frame)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(records=_records(), choices=some.lists(_CHOICES, max_size=4), selection=_SELECTIONS)
async def test_nothing_withheld_or_unfit_or_unasked_ever_leaves(records: list[bytes], choices: list[Choice], selection: Selection) -> None:
    holder = ReadsAll.over(MemorySource([*SHELF, *records]))
    told = await ask(replace(holder, choices=MemoryChoices(others=tuple(choices))), question(selection=selection))

    for row, text in told.rows:
        record = read_record(text)
        kind = TYPE_BY_NAME[record.resourceType]
        category = category_of(record, kind)
        check_about(text, kind, frozenset({"Patient/a"}), Bsn(ANNA))
        assert text in {*SHELF, *records}
        assert CATEGORY_ORDER[row.category_code] is category
        if kind.name != "Patient" and not kind.is_companion:
            ref = RecordRef(kind.name, record.id)
            assert isinstance(
                decide(ASKER, question().purpose, category, choices, at=NOW, record=ref if any(c.record == ref for c in choices) else None), Basis
            )
            assert not selection.types or kind.name in selection.types
            assert not selection.categories or category in selection.categories
    assert (told.closed.ending is Ending.ANSWERED) == bool(told.records)
    accepted_by_the_gateway(told, selection)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(records=_records(), selection=_SELECTIONS)
async def test_patients_first_outcomes_before_and_companions_no_later(records: list[bytes], selection: Selection) -> None:
    told = await ask_over([*SHELF, *records], question(selection=selection))

    decided = 0
    first = True
    seen: set[str] = set()
    for frame in told.frames:
        if isinstance(frame, Outcome):
            assert not decided & sum(CATEGORY_BIT[category] for category in frame.released), "told once"
            decided |= sum(CATEGORY_BIT[category] for category in frame.released)
        if isinstance(frame, Batch):
            assert frame.categories & ~decided == 0
            told_now = list(zip(rows(frame.columns), _texts(frame), strict=True))
            types = [read_record(text).resourceType for _, text in told_now]
            assert types[0] == "Patient" if first else "Patient" not in types
            first = False
            seen |= {_name(text) for _, text in told_now}
            if selection.includes == ("*",):
                for reference in (reference for _, text in told_now for reference in _referred(text)):
                    assert reference in seen or reference in {"Practitioner/gone", "Medication/gone"}
    names = [_name(text) for text in told.records]
    assert len(names) == len(set(names))
    accepted_by_the_gateway(told, selection)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(records=_records(), selection=_SELECTIONS)
async def test_p9_withheld_looks_like_unknown_whatever_there_is(records: list[bytes], selection: Selection) -> None:
    withheld = await ask_over([*SHELF, *records], question(selection=selection), choices=MemoryChoices(others=()))
    unknown = await ask_over(SHELF[1:], question(selection=selection), choices=MemoryChoices(others=(YES,)))

    assert withheld.frames == unknown.frames == [unknown.closed]


def _texts(batch: Batch) -> list[bytes]:
    ends = [0, *(row.end for row in rows(batch.columns))]
    return [batch.blob[begin:end] for begin, end in pairwise(ends)]


def _name(text: bytes) -> str:
    record = read_record(text)
    return f"{record.resourceType}/{record.id}"


def _referred(text: bytes) -> list[str]:
    content = json.loads(text)
    found = [*content.get("performer", []), *content.get("generalPractitioner", []), content.get("practitioner", {}), content.get("organization", {})]
    return [
        item["reference"] for item in found if item.get("reference", "").partition("/")[0] in {"Practitioner", "Organization", "PractitionerRole", "Medication"}
    ]
