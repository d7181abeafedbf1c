"""What a simulated FHIR server says: Bundles joined from records as given, outcomes, its CapabilityStatement."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from accord.terms.records import TYPE_BY_NAME
from testbed.fhir_server_faults import FhirFaults
from testbed.fhir_server_shelf import Kept

FHIR_JSON: Final = "application/fhir+json"
_HTML: Final = b"<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"
_XML: Final = b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/></Bundle>'
_PRACTITIONER: Final = b'{"resource":{"resourceType":"Practitioner","id":"along"},"search":{"mode":"include"}}'


class Reply(NamedTuple):
    """An answer before it is sent."""

    body: bytes
    status: int = 200
    content_type: str = FHIR_JSON
    headers: tuple[tuple[str, str], ...] = ()


def outcome(status: int, code: str, severity: str = "error") -> Reply:
    """An OperationOutcome; it names no values."""
    return Reply(msgspec.json.encode(_outcome(code, severity)), status)


def _outcome(code: str, severity: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def bundle(base: str, matches: Sequence[tuple[Kept, bytes]], total: int, links: Iterable[tuple[str, str]], faults: FhirFaults) -> Reply:
    """A searchset whose entries hold the records' bytes exactly as they were given. Of the faults, those that add something."""
    entries = [
        b'{"fullUrl":"%b/%b/%b","resource":%b,"search":{"mode":"match"}}' % (base.encode(), kept.type.encode(), kept.id.encode(), body)
        for kept, body in matches
    ]
    if faults.companions:
        entries += [_PRACTITIONER, _entry(_outcome("informational", "information"))]
    if faults.complaint:
        entries.append(_entry(_outcome("timeout", faults.complaint)))
    link = msgspec.json.encode([{"relation": relation, "url": url} for relation, url in links])
    head = b'{"resourceType":"Bundle","type":"searchset","total":%d,"link":%b' % (total + 3 if faults.another_total else total, link)
    return Reply(b'%b,"entry":[%b]}' % (head, b",".join(entries)) if entries else head + b"}")


def _entry(resource: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"resource": resource, "search": {"mode": "outcome"}})


def capabilities(types: Iterable[str], fhir_version: str) -> Reply:
    """The CapabilityStatement."""
    return Reply(
        msgspec.json.encode(
            {
                "resourceType": "CapabilityStatement",
                "status": "active",
                "date": "2025-01-01",
                "kind": "instance",
                "fhirVersion": fhir_version,
                "format": ["json"],
                "rest": [{"mode": "server", "resource": [_capability(kind) for kind in sorted(types)]}],
            }
        )
    )


#: R4 has no `patient` parameter for these.
_SEARCHED_BY: Final = {"SupplyRequest": "subject", "AdverseEvent": "subject", "Group": "member", "Schedule": "actor"}


def _capability(kind: str) -> dict[str, Any]:
    names = ["_id", "_lastUpdated"]
    if kind == "Patient":
        names += ["identifier", "link"]
    elif kind in TYPE_BY_NAME and TYPE_BY_NAME[kind].owner:
        names.append(_SEARCHED_BY.get(kind, "patient"))
    interactions = ["read"] if kind == "Binary" else ["read", "vread", "search-type"]
    return {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "searchParam": [{"name": name, "type": "token"} for name in names],
    }


def spoil(reply: Reply, faults: FhirFaults, accept: str) -> Reply:
    """The answer as a server with these faults gives it."""
    if faults.html:
        return Reply(_HTML, content_type="text/html")
    if faults.not_a_bundle and reply.status == 200:
        return outcome(200, "processing")
    if faults.careless_xml and accept != FHIR_JSON:
        return Reply(_XML, content_type="application/fhir+xml")
    if faults.broken_json:
        return reply._replace(body=reply.body[:-1])
    return reply
