"""Public records of STU3 are converted whole, are sound R4, and agree with what others made of the same records."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from accord.terms.faults import BadInput, Fault
from node_agent.converting.names import REFERRAL_MARK, told_system
from node_agent.converting.stu3 import Converter

pytestmark = pytest.mark.slow

#: What is wrong with records at their source: FHIR's models refuse it in either generation.
WRONG_AT_THE_SOURCE: Final = {
    ("MedicationRequest", "valueCodableConcept"): "a spelling mistake in the name of an extension's value",
    ("Observation", "basedOn"): "one reference where a list is due",
}
#: Leaves that the result has not, by the element in which they stood: each is told in another way.
TOLD_OTHERWISE: Final = {
    "Observation.related.type": "by the name of the element: hasMember, derivedFrom",
    "Consent.extension.url": "the treatment is the code of the provision, a restriction its modifier",
    "Consent.modifierExtension.url": "the answer is the type of the provision, with the answer as written beside it",
    "Consent.except.extension.url": "the text of the restriction is a modifier extension of 2020",
    "Consent.except.type": "of a restriction that is a text: a nested deny without a condition would deny everything",
    "ProcedureRequest.resourceType": "the type has another name",
    "ReferralRequest.resourceType": "the type has another name",
}


def resources(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if content.get("resourceType") == "Bundle":
        for entry in content.get("entry", []):
            yield from resources(entry.get("resource", {}))
    elif content.get("resourceType", "OperationOutcome") != "OperationOutcome":
        yield content


def in_file(path: Path) -> list[dict[str, Any]]:
    return [resource | {"id": resource.get("id", f"x{number}")} for number, resource in enumerate(resources(json.loads(path.read_bytes())))]


def older(data: Path) -> list[dict[str, Any]]:
    """Every record of STU3: those of the folder for vaccinations are R4 as they are."""
    paths = [path for path in sorted(data.glob("dutch/dva-mock-stu3/**/*.json")) if path.parent.name != "Vaccination-Immunization"]
    return [resource for path in (data / "dutch/knooppunt/bgz-example-stu3.json", *paths) for resource in in_file(path)]


def told(resource: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Converter().convert(json.dumps(resource, ensure_ascii=False).encode()))
    return found


def leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, json.dumps(value)


def test_every_record_is_converted_and_is_sound_r4(shared_data: Path) -> None:
    wrong: Counter[tuple[str, str]] = Counter()
    records = older(shared_data)
    for resource in records:
        found = told(resource)
        try:
            get_fhir_model_class(found["resourceType"]).model_validate(found)
        except ValidationError as refusal:
            for error in refusal.errors():
                wrong[found["resourceType"], str(error["loc"][-1])] += 1

    assert len(records) > 600
    assert wrong.keys() <= WRONG_AT_THE_SOURCE.keys()


def test_every_leaf_is_found_again_or_is_told_otherwise_by_a_listed_rule(shared_data: Path) -> None:
    lost: Counter[str] = Counter()
    for resource in older(shared_data):
        there = Counter(value for _, value in leaves(told(resource), ""))
        for path, value in leaves(resource, resource["resourceType"]):
            if (path, value) == ("Immunization.notGiven", "false"):
                continue  # nothing is otherwise: that is told by saying nothing
            same = {value, json.dumps(told_system(json.loads(value)))} if path.endswith(".system") else {value, _renamed(value)}
            found = next((one for one in same if there[one] > 0), None)
            if found is None:
                lost[path] += 1
            else:
                there[found] -= 1

    assert lost.keys() <= TOLD_OTHERWISE.keys()


def _renamed(value: str) -> str:
    return value.replace('"ProcedureRequest/', '"ServiceRequest/').replace('"ReferralRequest/', f'"ServiceRequest/{REFERRAL_MARK}')


def test_records_of_r4_among_them_are_refused(shared_data: Path) -> None:
    for resource in in_file(shared_data / "dutch/dva-mock-stu3/fhir-resources/Vaccination-Immunization/1-Immunization.json"):
        if resource["resourceType"] == "Immunization":
            with pytest.raises(BadInput) as refusal:
                told(resource)
            assert refusal.value.fault is Fault.WRONG_FHIR_VERSION


#: What the R4 twin of the same patient has otherwise, by type and element, and why.
OTHERWISE: Final = {
    ("Consent", "scope"): "theirs says patient-privacy of a wish about treatment; ours is the scope of zib2020",
    ("Consent", "category"): "ours has the category of zib2020 beside the old one",
    ("Consent", "provision"): "theirs has none: the answer stands in a modifier extension of 2017 only",
    ("Consent", "modifierExtension"): "ours has told the answer as the type of the provision",
    ("Consent", "extension"): "ours has told the treatment as the code of the provision",
    ("Observation", "category"): "theirs keeps STU3's address of the code system",
    ("Observation", "code"): "theirs keeps STU3's address of a code system",
    ("Observation", "component"): "theirs keeps STU3's address of a code system",
    ("Observation", "note"): "theirs has remarks that the record of STU3 has not",
    ("Flag", "code"): "theirs keeps STU3's address of NullFlavor",
    ("Condition", "verificationStatus"): "theirs keeps STU3's address of a code system, or leaves out a status that R4 does not know",
    ("Condition", "clinicalStatus"): "theirs keeps STU3's address of a code system",
}


def test_the_twin_in_r4_of_the_same_records_says_the_same_but_for_a_list_of_differences(shared_data: Path) -> None:
    ours = [told(resource) for resource in in_file(shared_data / "dutch/knooppunt/bgz-example-stu3.json")]
    theirs = in_file(shared_data / "dutch/knooppunt/bgz-example-r4.json")
    differences: Counter[tuple[str, str]] = Counter()
    for one, other in zip(ours, theirs, strict=True):
        assert one["resourceType"] == other["resourceType"]
        for name in (one.keys() | other.keys()) - {"text", "id"}:
            if one.get(name) != other.get(name):
                differences[one["resourceType"], name] += 1

    assert len(ours) == 99
    assert differences.keys() <= OTHERWISE.keys()
