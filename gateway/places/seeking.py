"""What every face for applications does with places: ask the region for a need, follow what changes, and put a search to providers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Never

import anyio

from accord.terms.answers import Ending
from accord.terms.capacity import CareKind, Need, PlacesQuestion, Wishes
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import HolderSaid, Placing, PutTo, TheRegion
from gateway.places.searching import Found, Looking
from gateway.places.twice import MORE_PATIENCE, PATIENCE

#: In seconds: whatever changes meanwhile is asked for together.
_TOGETHER: Final = 0.3


@dataclass(frozen=True, slots=True)
class Addressee:
    """A provider that a search is put to, for a service and (unless any will do) an opening of it."""

    provider: HolderName
    service: str
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Seeking:
    """The parts. `placing` is none where no searches are kept here: then places are shown, and asked for by telephone."""

    region: TheRegion
    placing: Placing | None
    clock: Callable[[], datetime]
    neighbourhoods: Neighbourhoods = field(default_factory=Neighbourhoods)
    patience: float = PATIENCE

    @property
    def searches(self) -> Placing:
        """The searches that are kept.

        Raises:
            BadInput: `not-found`: none are kept here.
        """
        if self.placing is None:
            raise BadInput(Fault.NOT_FOUND, "places.folder")
        return self.placing

    async def find(self, need: Need, wishes: Wishes, tell: Callable[[Found], Awaitable[None]] | None = None) -> Found:
        """Ask everybody; *tell* hears how it stands meanwhile.

        Raises:
            Faulted: Nobody could be asked.
        """
        return await self._looking(need, wishes, tell).look(patience=self.patience)

    async def watch(self, need: Need, wishes: Wishes, tell: Callable[[Found], Awaitable[None]]) -> None:
        """Ask everybody, and again whenever places change. Until cancelled.

        Raises:
            Faulted: Nobody could be asked, or nobody tells any more what changes.
        """
        changed = anyio.Event()
        last: Found | None = None

        async def look() -> Never:
            nonlocal changed, last
            while True:
                changed = anyio.Event()
                last = await self.find(need, wishes)
                await tell(last)
                await changed.wait()
                await anyio.sleep(_TOGETHER)

        async with self.region.changes() as changes, anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            marks: dict[HolderName, tuple[int, bool]] = {}
            async for change in changes:
                mark = change.places_mark, change.reachable
                # At first everybody's marks are told, which is no change; later, those of who joined.
                joined = change.provider not in marks and last is not None and all(one.provider.name != change.provider for one in last.said)
                if marks.setdefault(change.provider, mark) != mark or joined:
                    marks[change.provider] = mark
                    changed.set()
            raise Unavailable(Fault.STREAM_CUT, "gateway")

    async def addressed(self, need: Need, wanted: Sequence[Addressee]) -> tuple[PutTo, ...]:
        """How a search is put to these: they are asked what they have now, for by that their letters are sealed.

        Raises:
            BadInput: `invalid-parameter`: one of them twice; `service-not-offered`; `missing-capability`: it is to be telephoned;
                `unknown-holder`: it is none of this region.
            Faulted: One of them was not heard: its own code.
        """
        names = frozenset(one.provider for one in wanted)
        if not wanted or len(names) != len(wanted):
            raise BadInput(Fault.INVALID_PARAMETER, "provider")
        said: dict[HolderName, HolderSaid] = {}
        async with self.region.offers(PlacesQuestion(frozenset({need.kind}), need.since), names, patience=MORE_PATIENCE) as events:
            async for event in events:
                if isinstance(event, HolderSaid):
                    said[event.provider.name] = event
        return tuple(_put_to(one, said.get(one.provider), need.kind) for one in wanted)

    def _looking(self, need: Need, wishes: Wishes, tell: Callable[[Found], Awaitable[None]] | None) -> Looking:
        return Looking(self.region, need, wishes, self.clock, self.neighbourhoods.spot(wishes.near), tell)


def _put_to(wanted: Addressee, said: HolderSaid | None, kind: CareKind) -> PutTo:
    if said is None:
        # Whoever the gateway knows has an end: this is none of the register, or of another region.
        raise BadInput(Fault.UNKNOWN_HOLDER, wanted.provider.value)
    if said.statement is None:
        raise Unavailable(said.code or Fault.HOLDER_UNREACHABLE, wanted.provider.value)
    if said.ending is not Ending.ANSWERED or said.provider.ura is None or not said.statement.key:
        raise BadInput(Fault.MISSING_CAPABILITY, wanted.provider.value)
    fits = (one.service.id == wanted.service and one.service.kind is kind and wanted.opening in ("", one.id) for one in said.statement.openings)
    if not any(fits):
        raise BadInput(Fault.SERVICE_NOT_OFFERED, wanted.provider.value)
    return PutTo(wanted.provider, said.provider.title, wanted.service, wanted.opening, said.statement.key)
