"""Dina and Bennie have at every holder what the story's table says, line by line."""

import json
from datetime import date
from typing import Any

import pytest

from testbed.people import BENNIE, DINA, DINA_EGFR_NUMBER, DINAS_NIGHT, Region, generate
from testbed.people.wishes import HOSPITAL_ADMISSION, INTENSIVE_CARE, RESUSCITATION


@pytest.fixture(scope="module")
def region() -> Region:
    return generate(people=40)


def _of(region: Region, holder: str, bsn: str = DINA.bsn) -> list[dict[str, Any]]:
    """All records of a person at a holder, with numbers as the text that they are."""
    read = [json.loads(record.json, parse_float=str, parse_int=str) for record in region.kept[holder]]
    mine = {f"Patient/{one['id']}" for one in read if one["resourceType"] == "Patient" and bsn in {entry["value"] for entry in one["identifier"]}}
    return [one for one in read if (one.get("subject") or one.get("patient") or {}).get("reference") in mine]


def _types(records: list[dict[str, Any]]) -> list[str]:
    return sorted({one["resourceType"] for one in records})


def _one(records: list[dict[str, Any]], kind: str, **values: Any) -> dict[str, Any]:
    (found,) = [one for one in records if one["resourceType"] == kind and all(one.get(key) == value for key, value in values.items())]
    return found


def _product(region: Region, holder: str, record: dict[str, Any]) -> str:
    reference = record["medicationReference"]["reference"]
    (product,) = [json.loads(kept.json) for kept in region.kept[holder] if kept.ref == reference]
    return str(product["code"]["text"])


def _dose(region: Region, holder: str, record: dict[str, Any]) -> tuple[str, str]:
    return record["dosageInstruction"][0]["timing"]["repeat"]["frequency"], _product(region, holder, record)


def test_dina_is_84_and_bennie_71_on_that_night() -> None:
    ages = [(DINAS_NIGHT.date() - date.fromisoformat(known.birth_date)).days / 365.2425 for known in (DINA, BENNIE)]

    assert [int(age) for age in ages] == [84, 71]
    assert (DINA.bsn, BENNIE.bsn) == ("999984056", "999984123")


def test_dinkelhorst_has_a_confirmed_anaphylaxis_of_2011(region: Region) -> None:
    allergy = _one(_of(region, "dinkelhorst"), "AllergyIntolerance")

    assert allergy["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert allergy["code"]["coding"][0]["code"] == "764146007"
    assert allergy["recordedDate"] == "2011"
    assert allergy["reaction"][0]["manifestation"][0]["coding"][0]["code"] == "39579001"


def test_dinkelhorst_agreed_on_apixaban_twice_two_and_a_half(region: Region) -> None:
    agreed = _one(_of(region, "dinkelhorst"), "MedicationRequest")

    assert agreed["category"][0]["coding"][0]["code"] == "33633005"
    assert _dose(region, "dinkelhorst", agreed) == ("2", "Apixaban tablet 2,5mg")


def test_the_pharmacy_instructs_apixaban_twice_five(region: Region) -> None:
    records = _of(region, "vijzelmarke")

    assert _types(records) == ["MedicationDispense"]
    instructed, handed_out = records[:2]
    assert [one["category"]["coding"][0]["code"] for one in records[:2]] == ["422037009", "373784005"]
    assert _dose(region, "vijzelmarke", instructed) == ("2", "Apixaban tablet 5mg")
    assert (_product(region, "vijzelmarke", handed_out), handed_out["quantity"]["value"]) == ("Apixaban tablet 5mg", "180")


def test_reggerbrug_refuted_the_allergy_in_2024(region: Region) -> None:
    records = _of(region, "reggerbrug")

    assert _types(records) == ["AllergyIntolerance"]
    assert records[0]["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert records[0]["recordedDate"].startswith("2024")


def test_brinkhof_has_the_wishes_of_fourteen_days_ago(region: Region) -> None:
    wishes = {one["provision"]["code"][0]["coding"][0]["code"]: one for one in _of(region, "brinkhof") if one["resourceType"] == "Consent"}

    assert set(wishes) == {RESUSCITATION[0], INTENSIVE_CARE[0], HOSPITAL_ADMISSION[0]}
    assert {wish["dateTime"] for wish in wishes.values()} == {"2026-11-07"}
    assert wishes[RESUSCITATION[0]]["provision"]["type"] == "deny"
    assert wishes[INTENSIVE_CARE[0]]["provision"]["type"] == "deny"


def test_yes_but_has_no_answer_and_the_text_in_full(region: Region) -> None:
    wish = next(one for one in _of(region, "brinkhof") if HOSPITAL_ADMISSION[0] in json.dumps(one))

    assert "type" not in wish["provision"]
    assert wish["modifierExtension"][0]["url"].endswith("ext-TreatmentDirective2.SpecificationOther")
    assert wish["modifierExtension"][0]["valueString"].startswith("Ja, mits")


def _egfr(region: Region, holder: str) -> dict[str, Any]:
    (found,) = [one for one in _of(region, holder) if one.get("identifier", [{}])[0].get("value") == DINA_EGFR_NUMBER]
    return found


def test_the_egfr_is_the_identical_statement_at_lab_and_hospital(region: Region) -> None:
    at_lab, at_hospital = _egfr(region, "twickelaar"), _egfr(region, "dinkelhorst")

    assert at_lab["valueQuantity"]["value"] == at_hospital["valueQuantity"]["value"] == "34"
    assert at_lab["id"] != at_hospital["id"]
    for read in (at_lab, at_hospital):
        del read["id"], read["meta"]
        assert read["subject"].pop("reference").startswith("Patient/")
    assert at_lab == at_hospital


def test_the_crp_stays_37_50(region: Region) -> None:
    (crp,) = [one for one in _of(region, "twickelaar") if one["code"]["text"] == "CRP"]

    assert crp["valueQuantity"]["value"] == "37.50"
    assert any(b"37.50" in record.json for record in region.kept["twickelaar"] if record.ref == f"Observation/{crp['id']}")


def test_both_have_an_observation_1_of_their_own(region: Region) -> None:
    firsts = [_one(_of(region, holder), "Observation", id="1") for holder in ("dinkelhorst", "twickelaar")]

    assert firsts[0]["code"] != firsts[1]["code"]


def test_both_hospital_and_practice_have_an_encounter_3_of_hers(region: Region) -> None:
    thirds = [_one(_of(region, holder), "Encounter", id="3") for holder in ("dinkelhorst", "brinkhof")]

    assert thirds[0]["status"] == "in-progress"
    assert thirds[1]["status"] == "finished"


def test_she_refused_at_mental_health_care_only(region: Region) -> None:
    said = {holder: [line["permits"] for line in lines if line["bsn"] == DINA.bsn] for holder, lines in region.choices.items()}

    assert _of(region, "eschrand")
    assert {holder for holder, lines in said.items() if lines == [False]} == {"eschrand"}
    assert {holder for holder, lines in said.items() if lines == [True]} == set(DINA.where) - {"eschrand"}


def test_home_care_has_the_wishes_of_2021_in_the_codes_of_2017(region: Region) -> None:
    records = _of(region, "wieke")
    wish = _one(records, "Consent")
    treatment = next(part for part in wish["extension"] if part["url"].endswith("zib-TreatmentDirective-Treatment"))

    assert wish["category"][0]["coding"][0]["code"] == "11291000146105"
    assert wish["modifierExtension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "JA"
    assert treatment["valueCodeableConcept"]["coding"][0]["code"] == RESUSCITATION[0]
    assert wish["dateTime"].startswith("2021")
    assert "type" not in wish["provision"]


def test_home_care_comes_daily_and_she_lives_alone(region: Region) -> None:
    records = _of(region, "wieke")

    assert "dagelijks" in _one(records, "CarePlan")["activity"][0]["detail"]["description"]
    assert _one(records, "Observation")["valueCodeableConcept"]["coding"][0]["code"] == "105529008"


def test_the_ambulance_has_a_record(region: Region) -> None:
    assert _types(_of(region, "losserveld")) == ["Encounter", "Observation"]


@pytest.mark.parametrize("holder", ["weefgetouw", "reviant", "noaberhoes"])
def test_the_others_know_nothing_of_her(region: Region, holder: str) -> None:
    assert not any(DINA.bsn.encode() in record.json or b"Olde Wolbers-Nijkamp" in record.json for record in region.kept[holder])
    assert not any(line["bsn"] == DINA.bsn for line in region.choices[holder])


def test_daughter_ria_speaks_for_her(region: Region) -> None:
    for holder in ("dinkelhorst", "brinkhof", "wieke"):
        ria = _one(_of(region, holder), "RelatedPerson")
        assert ria["name"][0]["given"] == ["Ria"]
        assert "RESPRSN" in {code["code"] for relation in ria["relationship"] for code in relation["coding"]}


def test_bennie_is_known_and_never_chose(region: Region) -> None:
    for holder in BENNIE.where:
        assert _of(region, holder, BENNIE.bsn)
    assert not any(line["bsn"] == BENNIE.bsn for lines in region.choices.values() for line in lines)


def test_bennie_gets_a_knee_in_three_weeks(region: Region) -> None:
    planned = _one(_of(region, "dinkelhorst", BENNIE.bsn), "ServiceRequest")

    assert planned["code"]["coding"][0]["code"] == "609588000"
    assert planned["occurrenceDateTime"] == "2026-12-12"
