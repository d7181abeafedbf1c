"""Dates, people, directives, allergies, care and documents as they stand on the screen."""

from typing import Any

import pytest

from gateway.dossier.clinical.showing.dates import in_words, period
from tests.gateway.dossier.clinical.showing.records import HL7, SNOMED, concept, details, extension, read, shown

ROLE = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
HOUSE = {"Practitioner/1": read("Practitioner", name=[{"family": "Vos", "given": ["A."]}]), "Organization/1": read("Organization", name="De Brinkhof")}


@pytest.mark.parametrize(
    ("written", "dutch", "english"),
    [
        ("2011", "2011", "2011"),
        ("2024-05", "mei 2024", "May 2024"),
        ("2026-11-07", "7 november 2026", "7 November 2026"),
        ("2026-11-07T14:15:59.123+01:00", "7 november 2026 14:15", "7 November 2026 14:15"),
        ("2026-07-07T22:30:00Z", "8 juli 2026 00:30", "8 July 2026 00:30"),
        ("2026-03-29T02:30:00+01:00", "29 maart 2026 03:30", "29 March 2026 03:30"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("2026-13-01", "2026-13-01", "2026-13-01"),
        ("gisteren", "gisteren", "gisteren"),
    ],
)
def test_a_date_is_told_as_precisely_as_it_was_written(written: str, dutch: str, english: str) -> None:
    assert (in_words(written, "nl"), in_words(written, "en")) == (dutch, english)


def test_a_period_is_told_with_what_it_knows() -> None:
    assert period({"start": "2024"}, "nl") == "vanaf 2024"
    assert period({"end": "2024-05"}, "en") == "until May 2024"
    assert period({"start": "2026-01-01T10:00:00+01:00", "end": "2026-01-01T12:00:00+01:00"}, "nl") == "1 januari 2026 10:00 – 12:00"


def test_an_author_is_told_with_role_and_organisation() -> None:
    person, house = {"reference": "Practitioner/1"}, {"reference": "Organization/1"}
    role = read("PractitionerRole", practitioner=person, organization=house, code=[concept(ROLE, "01.015")])
    others = HOUSE | {"PractitionerRole/1": role}

    assert shown("Condition", others=others, recorder={"reference": "PractitionerRole/1"}).author == "A. Vos, huisarts, De Brinkhof"
    assert shown("Condition", "en", others=others, recorder={"reference": "PractitionerRole/1"}).author == "A. Vos, GP, De Brinkhof"
    assert shown("Condition", recorder={"display": "dr. Jansen"}).author == "dr. Jansen"
    assert shown("MedicationStatement", informationSource={"reference": "Patient/3", "display": "Dina"}).author == "patiënt"


def test_an_author_of_2017_has_the_role_beside_the_reference() -> None:
    beside = extension("practitionerrole-reference", valueReference={"reference": "PractitionerRole/9", "display": "Huisartsen"})

    assert shown("Condition", others=HOUSE, recorder={"reference": "Practitioner/1", "extension": [beside]}).author == "A. Vos, Huisartsen"


@pytest.mark.parametrize(
    ("kind", "members", "state"),
    [
        ("Condition", {"verificationStatus": concept(HL7 + "condition-ver-status", "refuted", "Refuted")}, "weerlegd"),
        ("Condition", {"clinicalStatus": concept(HL7 + "condition-clinical", "resolved")}, "hersteld"),
        ("Condition", {"clinicalStatus": concept(HL7 + "condition-clinical", "active")}, ""),
        ("AllergyIntolerance", {"verificationStatus": concept(HL7 + "allergyintolerance-verification", "unconfirmed")}, "niet bevestigd"),
        ("Observation", {"status": "preliminary"}, "voorlopig"),
        ("Observation", {"status": "final"}, ""),
        ("MedicationRequest", {"status": "on-hold"}, "onderbroken"),
        ("MedicationRequest", {"status": "completed"}, "afgerond"),
        ("Procedure", {"status": "completed"}, ""),
        ("Procedure", {"status": "not-done"}, "niet uitgevoerd"),
        ("Immunization", {"status": "not-done"}, "niet gegeven"),
        ("ServiceRequest", {"status": "active", "doNotPerform": True}, "niet doen"),
        ("Encounter", {"status": "cancelled"}, "geannuleerd"),
        ("Procedure", {"status": "een-eigen-woord"}, "een-eigen-woord"),
    ],
)
def test_a_status_that_is_not_plainly_valid_is_said(kind: str, members: dict[str, Any], state: str) -> None:
    assert shown(kind, code={"text": "x"}, **members).state == state


def directive(**provision: Any) -> dict[str, Any]:
    return {"scope": concept(HL7 + "consentscope", "treatment"), "provision": {"code": [concept(SNOMED, "89666000", "reanimatie")], **provision}}


def test_a_directive_without_a_type_is_neither_a_yes_nor_a_no() -> None:
    words = extension("ext-TreatmentDirective2.SpecificationOther", valueString="alleen na overleg")
    line = shown("Consent", **directive(), modifierExtension=[words])

    assert line.value == "geen ja of nee vastgelegd; alleen na overleg"
    assert "Let op" not in details(line)


def test_a_permit_on_an_icd_is_said_in_words() -> None:
    switching_off = directive(type="permit", code=[concept(SNOMED, "400231000146108", "uitzetten ICD")])

    assert shown("Consent", **switching_off).value == "uitzetten is akkoord"
    assert shown("Consent", "en", **switching_off).value == "switching off is agreed"
    assert shown("Consent", **directive(type="deny")).value == "niet akkoord"


def test_an_allergy_says_what_happened_and_how_badly() -> None:
    reaction = [{"manifestation": [{"text": "anafylaxie"}], "severity": "severe", "onset": "2011-03", "description": "na 5 minuten"}]
    line = shown("AllergyIntolerance", code={"text": "penicilline"}, criticality="high", onsetDateTime="2011", reaction=reaction)

    assert (line.what, line.value, line.when) == ("penicilline", "anafylaxie, ernstig; hoog risico", "2011")
    assert details(line)["Reactie"] == "anafylaxie; ernst: ernstig; begin: maart 2011; na 5 minuten"


def test_a_care_team_has_roles_and_telephone_numbers() -> None:
    phone = [{"system": "phone", "value": "053-1"}]
    others = {"RelatedPerson/1": read("RelatedPerson", name=[{"text": "Ria"}], relationship=[{"text": "dochter"}], telecom=phone)}
    line = shown("CareTeam", others=others, name="Team", participant=[{"member": {"reference": "RelatedPerson/1"}, "role": [{"text": "mantelzorger"}]}])

    assert details(line) == {"mantelzorger": "Ria, dochter; tel. 053-1"}


def test_a_plan_has_its_activities_and_follows_its_goals() -> None:
    others = {"Goal/1": read("Goal", description={"text": "zelf lopen"})}
    activity = [{"detail": {"description": "dagelijks oefenen", "status": "in-progress", "scheduledString": "elke ochtend"}}]
    line = shown("CarePlan", others=others, title="Revalidatie", activity=activity, goal=[{"reference": "Goal/1"}])

    assert (line.what, line.value) == ("Revalidatie", "dagelijks oefenen")
    assert details(line) == {"Activiteit": "dagelijks oefenen; status bij de bron: loopt nog; wanneer: elke ochtend", "Doel": "zelf lopen"}


def test_a_device_in_use_has_number_and_date_of_the_device() -> None:
    pacemaker = read("Device", type={"text": "pacemaker"}, udiCarrier=[{"carrierHRF": "(01)0805"}], lotNumber="L1", expirationDate="2030-01-01")
    line = shown("DeviceUseStatement", others={"Device/1": pacemaker}, device={"reference": "Device/1"}, bodySite={"text": "links"})

    assert (line.what, line.value) == ("pacemaker", "links")
    assert details(line) == {"UDI": "(01)0805", "Partijnummer": "L1", "Houdbaar tot": "1 januari 2030"}


def test_an_encounter_is_told_by_its_class_and_not_by_whom_it_was_with() -> None:
    participant = [{"individual": {"reference": "RelatedPerson/1", "display": "Ria"}}, {"individual": {"display": "dr. Vos"}}]
    members: dict[str, Any] = {"class": {"system": HL7 + "v3-ActCode", "code": "EMER", "display": "emergency"}, "participant": participant}
    line = shown("Encounter", period={"start": "2026-11-21T02:41:00+01:00"}, **members)

    assert (line.what, line.author, line.when) == ("spoedeisende hulp", "dr. Vos", "vanaf 21 november 2026 02:41")


def test_a_type_that_nobody_foresaw_is_told_by_what_names_it() -> None:
    line = shown("Basic", code={"text": "iets"}, created="2026-01", author={"display": "B"}, nieuweNaam={"deel": "tekst"})

    assert (line.what, line.when, line.author) == ("iets", "januari 2026", "B")
    assert details(line) == {"Nieuwe naam": "deel: tekst"}
