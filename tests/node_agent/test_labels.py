"""A sensitive label withholds whole records: also those that hold what is labelled, or show it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from accord.rules.choices import Choice
from accord.rules.labels import ACT_CODE, CONFIDENTIALITY
from accord.rules.reading import read_record
from accord.terms.answers import AttachmentFrame, Chunk, Ending
from accord.terms.identifiers import RecordRef
from accord.terms.policies import HolderPolicy
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory
from node_agent.attaching import fetch_attachment
from node_agent.labelling import CONTENTS, contents_of, labels_of, look
from node_agent.ports import SourceRecord, SourceUnavailable
from testbed.contracts.records import ANNA, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import admitted, plain_safeguards
from tests.node_agent.asking import KEY, URA, YES, Answer, MemoryChoices, ask, ask_over, holder_over, question

pytestmark = pytest.mark.anyio

HIV = {"system": ACT_CODE, "code": "HIV"}
SECRET: dict[str, Any] = {"meta": {"security": [HIV]}}
ANNA_A = patient("a", ANNA)
TO_ANNA = {"subject": {"reference": "Patient/a"}}
FOR_HIV = Choice(permits=True, labels=frozenset({(ACT_CODE, "HIV")}))


def names(told: Answer) -> list[str]:
    """What was told, but for Anna herself."""
    return [f"{record.resourceType}/{record.id}" for record in map(read_record, told.records) if record.resourceType != "Patient"]


def labelled(logical_id: str = "s", **members: Any) -> bytes:
    return observation(logical_id, "a", **SECRET, **members)


BEARING = {
    "as every system writes it": labelled(),
    "among other labels": observation("s", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "N"}, HIV]}),
    "restricted": observation("s", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "R"}]}),
    "in the spelling of before": observation("s", "a", meta={"security": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "HIV"}]}),
    "without a system": observation("s", "a", meta={"security": [{"code": "whatever"}]}),
    "with no code at all": observation("s", "a", meta={"security": [{"display": "geheim"}]}),
    "as no label is written": observation("s", "a", meta={"security": HIV}),
    "in a meta that stands twice": labelled().replace(b'"status"', b'"meta": {"versionId": "1"}, "status"'),
    "in escaped letters": labelled().replace(b'"security"', rb'"\u0073ecurity"'),
    "in escaped letters, contained": observation("s", "a", contained=[{"resourceType": "Specimen", "id": "c", **SECRET}]).replace(
        b'"security', rb'"\u0073ecurity'
    ),
    "contained": observation("s", "a", contained=[{"resourceType": "Specimen", "id": "c", **SECRET}]),
    "contained, beside a label of its own": observation(
        "s", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "N"}]}, contained=[{"resourceType": "Specimen", "id": "c", **SECRET}]
    ),
    "on one element": observation(
        "s",
        "a",
        meta={"security": [{"system": ACT_CODE, "code": "PROCESSINLINELABEL"}]},
        note=[
            {
                "text": "x",
                "extension": [{"url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label", "valueCoding": HIV}],
            }
        ],
    ),
    "on a document": resource("DocumentReference", "s", **TO_ANNA, securityLabel=[{"coding": [{"system": CONFIDENTIALITY, "code": "V"}]}]),
    "on a document, in words": resource("DocumentReference", "s", **TO_ANNA, securityLabel=[{"text": "geheim"}]),
    "on a letter": resource("Composition", "s", **TO_ANNA, confidentiality="R"),
    "on a contained letter": observation("s", "a", contained=[{"resourceType": "Composition", "id": "c", "confidentiality": "R"}]),
}


@pytest.mark.parametrize("how", BEARING)
async def test_p5_a_sensitive_label_withholds_the_record_wherever_it_stands(how: str) -> None:
    told = await ask_over([ANNA_A, BEARING[how], observation("plain", "a")])

    assert names(told) == ["Observation/plain"]
    assert told.closed.counts.unfit == told.closed.counts.oversized == 0


NOT_BEARING = {
    "normal": observation("s", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "N"}]}),
    "none": observation("s", "a", meta={"security": []}),
    "a word in the text": observation("s", "a", valueString='the word "security" in a text', note=[{"text": "security"}]),
    "contained without": observation("s", "a", contained=[{"resourceType": "Specimen", "id": "c"}]),
    "a tag": observation("s", "a", meta={"tag": [HIV]}),
}


@pytest.mark.parametrize("how", NOT_BEARING)
async def test_what_bears_no_sensitive_label_leaves_byte_for_byte(how: str) -> None:
    assert (await ask_over([ANNA_A, NOT_BEARING[how]])).records == [ANNA_A, NOT_BEARING[how]]


async def test_p5_a_permit_that_names_the_label_releases_it_also_where_it_is_contained() -> None:
    own, contained = labelled("1"), observation("2", "a", contained=[{"resourceType": "Specimen", "id": "c", **SECRET}])
    told = await ask_over([ANNA_A, own, contained], choices=MemoryChoices(others=(YES, FOR_HIV)))
    only = await ask_over([ANNA_A, own, contained], choices=MemoryChoices(others=(FOR_HIV,)))

    assert names(told) == ["Observation/1", "Observation/2"]
    # What is contained brings no permit that the record around it has not.
    assert names(only) == ["Observation/1"]


async def test_p5_what_the_holder_keeps_in_by_its_label_stays_in_whatever_the_patient_permits() -> None:
    safeguards = plain_safeguards(URA, pseudonym_of=KEY.pseudonym, policy=HolderPolicy(labels=frozenset({"local-secret"})))
    kept = observation("s", "a", meta={"security": [{"system": "https://holder.example", "code": "local-secret"}]})
    holder = replace(
        holder_over(MemorySource([ANNA_A, kept, resource("List", "l", **TO_ANNA, entry=[{"item": {"reference": "Observation/s"}}])])), safeguards=safeguards
    )

    assert names(await ask(holder, question())) == []


# -- What a record leads to


def leading(name: str, element: str, reference: str) -> bytes:
    """A record of this type that leads there by this element."""
    pointer: Any = {"reference": reference}
    value: Any = {
        "medicationReference": pointer,
        "ingredient": [{"itemReference": pointer}],
        "media": [{"link": pointer}],
        "content": [{"attachment": {"url": reference}}] if name == "DocumentReference" else [pointer],
        "section": [{"title": "x", "section": [{"entry": [pointer]}]}],
        "entry": [{"item": pointer}],
    }.get(element, [pointer])
    return resource(name, "referrer", **TO_ANNA, status="active", **{element: value})


PAIRS = [(name, element) for name, elements in CONTENTS.items() for element in elements if name != "Medication"]


@pytest.mark.parametrize(("name", "element"), PAIRS)
async def test_p5_a_record_that_leads_to_what_is_labelled_is_withheld_and_leaves_no_trace(name: str, element: str) -> None:
    target = "Medication/s" if element == "medicationReference" else "Observation/s"
    secret = resource("Medication", "s", **SECRET) if element == "medicationReference" else labelled()
    referrer = leading(name, element, target)

    shown = await ask_over([ANNA_A, referrer, resource("Medication", "s") if element == "medicationReference" else observation("s", "a")])
    withheld = await ask_over([ANNA_A, referrer, secret])
    permitted = await ask_over([ANNA_A, referrer, secret], choices=MemoryChoices(others=(YES, FOR_HIV)))
    alone = await ask_over([ANNA_A, referrer])
    nothing = await ask_over([ANNA_A])

    assert f"{name}/referrer" in names(shown)
    assert withheld.frames == nothing.frames
    assert f"{name}/referrer" in names(permitted)
    # What is not here cannot be withheld here.
    assert names(alone) == [f"{name}/referrer"]


HOW_WRITTEN = {
    "plainly": "Observation/s",
    "with a version": "Observation/s/_history/3",
    "with the address of the holder": "https://holder.example/fhir/Observation/s",
    "with both": "https://holder.example/fhir/Observation/s/_history/3",
}


@pytest.mark.parametrize("how", HOW_WRITTEN)
async def test_p5_a_reference_is_followed_however_it_is_written(how: str) -> None:
    referrer = leading("DiagnosticReport", "result", HOW_WRITTEN[how])
    for text in (referrer, referrer.replace(b"/", rb"\/"), referrer.replace(b'"Observation', rb'"\u004fbservation')):
        source = MemorySource([ANNA_A, text, labelled()], bases=("https://holder.example/fhir",))

        assert names(await ask(holder_over(source), question())) == []


async def test_other_references_may_dangle() -> None:
    others = resource("Condition", "1", **TO_ANNA, encounter={"reference": "Observation/s"}, evidence=[{"detail": [{"reference": "Observation/s"}]}])
    elsewhere = leading("DiagnosticReport", "result", "https://elsewhere.example/Observation/s")
    told = await ask_over([ANNA_A, others, elsewhere, labelled()])

    assert names(told) == ["Condition/1", "DiagnosticReport/referrer"]


async def test_p5_it_is_followed_through_several_records_and_around_in_a_circle() -> None:
    report = leading("DiagnosticReport", "result", "Observation/1")
    chain = [observation("1", "a", hasMember=[{"reference": "Observation/2"}]), observation("2", "a", derivedFrom=[{"reference": "Observation/s"}])]
    circle = [observation("x", "a", hasMember=[{"reference": "Observation/y"}]), observation("y", "a", hasMember=[{"reference": "Observation/x"}])]

    assert names(await ask_over([ANNA_A, report, *chain, labelled(), *circle])) == ["Observation/x", "Observation/y"]
    assert sorted(names(await ask_over([ANNA_A, report, *chain, *circle]))) == ["DiagnosticReport/referrer", *(f"Observation/{name}" for name in "12xy")]


async def test_p3_what_leads_further_than_is_looked_at_is_withheld() -> None:
    chain = [observation(str(number), "a", hasMember=[{"reference": f"Observation/{number + 1}"}]) for number in range(8)]
    asked = [RecordRef("Observation", str(number)) for number in range(9)]

    async def told_of(ref: RecordRef) -> list[str]:
        return names(await ask_over([ANNA_A, *chain, observation("8", "a")], question(selection=Selection(types=frozenset({ref.type}), ids=(ref.id,)))))

    assert [bool(await told_of(ref)) for ref in asked] == [False] * 4 + [True] * 5


async def test_p5_a_substance_in_a_medicine_keeps_the_prescription() -> None:
    medicine = resource("Medication", "m", ingredient=[{"itemReference": {"reference": "Substance/s"}}])
    prescription = leading("MedicationRequest", "medicationReference", "Medication/m")

    assert names(await ask_over([ANNA_A, prescription, medicine, resource("Substance", "s", **SECRET)])) == []
    assert names(await ask_over([ANNA_A, prescription, medicine, resource("Substance", "s")])) == ["Substance/s", "Medication/m", "MedicationRequest/referrer"]


async def test_p5_a_labelled_companion_stays_and_what_only_mentions_it_goes() -> None:
    told = await ask_over([ANNA_A, observation("1", "a", performer=[{"reference": "Practitioner/s"}]), resource("Practitioner", "s", **SECRET)])

    assert names(told) == ["Observation/1"]
    assert told.closed.counts.unfit == 0


async def test_p5_a_withheld_category_alone_keeps_no_record_that_leads_to_it() -> None:
    """The report is decided on by itself: only what is withheld for its label takes others with it."""
    no_findings = Choice(permits=False, category=CareCategory.OBSERVATION_EXAM)
    report = leading("DiagnosticReport", "result", "Observation/s")
    normal = observation("s", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "N"}]})

    assert names(await ask_over([ANNA_A, report, normal], choices=MemoryChoices(others=(YES, no_findings)))) == ["DiagnosticReport/referrer"]
    assert names(await ask_over([ANNA_A, report, labelled()], choices=MemoryChoices(others=(YES, no_findings)))) == []


async def test_p5_a_labelled_patient_record_withholds_all() -> None:
    told = await ask_over([patient("a", ANNA, **SECRET), observation("1", "a")])

    assert told.frames == [told.closed]
    assert told.closed.ending is Ending.NOTHING_SHOWN


async def test_p3_a_source_that_cannot_be_asked_ends_the_answer_before_the_record_leaves() -> None:
    class Unsure(MemorySource):
        async def read(self, refs: Any) -> Any:
            del refs
            raise SourceUnavailable("read")

    told = await ask(holder_over(Unsure([ANNA_A, leading("DiagnosticReport", "result", "Observation/s")])), question())

    assert told.records == []
    assert told.closed.ending is Ending.UNREACHABLE


async def test_what_is_held_is_read_once_for_all_that_hold_it() -> None:
    source = MemorySource([ANNA_A, resource("Medication", "m"), *(_prescription(number) for number in range(120))])
    told = await ask(holder_over(source), question())

    assert len(told.records) == 122
    assert source.asked.count("read") == 1


async def test_an_answer_without_such_references_reads_nothing() -> None:
    source = MemorySource([ANNA_A, *(observation(str(number), "a") for number in range(100))])
    await ask(holder_over(source), question())

    assert "read" not in source.asked


def _prescription(number: int) -> bytes:
    return resource("MedicationRequest", str(number), **TO_ANNA, medicationReference={"reference": "Medication/m"})


async def test_a_record_that_nobody_can_read_is_not_counted_when_it_might_bear_a_label() -> None:
    source = MemorySource([ANNA_A, observation("1", "a")])
    source.put(SourceRecord(labelled()[:-2]))
    source.put(SourceRecord(observation("3", "a")[:-2]))

    assert (await ask(holder_over(source), question())).closed.counts.unfit == 1


async def test_a_report_that_is_too_large_is_not_counted_when_it_leads_to_what_is_labelled() -> None:
    big = json.loads(leading("DiagnosticReport", "result", "Observation/s")) | {"conclusion": "x" * 800_000}
    for secret, oversized in ((labelled(), 0), (observation("s", "a"), 1)):
        told = await ask_over([ANNA_A, json.dumps(big).encode(), secret])

        assert told.closed.counts.oversized == oversized


@pytest.mark.parametrize("secret", [False, True])
async def test_p5_an_attachment_of_a_record_that_leads_to_what_is_labelled_is_not_fetched(secret: bool) -> None:  # noqa: FBT001 - the two cases
    document = resource("Composition", "d", **TO_ANNA, section=[{"entry": [{"reference": "Observation/s"}]}], extension=[{"url": "u", "valueUrl": "Binary/7"}])
    records = [ANNA_A, document, labelled() if secret else observation("s", "a"), resource("Binary", "7", data="aGk=")]
    frames: list[AttachmentFrame] = []

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)

    await fetch_attachment(holder_over(MemorySource(records)), admitted(question()), "Binary/7", RecordRef("Composition", "d"), emit)

    assert [frame.content for frame in frames if isinstance(frame, Chunk)] == ([] if secret else [b"hi"])


def test_labels_and_contents_of_what_is_contained_are_told_apart_from_its_own() -> None:
    text = observation(
        "1",
        "a",
        meta={"security": [{"system": CONFIDENTIALITY, "code": "N"}]},
        contained=[{"resourceType": "Medication", "id": "m", **SECRET, "ingredient": [{"itemReference": {"reference": "Substance/9"}}]}],
    )

    assert labels_of(text, "Observation") == (frozenset({(CONFIDENTIALITY, "N")}), frozenset({(CONFIDENTIALITY, "N"), (ACT_CODE, "HIV")}))
    assert contents_of(text, look(text), ()) == (RecordRef("Substance", "9"),)
