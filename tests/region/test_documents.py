"""Documents from a real region: what stock clients make of them, and what they say when a holder is frozen, killed or says nothing."""

import json
import re
from typing import Any, Final

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle as ClientBundle
from fhirpy import SyncFHIRClient

from accord.terms.faults import BadInput
from accord.terms.identifiers import BSN_SYSTEM
from gateway.dossier.splicing import parse_union_id, unsplice
from gateway.dossier.words import CONSTANT_NOTE
from testbed.faults import FaultKind
from testbed.killing import releases
from testbed.people import BENNIE, DINA, DINA_HOSPITAL_ADMISSION
from testbed.region import BlockingRegion
from testbed.region_story import NOBODY
from tests.gateway.api.documents import composition, entries, reason, references, resolved, resources, sections

pytestmark = pytest.mark.slow

OPERATIONS: Final = ("$summary", "$planning-ahead")
ENGLISH: Final = {"accept-language": "en", "prefer": "noaber-partial=show"}


def ask(region: BlockingRegion, operation: str, bsn: str = DINA.bsn) -> httpx2.Response:
    """A document, as curl would ask for it: the number in the body."""
    form = {"identifier": f"{BSN_SYSTEM}|{bsn}"}
    return httpx2.post(f"{region.fhir_url}/Patient/{operation}", data=form, headers=ENGLISH, timeout=30.0)


def origins(bundle: dict[str, Any]) -> list[tuple[str, str]]:
    """The holders' records in a document: whose, and their reference there."""
    found = []
    for resource in resources(bundle).values():
        try:
            holder, own_id = parse_union_id(resource["id"])
        except BadInput:
            continue
        found.append((holder.value, f"{resource['resourceType']}/{own_id}"))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_document_of_dina_is_valid_closed_and_byte_for_byte(region: BlockingRegion, operation: str) -> None:
    answer = ask(region, operation)
    bundle, kept = answer.json(), {name: region.kept(name) for name in region.files}

    assert answer.status_code == 200, answer.text
    Bundle.model_validate_json(answer.content)
    for url, resource in resources(bundle).items():
        for reference in references(resource) if resource["resourceType"] in ("Composition", "Patient") else ():
            assert resolved(url, reference) in resources(bundle)
    records = origins(bundle)
    assert len(records) > 10
    spliced = [unsplice(raw, parse_union_id(json.loads(raw)["id"])[0], region.fhir_url) for raw in _raw_entries(answer.content) if _is_a_holders(raw)]
    assert {text for of in kept.values() for text in of.values()} >= set(spliced)
    assert len(spliced) == len(records)


def _raw_entries(content: bytes) -> list[bytes]:
    """The bytes of each resource, cut out where the next entry begins."""
    return [part.rpartition(b"}")[0] if last else part for part, last in _cut(content)]


def _cut(content: bytes) -> list[tuple[bytes, bool]]:
    inner = content.split(b'"entry":[', 1)[1].rpartition(b"]}")[0]
    parts = re.split(rb'(?:^|\},)\{"fullUrl":"[^"]*","resource":', inner)[1:]
    return [(part, number == len(parts) - 1) for number, part in enumerate(parts)]


def _is_a_holders(raw: bytes) -> bool:
    try:
        parse_union_id(json.loads(raw)["id"])
    except BadInput:
        return False
    return True


def test_the_summary_has_what_the_night_needs(region: BlockingRegion) -> None:
    found = sections(ask(region, "$summary").json())

    assert "apixaban" in found["10160-0"]["text"]["div"].lower()
    assert "37.50 mg/L" in found["30954-2"]["text"]["div"]
    assert len(entries(found["48765-2"])) == 2, "confirmed here, refuted there: both stand"
    assert "refuted" in found["48765-2"]["text"]["div"]
    assert found["48765-2"]["text"]["div"].count("contradicted by: ") == 2
    assert all(("entry" in section) != (reason(section) == "nothing-shown") for section in found.values())


def test_wishes_that_differ_both_stand_in_full_and_yes_but_is_no_yes(region: BlockingRegion) -> None:
    div = sections(ask(region, "$planning-ahead").json())["treatment-directives"]["text"]["div"]

    lines = re.findall("<li>(.*?)</li>", div)
    assert "Resuscitation: Do not resuscitate; 7 November 2026; Huisartsen De Brinkhof<br/>≠ contradicted by: Thuiszorg De Wieke" in lines
    assert "Resuscitation: Resuscitate; 8 April 2021; Thuiszorg De Wieke<br/>≠ contradicted by: Huisartsen De Brinkhof" in lines
    assert any(line.startswith(f"Hospital admission: Not a yes or no: {DINA_HOSPITAL_ADMISSION}; 7 November 2026;") for line in lines)
    assert sum("contradicted by" in line for line in lines) == 2


def test_stock_clients_read_it(region: BlockingRegion) -> None:
    server = FHIRClient(settings={"app_id": "noaber", "api_base": region.fhir_url}).server
    found = server.post_as_form(f"{server.base_uri}Patient/_search", {"identifier": f"{BSN_SYSTEM}|{DINA.bsn}"})
    patient = next(entry["resource"]["id"] for entry in found.json()["entry"] if entry["resource"]["resourceType"] == "Patient")

    read = ClientBundle.read_from(f"Patient/{patient}/$summary", server)
    written = read.entry[0].resource
    referred = [entry.reference for section in written.section if section.entry for entry in section.entry]
    by_url = {entry.fullUrl: entry.resource for entry in read.entry}
    assert read.type == "document"
    assert written.resource_type == "Composition"
    assert all(f"{region.fhir_url}/{reference}" in by_url for reference in referred)

    told = SyncFHIRClient(region.fhir_url).resource("Patient", id=patient).execute("$planning-ahead", method="get")
    assert told["entry"][0]["resource"]["type"]["coding"][0]["code"] == "42348-3"


def test_p2_every_record_of_a_document_is_in_a_line_of_its_holder_and_of_the_gateway(region: BlockingRegion) -> None:
    bundle = ask(region, "$summary").json()
    query = bundle["identifier"]["value"].removeprefix("urn:uuid:").replace("-", "")
    gateway = {line.holder for line in releases(region.root / "gateway" / "journal") if line.query == query}

    disclosed = origins(bundle)
    for name in {holder for holder, _ in disclosed}:
        told = {ref for line in releases(region.files[name].agent / "journal") if line.query == query for ref in line.records}
        assert {ref for holder, ref in disclosed if holder == name} <= told
    assert len(gateway) == len({holder for holder, _ in disclosed})


def test_p8_a_frozen_holder_is_named_in_every_section_that_it_feeds(region: BlockingRegion) -> None:
    region.fault("pharmacy", FaultKind.FROZEN)
    bundle = ask(region, "$summary").json()
    found = sections(bundle)

    named = {code for code, section in found.items() if "Vijzelmarke" in section["text"]["div"] and "extension" in section}
    assert named == {"10160-0", "48765-2", "104605-1"}
    assert "entry" in found["10160-0"], "what the others say of medication stands"
    assert [one["valueCoding"]["code"] for one in found["10160-0"]["extension"]] == ["vijzelmarke"]
    assert all(reason(section) in ("", "unavailable") for code, section in found.items() if code in named)
    assert all(reason(section) in ("", "nothing-shown") for code, section in found.items() if code not in named)
    assert bundle["meta"]["tag"][0]["code"] == "partial"


def test_p8_of_a_holder_that_is_killed_in_mid_answer_what_came_stands_and_the_gap_is_told(region: BlockingRegion) -> None:
    region.fault("reggerbrug", FaultKind.CUT)
    answer = ask(region, "$summary")
    found = sections(answer.json())

    assert answer.status_code == 200
    Bundle.model_validate_json(answer.content)
    assert all("reggerbrug" in [one["valueCoding"]["code"] for one in section.get("extension", [])] for section in found.values())
    assert {reason(section) for section in found.values()} <= {"", "unavailable"}
    assert "cut-off" in answer.text


def test_a_holder_that_mixes_people_up_is_not_in_the_document_at_all(region: BlockingRegion) -> None:
    region.fault("lab", FaultKind.LYING)
    bundle = ask(region, "$summary").json()

    assert not any(holder == "twickelaar" for holder, _ in origins(bundle))
    assert "twickelaar" in [one["valueCoding"]["code"] for one in sections(bundle)["30954-2"]["extension"]]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_p9_who_never_chose_and_who_is_known_nowhere_give_the_same_document(region: BlockingRegion, operation: str) -> None:
    def quiet(bsn: str) -> str:
        answer = ask(region, operation, bsn)
        assert answer.status_code == 200
        anonymous = answer.text.replace(bsn, "BSN").replace(answer.headers["noaber-patient"], "ID")
        return re.sub(r"Noaber-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.+Z]*|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "", anonymous)

    assert quiet(BENNIE.bsn) == quiet(NOBODY)


def test_p9_the_constant_note_is_in_the_text_of_every_document(region: BlockingRegion) -> None:
    for operation in OPERATIONS:
        for bsn in (DINA.bsn, NOBODY):
            assert CONSTANT_NOTE.en in composition(ask(region, operation, bsn).json())["text"]["div"]


def test_whoever_asked_by_number_goes_on_by_the_id_of_the_answer(region: BlockingRegion) -> None:
    patient = ask(region, "$summary").headers["noaber-patient"]
    again = httpx2.get(f"{region.fhir_url}/Patient/{patient}/$planning-ahead", headers=ENGLISH, timeout=30.0)

    assert again.status_code == 200
    assert composition(again.json())["subject"]["reference"] == f"Patient/{patient}"


def test_a_number_in_the_url_is_refused_on_this_side_of_the_wire(region: BlockingRegion) -> None:
    answer = httpx2.post(f"{region.fhir_url}/Patient/$summary?identifier={BSN_SYSTEM}|{DINA.bsn}", timeout=30.0)

    assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (400, "bsn-in-url")
