"""A search followed from page to page, and whether what came is everything."""

from collections.abc import Iterable
from typing import Final

import anyio

from node_agent.claims import SourceTotals
from node_agent.ports import SourceAnswerInvalid, SourceFailure, SourceUnavailable
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Request
from node_agent.sources.fhir_pages import Entry, Matches, matches_in, read_bundle

#: So many pages in a row may bring nothing new before a server counts as running in circles.
_BARREN_PAGES: Final = 3


class Walk:
    """Follows one search from page to page: only below the base, never in circles, never for ever.

    `turn` fetches a page, `take` sorts it out. The next page may be fetched while this one is sorted out; `taking`
    keeps it at one.
    """

    def __init__(self, endpoint: FhirEndpoint, first: Request, *, secret: str = "", heeds: str = "") -> None:
        """Never follow a link that holds *secret*, where a BSN may not stand in a URL. The server must heed the parameter *heeds*."""
        self.taking = anyio.Lock()
        self.is_stopped = False
        self._endpoint = endpoint
        self._kind = first.what
        self._secret = "" if endpoint.search_by_get else secret
        self._heeds = heeds
        self._next: Request | None = first
        self._failure: SourceFailure | None = None
        self._been: set[tuple[str, bytes | None]] = set()
        self._ids: set[str] = set()
        self._barren = 0
        self._untaken = 0
        #: What came: matches, what else came along, and how many matches the server says there are.
        self._matched = self._others = 0
        self._total: int | None = None
        self._totals = SourceTotals()

    @property
    def has_begun(self) -> bool:
        """Whether a page was asked for."""
        return bool(self._been)

    @property
    def has_more(self) -> bool:
        """Whether there is a page that was not fetched yet."""
        return self._next is not None and not self.is_stopped

    def stop(self) -> None:
        """Fetch no more, and have no use for what is being fetched."""
        self.is_stopped = True

    async def turn(self, client: FhirClient, until: float) -> list[Entry]:
        """The entries of the next page.

        Raises:
            SourceFailure: There is no such page, or it cannot be read.
        """
        request, self._next = self._next, None
        if request is None or self.is_stopped:
            return []
        self._totals = client.totals
        self._untaken += 1
        self._been.add(request.key)
        entries, link, total = read_bundle((await client.answer(request, until)).checked(self._kind), self._kind)
        if total is not None:
            # It may change on the way, when records come and go: the smallest must be there in any case.
            self._total = total if self._total is None else min(total, self._total)
        try:
            self._next = None if link is None else self._following(link)
        except SourceFailure as failure:
            self._failure = failure
        return entries

    def take(self, entries: Iterable[Entry]) -> list[bytes]:
        """The records among *entries* that did not come before. What is wrong with the page or the way on is told by `check`."""
        seen = self._ids
        fresh: list[bytes] = []
        matches = matches_in(entries, self._kind)
        for logical_id, body in zip(matches.ids, matches.bodies, strict=True):
            if logical_id not in seen:
                fresh.append(body)
                if logical_id:
                    seen.add(logical_id)
        self._untaken -= 1
        self._barren = 0 if fresh else self._barren + 1
        self._matched += len(fresh)
        self._others += matches.others
        self._failure = self._trouble_in(matches) or self._failure
        return fresh

    def check(self) -> None:
        """Whether all is well so far; after the last page, whether everything came.

        Raises:
            SourceFailure: What was found is not everything.
        """
        if self._failure is not None:
            raise self._failure
        if self.has_more or self._untaken > 0:
            return
        if self._total is None:
            self._totals.silent += 1
        # Some servers count what came along.
        elif self._matched + self._others >= self._total:
            self._totals.agreed += 1
        else:
            self._totals.short[self._kind] += 1
            if self._endpoint.trust_total:
                raise SourceUnavailable(f"{self._kind}: fewer than the total")

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

    def _trouble_in(self, matches: Matches) -> SourceFailure | None:
        if any(issue.severity in ("error", "fatal") for issue in matches.issues):
            return SourceUnavailable(f"{self._kind}: OperationOutcome")
        if self._heeds and any(issue.says_ignored(self._heeds) for issue in matches.issues):
            return SourceAnswerInvalid(f"{self._kind}: a parameter was ignored")
        if matches.empty:
            return SourceAnswerInvalid(f"{self._kind}: an entry without its record")
        if self._barren > _BARREN_PAGES and self.has_more:
            return SourceAnswerInvalid(f"{self._kind}: endless pages")
        return None

    def _following(self, link: str) -> Request:
        address = self._endpoint.below(link) if link else None
        if address is None or (self._secret and self._secret in address):
            raise SourceAnswerInvalid(f"{self._kind}: next link")
        request = Request(self._kind, address)
        if request.key in self._been or len(self._been) >= self._endpoint.page_limit:
            raise SourceAnswerInvalid(f"{self._kind}: endless pages")
        return request
