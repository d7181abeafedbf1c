"""What a simulated FHIR server says: Bundles joined from records as given, outcomes, its CapabilityStatement."""

import gzip
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from accord.terms.records import TYPE_BY_NAME
from node_agent.converting.names import RENAMED_TYPES
from testbed.fhir_server_faults import FhirFaults
from testbed.fhir_server_places import place_parameters
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


def bundle(
    base: str, matches: Sequence[tuple[Kept, bytes]], total: int, links: Iterable[tuple[str, str]], faults: FhirFaults, included: Iterable[Kept] = ()
) -> Reply:
    """A searchset whose entries hold the records' bytes exactly as they were given. Of the faults, those that add something."""
    entries = [
        b'{"fullUrl":"%b/%b/%b","resource":%b,"search":{"mode":"match"}}' % (base.encode(), kept.type.encode(), kept.id.encode(), body)
        for kept, body in matches
    ]
    entries += [b'{"resource":%b,"search":{"mode":"include"}}' % kept.body for kept in included]
    if faults.companions:
        entries += [_PRACTITIONER, _entry(_outcome("informational", "information"))]
    if faults.complaint:
        entries.append(_entry(_outcome("timeout", faults.complaint)))
    link = msgspec.json.encode([{"relation": relation, "url": url} for relation, url in links])
    head = b'{"resourceType":"Bundle","type":"searchset",%b"link":%b' % (
        b"" if faults.no_total else b'"total":%d,' % (total + 3 if faults.another_total else total),
        link,
    )
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
                "rest": [{"mode": "server", "resource": [_capability(kind, fhir_version) for kind in sorted(types)]}],
            }
        )
    )


#: R4 has no `patient` parameter for these.
_SEARCHED_BY: Final[dict[str, str]] = {"SupplyRequest": "subject", "AdverseEvent": "subject", "Group": "member", "Schedule": "actor"}


def _capability(kind: str, fhir_version: str) -> dict[str, Any]:
    names = ["_id", "_lastUpdated"]
    known = TYPE_BY_NAME.get(RENAMED_TYPES.get(kind, kind))
    if kind == "Patient":
        names += ["identifier", "link"]
    elif known is not None and known.owner:
        # STU3 gives insurance no `patient` parameter either.
        names.append("beneficiary" if kind == "Coverage" and fhir_version.startswith("3.") else _SEARCHED_BY.get(kind, "patient"))
    names += [name for name in place_parameters(kind) if name not in names]
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


def packed(reply: Reply, how: str, accepted: str) -> Reply:
    """An answer that is packed as the faults say, where the client takes that."""
    if not how or (how != "other" and "gzip" not in accepted):
        return reply
    body = zlib.compress(reply.body) if how == "other" else gzip.compress(reply.body)
    encoding = ("content-encoding", "deflate" if how == "other" else "gzip")
    return reply._replace(body=body[: len(body) // 2] if how == "cut" else body, headers=(*reply.headers, encoding))
