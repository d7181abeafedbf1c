"""A searchset read without reading its records: entries as raw bytes, and what the server remarks about them."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from node_agent.ports import SourceAnswerInvalid
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Request

_BOM: Final = b"\xef\xbb\xbf"
_NO_RAW: Final = msgspec.Raw(b"")
#: With these a server says that it passed over a parameter.
_IGNORED_CODES: Final = frozenset({"not-supported", "not-found", "invalid", "value", "code-invalid"})
_HARMLESS: Final = ("_count", "_elements")


class _Link(msgspec.Struct, gc=False):
    relation: str = ""
    url: str = ""


class _Search(msgspec.Struct, gc=False):
    mode: str = ""


class Entry(msgspec.Struct, gc=False):
    """An entry of a Bundle, its record unread."""

    resource: msgspec.Raw = _NO_RAW
    search: _Search | None = None


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str
    entry: list[Entry] | None = None
    link: list[_Link] | None = None
    total: msgspec.Raw = _NO_RAW


class _Details(msgspec.Struct, gc=False):
    text: str | None = None


class _Issue(msgspec.Struct, gc=False):
    severity: str = ""
    code: str = ""
    diagnostics: str | None = None
    details: _Details | None = None
    expression: list[str] | None = None
    location: list[str] | None = None

    def says_ignored(self, parameter: str) -> bool:
        """Whether it remarks that this parameter of the search was passed over, for all that can be known."""
        words = " ".join((self.diagnostics or "", (self.details and self.details.text) or "", *(self.expression or ()), *(self.location or ())))
        if self.severity not in ("warning", "information") or self.code not in _IGNORED_CODES:
            return False
        if re.search(rf"\b{re.escape(parameter)}\b", words):
            return True
        # We ask with few parameters: which one it means, where it names none, is the one that matters.
        return self.code == "not-supported" and not any(name in words for name in _HARMLESS)


class _Head(msgspec.Struct, gc=False):
    resourceType: str = ""
    id: str = ""


class _Outcome(msgspec.Struct, gc=False):
    issue: list[_Issue] = []


class Matches(NamedTuple):
    """What the entries of a page hold: ids and bytes of the records that match, and what is wrong.

    `others` counts what came along, `empty` the matches without a record. `issues` is what the server remarked.
    """

    ids: list[str]
    bodies: list[bytes]
    others: int
    empty: int
    issues: list[_Issue]


_decode_bundle = msgspec.json.Decoder(_Bundle).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_outcome = msgspec.json.Decoder(_Outcome).decode
_decode_total = msgspec.json.Decoder(int).decode


def read_bundle(body: bytes, what: str) -> tuple[list[Entry], str | None, int | None]:
    """The entries of a Bundle, the link to the next page as it stands there, and how many matches there are in all, where it says so.

    Raises:
        SourceAnswerInvalid: It is not a Bundle.
    """
    try:
        bundle = _decode_bundle(body.removeprefix(_BOM))
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceAnswerInvalid(f"{what}: not a Bundle") from None
    if bundle.resourceType != "Bundle":
        raise SourceAnswerInvalid(f"{what}: not a Bundle")
    return bundle.entry or [], next((link.url for link in bundle.link or () if link.relation == "next"), None), _total(bytes(bundle.total))


def _total(written: bytes) -> int | None:
    try:
        return _decode_total(written)
    except (msgspec.DecodeError, ValueError):
        return None


def matches_in(entries: Iterable[Entry], kind: str) -> Matches:
    """The records of type *kind* apart from what came along.

    What cannot be read goes on with an empty id: whoever looks at every record says what is wrong with it.
    """
    ids: list[str] = []
    bodies: list[bytes] = []
    issues: list[_Issue] = []
    others = empty = 0
    for entry in entries:
        body, is_match = bytes(entry.resource), entry.search is None or entry.search.mode in ("match", "")
        if not body or body == b"null":
            empty += is_match
            continue
        try:
            head = _decode_head(body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            head = _Head()
        if head.resourceType == "OperationOutcome":
            issues += _issues(body)
        elif head.resourceType in (kind, "") and is_match:
            ids.append(head.id)
            bodies.append(body)
        else:
            others += 1
    return Matches(ids, bodies, others, empty, issues)


def _issues(body: bytes) -> list[_Issue]:
    try:
        return _decode_outcome(body).issue
    except (msgspec.DecodeError, RecursionError, ValueError):
        # Nobody knows what it says: it may say that something went wrong.
        return [_Issue("error")]


def ref_in(resource: bytes) -> tuple[str, str]:
    """Type and id of a resource; both empty when they cannot be read."""
    try:
        head = _decode_head(resource)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return "", ""
    return head.resourceType, head.id


def last_of(endpoint: FhirEndpoint, kind: str, parameters: Iterable[tuple[str, str]]) -> Request:
    """The newest of each kind of observation (`$lastn`). It has the id of a Patient in the URL, and never a BSN."""
    return Request(kind, f"{endpoint.bases[0]}/{kind}/$lastn?{urlencode(list(parameters))}")


def search(endpoint: FhirEndpoint, kind: str, parameters: Iterable[tuple[str, str]]) -> Request:
    """A search of a type; by POST, so that nothing about a patient stands in a URL, unless the server knows GET only."""
    form = urlencode(list(parameters))
    address = f"{endpoint.bases[0]}/{kind}"
    if endpoint.search_by_get:
        return Request(kind, f"{address}?{form}")
    return Request(kind, f"{address}/_search", form.encode())
