"""How much of what records say the concept table knows: all of the simulated region's, and measured shares of the national examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.dossier.clinical.concepts import Concept, table
from gateway.dossier.clinical.trees import codings, extensions, parts
from testbed.people import generate
from testbed.people.catalogue import ALLERGENS, CHILD, FLU, LAB_TESTS, PROBLEMS, PROCEDURES
from testbed.people.wishes import HOSPITAL_ADMISSION, INTENSIVE_CARE, RESUSCITATION, VENTILATION
from testbed.people.wording import ATC, ICPC, LOINC, NHG_TABLE_45, SNOMED

Coded = tuple[str, str]

#: Where a record of a building block says what it is about.
ABOUT: Final = {
    "AllergyIntolerance": ("code",),
    "Condition": ("code",),
    "Consent": ("category",),
    "Device": ("type",),
    "DiagnosticReport": ("code",),
    "Flag": ("code",),
    "Goal": ("description",),
    "Immunization": ("vaccineCode",),
    "Medication": ("code",),
    "MedicationDispense": ("category",),
    "MedicationRequest": ("category",),
    "MedicationStatement": ("category", "medicationCodeableConcept"),
    "Observation": ("code",),
    "Procedure": ("code", "category"),
    "ServiceRequest": ("code",),
}
#: "Other": it says nothing of what.
OTHER: Final[Coded] = ("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "OTH")
LIVING_WILLS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"
#: What the table leaves out on purpose. Product numbers of the G-standaard are not free to hand out; the ATC code stands beside them.
LEFT_OUT_SYSTEMS: Final = {"urn:oid:2.16.840.1.113883.2.4.4.10"}
LEFT_OUT: Final[dict[Coded, str]] = {}


def known(coded: Coded) -> Concept | None:
    return table().of(*coded) or table().group_of(*coded)


def about(record: dict[str, Any]) -> Iterator[Coded]:
    """The codes of what a record is about, those of components and of the treatments of a directive too."""
    for name in ABOUT.get(record.get("resourceType", ""), ()):
        yield from ((system, code) for system, code, _ in codings(record.get(name)))
    if record.get("resourceType") == "Observation":
        for component in parts(record, "component"):
            yield from ((system, code) for system, code, _ in codings(component.get("code")))
    if record.get("resourceType") == "Consent":
        for provision in parts(record, "provision"):
            yield from ((system, code) for system, code, _ in codings(provision.get("code")))


def test_every_code_of_a_building_block_in_the_region_is_known_or_left_out_by_name() -> None:
    seen: set[Coded] = set()
    for records in generate(people=160).kept.values():
        for record in records:
            seen.update(about(json.loads(record.json)))
    unknown = {coded for coded in seen if known(coded) is None and coded[0] not in LEFT_OUT_SYSTEMS}

    assert len(seen) > 90
    assert unknown == set(LEFT_OUT)


def test_everything_of_the_testbeds_catalogue_is_known() -> None:
    coded = [(SNOMED, problem.snomed) for problem in PROBLEMS] + [(ICPC, problem.icpc) for problem in PROBLEMS]
    coded += [(ATC, problem.medicine.atc) for problem in PROBLEMS if problem.medicine is not None]
    coded += [(ATC, vaccine[0]) for vaccine in (FLU, *CHILD)] + [(SNOMED, allergen[0]) for allergen in ALLERGENS]
    coded += [(LOINC, test.loinc) for test in LAB_TESTS] + [(NHG_TABLE_45, test.nhg) for test in LAB_TESTS if test.nhg]
    coded += [(SNOMED, procedure[0]) for procedure in PROCEDURES]
    coded += [(SNOMED, wish[0]) for wish in (RESUSCITATION, INTENSIVE_CARE, HOSPITAL_ADMISSION, VENTILATION)]

    assert [one for one in coded if known(one) is None] == []


@pytest.mark.parametrize("problem", [problem for problem in PROBLEMS if problem.snomed != "26929004"], ids=lambda problem: problem.snomed)
def test_a_practice_and_a_hospital_mean_the_same_problem(problem: Any) -> None:
    assert table().of(SNOMED, problem.snomed) is table().of(ICPC, problem.icpc)


def test_dementia_does_not_say_which() -> None:
    assert table().of(SNOMED, "26929004") is not table().of(ICPC, "P70")


def test_what_one_result_is_coded_in_twice_is_one_concept() -> None:
    for test in LAB_TESTS:
        if test.nhg is not None:
            assert table().of(LOINC, test.loinc) is table().of(NHG_TABLE_45, test.nhg)


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every record in the files of a folder, those in bundles too."""
    for path in sorted(folder.rglob("*.json")):
        tree = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict):
            continue
        entries = list(parts(tree, "entry"))
        for record in [entry.get("resource") for entry in entries] if entries else [tree]:
            if isinstance(record, dict):
                yield record


def _share(found: list[list[Coded]], capsys: pytest.CaptureFixture[str], what: str) -> float:
    """The share of records of which the table knows at least one code; printed, and so is what it does not know."""
    unknown = [coded for coded in found if not any(known(one) for one in coded)]
    share = 1 - len(unknown) / len(found)
    with capsys.disabled():
        print(f"\n{what}: {share:.0%} of {len(found)} records are known", sorted({one for coded in unknown for one in coded})[:8])  # noqa: T201 -- a figure to read
    return share


def wished(record: dict[str, Any]) -> list[Coded]:
    """What a record of planning ahead is about; of a directive its treatments (in the elements of 2017 or 2020) and its kinds of will, never its category."""
    if record["resourceType"] != "Consent":
        return [*about(record)]
    treatments = [one.get("valueCodeableConcept") for one in extensions(record, "zib-TreatmentDirective-Treatment")]
    treatments += [provision.get("code") for provision in parts(record, "provision")]
    found = [(system, code) for treatment in treatments for system, code, _ in codings(treatment)]
    return found + [(system, code) for system, code, _ in codings(record.get("category")) if system == LIVING_WILLS]


def test_every_coded_wish_of_the_national_planning_ahead_examples_is_known(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planning = {"Consent", "Goal", "Observation", "Procedure", "Device"}
    found = [coded for record in _records(shared_data / "dutch" / "pzp-r4") if record["resourceType"] in planning and (coded := wished(record))]

    assert len(found) >= 30
    assert _share(found, capsys, "planning ahead") >= 0.9
    assert {one for coded in found for one in coded if known(one) is None} == {OTHER}


def test_the_treatment_that_a_directive_names_in_its_text_is_known(shared_data: Path) -> None:
    """Switching off an ICD is coded as "other", with the number of SNOMED CT in the text: whoever reads it has to look there."""
    texts = [
        provision["code"][0]["text"]
        for record in _records(shared_data / "dutch" / "pzp-r4")
        for provision in parts(record, "provision")
        if OTHER in [(system, code) for system, code, _ in codings(provision.get("code"))]
    ]
    numbers = [number for text in texts for number in re.findall("[0-9]{6,18}", text)]

    assert len(texts) == 3
    assert {concept.key for number in numbers if (concept := table().of(SNOMED, number))} == {"wish.icd-deactivation"}


def test_most_directives_of_both_generations_are_known_by_their_treatment(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directives = [record for record in _records(shared_data / "dutch") if record.get("resourceType") == "Consent"]
    found = [coded for coded in (wished(record) for record in directives) if coded]

    assert len(found) >= 40
    assert _share(found, capsys, "directives") >= 0.85


def test_most_vital_signs_of_the_national_examples_are_known(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vital = [
        record
        for record in _records(shared_data / "dutch")
        if record.get("resourceType") == "Observation"
        and any(code == "vital-signs" for category in [record.get("category")] for _, code, _ in codings(category))
    ]

    assert len(vital) >= 100
    assert _share([[*about(record)] for record in vital], capsys, "vital signs") >= 0.95


@pytest.mark.parametrize(
    ("kind", "at_least"),
    [
        ("AllergyIntolerance", 0.7),
        ("Condition", 0.5),
        ("Device", 0.7),
        ("Flag", 0.3),  # many of them have no code, but "other" and a text
        ("Immunization", 0.8),
        ("Observation", 0.7),
        ("Procedure", 0.8),
    ],
)
def test_what_is_known_of_the_national_examples_does_not_shrink(shared_data: Path, capsys: pytest.CaptureFixture[str], kind: str, at_least: float) -> None:
    found = [coded for record in _records(shared_data / "dutch") if record.get("resourceType") == kind and (coded := [*about(record)])]

    assert found
    assert _share(found, capsys, kind) >= at_least
