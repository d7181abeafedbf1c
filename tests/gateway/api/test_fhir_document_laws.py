"""What holds of every document, whatever the dossier: each record in one section, every reference closed, every gap told (promise P8)."""

import json
from typing import Any, Final

import anyio
import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import HolderKind, Section, sections_fed_by
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.dossier.documents.kinds import PLANS
from tests.gateway.api.documents import BASE, Json, composition, entries, reason, references, resolved, resources, sections
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import FakeDoor, FakeHolder, patient

SETTINGS: Final = HttpSettings(public_url="http://gateway.test")
CALLERS: Final = FakeCallers.of(SETTINGS)
SCT: Final = "http://snomed.info/sct"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
#: Every type that a summary asks for, and Encounter, which it does not.
KINDS: Final = (
    "AllergyIntolerance Condition Consent Observation Goal MedicationStatement MedicationRequest MedicationDispense Procedure Immunization "
    "DeviceUseStatement DiagnosticReport CarePlan Flag QuestionnaireResponse Encounter"
).split()
OWNED_BY_PATIENT: Final = frozenset({"AllergyIntolerance", "Consent", "Immunization"})
CODES: Final = ("395091006", "29463-7", "713603004", "385987000", "365508006", "1")


def concept(code: str, system: str = SCT) -> Json:
    return {"coding": [{"system": system, "code": code}]}


@st.composite
def records(draw: st.DrawFn) -> Json:
    """A record with codes, a category, a state, and references to others; its id is given later."""
    kind = draw(st.sampled_from(KINDS))
    wrong = draw(st.booleans()) and draw(st.booleans())
    record: Json = {"resourceType": kind, "status": "entered-in-error" if wrong and kind != "Goal" else "active"}
    record["description" if kind == "Goal" else "code"] = concept(draw(st.sampled_from(CODES)))
    if kind == "Observation":
        record["category"] = [concept(draw(st.sampled_from(["laboratory", "vital-signs", "survey", "social-history", "x"])), CATEGORY)]
    if kind == "Condition":
        record["clinicalStatus"] = concept(draw(st.sampled_from(["active", "resolved"])), "x")
    if kind == "Consent":
        record["scope"] = concept(draw(st.sampled_from(["treatment", "adr", "patient-privacy"])), "x")
    record["basedOn"] = [{"reference": f"{draw(st.sampled_from([*KINDS, 'Practitioner']))}/{draw(st.integers(0, 5))}"} for _ in range(draw(st.integers(0, 2)))]
    return record


@st.composite
def holders(draw: st.DrawFn, name: str) -> FakeHolder:
    """A holder of some kind, with some records, that ends in some way."""
    ending = draw(st.sampled_from([Ending.ANSWERED, Ending.ANSWERED, Ending.TOO_LATE, Ending.CUT_OFF, Ending.REJECTED]))
    made: list[bytes] = []
    for number, record in enumerate(draw(st.lists(records(), max_size=8))):
        owner = "patient" if record["resourceType"] in OWNED_BY_PATIENT else "subject"
        made.append(json.dumps({**record, "id": str(number), owner: {"reference": "Patient/p"}}).encode())
    made += [f'{{"resourceType":"Practitioner","id":"{number}"}}'.encode() for number in range(2)]
    return FakeHolder(
        name, made, [patient("p")], kind=draw(st.sampled_from(list(HolderKind))), ending=ending, code=None if ending is Ending.ANSWERED else Fault.HOLDER_SILENT
    )


REGIONS: Final = st.tuples(holders("alfa"), holders("beta"), holders("gamma"))


def document_of(region: tuple[FakeHolder, ...], operation: str, **headers: str) -> Json | None:
    """The document; none where nobody was heard and nothing was shown."""

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(FakeDoor(list(region)), CALLERS, SETTINGS)), base_url=BASE) as client:
            return await client.get(f"/Patient/{CALLERS.patient}/${operation}", headers=headers)

    answer = anyio.run(ask)
    if answer.status_code != 200:
        assert not any(holder.ending is Ending.ANSWERED for holder in region)
        return None
    bundle: Json = answer.json()
    return bundle


def shown_of(region: tuple[FakeHolder, ...]) -> dict[str, Json]:
    """All records of the region that may be shown, by their address in the merged view."""
    found: dict[str, Json] = {}
    for holder in region:
        if holder.ending is not Ending.REJECTED:
            for text in holder.records:
                record = json.loads(text)
                found[f"{BASE}/{record['resourceType']}/{holder.name}.{record['id']}"] = record
    return found


def belongs_in_a_summary(record: Json) -> bool:
    """Said once more, in other words than the product does."""
    scope = record.get("scope", {}).get("coding", [{}])[0].get("code", "")
    return record["status"] != "entered-in-error" and record["resourceType"] not in ("Encounter", "Practitioner") and scope != "patient-privacy"


@settings(max_examples=60, deadline=None)
@given(REGIONS)
def test_every_shown_record_of_a_summary_stands_in_exactly_one_section(region: tuple[FakeHolder, ...]) -> None:
    bundle = document_of(region, "summary", prefer="noaber-fold=none")
    if bundle is None:
        return
    listed = [f"{BASE}/{reference}" for section in sections(bundle).values() for reference in entries(section)]

    assert len(listed) == len(set(listed))
    assert set(listed) == {address for address, record in shown_of(region).items() if record["resourceType"] != "Practitioner" and belongs_in_a_summary(record)}


@settings(max_examples=60, deadline=None)
@given(REGIONS, st.sampled_from(sorted(PLANS)), st.sampled_from(["", "noaber-fold=none", "noaber-bytes=exact"]))
def test_a_document_is_closed_and_every_entry_is_led_to(region: tuple[FakeHolder, ...], operation: str, prefer: str) -> None:
    bundle = document_of(region, operation, prefer=prefer)
    if bundle is None:
        return
    found = resources(bundle)
    assert len(found) == len(bundle["entry"])
    exact = {url.replace(f"{BASE}/at/", ""): url for url in found} if prefer == "noaber-bytes=exact" else {}
    asked = {address for address, record in shown_of(region).items() if record["resourceType"] in PLANS[operation].selection.types}

    led_to = {bundle["entry"][0]["fullUrl"]}
    waiting = list(led_to)
    while waiting:
        url = waiting.pop()
        for reference in references(found[url]):
            target = resolved(url, reference)
            # Whatever the region showed for this question is in the document, once something in it refers to it.
            if not exact and operation == "summary":
                assert target in found or target not in asked, (url, reference)
            if target in found and target not in led_to:
                led_to.add(target)
                waiting.append(target)
    assert {url for url in found if "/Provenance/" not in url} == led_to - {url for url in led_to if "/Provenance/" in url}


@settings(max_examples=60, deadline=None)
@given(REGIONS, st.sampled_from(sorted(PLANS)))
def test_p8_a_section_is_unavailable_if_and_only_if_somebody_who_feeds_it_was_not_heard(region: tuple[FakeHolder, ...], operation: str) -> None:
    bundle = document_of(region, operation)
    if bundle is None:
        return
    told = sections(bundle)
    for plan in PLANS[operation].sections:
        section = told[plan.code.code]
        missing = [one.name for one in region if one.ending is not Ending.ANSWERED and sections_fed_by(one.kind) & plan.fed_by]

        assert [one["valueCoding"]["code"] for one in section.get("extension", [])] == missing
        assert ("entry" in section) != ("emptyReason" in section)
        assert reason(section) == ("" if "entry" in section else "unavailable" if missing else "nothing-shown")
        assert all(f"Instelling {name}" in section["text"]["div"] for name in missing)


@settings(max_examples=40, deadline=None)
@given(REGIONS)
def test_p8_the_account_names_the_same_gaps_as_the_sections(region: tuple[FakeHolder, ...]) -> None:
    bundle = document_of(region, "summary")
    if bundle is None:
        return
    outcomes = [resources(bundle)[f"{BASE}/{one['reference']}"] for one in composition(bundle)["section"][-1]["entry"]]
    issues: list[Any] = [{coding["code"] for coding in issue["details"]["coding"]} for outcome in outcomes for issue in outcome["issue"]]

    for holder in region:
        assert any({holder.name, holder.ending.value} <= issue for issue in issues) == (holder.ending is not Ending.ANSWERED)
    for section in PLANS["summary"].fed_by:
        gaps = {holder.name for holder in region if holder.ending is not Ending.ANSWERED and section in sections_fed_by(holder.kind)}
        told = next((issue for issue in issues if section.value in issue), {section.value})
        assert told - {section.value} == gaps, Section(section)
