"""Findings: every type of value, what the source says of it, and parts."""

from typing import Any

import pytest

from gateway.dossier.clinical.shown import Attention
from tests.gateway.dossier.clinical.showing.records import HL7, SNOMED, concept, details, read, shown

RANGE = {"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.0, "unit": "mmol/L"}}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"valueQuantity": {"value": 6.9, "comparator": ">", "unit": "mmol/L"}}, "> 6.9 mmol/L"),
        ({"valueQuantity": {"value": 120, "code": "mm[Hg]"}}, "120 mmHg"),
        ({"valueCodeableConcept": concept(SNOMED, "1", "rookt")}, "rookt"),
        ({"valueCodeableConcept": concept("http://loinc.org", "62238-1")}, "eGFR (CKD-EPI)"),
        ({"valueCodeableConcept": concept(SNOMED, "123")}, "SNOMED 123"),
        ({"valueString": " geen groei "}, "geen groei"),
        ({"valueBoolean": False}, "nee"),
        ({"valueInteger": 7}, "7"),
        ({"valueRange": RANGE}, "3.5 – 5.0 mmol/L"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1 : 128"),
        ({"valueRatio": {"numerator": {"value": 5, "unit": "mg"}, "denominator": {"value": 1, "unit": "uur"}}}, "5 mg per uur"),
        ({"valueTime": "10:30:00"}, "10:30"),
        ({"valueDateTime": "2024-05"}, "mei 2024"),
        ({"valuePeriod": {"start": "2024-05-01", "end": "2024-06-01"}}, "1 mei 2024 – 1 juni 2024"),
        ({"valueSampledData": {"origin": {"value": 0, "unit": "mV"}, "data": "1 2"}}, "meetreeks, hier niet getekend; 0 mV"),
        ({"dataAbsentReason": concept(HL7 + "data-absent-reason", "not-performed", "Not Performed")}, "niet uitgevoerd"),
    ],
)
def test_a_value_of_any_type_stands_so(value: dict[str, Any], told: str) -> None:
    assert shown("Observation", code={"text": "x"}, **value).value == told


@pytest.mark.parametrize(
    ("code", "attention"),
    [
        ("HH", Attention.CRITICAL),
        ("LL", Attention.CRITICAL),
        ("AA", Attention.CRITICAL),
        ("H", Attention.HIGH),
        ("L", Attention.LOW),
        ("A", Attention.ABNORMAL),
        ("N", Attention.NONE),
        ("iets", Attention.NONE),
    ],
)
def test_what_the_source_says_of_a_value_is_taken_over(code: str, attention: Attention) -> None:
    interpretation = [concept(HL7 + "v3-ObservationInterpretation", code)]

    assert shown("Observation", code={"text": "x"}, interpretation=interpretation).attention is attention


def test_a_value_outside_its_range_that_the_source_says_nothing_of_is_not_judged_by_us() -> None:
    line = shown("Observation", code={"text": "kalium"}, valueQuantity={"value": 9.9, "unit": "mmol/L"}, referenceRange=[RANGE])

    assert line.attention is Attention.NONE
    assert details(line)["Referentiewaarden"] == "3.5 – 5.0 mmol/L"


def pressure(upper: dict[str, Any], lower: dict[str, Any]) -> list[dict[str, Any]]:
    codes = (("8480-6", "systolisch", upper), ("8462-4", "diastolisch", lower))
    return [{"code": concept("http://loinc.org", code, name), "valueQuantity": value} for code, name, value in codes]


def test_a_blood_pressure_stands_as_it_is_said() -> None:
    line = shown("Observation", code={"text": "bloeddruk"}, component=pressure({"value": 148, "unit": "mmHg"}, {"value": 82, "unit": "mmHg"}))

    assert line.value == "148/82 mmHg"


def test_a_blood_pressure_of_two_units_is_not_put_together() -> None:
    line = shown("Observation", code={"text": "bloeddruk"}, component=pressure({"value": 19.7, "unit": "kPa"}, {"value": 82, "unit": "mmHg"}))

    assert line.value == "systolisch: 19.7 kPa; diastolisch: 82 mmHg"


def test_many_parts_stay_complete_in_the_details() -> None:
    component = [{"code": {"text": f"deel {number}"}, "valueInteger": number} for number in range(12)]
    line = shown("Observation", code={"text": "score"}, valueInteger=14, component=component)

    assert line.value == "14"
    assert [one.text for one in line.details] == [str(number) for number in range(12)]


def test_a_report_lists_its_results_with_their_values() -> None:
    natrium = read("Observation", code={"text": "natrium"}, valueQuantity={"value": 141, "unit": "mmol/L"})
    result = [{"reference": "Observation/1"}, {"reference": "Observation/2", "display": "kalium"}]
    form = [{"url": "Binary/7", "contentType": "application/pdf", "title": "uitslag"}]
    line = shown("DiagnosticReport", others={"Observation/1": natrium}, status="partial", code={"text": "bloed"}, result=result, presentedForm=form)

    assert [one.text for one in line.details if one.label == "Uitslagen"] == ["natrium: 141 mmol/L", "kalium"]
    assert line.state == "gedeeltelijk"
    assert [(one.url, one.title, one.media_type) for one in line.attachments] == [("Binary/7", "uitslag", "application/pdf")]


def test_a_questionnaire_is_told_question_by_question() -> None:
    inner = {
        "linkId": "2",
        "text": "Rookt u?",
        "answer": [{"valueBoolean": True, "item": [{"linkId": "3", "text": "Hoeveel", "answer": [{"valueInteger": 10}]}]}],
    }
    line = shown("QuestionnaireResponse", item=[{"linkId": "1", "text": "Leefstijl", "item": [inner, {"linkId": "4", "text": "Drinkt u?"}]}])

    assert details(line) == {"Leefstijl · Rookt u?": "ja", "Leefstijl · Rookt u? · Hoeveel": "10", "Leefstijl · Drinkt u?": "–"}
