"""`$summary` and `$planning-ahead`: documents that say what they hold, and why they hold no more."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.composition import Composition
from fhir.resources.R4B.operationdefinition import OperationDefinition
from fhir.resources.R4B.patient import Patient

from accord.terms.answers import Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.limits import MIB
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory, HolderKind
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.api.outcomes import STATUS
from gateway.dossier.documents.kinds import PLANS
from gateway.dossier.splicing import unsplice
from gateway.dossier.words import CONSTANT_NOTE
from tests.gateway.api import documents
from tests.gateway.api.conftest import Opened
from tests.gateway.api.documents import BASE, composition, entries, reason, references, resolved, resources, sections, timeless
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, encounter, observation, patient

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/fhir+json"}


def record(kind: str, logical_id: str, owner: str = "p1", **more: Any) -> bytes:
    subject = "patient" if kind in ("AllergyIntolerance", "Consent", "Immunization", "RelatedPerson") else "subject"
    return json.dumps({"resourceType": kind, "id": logical_id, subject: {"reference": f"Patient/{owner}"}, **more}).encode()


def coded(code: str, system: str = "http://snomed.info/sct") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def gp() -> FakeHolder:
    wishes = [
        record(
            "Consent", "c1", status="active", scope=coded("treatment", "x"), category=[coded("129125009")], dateTime="2024-01-01", provision={"type": "deny"}
        ),
        record("Observation", "w1", status="final", code=coded("395091006"), valueCodeableConcept={"text": "thuis"}),
        record("Goal", "g1", lifecycleStatus="active", description=coded("713148004")),
        record("RelatedPerson", "r1", name=[{"text": "Gert"}]),
        record("Consent", "privacy", status="active", scope=coded("patient-privacy", "x"), category=[coded("59284-0", "http://loinc.org")]),
    ]
    medication = b'{"resourceType":"Medication","id":"m1","code":{"text":"apixaban"}}'
    used = record("MedicationStatement", "s1", status="active", medicationReference={"reference": "Medication/m1"}, effectiveDateTime="2024-01-01")
    return FakeHolder("gp", [*wishes, medication, used, observation("o1", "p1")], [patient("p1")], kind=HolderKind.GP_PRACTICE)


def pharmacy(**more: Any) -> FakeHolder:
    return FakeHolder("pharmacy", kind=HolderKind.PHARMACY, **more)


def silent_pharmacy() -> FakeHolder:
    return pharmacy(ending=Ending.TOO_LATE, code=Fault.HOLDER_SILENT)


async def opaque_id(client: httpx2.AsyncClient) -> str:
    found = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = found.headers["noaber-patient"]
    return logical_id


async def asked(client: httpx2.AsyncClient, operation: str = "$summary", **headers: str) -> httpx2.Response:
    return await client.get(f"Patient/{await opaque_id(client)}/{operation}", headers={"accept-language": "en", **headers})


def codes(outcome: dict[str, Any]) -> set[str]:
    return {coding["code"] for issue in outcome["issue"] for coding in issue["details"]["coding"]}


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
    assert "apixaban; 2024-01-01; Instelling gp" in found["10160-0"]["text"]["div"]
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


async def test_p13_records_are_there_byte_for_byte_but_for_their_splices(face: Opened) -> None:
    holder = gp()
    async with face([holder]) as client:
        answer = await asked(client)

    assert b'"value": 37.50' in answer.content
    for text in holder.records:
        kind, own_id = json.loads(text)["resourceType"], json.loads(text)["id"]
        if own_id in ("privacy", "r1"):
            continue
        start = answer.content.index(f'"fullUrl":"{BASE}/{kind}/gp.{own_id}","resource":'.encode())
        body = answer.content[start:].split(b'"resource":', 1)[1]
        spliced = body[: len(text) + body[: len(text) * 2].split(b'},{"fullUrl"')[0].count(b"gp.") * len("gp.")]
        assert unsplice(spliced, holder.registered.name, BASE) == text


async def test_the_identical_stands_once_with_everybody_who_said_it_and_what_refers_to_it_still_resolves(face: Opened) -> None:
    def holder(name: str) -> FakeHolder:
        because = record(
            "MedicationStatement",
            f"{name}-m",
            status="active",
            medicationCodeableConcept={"text": name},
            reasonReference=[{"reference": f"Condition/{name}-c"}],
        )
        same = record("Condition", f"{name}-c", code=coded("22298006"), onsetDateTime="2020-01-01")
        return FakeHolder(name, [same, because], [patient("p1")])

    async with face([holder("alfa"), holder("beta")]) as client:
        bundle = (await asked(client)).json()
        apart = (await asked(client, prefer="noaber-fold=none")).json()
    found = sections(bundle)

    assert entries(found["11450-4"]) == ["Condition/alfa.alfa-c"]
    assert "Instelling alfa, Instelling beta" in found["11450-4"]["text"]["div"]
    assert f"{BASE}/Condition/beta.beta-c" in resources(bundle), "beta's medication refers to it"
    assert len(entries(sections(apart)["11450-4"])) == 2
    provenance = {one["id"].split("-")[2]: one for one in resources(bundle).values() if one["resourceType"] == "Provenance"}
    assert [{"reference": "Condition/alfa.alfa-c"} in one["target"] for one in provenance.values()] == [True, True]


async def test_every_reference_to_what_is_there_resolves(face: Opened) -> None:
    long = "o" * 62
    linked = ', "hasMember": [{"reference": "Observation/o2"}], "performer": [{"reference": "Practitioner/x"}]'
    more = [observation(long, "p1", more=linked), observation("o2", "p1"), b'{"resourceType":"Practitioner","id":"x"}']
    unreferred = b'{"resourceType":"Practitioner","id":"y"}'
    async with face([FakeHolder("alfa", [*more, unreferred], [patient("p1")])]) as client:
        bundle = (await asked(client)).json()
        exact = (await asked(client, prefer="noaber-bytes=exact")).json()
    found = resources(bundle)

    for url, resource in found.items():
        if resource["resourceType"] != "Provenance":
            assert all(resolved(url, reference) in found for reference in references(resource)), url
    assert f"{BASE}/at/alfa/Observation/{long}" in entries(sections(bundle)["30954-2"])
    assert f"{BASE}/Practitioner/alfa.y" not in found, "nothing leads to it"
    assert all(reference.startswith(f"{BASE}/at/alfa/") for reference in entries(sections(exact)["30954-2"]))
    assert set(entries(sections(exact)["30954-2"])) <= set(resources(exact))


async def test_what_was_entered_in_error_is_left_out_and_counted(face: Opened) -> None:
    wrong = record("AllergyIntolerance", "a1", verificationStatus=coded("entered-in-error", "x"), code={"text": "pinda"})
    goal = record("Goal", "g1", lifecycleStatus="entered-in-error", description=coded("713148004"))
    flagged = FakeHolder("alfa", [wrong, goal], [patient("p1")])
    async with face([flagged]) as client:
        answer = await asked(client)
        ahead = await asked(client, "$planning-ahead")
    allergies = sections(answer.json())["48765-2"]

    assert "pinda" not in answer.text
    assert "1 record is left out" in allergies["text"]["div"]
    assert reason(allergies) == "nothing-shown"
    assert "1 record is left out" in sections(ahead.json())["goals-of-care"]["text"]["div"]


async def test_what_a_holder_sends_twice_stands_once_and_two_under_one_id_are_counted(face: Opened) -> None:
    one, again, other = observation("o", "p1"), observation("o", "p1"), observation("o", "p1", value="99")
    async with face([FakeHolder("alfa", [one, again], [patient("p1")])]) as same, face([FakeHolder("alfa", [one, other], [patient("p1")])]) as different:
        twice, two = (await asked(same)).json(), (await asked(different)).json()

    for bundle, tag in ((twice, "complete"), (two, "partial")):
        assert entries(sections(bundle)["30954-2"]) == ["Observation/alfa.o"]
        assert len(resources(bundle)) == len(bundle["entry"])
        assert bundle["meta"]["tag"][0]["code"] == tag
    assert "extension" in sections(two)["30954-2"]


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


async def test_a_holder_that_is_set_aside_takes_nothing_of_the_others_with_it(face: Opened) -> None:
    evil = FakeHolder("evil", [observation("a", "p1")], [patient("p1")], ending=Ending.REJECTED, code=Fault.OTHER_PATIENT)
    good = FakeHolder("good", [observation("b", "p1")], [patient("p1")], waits_for=evil.sent)
    async with face([evil, good]) as client:
        answer = await asked(client)

    assert entries(sections(answer.json())["30954-2"]) == ["Observation/good.b"]
    assert "evil.a" not in answer.text
    assert "evil.p1" not in answer.text
    assert "Instelling evil" in answer.text


async def test_the_order_of_arrival_changes_nothing(face: Opened) -> None:
    def region(*, backwards: bool) -> FakeDoor:
        one, other = (FakeHolder(name, [observation(f"{name}-o", "p1"), encounter("e", "p1")], [patient("p1")]) for name in ("alfa", "beta"))
        (one if backwards else other).waits_for = (other if backwards else one).sent
        return FakeDoor([one, other])

    async with face(region(backwards=False), key=b"k" * 64) as first, face(region(backwards=True), key=b"k" * 64) as second:
        assert timeless(await asked(first)) == timeless(await asked(second))


@pytest.mark.parametrize("operation", ["$summary", "$planning-ahead"])
async def test_p8_where_nobody_was_heard_there_is_an_error_and_no_document(face: Opened, operation: str) -> None:
    door = FakeDoor([silent_pharmacy(), FakeHolder("beta", ending=Ending.UNREACHABLE, code=Fault.HOLDER_UNREACHABLE)])
    nobody = FakeDoor([gp()], failure=Unavailable(Fault.NO_HOLDERS_ELIGIBLE))
    async with face(door, key=b"k" * 64) as client, face([gp()], key=b"k" * 64) as well, face(nobody, key=b"k" * 64) as alone:
        path = f"Patient/{await opaque_id(well)}/{operation}"
        failed, none_left = await client.get(path), await alone.get(path)

    assert failed.status_code == 502
    assert {"all-holders-failed", "pharmacy", "beta"} <= codes(failed.json())
    assert (none_left.status_code, codes(none_left.json())) == (503, {"no-holders-eligible"})


async def test_a_client_that_takes_no_part_gets_an_error_or_everything(face: Opened) -> None:
    async with face([gp(), silent_pharmacy()]) as client, face([gp()]) as whole, face([gp(), silent_pharmacy()], strict_clients=True, key=b"k" * 64) as strict:
        refused = await asked(client, prefer="noaber-partial=refuse")
        path = f"Patient/{(await strict.post('Patient/$summary', data={'identifier': f'{SYSTEM}|{BSN.value}'}, headers={'prefer': 'noaber-partial=show'})).headers['noaber-patient']}"

        assert refused.status_code == 503
        assert {"partial-not-accepted", "pharmacy"} <= codes(refused.json())
        assert (await asked(whole, prefer="noaber-partial=refuse")).status_code == 200
        assert (await strict.get(f"{path}/$planning-ahead")).status_code == 503


@pytest.mark.parametrize("bound", [{"document_bytes": 500}, {"document_records": 3}])
async def test_p7_a_document_has_a_bound_and_says_what_to_do_beyond_it(face: Opened, bound: dict[str, int]) -> None:
    async with face([gp()], **bound) as client:
        answer = await asked(client)

    assert answer.status_code == 422
    assert codes(answer.json()) == {"document-too-large"}
    assert "$everything" in answer.json()["issue"][0]["details"]["text"]


async def test_p7_all_documents_together_have_a_bound_that_is_free_again_after_each(face: Opened) -> None:
    # A summary does not ask who is related to whom.
    whole = sum(len(text) for text in (*gp().records, *gp().patients) if b"RelatedPerson" not in text)
    async with face([gp()], documents_bytes=whole) as client, face([gp()], documents_bytes=whole - 1) as cramped:
        answers = [await asked(client) for _ in range(3)]
        refused = [await asked(cramped) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [(answer.status_code, codes(answer.json()), answer.headers["retry-after"]) for answer in refused] == [(503, {"too-many-questions"}, "1")] * 2


async def test_p11_of_a_holder_whose_patient_chose_otherwise_under_way_nothing_is_in_the_document(face: Opened) -> None:
    changed = FakeHolder("alfa", [observation("secret", "p1")], [patient("p1")], ending=Ending.CUT_OFF, code=Fault.SHARING_CHANGED)
    async with face([changed, gp()]) as client:
        answer = await asked(client)

    assert "alfa.secret" not in answer.text
    assert "alfa.p1" not in answer.text
    assert [one["valueCoding"]["code"] for one in sections(answer.json())["11450-4"]["extension"]] == ["alfa"]


async def test_whom_it_is_about_may_be_told_by_number_in_the_body_and_never_in_the_url(face: Opened) -> None:
    number = f"{SYSTEM}|{BSN.value}"
    identifier = json.dumps({"resourceType": "Parameters", "parameter": [{"name": "identifier", "valueIdentifier": {"system": SYSTEM, "value": BSN.value}}]})
    door = FakeDoor([gp()])
    async with face(door) as client:
        answers = [
            await client.post("Patient/$summary", data={"identifier": number, "birthdate": "1950-01-02"}),
            await client.post("Patient/$summary", content=documents.parameters(identifier=number), headers=JSON),
            await client.post("Patient/$planning-ahead", content=identifier, headers=JSON),
        ]
        born = door.asked[0].birth_date
        refused = await client.post(f"Patient/$summary?identifier={number}")
        by_id = await client.get(f"Patient/{answers[0].headers['noaber-patient']}/$summary")

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert born is not None
    assert (refused.status_code, codes(refused.json())) == (400, {"bsn-in-url"})
    assert by_id.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("{id}/$summary?_elements=id", 400, "unknown-parameter"),
        ("{id}/$summary?_count=10", 400, "unknown-parameter"),
        ("{id}/$summary?identifier=urn:x%7C1", 400, "unknown-parameter"),
        ("{id}/$summary?profile=http://example.org/ips", 400, "invalid-parameter"),
        ("{id}/$summary?_format=xml", 406, "unsupported-format"),
        ("nobody/$summary", 404, "unknown-patient-id"),
        (BSN.value + "/$planning-ahead", 400, "bsn-in-url"),
        ("$summary", 405, "method-not-allowed"),
        ("{id}/$unheard-of", 404, "not-found"),
    ],
)
async def test_what_is_not_supported_is_refused_with_its_code(face: Opened, path: str, status: int, code: str) -> None:
    async with face([gp()]) as client:
        answer = await client.get(f"Patient/{path.format(id=await opaque_id(client))}")

    assert (answer.status_code, codes(answer.json())) == (status, {code})


async def test_what_is_left_out_for_a_lenient_client_stands_in_the_account(face: Opened) -> None:
    async with face([gp()]) as client:
        bundle = (await client.get(f"Patient/{await opaque_id(client)}/$summary?unheard=of", headers={"prefer": "handling=lenient"})).json()

    assert any(codes(one) == {"unknown-parameter"} for one in resources(bundle).values() if one["resourceType"] == "OperationOutcome")


@pytest.mark.parametrize(
    "narrowing",
    [{"may_ask": Selection(types=frozenset({"Observation"}))}, {"categories": frozenset({CareCategory.CONDITION, CareCategory.OBSERVATION_EXAM})}],
)
async def test_a_caller_who_may_ask_for_a_part_only_gets_no_document(narrowing: dict[str, Any]) -> None:
    # SMART scopes and mandates take away; a section that was never asked would say that nothing was shown there.
    told, door = HttpSettings(public_url="http://gateway.test"), FakeDoor([gp()])
    callers = replace(FakeCallers.of(told), **narrowing)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(door, callers, told)), base_url=BASE) as client:
        answer = await client.post("/Patient/$summary", data={"identifier": f"{SYSTEM}|{BSN.value}"})

    assert (answer.status_code, codes(answer.json())) == (403, {"question-widened"})
    assert not door.asked


async def test_a_mandate_for_all_that_a_document_asks_is_enough() -> None:
    told = HttpSettings(public_url="http://gateway.test")
    for plan in PLANS.values():
        callers = replace(FakeCallers.of(told), categories=plan.asks)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(FakeDoor([gp()]), callers, told)), base_url=BASE) as client:
            answer = await client.post(f"/Patient/${plan.name}", data={"identifier": f"{SYSTEM}|{BSN.value}"})

        assert answer.status_code == 200


async def test_the_capability_statement_names_both_and_their_definitions_are_there(face: Opened) -> None:
    async with face([gp()]) as client:
        statement, at_holder = (await client.get("metadata")).json(), (await client.get("at/gp/metadata")).json()
        definitions = [await client.get(f"OperationDefinition/noaber-{name}") for name in ("summary", "planning-ahead")]
        unknown = await client.get("OperationDefinition/other")

    def operations(told: dict[str, Any]) -> set[str]:
        (described,) = [kind for kind in told["rest"][0]["resource"] if kind["type"] == "Patient"]
        return {operation["name"] for operation in described["operation"]}

    assert {"summary", "planning-ahead", "everything"} <= operations(statement)
    assert not {"summary", "planning-ahead"} & operations(at_holder)
    for definition in definitions:
        OperationDefinition.model_validate_json(definition.content)
    assert definitions[0].json()["base"] == "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"
    assert unknown.status_code == 404


def test_the_page_on_documents_has_every_section_and_the_bounds_that_hold() -> None:
    page = (Path(__file__).parents[3] / "docs" / "documents.md").read_text(encoding="utf-8")
    told = HttpSettings()

    for plan in PLANS.values():
        assert plan.type.code in page
        assert all(f"| {section.code.code} |" in page or f"| `{section.code.code}` |" in page for section in plan.sections)
        assert f"/\\${plan.name}" in page
    assert f"hold {told.documents_bytes // MIB} MiB at most" in page
    assert f"{told.document_bytes // MIB} MiB and {told.document_records:,}" in page
    assert (f"`{Fault.DOCUMENT_TOO_LARGE.value}` (HTTP {STATUS[Fault.DOCUMENT_TOO_LARGE]})") in page
