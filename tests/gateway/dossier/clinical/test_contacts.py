"""Whom to call: nobody lost for want of a name, no number lost for another, and nobody who is no contact any more."""

from typing import Any

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind
from gateway.dossier.clinical.contacts import ContactRole, contacts
from tests.gateway.dossier.clinical.dossiers import batch, coded, view_of

A, B = "dinkelhorst", "twickelaar"
PRACTICE = DataHolder(HolderName("brinkhof"), Ura("90000011"), "Huisartsen De Brinkhof", HolderKind.GP_PRACTICE, "0541-555 0101")


def relative(logical_id: str, number: str, *, name: str = "", role: str = "", **more: Any) -> dict[str, Any]:
    """Somebody near the patient."""
    record: dict[str, Any] = {
        "resourceType": "RelatedPerson",
        "id": logical_id,
        "patient": {"reference": "Patient/1"},
        "telecom": [{"system": "phone", "value": number}],
        "relationship": [coded("urn:oid:2.16.840.1.113883.2.4.3.11.22.472", role)] if role else [],
    }
    return record | ({"name": [{"text": name}]} if name else {}) | more


def called(*batches: Any, holders: tuple[DataHolder, ...] = ()) -> list[tuple[str, tuple[str, ...]]]:
    """Who is called, and under which numbers."""
    return [(contact.name, contact.telephones) for contact in contacts(view_of(batches), holders)]


def test_two_without_a_name_are_two() -> None:
    assert called(batch(A, relative("1", "06-1"), relative("2", "06-2"))) == [("", ("06-1",)), ("", ("06-2",))]


def test_of_one_name_all_numbers_are_there_in_the_most_urgent_role() -> None:
    view = view_of([batch(A, relative("1", "06-1", name="Marieke Jansen")), batch(B, relative("7", "06-2", name="Marieke Jansen", role="24"))])

    assert [(one.role, one.telephones) for one in contacts(view, ())] == [(ContactRole.REPRESENTATIVE, ("06-2", "06-1"))]


def test_who_is_no_contact_any_more_is_not_called() -> None:
    former = relative("1", "06-1", name="Henk", period={"end": "2024-01-01"})
    inactive = relative("2", "06-2", name="Ina", active=False)

    assert called(batch(A, former, inactive, relative("3", "06-3", name="Jet", period={"end": "2027-01-01"}))) == [("Jet", ("06-3",))]


def test_the_practice_is_called_where_the_general_practitioner_has_no_number() -> None:
    patient = {"resourceType": "Patient", "id": "1", "generalPractitioner": [{"display": "dr. De Vries"}]}

    assert called(batch(A, patient), holders=(PRACTICE,)) == [("dr. De Vries", ()), (PRACTICE.title, (PRACTICE.telephone,))]
