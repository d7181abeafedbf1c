"""What comes late, twice or in thousands: nothing of it is lost, told of somebody else, or read without an end."""

from typing import Any

from accord.terms.vocabulary import Section
from tests.gateway.dossier.clinical.dossiers import agreement, batch, coded, name, observation, view_of

A, B = "dinkelhorst", "twickelaar"
MORNING, EVENING = "2026-11-12T08:15:00+01:00", "2026-11-12T18:00:00+01:00"


def referring(logical_id: str, times: int) -> dict[str, Any]:
    """A medication agreement that refers to its product."""
    asked = agreement(logical_id, "", times)
    del asked["medicationCodeableConcept"]
    return asked | {"medicationReference": {"reference": "Medication/9"}}


def test_of_two_records_under_one_id_both_are_there_also_after_what_they_refer_to_came() -> None:
    product = {"resourceType": "Medication", "id": "9", "code": {"text": "Apixaban tablet 5mg"}}

    view = view_of([batch(A, referring("1", 1), referring("1", 2)), batch(A, product)])

    assert [line.says for line in view.lines] == ["5000 µg/d", "10000 µg/d"]


def test_who_states_one_of_two_records_under_one_id_is_not_told_to_state_the_other() -> None:
    view = view_of([batch(A, observation("1", "4.1", MORNING), observation("1", "9.9", EVENING)), batch(B, observation("7", "4.1", MORNING))])

    assert [(line.says, [name(origin) for origin in line.also]) for line in view.lines] == [("4.1 mmol/L", [f"{B} Observation/7"]), ("9.9 mmol/L", [])]


def test_a_record_that_waits_for_many_others_is_read_once_more_however_many_came() -> None:
    people = [
        {"resourceType": "RelatedPerson", "id": f"r{number}", "patient": {"reference": "Patient/1"}, "name": [{"family": f"x{number}"}]} for number in range(40)
    ]
    refusal = {
        "resourceType": "Consent",
        "id": "1",
        "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "treatment"),
        "category": [coded("http://snomed.info/sct", "129125009")],
        "patient": {"reference": "Patient/1"},
        "dateTime": "2026-01-01",
        "provision": {
            "type": "deny",
            "code": [coded("http://snomed.info/sct", "89666000")],
            "actor": [{"role": coded("urn:role", "CONSENTER"), "reference": {"reference": f"RelatedPerson/{one['id']}"}} for one in people],
        },
    }
    # Read anew for each that comes, and once more for each time that it waited, it would be read more than 2⁴⁰ times.
    view = view_of([batch(A, refusal), batch(A, *people)])

    (line,) = [line for line in view.lines if line.wish is not None]
    assert line.wish is not None
    assert len(line.wish.said_with) == len(people)
    assert len(view.threads(Section.PLANNING_AHEAD)) == 1
