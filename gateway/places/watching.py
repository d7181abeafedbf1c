"""The standing question: who looks for a place that is not there yet is told when something opens.

Only the kinds of care that are looked for leave us, as in every question. A provider is asked when the region says that its
places changed, and everybody now and then, for whoever was missed. What fits is judged here; what was found is kept, so
that it is news once, whoever dies meanwhile.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

import anyio
import structlog

from accord.rules.capacity.ranking import Group, Offering, rank
from accord.rules.placing.asker import SILENT, Step
from accord.terms.capacity import Opening, PlacesQuestion, Spot
from accord.terms.faults import BadInput, Faulted
from accord.terms.identifiers import HolderName
from gateway.places import rows
from gateway.places.kept import Kept
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import HolderSaid, PlaceChange, TheRegion
from gateway.places.store import Change, Store
from gateway.places.writing import Own, carry_out

#: Everybody is asked this often while anything is watched.
ROUND_SECONDS: Final = 300.0
#: A question that got no answer is put again after this.
_AGAIN_SECONDS: Final = 15.0
_PATIENCE: Final = 2.0

_log = structlog.get_logger("noaber.places")
_Said = dict[HolderName, tuple[Opening, ...]]


class Watching:
    """Asks for the searches that are watched."""

    def __init__(self, store: Store, own: Own, region: TheRegion, neighbourhoods: Neighbourhoods, *, round_seconds: float = ROUND_SECONDS) -> None:
        self._store = store
        self._own = own
        self._region = region
        self._neighbourhoods = neighbourhoods
        self._round_seconds = round_seconds
        self._changed: set[HolderName] = set()
        self._everybody = True
        self._bell = anyio.Event()
        store.told.append(lambda _: self._bell.set())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = self._round_seconds
            try:
                await self.ask()
                failed = False
            except Faulted as failure:
                _log.warning("the standing question was not answered", code=failure.fault.value)
                pause, failed = _AGAIN_SECONDS, True
            with anyio.move_on_after(pause) as waited:
                # What failed a moment ago is tried again after its pause, whatever else changes meanwhile.
                while failed or not await self._is_wanted():
                    await self._bell.wait()
                    self._bell = anyio.Event()
            self._everybody = self._everybody or (waited.cancelled_caught and not failed)

    def heard_change(self, change: PlaceChange) -> None:
        """The places of a provider changed."""
        if change.reachable:
            self._changed.add(change.provider)
            self._bell.set()

    async def ask(self) -> None:
        """Ask whoever may have something new, and note what opened.

        Raises:
            Faulted: Nobody could be asked, or nothing could be kept; it is asked again.
        """
        watched = await self._store.read(lambda connection: rows.find_watched(connection, self._store.seal))
        fresh = any(kept.free is None for kept in watched)
        holders = frozenset() if self._everybody or fresh else frozenset(self._changed)
        if not watched or not (self._everybody or fresh or holders):
            # Whoever is watched from now on has everybody asked for it.
            self._everybody = False
            self._changed.clear()
            return
        asked, self._changed = self._changed, set[HolderName]()
        try:
            said = await self._said(watched, holders)
            if said or not holders:
                await self._store.change(lambda change: self._note(change, [kept.request.id for kept in watched], said, everybody=not holders))
        except BaseException:
            self._changed |= asked
            raise
        self._everybody = False

    async def _is_wanted(self) -> bool:
        """Whether there is anything to ask: a change, or a search that nobody looked for yet."""
        if self._changed or self._everybody:
            return True
        try:
            return await self._store.read(rows.count_fresh) > 0
        except Faulted:
            return False  # whoever works with the file says so

    async def _said(self, watched: Iterable[Kept], holders: frozenset[HolderName]) -> _Said:
        question = PlacesQuestion(frozenset(kept.request.need.kind for kept in watched))
        said: _Said = {}
        async with self._region.offers(question, holders, patience=_PATIENCE) as events:
            async for event in events:
                if isinstance(event, HolderSaid) and event.statement is not None and event.provider.ura is not None:
                    said[event.provider.name] = event.statement.openings
        return said

    def _note(self, change: Change, searches: list[str], said: _Said, *, everybody: bool) -> None:
        now = self._own.clock()
        for search in searches:
            try:
                kept = rows.find(change.connection, change.seal, search)
            except BadInput:
                continue
            if kept.watched is None:
                continue
            near = self._neighbourhoods.spot(kept.wishes.near)
            after = noted(kept, said, now, near, everybody=everybody)
            if after != kept:
                carry_out(change, self._own, after, Step(kept.request), now)


def noted(kept: Kept, said: _Said, now: datetime, near: Spot | None, *, everybody: bool) -> Kept:
    """A search after these providers said what they have.

    When it is looked for the first time, what was there already is no news, unless somebody saw it only since we wanted to be told.
    """
    if kept.watched is None or (kept.free is None and not everybody):
        return kept
    fits = {provider for provider, openings in said.items() if _fits(kept, provider, openings, now, near)}
    if kept.free is None:
        seen = {provider for provider in fits if all(opening.observed_at < kept.watched for opening in said[provider])}
        news = fits - seen
    else:
        news = fits - set(kept.free)
    news -= {leg.provider for leg in kept.request.legs if leg.at not in SILENT}
    free = (set(kept.free or ()) - set(said)) | fits
    opened = (set(kept.opened) - (set(said) - fits)) | news
    return replace(kept, free=tuple(sorted(free)), opened=tuple(sorted(opened)))


def _fits(kept: Kept, provider: HolderName, openings: tuple[Opening, ...], now: datetime, near: Spot | None) -> bool:
    """Whether a place is known to be free there, suits at least in part, and is neither refused nor too far."""
    ranked = rank(kept.request.need, kept.wishes, [Offering(provider, opening) for opening in openings], now, near)
    return any(one.group is Group.FREE and not one.too_far for one in ranked)
