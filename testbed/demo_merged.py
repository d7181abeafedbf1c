"""The merged view as any FHIR client reads it: over HTTP, identical statements once, with everybody who said it.

FhirAnsweredOtherwise       the FHIR face answered with an error; carries the status and no content
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from accord.terms.identifiers import BSN_SYSTEM
from testbed.demo_reading import read_exactly

FHIR_JSON: Final = "application/fhir+json"
_SECONDS: Final = 30.0


class FhirAnsweredOtherwise(Exception):
    """The FHIR face answered with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class _Search(msgspec.Struct, gc=False):
    mode: str = ""


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw
    fullUrl: str = ""
    search: _Search | None = None


class _Bundle(msgspec.Struct, gc=False):
    entry: list[_Entry] = []


@dataclass(frozen=True)
class MergedRecord:
    """A record of the merged view: its bytes, where it stands, and the holders that said it, by title."""

    json: bytes = field(repr=False)
    origins: tuple[str, ...] = ()

    @cached_property
    def content(self) -> dict[str, Any]:
        """The record, with its numbers as they are written."""
        return read_exactly(self.json)

    @property
    def ref(self) -> str:
        """For instance `Observation/twickelaar.1`."""
        return f"{self.content.get('resourceType')}/{self.content.get('id')}"


@dataclass(frozen=True)
class MergedDossier:
    """What `$everything` answered."""

    patient_id: str
    records: tuple[MergedRecord, ...]
    outcomes: tuple[dict[str, Any], ...]
    raw: bytes = field(repr=False)

    @cached_property
    def by_ref(self) -> Mapping[str, MergedRecord]:
        """Every record by its reference in the merged view."""
        return {record.ref: record for record in self.records}

    def of_type(self, kind: str) -> list[MergedRecord]:
        """The records of one type."""
        return [record for record in self.records if record.content.get("resourceType") == kind]


def get(url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """The body of an answer; with *form* it is a search by POST, so that nothing of it stands in a URL.

    Raises:
        FhirAnsweredOtherwise: With an error.
    """
    body = urlencode(form).encode() if form is not None else None
    asked = {"Accept": FHIR_JSON, "Prefer": "noaber-partial=show"} | dict(headers or {})
    request = urllib.request.Request(url, body, asked)  # noqa: S310 - a loopback address
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            content: bytes = answer.read()
    except urllib.error.HTTPError as failure:
        failure.close()
        raise FhirAnsweredOtherwise(failure.code) from None
    return content


def patient_id(fhir_url: str, bsn: str, headers: Mapping[str, str] | None = None) -> str:
    """The opaque id of a person at this gateway.

    Raises:
        FhirAnsweredOtherwise: There is none.
    """
    found = json.loads(get(f"{fhir_url}/Patient/_search", form={"identifier": f"{BSN_SYSTEM}|{bsn}"}, headers=headers))
    ids = [entry["resource"]["id"] for entry in found.get("entry", []) if entry["resource"]["resourceType"] == "Patient"]
    if len(ids) != 1:
        raise FhirAnsweredOtherwise(404)
    return str(ids[0])


def read_everything(fhir_url: str, bsn: str, headers: Mapping[str, str] | None = None) -> MergedDossier:
    """The whole merged dossier of a person.

    Raises:
        FhirAnsweredOtherwise: It could not be had.
    """
    person = patient_id(fhir_url, bsn, headers)
    return read_bundle(person, get(f"{fhir_url}/Patient/{quote(person)}/$everything", headers=headers))


def read_bundle(person: str, raw: bytes) -> MergedDossier:
    """Read a searchset: what the holders said, who said it, and what the gateway wrote about it."""
    entries = msgspec.json.decode(raw, type=_Bundle).entry
    outcomes = [read_exactly(bytes(entry.resource)) for entry in entries if entry.search is not None and entry.search.mode == "outcome"]
    records = [MergedRecord(bytes(entry.resource)) for entry in entries if entry.search is None or entry.search.mode != "outcome"]
    origins: dict[str, list[str]] = {}
    for record in records:
        if _says_who(record.content):
            for target in record.content.get("target", []):
                origins.setdefault(target["reference"], []).extend(agent["who"]["display"] for agent in record.content["agent"])
    # By name: who came first is chance.
    told = [MergedRecord(record.json, tuple(sorted(origins.get(record.ref, ())))) for record in records if not _is_authored(record.content)]
    return MergedDossier(person, tuple(told), tuple(outcomes), raw)


def _is_authored(content: Mapping[str, Any]) -> bool:
    return any(tag.get("code") == "authored" for tag in content.get("meta", {}).get("tag", []))


def _says_who(content: Mapping[str, Any]) -> bool:
    return content.get("resourceType") == "Provenance" and _is_authored(content)
