"""What the adapter makes of settings, of links and of what a server says about itself."""

import json
from typing import Any

import pytest

from accord.terms.faults import BadInput
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.vocabulary import CareCategory
from node_agent.ports import SourceAnswerInvalid
from node_agent.sources.fhir_abilities import assumed, read_abilities
from node_agent.sources.fhir_attachments import address_of
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_pages import read_bundle, search
from node_agent.sources.fhir_walk import Walk
from testbed.contracts.records import TOUCHY, observation


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("?_page=1", "http://127.0.0.1:80/a/fhir/?_page=1"),
        ("Observation?p=2", "http://127.0.0.1:80/a/fhir/Observation?p=2"),
        ("/a/fhir/Observation?p=2#x", "http://127.0.0.1:80/a/fhir/Observation?p=2"),
        ("http://127.0.0.1/a/fhir?p=2", "http://127.0.0.1/a/fhir?p=2"),
        ("http://127.0.0.1:80/a/fhirish?p=2", None),
        ("http://127.0.0.1:81/a/fhir?p=2", None),
        ("https://127.0.0.1:80/a/fhir?p=2", None),
        ("http://127.0.0.1.elsewhere.example/a/fhir", None),
        ("http://me@127.0.0.1:80/a/fhir", None),
        ("//elsewhere.example/a/fhir", None),
        ("../other/fhir", None),
        ("%2e%2e/other", None),
        ("..%2Fother", None),
        ("\\\\elsewhere.example/a", None),
        ("http://127.0.0.1:99999/a/fhir", None),
        ("http://[::1/a/fhir", None),
    ],
)
def test_no_link_leads_away_from_the_base(link: str, address: str | None) -> None:
    assert FhirEndpoint("http://127.0.0.1:80/a/fhir/").below(link) == address


def test_an_attachment_address_may_use_another_name_of_the_server() -> None:
    endpoint = FhirEndpoint("http://127.0.0.1:8090", also_known_as=("https://ehr.example/fhir/",))
    assert address_of(endpoint, "https://ehr.example/fhir/Binary/7") == "http://127.0.0.1:8090/Binary/7"
    assert address_of(endpoint, "https://ehr.example/fhir/../Binary/7") is None
    assert address_of(endpoint, "../Binary/7") is None
    assert address_of(endpoint, "files/2024/report.pdf") == "http://127.0.0.1:8090/files/2024/report.pdf"


@pytest.mark.parametrize(
    "setting",
    [
        {"base": "ftp://127.0.0.1/fhir"},
        {"base": "http://user:secret@127.0.0.1/fhir"},
        {"base": "http://127.0.0.1/fhir?x=1"},
        {"base": "/fhir"},
        {"concurrency": 0},
        {"types": frozenset({"Observatoin"})},
        {"name": "a/b"},
        {"authorization": "Bearer x\r\nX: y"},
    ],
)
def test_a_setting_that_cannot_work_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="invalid-setting"):
        FhirEndpoint(**{"base": "http://127.0.0.1/fhir", **setting})


def test_the_capability_statement_says_how_to_ask() -> None:
    offers = {
        "Patient": ["identifier", "link"],
        "Observation": ["subject", "patient"],
        "Coverage": ["beneficiary"],
        "Flag": [],
        "Goal": ["identifier"],
        "SupplyRequest": ["subject"],
        "Practitioner": [],
        "StructureDefinition": [],
    }
    resources = [{"type": kind, "searchParam": [{"name": name} for name in names]} for kind, names in offers.items()]
    resources.append({"type": "Condition", "interaction": [{"code": "read"}], "searchParam": [{"name": "patient"}]})
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": resources}]}
    abilities = read_abilities(json.dumps(statement).encode(), "ehr")

    assert abilities.searched_by == {"Observation": "patient", "Coverage": "beneficiary", "Flag": "patient", "SupplyRequest": "subject"}
    assert abilities.types == {"Patient", "Observation", "Coverage", "Flag", "SupplyRequest", "Practitioner"}
    assert abilities.links


def test_only_types_that_can_hold_what_is_asked_are_asked_for() -> None:
    def types(selection: Selection) -> set[str]:
        return {kind.name for kind, _ in assumed().wanted(selection)}

    assert types(Selection(types=frozenset({"Flag", "Practitioner", "Patient"}))) == {"Flag"}
    assert types(Selection(categories=frozenset({CareCategory.OBSERVATION_LABORATORY}))) == {"Observation"}
    assert types(Selection(categories=frozenset({CareCategory.ADVANCE_DIRECTIVE}))) == {"Consent"}
    assert types(Selection(categories=frozenset({CareCategory.OBSERVATION_EXAM}))) == {"Observation", "ClinicalImpression", "RiskAssessment"}
    assert "Patient" not in types(EVERYTHING)


def test_entries_are_bytes_as_received_and_come_once_whatever_the_pages_say() -> None:
    endpoint = FhirEndpoint("http://127.0.0.1/fhir")
    walk = Walk(endpoint, search(endpoint, "Observation", [("patient", "a")]))
    unreadable = b'{"resourceType":"Observation","id":7}'
    strangers = [observation("1", "a").replace(b"Observation", b"Condition"), b'{"resourceType":"OperationOutcome","issue":[{"severity":"warning"}]}']
    page = b'\xef\xbb\xbf{"entry":[%b],"resourceType":"Bundle"}' % b",".join(
        b'{"search":{"mode":"match"},"resource": %b }' % record for record in (*TOUCHY, unreadable, *strangers)
    )
    first, again = (walk.take(read_bundle(page, "Observation")[0]) for _ in range(2))

    assert first == [*TOUCHY, unreadable]
    assert again == [unreadable]
    walk.check()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"resourceType":"Bundle","entry":{}}', b"<html>", b'{"resourceType":"Bundle"', b"[" * 100_000])
def test_what_is_no_bundle_is_refused(body: bytes) -> None:
    with pytest.raises(SourceAnswerInvalid):
        read_bundle(body, "Observation")
