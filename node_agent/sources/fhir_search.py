"""One question about one patient: a search for each type, all at once as far as the source's cap lets them.

It may begin with the Patient records that are known first. What it brings is held until all of them are known.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from accord.rules import reading
from accord.terms.faults import BadInput
from accord.terms.records import ResourceType
from node_agent.ports import SourceAnswerInvalid, SourceFailure, SourceRecord
from node_agent.sources.bgz_searches import asked_of
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import SourceRefused, SourceUnreachable
from node_agent.sources.fhir_pages import last_of, ref_in, search
from node_agent.sources.fhir_turns import Turns
from node_agent.sources.fhir_walk import Walk

T = TypeVar("T")
_Receiving = MemoryObjectReceiveStream[list[SourceRecord]]
_Sending = MemoryObjectSendStream[list[SourceRecord]]

#: Elements that name one patient and nobody else; a list of participants may well name others too.
_NAMES_ONE: Final = frozenset({"subject", "patient", "beneficiary", "individual", "for", "deliverTo", "candidate"})


class PatientSearch:
    """Searches for records about a patient, and what became of that.

    `scope` ends it. `failures` holds what went wrong, once `run` has ended. Nothing is sent before `settle`.
    """

    def __init__(self, client: FhirClient, endpoint: FhirEndpoint, wanted: Sequence[tuple[ResourceType, str]], until: float) -> None:
        self.scope = anyio.CancelScope()
        self.failures: list[Exception] = []
        self.received, self._into = _stream(endpoint.concurrency)
        self._client = client
        self._endpoint = endpoint
        self._wanted = wanted
        self._until = until
        self._ids: frozenset[str] = frozenset()
        self._marks: list[bytes] = []
        self._brought: set[tuple[str, str]] = set()
        self._settled = anyio.Event()
        self._turns = Turns(endpoint.concurrency)

    def settle(self, ids: frozenset[str]) -> None:
        """These are all the Patient records of the person: what was held may be sent, and those not searched for yet are."""
        self._ids = ids
        self._marks = [f"Patient/{logical_id}{end}".encode() for logical_id in sorted(ids) for end in '"/']
        self._settled.set()

    def end(self) -> None:
        """Give up what is under way."""
        self.scope.cancel()
        self._into.close()
        self.received.close()

    async def run(self, first: frozenset[str]) -> None:
        """Send the records of each type as they come to `received`, and close that at the end. Failures are kept, not raised.

        The search begins with the Patient records whose ids are *first*, and goes on with the others once these are known.
        """
        with self.scope:
            async with self._into:
                try:
                    async with anyio.create_task_group() as tasks:
                        self._start(first, tasks)
                        await self._settled.wait()
                        self._start(self._ids - first, tasks)
                except* Exception as unforeseen:  # noqa: BLE001  (a fault of ours goes to whoever asked; it must not end other questions)
                    self.failures.insert(0, unforeseen)

    def _start(self, ids: frozenset[str], tasks: TaskGroup) -> None:
        for kind, parameter in self._wanted:
            # One search per id: not every server understands `patient=1,2`, and silence would look like nothing on file.
            for logical_id in sorted(ids):
                about = logical_id if parameter == "patient" else f"Patient/{logical_id}"
                for asked in asked_of(kind.name, self._endpoint.searches):
                    form = [(parameter, about), *asked.parameters]
                    first = search(self._endpoint, kind.name, [*form, ("_count", str(self._endpoint.page_size))])
                    tasks.start_soon(self._follow, kind, Walk(self._endpoint, first, heeds=parameter), tasks)
                    if asked.last:
                        last = Walk(self._endpoint, last_of(self._endpoint, kind.name, form), heeds=parameter)
                        tasks.start_soon(self._follow_if_offered, kind, last, tasks)

    async def _follow_if_offered(self, kind: ResourceType, walk: Walk, tasks: TaskGroup) -> None:
        """Some servers know `$lastn` and others do not: what it would bring, the plain search brings, too."""
        await self._follow(kind, walk, tasks, needed=False)

    async def _follow(self, kind: ResourceType, walk: Walk, tasks: TaskGroup, *, needed: bool = True) -> None:
        """Fetch a page and send its records. The server works on the next page while we work on this one, and not on the one after."""
        try:
            async with self._turns.turn(goes_on=walk.has_begun):
                if any(isinstance(failure, SourceUnreachable) for failure in self.failures):
                    return
                entries = await walk.turn(self._client, self._until)
        except SourceFailure as failure:
            # What came before it is told all the same, be it sent or held.
            if needed or not isinstance(failure, SourceRefused):
                self.failures.append(failure)
            return
        try:
            async with walk.taking:
                if walk.has_more:
                    tasks.start_soon(self._follow, kind, walk, tasks)
                if not self._settled.is_set():
                    await self._settled.wait()
                if walk.is_stopped:
                    return
                found = self._new(kind, walk.take(entries))
                self._check(kind, found)
                if found:
                    await self._into.send(await self._endpoint.generation.records(found, self._endpoint.bases))
                walk.check()
        except SourceFailure as failure:
            walk.stop()
            self.failures.append(failure)
        except anyio.BrokenResourceError:
            self.scope.cancel()  # nobody reads any more

    def _new(self, kind: ResourceType, found: list[bytes]) -> list[bytes]:
        """Those that no other search of the same question brought."""
        if self._endpoint.searches == "all":
            return found
        new = [(ref, body) for body in found if (ref := (kind.name, ref_in(body)[1])) not in self._brought or not ref[1]]
        self._brought.update(ref for ref, _ in new)
        return [body for _, body in new]

    def _check(self, kind: ResourceType, found: Sequence[bytes]) -> None:
        """Stop at a server that does not heed the question, before it sends everybody's records.

        Disclosure looks at every record; this only spares the source, so it looks no further than at a plain reference.
        """
        if kind.owner not in _NAMES_ONE:
            return
        usual = self._marks[0]
        for body in [body for body in found if usual not in body]:
            if not any(mark in body for mark in self._marks) and _names_a_patient(body, kind):
                raise SourceAnswerInvalid(f"{kind.name}: another patient")


def _names_a_patient(body: bytes, kind: ResourceType) -> bool:
    try:
        owner = reading.raw_member(reading.read_record(body), kind.owner)
    except BadInput:
        return False
    return any(reference.startswith(b"Patient/") or b"/Patient/" in reference for reference in reading.references(owner))


def _stream(most: int) -> tuple[_Receiving, _Sending]:
    sending, receiving = anyio.create_memory_object_stream[list[SourceRecord]](most)
    return receiving, sending


async def side_by_side(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of all calls, in their order.

    Raises:
        SourceFailure: That of the first call that failed; the others are given up.
    """
    results: dict[int, T] = {}
    failures: list[SourceFailure] = []

    async def run(place: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            results[place] = await call()
        except SourceFailure as failure:
            failures.append(failure)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(run, place, call)
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(calls))]
