"""What a patient wishes keeps its meaning: yes is yes, no is no, and whatever else was said is neither."""

import json
from typing import Any

import pytest

from accord.terms.faults import BadInput, Fault
from node_agent.converting.stu3 import Converter
from testbed.contracts.records import resource

NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
SNOMED = "http://snomed.info/sct"
ANSWERS = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
OTHER = NICTIZ + "ext-TreatmentDirective2.SpecificationOther"
CPR = {"coding": [{"system": SNOMED, "code": "89666000", "display": "reanimatie"}]}


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def told(**members: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Converter().convert(resource("Consent", "1", status="active", patient={"reference": "Patient/a"}, **members)))
    return found


def answer(code: str, *, system: str = ANSWERS, display: str = "") -> dict[str, Any]:
    return {"url": NICTIZ + "zib-TreatmentDirective-TreatmentPermitted", "valueCodeableConcept": concept(system, code, display)}


def restriction(text: str) -> dict[str, Any]:
    return {"type": "deny", "extension": [{"url": NICTIZ + "zib-TreatmentDirective-Restrictions", "valueString": text}]}


def directive(*answers: dict[str, Any], **members: Any) -> dict[str, Any]:
    treatment = {"url": NICTIZ + "zib-TreatmentDirective-Treatment", "valueCodeableConcept": CPR}
    asked = {"modifierExtension": list(answers)} if answers else {}
    return told(category=[concept(SNOMED, "11291000146105")], extension=[treatment], **asked, **members)


def texts(found: dict[str, Any]) -> list[str]:
    return [one["valueString"] for one in found.get("modifierExtension", ()) if one["url"] == OTHER]


def test_a_directive_has_the_shape_of_2020_with_the_old_code_beside_the_new() -> None:
    found = directive(answer("JA"), period={"start": "2020"})

    assert found["scope"]["coding"] == [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]
    assert [one["coding"][0]["code"] for one in found["category"]] == ["11291000146105", "129125009"]
    assert (found["provision"]["code"], found["provision"]["period"]) == ([CPR], {"start": "2020"})


@pytest.mark.parametrize(("code", "decision"), [("JA", "permit"), ("NEE", "deny")])
def test_yes_and_no_are_told_as_such_with_the_answer_beside_them(code: str, decision: str) -> None:
    found = directive(answer(code, display="zo staat het er"))

    assert found["provision"]["type"] == decision
    assert found["provision"]["_type"]["extension"][0]["valueCodeableConcept"]["coding"][0]["display"] == "zo staat het er"
    assert texts(found) == []


def test_yes_but_has_no_type_and_its_text_modifies_the_whole() -> None:
    found = directive(answer("JA_MAAR"), **{"except": [restriction("eerst overleg met echtgenote")]})

    assert "type" not in found["provision"]
    assert "provision" not in found["provision"]
    assert texts(found) == ["eerst overleg met echtgenote"]


def test_yes_but_without_a_text_says_in_words_that_it_is_no_plain_yes() -> None:
    assert texts(directive(answer("JA_MAAR", display="Ja, maar met beperkingen"))) == ["Ja, maar met beperkingen"]


@pytest.mark.parametrize("given", [answer("ONB", display="weet niet"), answer("JA", system="urn:oid:1.2.3", display="weet niet")])
def test_an_answer_that_nobody_knows_has_no_type_and_is_shown_in_words(given: dict[str, Any]) -> None:
    found = directive(given)

    assert "type" not in found["provision"]
    assert texts(found) == ["weet niet"]


def test_no_answer_is_no_decision() -> None:
    found = directive()

    assert "type" not in found["provision"]


def test_a_yes_with_a_restriction_is_no_yes_and_a_no_with_one_stays_a_no() -> None:
    yes = directive(answer("JA"), **{"except": [restriction("niet langer dan een week")]})
    no = directive(answer("NEE"), **{"except": [restriction("tenzij op de OK")]})

    assert ("type" in yes["provision"], texts(yes)) == (False, ["niet langer dan een week"])
    assert (no["provision"]["type"], texts(no)) == ("deny", ["tenzij op de OK"])


@pytest.mark.parametrize(
    ("said", "excepted"),
    [
        ("JA", [{"type": "deny"}]),
        ("JA", [{"type": "deny", "extension": [*restriction("een")["extension"], *restriction("twee")["extension"]]}, {"type": "deny"}]),
        ("NEE", [{"type": "permit"}]),
        ("NEE", [restriction("tenzij op de OK"), {"type": "permit"}]),
    ],
)
def test_an_answer_that_is_restricted_without_a_word_is_not_told_at_all(said: str, excepted: list[dict[str, Any]]) -> None:
    with pytest.raises(BadInput) as refusal:
        directive(answer(said), **{"except": excepted})

    assert refusal.value.fault is Fault.NOT_CONVERTIBLE


@pytest.mark.parametrize(
    "answers",
    [
        [answer("JA"), answer("NEE")],
        [{"url": answer("JA")["url"], "valueCodeableConcept": {"coding": [*concept(ANSWERS, "JA")["coding"], *concept(ANSWERS, "NEE")["coding"]]}}],
    ],
)
def test_answers_that_contradict_each_other_are_not_told_at_all(answers: list[dict[str, Any]]) -> None:
    with pytest.raises(BadInput) as refusal:
        directive(*answers)

    assert refusal.value.fault is Fault.NOT_CONVERTIBLE


def test_an_answer_counts_also_where_it_stands_as_a_plain_extension() -> None:
    members: dict[str, Any] = {"category": [concept(SNOMED, "11291000146105")], "extension": [answer("NEE")]}

    assert told(**members)["provision"]["type"] == "deny"
    with pytest.raises(BadInput) as refusal:
        told(**members, modifierExtension=[answer("JA")])
    assert refusal.value.fault is Fault.NOT_CONVERTIBLE


@pytest.mark.parametrize("other", [{"valueCoding": {"system": ANSWERS, "code": "NEE"}}, {"valueCode": "NEE"}, {}])
def test_an_answer_in_another_form_is_never_lost(other: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refusal:
        directive({"url": answer("JA")["url"], **other})

    assert refusal.value.fault is Fault.NOT_CONVERTIBLE


def test_another_modifier_is_never_taken_away() -> None:
    other = {"url": "urn:other", "valueBoolean": True}
    found = directive(answer("JA"), other)

    assert found["modifierExtension"] == [other]


def test_a_living_will_has_the_shape_of_2020_with_who_speaks_for_the_patient() -> None:
    kind = concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1", "NR")
    ria = {"reference": "RelatedPerson/1"}
    found = told(category=[concept(SNOMED, "11341000146107"), kind], consentingParty=[ria], sourceIdentifier={"value": "7"})

    assert found["scope"]["coding"][0]["code"] == "adr"
    assert [one["coding"][0]["code"] for one in found["category"]] == ["11341000146107", "NR", "acd"]
    assert found["provision"]["code"] == [kind]
    assert found["provision"]["actor"][0]["reference"] == ria
    assert (found["performer"], found["sourceReference"]) == ([ria], {"identifier": {"value": "7"}})


def test_exceptions_of_any_other_consent_are_provisions_inside_the_provision() -> None:
    found = told(
        category=[concept("http://loinc.org", "57016-8")],
        policyRule="http://policy.example/opt-in",
        period={"end": "2030"},
        purpose=[{"code": "TREAT"}],
        **{"except": [{"type": "deny", "class": [{"code": "Condition"}], "code": [{"system": SNOMED, "code": "1"}], "period": {"start": "2020"}}]},
    )

    assert found["provision"] == {
        "period": {"end": "2030"},
        "purpose": [{"code": "TREAT"}],
        "provision": [{"type": "deny", "class": [{"code": "Condition"}], "code": [concept(SNOMED, "1")], "period": {"start": "2020"}}],
    }
    assert "type" not in found["provision"]
    assert found["policyRule"]["coding"][0]["code"] == "http://policy.example/opt-in"
    assert found["scope"]["extension"][0]["valueCode"] == "unknown"


def test_an_exception_without_a_type_is_not_guessed() -> None:
    with pytest.raises(BadInput) as refusal:
        told(category=[concept("http://loinc.org", "57016-8")], **{"except": [{"period": {"start": "2020"}}]})

    assert refusal.value.fault is Fault.NOT_CONVERTIBLE
