"""`$summary` and `$planning-ahead`: documents that say what they hold, and why they hold no more."""

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.composition import Composition
from fhir.resources.R4B.patient import Patient

from accord.terms.vocabulary import CareCategory
from gateway.dossier.words import CONSTANT_NOTE
from tests.gateway.api.conftest import Opened
from tests.gateway.api.documents import (
    BASE,
    asked,
    coded,
    codes,
    composition,
    entries,
    gp,
    pharmacy,
    reason,
    record,
    resources,
    sections,
    silent_pharmacy,
    timeless,
)
from tests.gateway.api.fake_region import FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio


async def test_a_summary_is_a_document_of_valid_fhir_with_the_composition_first(face: Opened) -> None:
    async with face([gp()]) as client:
        answer = await asked(client)
    bundle = answer.json()
    written = composition(bundle)

    Bundle.model_validate_json(answer.content)
    Composition.model_validate(written)
    assert bundle["type"] == "document"
    assert bundle["identifier"]["value"].startswith("urn:uuid:")
    assert bundle["timestamp"] == written["date"]
    assert all("fullUrl" in entry and "search" not in entry for entry in bundle["entry"])
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])
    assert written["type"]["coding"][0]["code"] == "60591-5"
    assert answer.headers["noaber-completeness"].endswith("complete=true")
    for reference in (written["subject"], written["author"][0], written["custodian"]):
        assert f"{BASE}/{reference['reference']}" in resources(bundle)
    assert [kind["resourceType"] for kind in resources(bundle).values() if kind["resourceType"] == "Composition"] == ["Composition"]


async def test_the_records_stand_in_their_sections_and_the_others_say_that_nothing_was_shown(face: Opened) -> None:
    async with face([gp(), pharmacy()]) as client:
        answer = await asked(client)
    found = sections(answer.json())

    assert {code: entries(section) for code, section in found.items() if "entry" in section} == {
        "42348-3": ["Consent/gp.c1", "Observation/gp.w1", "Goal/gp.g1"],
        "10160-0": ["MedicationStatement/gp.s1"],
        "30954-2": ["Observation/gp.o1"],
    }
    assert {reason(section) for section in found.values() if "entry" not in section} == {"nothing-shown"}
    assert "Apixaban; 1 January 2024; Instelling gp" in found["10160-0"]["text"]["div"]
    assert "privacy" not in answer.text


async def test_p8_an_empty_section_tells_nothing_shown_from_not_heard(face: Opened) -> None:
    async with face([gp(), silent_pharmacy()]) as client:
        bundle = (await asked(client)).json()
    found = sections(bundle)

    assert {code for code, section in found.items() if reason(section) == "unavailable"} == {"48765-2", "104605-1"}, "a pharmacy feeds allergies and alerts"
    assert reason(found["11450-4"]) == "nothing-shown"
    assert "Instelling pharmacy" in found["48765-2"]["emptyReason"]["text"]
    assert "emptyReason" not in found["10160-0"]
    assert found["10160-0"]["extension"][0]["valueCoding"]["code"] == "pharmacy"
    assert "Not everything was heard from: Instelling pharmacy." in found["10160-0"]["text"]["div"]
    assert "extension" not in found["30954-2"]
    assert bundle["meta"]["tag"][0]["code"] == "partial"


async def test_p8_the_account_is_at_the_end_and_the_composition_refers_to_it(face: Opened) -> None:
    async with face([gp(), silent_pharmacy()]) as client:
        bundle = (await asked(client)).json()
    account = composition(bundle)["section"][-1]
    outcomes = [resources(bundle)[f"{BASE}/{reference}"] for reference in entries(account)]

    assert [entry["resource"] for entry in bundle["entry"][-2:]] == outcomes
    assert {"holder-silent", "too-late", "pharmacy", "constant-note"} <= codes(outcomes[0])
    assert {"medication", "allergies", "alerts", "pharmacy"} == codes(outcomes[1])
    assert "Tel. 053 555 0101" in account["text"]["div"], "whoever reads no more than the words must be able to call"


async def test_p9_the_constant_note_stands_in_every_document(face: Opened) -> None:
    async with face([gp()]) as client, face([FakeHolder("gp")]) as nobody:
        for operation in ("$summary", "$planning-ahead"):
            for language in ("nl", "en"):
                for one in (client, nobody):
                    written = composition((await asked(one, operation, **{"accept-language": language})).json())
                    note = CONSTANT_NOTE.nl if language == "nl" else CONSTANT_NOTE.en

                    assert written["language"] == language
                    assert note in written["text"]["div"]


@pytest.mark.parametrize("operation", ["$summary", "$planning-ahead"])
async def test_p9_who_is_known_nowhere_and_who_shares_nothing_give_the_same_bytes(face: Opened, operation: str) -> None:
    # What a holder keeps back does not come to the gateway at all: to it both have said that they show nothing.
    async with face([FakeHolder("alfa"), pharmacy()], key=b"k" * 64) as one, face([FakeHolder("alfa", []), pharmacy(records=[])], key=b"k" * 64) as other:
        first, second = await asked(one, operation), await asked(other, operation)

    assert timeless(first) == timeless(second)
    assert first.json()["meta"]["tag"][0]["code"] == "complete"


async def test_the_profile_is_named_only_where_every_entry_may_stand_where_it_stands(face: Opened) -> None:
    functional = record("Observation", "f", status="final", category=[coded("survey", "http://terminology.hl7.org/CodeSystem/observation-category")])
    async with face([FakeHolder("alfa", [observation("o", "p1")], [patient("p1")])]) as one, face([FakeHolder("alfa", [functional], [patient("p1")])]) as other:
        plain, mixed = composition((await asked(one)).json()), composition((await asked(other)).json())

    assert plain["meta"]["profile"] == ["http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"]
    assert "profile" not in mixed["meta"]


async def test_the_patient_of_a_document_has_the_names_that_holders_have(face: Opened) -> None:
    named = patient("p1").replace(b'"birthDate"', b'"name":[{"family":"Nijhuis","given":["Dina"]}],"birthDate"')
    async with face([FakeHolder("alfa", [], [named]), FakeHolder("beta", [], [patient("q")])]) as client, face([FakeHolder("alfa")]) as nobody:
        bundle, empty = (await asked(client)).json(), (await asked(nobody)).json()
    subject, unknown = (resources(one)[f"{BASE}/{composition(one)['subject']['reference']}"] for one in (bundle, empty))

    Patient.model_validate(subject)
    Patient.model_validate(unknown)
    assert subject["name"] == [{"family": "Nijhuis", "given": ["Dina"]}]
    assert subject["birthDate"] == "1950-01-02"
    assert [link["other"]["reference"] for link in subject["link"]] == ["Patient/alfa.p1", "Patient/beta.q"]
    assert unknown["_birthDate"]["extension"][0]["valueCode"] == "unknown"


async def test_planning_ahead_has_everything_in_full_and_nothing_else(face: Opened) -> None:
    door = FakeDoor([gp(), silent_pharmacy()])
    async with face(door) as client:
        bundle = (await asked(client, "$planning-ahead")).json()
    found = sections(bundle)

    assert {code: entries(section) for code, section in found.items() if "entry" in section} == {
        "treatment-directives": ["Consent/gp.c1"],
        "goals-of-care": ["Goal/gp.g1"],
        "wishes": ["Observation/gp.w1"],
        "contacts": ["RelatedPerson/gp.r1"],
    }
    assert f"{BASE}/Observation/gp.o1" not in resources(bundle)
    assert composition(bundle)["type"]["coding"][0]["code"] == "42348-3"
    assert {code for code, section in found.items() if "extension" in section} == {"contacts"}, "a pharmacy knows whom to call, and no wishes"
    assert {CareCategory.ADVANCE_DIRECTIVE, CareCategory.CONSENT} <= door.asked[-1].selection.categories
