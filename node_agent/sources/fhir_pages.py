"""A searchset read without reading its records: entries as raw bytes, and the way to the next page."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

import anyio
import msgspec

from node_agent.ports import SourceAnswerInvalid, SourceFailure, SourceUnavailable
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Request

_BOM: Final = b"\xef\xbb\xbf"
_NO_RAW: Final = msgspec.Raw(b"")
#: So many pages in a row may bring nothing new before a server counts as running in circles.
_BARREN_PAGES: Final = 3


class _Link(msgspec.Struct, gc=False):
    relation: str = ""
    url: str = ""


class _Search(msgspec.Struct, gc=False):
    mode: str = ""


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = _NO_RAW
    search: _Search | None = None


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str
    entry: list[_Entry] | None = None
    link: list[_Link] | None = None


class _Issue(msgspec.Struct, gc=False):
    severity: str = ""


class _Head(msgspec.Struct, gc=False):
    resourceType: str = ""
    id: str = ""
    issue: list[_Issue] = []


_decode_bundle = msgspec.json.Decoder(_Bundle).decode
_decode_head = msgspec.json.Decoder(_Head).decode


def read_bundle(body: bytes, what: str) -> tuple[list[_Entry], str]:
    """The entries of a Bundle, and the link to the next page as it stands there, or nothing.

    Raises:
        SourceAnswerInvalid: It is not a Bundle.
    """
    try:
        bundle = _decode_bundle(body.removeprefix(_BOM))
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceAnswerInvalid(f"{what}: not a Bundle") from None
    if bundle.resourceType != "Bundle":
        raise SourceAnswerInvalid(f"{what}: not a Bundle")
    return bundle.entry or [], next((link.url for link in bundle.link or () if link.relation == "next"), "")


def matches_in(entries: Iterable[_Entry], kind: str) -> tuple[list[str], list[bytes], bool]:
    """The ids and bytes of the records of type *kind*, without what came along; and whether the server said that something went wrong.

    What cannot be read goes on with an empty id: whoever looks at every record says what is wrong with it.
    """
    ids: list[str] = []
    bodies: list[bytes] = []
    complains = False
    for entry in entries:
        try:
            head = _decode_head(entry.resource)
        except (msgspec.DecodeError, RecursionError, ValueError):
            head = _Head()
        if head.resourceType == "OperationOutcome":
            complains = complains or any(issue.severity in ("error", "fatal") for issue in head.issue)
        elif head.resourceType in (kind, "") and (entry.search is None or entry.search.mode in ("match", "")):
            body = bytes(entry.resource)
            if body:
                ids.append(head.id)
                bodies.append(body)
    return ids, bodies, complains


def ref_in(resource: bytes) -> tuple[str, str]:
    """Type and id of a resource; both empty when they cannot be read."""
    try:
        head = _decode_head(resource)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return "", ""
    return head.resourceType, head.id


def search(endpoint: FhirEndpoint, kind: str, parameters: Iterable[tuple[str, str]]) -> Request:
    """A search of a type; by POST, so that nothing about a patient stands in a URL, unless the server knows GET only."""
    form = urlencode(list(parameters))
    address = f"{endpoint.bases[0]}/{kind}"
    if endpoint.search_by_get:
        return Request(kind, f"{address}?{form}")
    return Request(kind, f"{address}/_search", form.encode())


class Walk:
    """Follows one search from page to page: only below the base, never in circles, never for ever.

    `turn` fetches a page, `take` sorts it out. The next page may be fetched while this one is sorted out; `taking`
    keeps it at one.
    """

    def __init__(self, endpoint: FhirEndpoint, first: Request, *, secret: str = "") -> None:
        """Never follow a link that holds *secret*, where a BSN may not stand in a URL."""
        self.taking = anyio.Lock()
        self._endpoint = endpoint
        self._kind = first.what
        self._secret = "" if endpoint.search_by_get else secret
        self._next: Request | None = first
        self._failure: SourceFailure | None = None
        self._been: set[tuple[str, bytes | None]] = set()
        self._ids: set[str] = set()
        self._barren = 0

    @property
    def has_more(self) -> bool:
        """Whether there is a page that was not fetched yet."""
        return self._next is not None

    def stop(self) -> None:
        """Fetch no more."""
        self._next = None

    async def turn(self, client: FhirClient, until: float) -> list[_Entry]:
        """The entries of the next page.

        Raises:
            SourceFailure: There is no such page, or it cannot be read.
        """
        request, self._next = self._next, None
        if request is None:
            return []
        self._been.add(request.key)
        entries, link = read_bundle((await client.answer(request, until)).checked(self._kind), self._kind)
        try:
            self._next = self._following(link) if link else None
        except SourceFailure as failure:
            self._failure = failure
        return entries

    def take(self, entries: Iterable[_Entry]) -> list[bytes]:
        """The records among *entries* that did not come before. What is wrong with the page or the way on is told by `check`."""
        seen = self._ids
        fresh: list[bytes] = []
        ids, bodies, complains = matches_in(entries, self._kind)
        for logical_id, body in zip(ids, bodies, strict=True):
            if logical_id not in seen:
                fresh.append(body)
                if logical_id:
                    seen.add(logical_id)
        self._barren = 0 if fresh else self._barren + 1
        if complains:
            self._failure = SourceUnavailable(f"{self._kind}: OperationOutcome")
        elif self._barren > _BARREN_PAGES and self.has_more:
            self._failure = SourceAnswerInvalid(f"{self._kind}: endless pages")
        return fresh

    def check(self) -> None:
        """Whether all is well so far.

        Raises:
            SourceFailure: What was found is not everything.
        """
        if self._failure is not None:
            raise self._failure

    async def all(self, client: FhirClient, until: float) -> list[bytes]:
        """The records on all pages.

        Raises:
            SourceFailure: What was found is not everything.
        """
        found: list[bytes] = []
        while self.has_more:
            found += self.take(await self.turn(client, until))
            self.check()
        return found

    def _following(self, link: str) -> Request:
        address = self._endpoint.below(link)
        if address is None or (self._secret and self._secret in address):
            raise SourceAnswerInvalid(f"{self._kind}: next link")
        request = Request(self._kind, address)
        if request.key in self._been or len(self._been) >= self._endpoint.page_limit:
            raise SourceAnswerInvalid(f"{self._kind}: endless pages")
        return request
