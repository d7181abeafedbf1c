"""What the emergency screen has in its blocks, and in which order: room may run out below, and nothing above may deny what is below."""

from typing import Any

import pytest

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.emergency import BlockName, emergency
from gateway.dossier.clinical.groups import Kind, Rule
from gateway.dossier.clinical.view import ClinicalView
from tests.gateway.dossier.clinical.dossiers import SNOMED, allergy, batch, coded, observation, view_of

A, B = "dinkelhorst", "twickelaar"
NONE_KNOWN = "716186003"
MORNING = "2026-11-12T08:15:00+01:00"


def about(view: ClinicalView, block: BlockName) -> list[str]:
    """What the threads of a block are about."""
    return [thread.about for thread in emergency(view, ()).block(block).threads]


def with_statuses(record: dict[str, Any], *codes: str) -> dict[str, Any]:
    """The record with several codings of how certain it is."""
    return record | {"verificationStatus": {"coding": [{"system": "urn:any", "code": code} for code in codes]}}


def test_that_nothing_is_known_never_stands_before_an_allergy() -> None:
    view = view_of([batch(A, allergy("1", code=NONE_KNOWN)), batch(B, allergy("2"))])

    assert about(view, BlockName.ALLERGIES) == ["allergen.penicillin", "allergy.none-known"]


def test_a_refuted_none_known_is_not_told_as_none_known() -> None:
    assert about(view_of([batch(A, allergy("1", "refuted", code=NONE_KNOWN))]), BlockName.ALLERGIES) == []


@pytest.mark.parametrize("codes", [("410516002", "refuted"), ("refuted", "410516002")])
def test_refuted_is_refuted_in_whichever_coding_it_stands(codes: tuple[str, str]) -> None:
    refuted = with_statuses(allergy("1"), *codes)

    assert about(view_of([batch(A, refuted)]), BlockName.ALLERGIES) == []
    (thread,) = view_of([batch(A, refuted), batch(B, allergy("2"))]).threads(Section.ALLERGIES)
    assert thread.groups[0].rule is Rule.CONFIRMED_AND_REFUTED


def test_parts_of_a_result_that_are_whole_numbers_are_compared() -> None:
    def eyes(logical_id: str, score: int) -> dict[str, Any]:
        scored = observation(logical_id, "1", MORNING)
        del scored["valueQuantity"]
        return scored | {"component": [{"code": coded("http://loinc.org", "9267-6"), "valueInteger": score}]}

    (differ,) = view_of([batch(A, eyes("1", 1)), batch(B, eyes("2", 4))]).threads(Section.LAB)
    (agree,) = view_of([batch(A, eyes("1", 4)), batch(B, eyes("2", 4))]).threads(Section.LAB)

    assert ([group.kind for group in differ.groups], [group.kind for group in agree.groups]) == ([Kind.CONFLICT], [Kind.SINGLE])


def consent(logical_id: str, category: dict[str, Any], provision: dict[str, Any], scope: str) -> dict[str, Any]:
    """Something of planning ahead."""
    return {
        "resourceType": "Consent",
        "id": logical_id,
        "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", scope),
        "category": [category],
        "patient": {"reference": "Patient/1"},
        "dateTime": f"20{int(logical_id) % 25:02}-01-01",
        "provision": provision,
    }


def directive(logical_id: str, treatment: str) -> dict[str, Any]:
    """A yes to a treatment."""
    return consent(logical_id, coded(SNOMED, "129125009"), {"type": "permit", "code": [coded(SNOMED, treatment)]}, "treatment")


def test_a_statement_against_resuscitation_stands_right_after_the_agreement_about_it() -> None:
    kind = coded("urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1", "NR")
    will = consent("9", coded("http://terminology.hl7.org/CodeSystem/consentcategorycodes", "acd"), {"code": [kind]}, "adr")
    view = view_of([batch(A, directive("1", "305351004"), directive("2", "89666000"), directive("3", "116762002")), batch(B, will)])

    assert about(view, BlockName.WISHES) == ["wish.resuscitation", "will.no-resuscitation", "wish.intensive-care", "wish.blood-products"]


def test_many_wishes_of_one_subject_are_put_in_their_places_without_comparing_each_with_each() -> None:
    many = [directive(str(number), "89666000") for number in range(3_000)]
    (thread,) = view_of(batch(A, *many[at : at + 500]) for at in range(0, len(many), 500)).threads(Section.PLANNING_AHEAD)

    assert sum(len(group.lines) for group in thread.groups) == len(many)
    assert {line.moment.begin for line in thread.groups[0].lines if line.moment} == {max(line.moment.begin for line in thread.lines if line.moment)}


def problem(logical_id: str, site: str, verification: str = "confirmed") -> dict[str, Any]:
    """A cataract."""
    return {
        "resourceType": "Condition",
        "id": logical_id,
        "clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", verification),
        "code": coded(SNOMED, "193570009"),
        "bodySite": [coded(SNOMED, site)],
        "subject": {"reference": "Patient/1"},
        "recordedDate": "2020-01-01",
    }


def test_left_and_right_are_two_and_so_are_a_suspicion_and_a_finding() -> None:
    def groups(*batches: Any) -> int:
        (thread,) = view_of(batches).threads(Section.PROBLEMS)
        return len(thread.groups)

    assert groups(batch(A, problem("1", "8966001"), problem("2", "18944008"))) == 2
    assert groups(batch(A, problem("1", "8966001", "differential")), batch(B, problem("2", "8966001"))) == 2
    assert groups(batch(A, problem("1", "8966001")), batch(B, problem("2", "8966001"))) == 1
