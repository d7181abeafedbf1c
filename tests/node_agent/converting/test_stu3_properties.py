"""Whatever stands in a record of STU3: no number and no text is lost, nothing but a fault of the catalogue is raised, and twice is refused."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from accord.terms.faults import BadInput, Fault
from node_agent.converting.stu3 import CONVERSIONS, Converter

NUMBERS = some.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
#: Names of elements that some type converts, and some that none does.
NAMES = some.sampled_from(
    "status context comment related category code valueQuantity dosage dosageInstruction requester performer notDone notGiven taken except period "
    "modifierExtension extension identifier udi package ingredient vaccinationProtocol recommendation explanation activity author target agent entity "
    "content class indexed subject component interpretation value unknown intent type definition reason grouping image questionnaire item".split()
)
TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = some.recursive(
    some.booleans() | TEXTS | some.none(), lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def record_of(kind: str, members: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": kind, "id": "1", **members}).encode()


@given(some.sampled_from(sorted(CONVERSIONS)), some.dictionaries(NAMES, VALUES, max_size=6))
def test_whatever_stands_there_a_record_is_converted_or_refused_with_a_code(kind: str, members: dict[str, Any]) -> None:
    fault, logical_id = Fault.NOT_CONVERTIBLE, "1"
    try:
        logical_id = json.loads(Converter().convert(record_of(kind, members)))["id"]
    except BadInput as refusal:
        fault = refusal.fault

    assert fault in {Fault.NOT_CONVERTIBLE, Fault.WRONG_FHIR_VERSION}
    assert logical_id.endswith("1")


@given(some.sampled_from(sorted(CONVERSIONS)), some.lists(NUMBERS, min_size=1, max_size=6))
def test_p13_no_number_changes(kind: str, numbers: list[str]) -> None:
    inside = ",".join(f'{{"value":{number}}}' for number in numbers)
    record = f'{{"resourceType":"{kind}","id":"1","odd":[{inside}]}}'.encode()
    converted = Converter().convert(record)

    assert f'"odd":[{inside}]'.encode() in converted


def texts_of(value: Any) -> Counter[str]:
    if isinstance(value, dict):
        return sum((texts_of(inner) for inner in value.values()), Counter())
    if isinstance(value, list):
        return sum((texts_of(inner) for inner in value), Counter())
    return Counter({value: 1}) if isinstance(value, str) else Counter()


@given(some.sampled_from(sorted(CONVERSIONS)), TEXTS, TEXTS)
def test_p13_no_text_is_lost_in_an_element_or_beside_one(kind: str, one: str, two: str) -> None:
    concept = {"coding": [{"system": "urn:oid:1.2", "code": "c", "display": one}], "text": two}
    members = {"unheard": concept, "_unheard": {"extension": [{"url": "urn:x", "valueCodeableConcept": concept}]}, "code": concept}
    if kind == "ReferralRequest":
        members["serviceRequested"] = members.pop("code")
    converted = json.loads(Converter().convert(record_of(kind, members)))

    assert not texts_of(members) - texts_of(converted)


@given(
    some.sampled_from(sorted({"Condition", "AllergyIntolerance", "Immunization", "Goal", "ProcedureRequest", "ReferralRequest", "Consent", "NutritionOrder"}))
)
def test_what_was_converted_is_refused_the_second_time(kind: str) -> None:
    members = {
        "clinicalStatus": "active",
        "date": "2020",
        "status": "active",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "11341000146107"}]}],
    }
    whole = {name: value for name, value in members.items() if not (kind == "ReferralRequest" and name == "category")}
    converted = Converter().convert(record_of(kind, whole))
    fault = None
    try:
        Converter().convert(converted)
    except BadInput as refusal:
        fault = refusal.fault

    assert fault is Fault.WRONG_FHIR_VERSION
