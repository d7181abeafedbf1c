"""A FHIR server as a source, read through: every question is asked of the live server, and nothing is kept.

What it never does: follow a link or redirect to another place, write, remember an answer, put a BSN in a URL
(unless it is told that the server knows no other way), or ask more at once than it was allowed.
"""

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

from accord.rules.leaving_out import LeftOut
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Selection
from node_agent.claims import SourceTotals
from node_agent.pacing import Pace
from node_agent.ports import Attachment, LocalPatient, SourceFailure, SourceRecord, SourceUnavailable
from node_agent.sources import fhir_attachments
from node_agent.sources.bgz_searches import SEARCHES
from node_agent.sources.fhir_abilities import Abilities, assumed, read_abilities
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_codes import CodesOneByOne
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import FHIR_JSON, Request
from node_agent.sources.fhir_inquiry import FhirInquiry
from node_agent.sources.fhir_people import Begin, People
from node_agent.sources.fhir_reading import read_bodies
from node_agent.sources.fhir_search import PatientSearch

#: To page through everybody takes longer than a question, but not for ever.
_SECONDS_FOR_EVERYONE: Final = 3_600.0


class FhirServer(anyio.AsyncContextManagerMixin):
    """Implements `node_agent.ports.Source`. Searches run only inside `async with`, which ends what is still under way.

        async with FhirServer(FhirEndpoint("https://ehr.example/fhir")) as source:
            person = await source.find(bsn)

    The context owns the searches: an async generator must not hold a task group open between two of its values.
    """

    def __init__(self, endpoint: FhirEndpoint) -> None:
        self._endpoint = endpoint
        self._client = FhirClient(endpoint)
        self._people = People(self._client, endpoint)
        self._abilities: Abilities | None = assumed(endpoint.types, endpoint.generation) if endpoint.types else None
        self._links = False
        #: Whether it was looked at which generation it speaks, and that it was seen to be another.
        self._was_looked_at = self._is_another_generation = False
        self._tasks: TaskGroup | None = None
        self._under_way: set[PatientSearch] = set()

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self, None]:
        async with anyio.create_task_group() as self._tasks:
            try:
                yield self
            finally:
                await self.close()

    @property
    def name(self) -> str:
        """A word for diagnostics."""
        return self._endpoint.name

    @property
    def pace(self) -> Pace:
        """How fast it is asked."""
        return self._client.pace

    @property
    def totals(self) -> SourceTotals:
        """Whether its pages were as many as it said."""
        return self._client.totals

    @property
    def types(self) -> frozenset[str]:
        """The types that it offers; all types until it has been asked."""
        return (self._abilities or assumed(generation=self._endpoint.generation)).types

    @property
    def is_copy(self) -> bool:
        """A live system is no copy."""
        return False

    @property
    def bases(self) -> tuple[str, ...]:
        """Its base addresses."""
        return self._endpoint.bases

    async def left_out(self) -> LeftOut:
        """Implements `node_agent.ports.LeavesOut`: what the server offers and is not asked for.

        Raises:
            SourceFailure: It cannot say what it offers, and must.
        """
        return (await self._learn()).left_out

    async def data_as_of_ms(self) -> int:
        """0: a live system."""
        return 0

    async def check(self) -> None:
        """Read the CapabilityStatement.

        Raises:
            SourceFailure: It does not answer, or speaks another version of FHIR (`wrong-fhir-version`).
        """
        until = self._until()
        reply = await self._client.answer(Request("metadata", f"{self.bases[0]}/metadata"), until)
        self._was_looked_at = True
        try:
            offered = read_abilities(reply.checked("metadata"), self.name, self._endpoint.generation)
        except SourceFailure as failure:
            self._is_another_generation |= failure.fault is Fault.WRONG_FHIR_VERSION
            raise
        self._is_another_generation = False
        self._links = offered.links
        self._abilities = offered.narrowed(self._endpoint.types, self._endpoint.not_kept)

    async def writable(self) -> frozenset[str]:
        """The types that its CapabilityStatement offers to write.

        Raises:
            SourceFailure: It does not answer.
        """
        reply = await self._client.answer(Request("metadata", f"{self.bases[0]}/metadata"), self._until())
        return read_abilities(reply.checked("metadata"), self.name, self._endpoint.generation).writable

    async def try_write(self) -> bool:
        """Whether a create is refused for who asks: what is sent is no resource, and no server can keep it.

        Raises:
            SourceFailure: It does not answer.
        """
        attempt = Request("write", f"{self.bases[0]}/Basic", form=b"{}", content_type=FHIR_JSON)
        reply = await self._client.answer(attempt, self._until())
        # 401, 403: not you. 404, 405, 501: not here. Anything else found fault with what was sent, not with who sent it.
        return reply.status not in (401, 403, 404, 405, 501)

    async def missed_by_lists(self, logical_id: str) -> Mapping[str, int]:
        """Implements `node_agent.claims.AsksByCode`, where the searches are those of the agreements.

        Raises:
            SourceFailure: It could not be found out.
        """
        if self._endpoint.searches == "all":
            return {}
        return await CodesOneByOne(self._client, self._endpoint, self._until()).missed((await self._learn()).wanted(EVERYTHING), logical_id)

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN.

        Raises:
            SourceFailure: It could not be found out.
        """
        for person in await self._people.everybody(self._until(_SECONDS_FOR_EVERYONE)):
            yield person

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN, with the records that were merged into theirs.

        Raises:
            SourceFailure: It could not be found out, or the server brought somebody else's record.
        """
        return await self._find(bsn)

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """The Patient record(s) of a person.

        Raises:
            SourceFailure: They could not be read.
        """
        found = list(patient.brought) or list((await self.read([RecordRef("Patient", logical_id) for logical_id in patient.ids])).values())
        if found:
            yield found

    def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is on file about a person, a page at a time as the searches bring them.

        Raises:
            SourceIncapable: The server offers a type that is not asked for: there is no way to, or the settings leave it out.
            SourceFailure: A search failed, or did not get to its end. What the others found was yielded.
        """
        return self._inquiry(selection).records_of(patient, selection)

    @asynccontextmanager
    async def inquiry(self, selection: Selection) -> AsyncGenerator[FhirInquiry, None]:
        """Implements `node_agent.ports.ReadsAhead`."""
        inquiry = self._inquiry(selection)
        try:
            yield inquiry
        finally:
            inquiry.end()

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These very records.

        Raises:
            SourceFailure: It could not be found out.
        """
        generation = self._endpoint.generation
        if generation.taken is None:
            bodies = await read_bodies(self._client, self._endpoint, refs, self._until())
            return {ref: SourceRecord(body) for ref, body in bodies.items()}
        found = await self.originals(refs)
        taken = await generation.records(found.values(), self.bases)
        return dict(zip(found, taken, strict=True))

    async def originals(self, refs: Sequence[RecordRef]) -> dict[RecordRef, bytes]:
        """These very records as the server has them, by their names in R4.

        Raises:
            SourceFailure: It could not be found out.
        """
        own = {name: ref for ref in refs for name in self._endpoint.generation.named(ref)}
        bodies = await read_bodies(self._client, self._endpoint, list(own), self._until())
        return {own[name]: body for name, body in bodies.items()}

    async def attachment(self, url: str) -> Attachment | None:
        """The content behind an attachment URL.

        Raises:
            SourceFailure: It could not be read.
        """
        return await fhir_attachments.fetch(self._client, self._endpoint, url, self._until())

    async def close(self) -> None:
        """End the searches that are under way, and let go of connections."""
        for search in self._under_way:
            search.failures.append(SourceUnavailable("closed"))
            search.scope.cancel()
        await self._client.close()

    async def _find(self, bsn: Bsn, begin: Begin | None = None) -> LocalPatient | None:
        until = self._until()
        await self._learn()
        return await self._people.with_bsn(bsn, until, links=self._links, begin=begin)

    def _inquiry(self, selection: Selection) -> FhirInquiry:
        if self._tasks is None:
            raise RuntimeError("use `async with FhirServer(...)`")
        return FhirInquiry(self.name, selection, learn=self._learn, find=self._find, start=partial(self._start, self._tasks))

    def _start(self, tasks: TaskGroup, abilities: Abilities, selection: Selection, first: frozenset[str]) -> PatientSearch:
        search = PatientSearch(self._client, self._endpoint, abilities.wanted(selection), self._until())
        self._under_way.add(search)
        tasks.start_soon(self._run, search, first)
        return search

    async def _run(self, search: PatientSearch, first: frozenset[str]) -> None:
        try:
            await search.run(first)
        finally:
            self._under_way.discard(search)

    async def _learn(self) -> Abilities:
        """What the server can do; it is asked once. A server whose types are configured need not be able to say.

        Raises:
            SourceFailure: It cannot say and must, or says that it is of another generation (`wrong-fhir-version`).
        """
        if self._abilities is None:
            await self.check()
        elif not self._was_looked_at:
            with suppress(SourceFailure):
                await self.check()
        if self._is_another_generation:
            # What was done in one generation may be what was not done in the other: nothing of it is told.
            raise SourceFailure(Fault.WRONG_FHIR_VERSION, self.name)
        abilities = self._abilities or assumed(generation=self._endpoint.generation)
        if self._endpoint.searches == "all":
            return abilities
        return replace(abilities, in_part=frozenset(SEARCHES.keys() & abilities.searched_by.keys()))

    def _until(self, patience: float = math.inf) -> float:
        """When whoever asks loses interest, as a moment of the event loop's clock."""
        longest = self._endpoint.patience if math.isinf(patience) else patience
        return min(anyio.current_effective_deadline(), anyio.current_time() + longest)
