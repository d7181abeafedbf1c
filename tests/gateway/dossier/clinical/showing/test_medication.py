"""Medication: which building block it is in both generations, how it is to be used, and where it ends."""

from typing import Any

import pytest

from tests.gateway.dossier.clinical.showing.records import SNOMED, concept, details, extension, read, shown

DRUG = {"text": "Metoclopramide"}
REPEAT = {"frequency": 2, "frequencyMax": 3, "period": 1, "periodUnit": "d", "when": ["MORN"]}
CODED: dict[str, Any] = {
    "timing": {"repeat": REPEAT},
    "asNeededCodeableConcept": {"text": "bij misselijkheid"},
    "route": {"text": "rectaal"},
    "doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "stuk"}, "high": {"value": 2, "unit": "stuk"}}}],
    "maxDosePerPeriod": {"numerator": {"value": 4, "unit": "stuk"}, "denominator": {"value": 1, "unit": "dag"}},
}


@pytest.mark.parametrize(
    ("kind", "code", "block"),
    [
        ("MedicationRequest", "33633005", "Medicatieafspraak"),
        ("MedicationRequest", "16076005", "Medicatieafspraak"),
        ("MedicationRequest", "395067002", "Wisselend doseerschema"),
        ("MedicationRequest", "52711000146108", "Verstrekkingsverzoek"),
        ("MedicationDispense", "422037009", "Toedieningsafspraak"),
        ("MedicationDispense", "373784005", "Medicatieverstrekking"),
        ("MedicationStatement", "422979000", "Medicatiegebruik"),
        ("MedicationStatement", "6", "Medicatiegebruik"),
        ("MedicationAdministration", "18629005", "Medicatietoediening"),
        ("MedicationRequest", "0", "Medicatievoorschrift"),
    ],
)
def test_the_building_block_is_said(kind: str, code: str, block: str) -> None:
    assert shown(kind, category=[concept(SNOMED, code)], medicationCodeableConcept=DRUG).kind == block


def test_a_dosage_stands_in_its_own_words_with_its_codes_within_reach() -> None:
    line = shown("MedicationRequest", medicationCodeableConcept=DRUG, dosageInstruction=[CODED | {"text": "zo nodig 1 zetpil"}])

    assert line.value == "zo nodig 1 zetpil"
    assert "2 – 3 maal per dag, in de ochtend, 1 – 2 stuk" in details(line)["Dosering"]


def test_a_dosage_without_words_is_composed_of_its_codes() -> None:
    told = {language: shown("MedicationRequest", language, medicationCodeableConcept=DRUG, dosageInstruction=[CODED]).value for language in ("nl", "en")}

    assert told == {
        "nl": "2 – 3 maal per dag, in de ochtend, 1 – 2 stuk, zo nodig: bij misselijkheid, rectaal, maximaal 4 stuk per dag",
        "en": "2 – 3 times per day, in the morning, 1 – 2 stuk, as needed: bij misselijkheid, rectaal, at most 4 stuk per dag",
    }


def test_steps_of_a_dosage_are_named_so_that_no_step_reads_as_a_number() -> None:
    steps = [{"sequence": 1, "text": "2 per dag"}, {"sequence": 2, "text": "1 per dag"}]

    assert shown("MedicationRequest", medicationCodeableConcept=DRUG, dosageInstruction=steps).value == "stap 1: 2 per dag; stap 2: 1 per dag"


def test_the_period_of_use_of_both_generations_is_when() -> None:
    for name in ("ext-TimeInterval.Period", "zib-Medication-PeriodOfUse"):
        use = extension(name, valuePeriod={"start": "2016-08-15", "end": "2016-09-15"})
        line = shown("MedicationRequest", medicationCodeableConcept=DRUG, authoredOn="2016-08-14T16:30:00+02:00", extension=[use])

        assert line.when == "15 augustus 2016 – 15 september 2016"
        assert details(line)["Datum van opstellen"] == "14 augustus 2016 16:30"


def test_a_stop_is_said_in_front_in_both_generations() -> None:
    for name in ("ext-StopType", "zib-Medication-StopType"):
        stop = extension(name, valueCodeableConcept=concept(SNOMED, "410546004", "definitief gestopt"))

        assert shown("MedicationRequest", medicationCodeableConcept=DRUG, modifierExtension=[stop]).state == "definitief gestopt"


def test_a_medicine_that_is_named_otherwise_than_in_its_own_record_is_named_both_ways() -> None:
    tablet = read("Medication", code={"text": "Apixaban 2,5 mg"})
    line = shown("MedicationRequest", others={"Medication/1": tablet}, medicationReference={"reference": "Medication/1", "display": "Apixaban 5 mg"})

    assert line.what == "Apixaban 2,5 mg (“Apixaban 5 mg”)"


def test_a_medicine_of_ingredients_only_is_called_by_them_with_their_strength() -> None:
    strength = {"numerator": {"value": 2.50, "unit": "mg"}, "denominator": {"value": 1, "unit": "mL"}}
    contained = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": {"text": "morfine"}, "strength": strength}]}

    assert shown("Medication", ingredient=contained["ingredient"]).what == "morfine 2.5 mg per mL"
    line = shown("MedicationStatement", status="not-taken", contained=[contained], medicationReference={"reference": "#m", "display": "morfine"})
    assert (line.what, line.state, details(line)["Bestanddeel"]) == ("morfine", "niet gebruikt", "morfine 2.5 mg per mL")


def test_an_instruction_that_holds_is_not_said_to_be_in_progress_and_a_hand_out_is() -> None:
    agreed, handed = (shown("MedicationDispense", status="in-progress", category=concept(SNOMED, code)) for code in ("422037009", "373784005"))

    assert (agreed.state, handed.state) == ("", "loopt nog")


def test_whether_it_is_taken_is_told_of_2017_in_words() -> None:
    taken = {"url": "http://hl7.org/fhir/3.0/StructureDefinition/extension-MedicationStatement.taken", "valueCode": "unk"}

    assert details(shown("MedicationStatement", status="unknown", medicationCodeableConcept=DRUG, extension=[taken]))["Ingenomen (bron)"] == "onbekend"
