"""Each of the untidy has exactly the untidiness of their name, and the twins differ in one thing."""

import json
from typing import Any

import pytest

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people import DINAS_NIGHT, TWINS, UNTIDY_PEOPLE, Known, Region, generate
from testbed.people.untidy import NEIGHBOUR

Read = dict[str, Any]


@pytest.fixture(scope="module")
def region() -> Region:
    return generate(people=0)


def _all(region: Region, holder: str) -> list[Read]:
    return [json.loads(record.json, parse_float=str, parse_int=str) for record in region.kept[holder]]


def _patients(region: Region, name: str, holder: str | None = None) -> list[Read]:
    known = UNTIDY_PEOPLE[name]
    return [one for one in _all(region, holder or known.where[0]) if one["resourceType"] == "Patient" and _bsns(one)[:1] == [known.bsn]]


def _bsns(patient: Read) -> list[str]:
    return [entry["value"] for entry in patient["identifier"] if entry["system"] == BSN_SYSTEM]


def _about(region: Region, known: Known, holder: str) -> list[Read]:
    here = _all(region, holder)
    mine = {f"Patient/{one['id']}" for one in here if one["resourceType"] == "Patient" and known.bsn in _bsns(one)}
    return [one for one in here if (one.get("subject") or one.get("patient") or {}).get("reference") in mine]


def test_the_others_have_everybody_right(region: Region) -> None:
    for name, known in UNTIDY_PEOPLE.items():
        for holder in known.where[1:]:
            (patient,) = _patients(region, name, holder)
            assert _bsns(patient) == [known.bsn]
            assert patient["birthDate"] == known.birth_date


def test_one_record_names_the_neighbours_number(region: Region) -> None:
    known = UNTIDY_PEOPLE["wrong-bsn-on-one-record"]
    wrong = [one for one in _about(region, known, known.where[0]) if "identifier" in one.get("subject", {})]

    assert [one["subject"]["identifier"]["value"] for one in wrong] == [NEIGHBOUR.bsn]


def test_one_patient_has_two_numbers(region: Region) -> None:
    (patient,) = _patients(region, "two-bsns")

    assert _bsns(patient) == [UNTIDY_PEOPLE["two-bsns"].bsn, NEIGHBOUR.bsn]


def test_one_patient_has_no_number(region: Region) -> None:
    nameless = [one for one in _all(region, "losserveld") if one["resourceType"] == "Patient" and not _bsns(one)]

    assert not _patients(region, "without-bsn")
    assert [one["birthDate"] for one in nameless] == [UNTIDY_PEOPLE["without-bsn"].birth_date]


def test_one_patient_has_no_date_of_birth(region: Region) -> None:
    (patient,) = _patients(region, "without-birth-date")

    assert "birthDate" not in patient


def test_one_patient_has_another_date_of_birth(region: Region) -> None:
    (patient,) = _patients(region, "other-birth-date")

    assert patient["birthDate"] == "1956-05-16"


def test_the_newborn_stands_under_the_mothers_number(region: Region) -> None:
    mother, child = _patients(region, "newborn-under-mothers-number")

    assert mother["birthDate"] == UNTIDY_PEOPLE["newborn-under-mothers-number"].birth_date
    assert child["birthDate"] == "2026-11-18"
    assert len(_patients(region, "newborn-under-mothers-number", "hoeseken")) == 1


def test_the_merged_patient_is_there_twice_with_links(region: Region) -> None:
    old, new = _patients(region, "merged")

    assert (old["active"], new["active"]) == (False, True)
    assert old["link"] == [{"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}]
    assert new["link"] == [{"other": {"reference": f"Patient/{old['id']}"}, "type": "replaces"}]
    about = _about(region, UNTIDY_PEOPLE["merged"], "reggerbrug")
    assert {one["subject"]["reference"] for one in about if "subject" in one} == {f"Patient/{old['id']}", f"Patient/{new['id']}"}


def test_the_practice_knows_of_the_death_and_home_care_does_not(region: Region) -> None:
    (known_dead,), (thought_alive,) = _patients(region, "deceased"), _patients(region, "deceased", "wieke")

    assert known_dead["deceasedDateTime"].startswith("2026-11-15")
    assert "deceasedDateTime" not in thought_alive


@pytest.mark.parametrize(("name", "age", "spoken_for"), [("minor-under-12", 8, True), ("minor-from-12", 13, True), ("minor-from-16", 16, False)])
def test_minors_are_of_the_age_of_their_name(region: Region, name: str, age: int, *, spoken_for: bool) -> None:
    known = UNTIDY_PEOPLE[name]
    year, month, day = map(int, known.birth_date.split("-"))
    relatives = [one for one in _about(region, known, known.where[0]) if one["resourceType"] == "RelatedPerson"]

    assert DINAS_NIGHT.year - year - ((DINAS_NIGHT.month, DINAS_NIGHT.day) < (month, day)) == age
    assert bool(relatives) is spoken_for


def test_an_adult_is_represented_by_a_mentor(region: Region) -> None:
    known = UNTIDY_PEOPLE["represented"]
    (mentor,) = [one for one in _about(region, known, known.where[0]) if one["resourceType"] == "RelatedPerson"]

    assert [relation["coding"][0]["code"] for relation in mentor["relationship"]] == ["GUARD", "RESPRSN"]


def test_errors_are_kept_and_marked(region: Region) -> None:
    records = _about(region, UNTIDY_PEOPLE["entered-in-error"], "dinkelhorst")
    (allergy,) = [one for one in records if one["resourceType"] == "AllergyIntolerance"]

    assert allergy["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in allergy
    assert [one["code"]["text"] for one in records if one.get("status") == "entered-in-error"] == ["creatinine"]


def test_superseded_versions_are_kept_beside_the_valid_one(region: Region) -> None:
    known = UNTIDY_PEOPLE["superseded"]
    letters = [one for one in _about(region, known, "dinkelhorst") if one["resourceType"] == "DocumentReference"]
    versions = {
        holder: next(one for one in _about(region, known, holder) if one["resourceType"] == "Observation" and "identifier" in one) for holder in known.where
    }

    assert [one["status"] for one in letters] == ["superseded", "current"]
    assert letters[1]["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{letters[0]['id']}"}}]
    assert versions["dinkelhorst"]["identifier"] == versions["twickelaar"]["identifier"]
    assert [versions[holder]["status"] for holder in known.where] == ["preliminary", "corrected"]


def test_dates_are_as_partial_as_they_come(region: Region) -> None:
    onsets = [one["onsetDateTime"] for one in _about(region, UNTIDY_PEOPLE["partial-dates"], "reggerbrug") if one["resourceType"] == "Condition"]

    assert onsets == ["1998", "2007-11", "2024-05-02T10:30:00"]


def test_a_contained_result_is_about_the_neighbour(region: Region) -> None:
    (neighbour,) = [one for one in _all(region, "weefgetouw") if one["resourceType"] == "Patient" and _bsns(one) == [NEIGHBOUR.bsn]]
    (report,) = [one for one in _about(region, UNTIDY_PEOPLE["contained-other"], "weefgetouw") if one["resourceType"] == "DiagnosticReport"]

    assert report["contained"][0]["subject"] == {"reference": f"Patient/{neighbour['id']}"}
    assert report["subject"] != report["contained"][0]["subject"]


def test_a_problem_was_stated_by_the_neighbours_number(region: Region) -> None:
    (problem,) = [one for one in _about(region, UNTIDY_PEOPLE["logical-other"], "reggerbrug") if one["resourceType"] == "Condition"]

    assert problem["asserter"] == {"type": "Patient", "identifier": {"system": BSN_SYSTEM, "value": NEIGHBOUR.bsn}}


def _pair(region: Region, name: str) -> list[Read]:
    known = TWINS[name]
    pair = [next(one for one in _about(region, known, holder) if "identifier" in one) for holder in known.where]
    for read in pair:
        del read["id"], read["meta"], read["subject"]
    return pair


def test_the_identical_twins_are_identical(region: Region) -> None:
    one, other = _pair(region, "identical")

    assert one == other


@pytest.mark.parametrize(("name", "key"), [("decimals", "valueQuantity"), ("status", "status"), ("order-number", "identifier")])
def test_the_other_twins_differ_in_one_thing(region: Region, name: str, key: str) -> None:
    one, other = _pair(region, name)

    assert [differs for differs in one if one[differs] != other[differs]] == [key]
    assert one.keys() == other.keys()


def test_the_medication_twins_differ_in_the_product_referred_to_only(region: Region) -> None:
    known = TWINS["medication"]
    one, other = _pair(region, "medication")
    products = [
        next(read["code"]["text"] for read in _all(region, holder) if f"{read['resourceType']}/{read['id']}" == agreed["medicationReference"]["reference"])
        for holder, agreed in zip(known.where, (one, other), strict=True)
    ]
    del one["medicationReference"]["reference"], other["medicationReference"]["reference"]

    assert one == other
    assert products == ["Apixaban tablet 2,5mg", "Apixaban tablet 5mg"]
