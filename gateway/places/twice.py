"""How the region is asked for places: everybody at once, and whoever was too late once more with more patience.

Pages and faces ask in the same way, so that nobody finds by one what is not there by the other.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import Faulted
from accord.terms.identifiers import HolderName
from gateway.places.ports import Accounted, HolderSaid, TheRegion

#: In seconds: how long an answer may take at first, and of whoever was silent then.
PATIENCE: Final = 0.4
MORE_PATIENCE: Final = 2.0

Heard = HolderSaid | Accounted


def with_later(first: Accounted | None, later: Accounted) -> Accounted:
    """The account of both askings: the counts are of the first, and who was found to be missing in either is missing."""
    return later if first is None else replace(first, unjudged=max(first.unjudged, later.unjudged), code=first.code or later.code)


async def ask_twice(
    region: TheRegion, question: PlacesQuestion, take: Callable[[Heard], Awaitable[None]], *, patience: float = PATIENCE, more: float = MORE_PATIENCE
) -> None:
    """Put a question; *take* hears what is said, as it comes. The last word of a provider counts, and the first account.

    Nobody here can name the late ones of a neighbouring region to their gateway: so it asks all of its own again, and of those
    who were heard already what they say now counts, unless that is less.

    Raises:
        Faulted: Nobody could be asked. That the late ones cannot be asked again is none: they are too late still.
    """
    ends: dict[tuple[str, HolderName], HolderSaid] = {}

    async def ask(holders: frozenset[HolderName], seconds: float) -> None:
        async with region.offers(question, holders, patience=seconds) as events:
            async for event in events:
                if isinstance(event, HolderSaid):
                    who = event.provider.region, event.provider.name
                    if who in ends and ends[who].ending.heard_out and event.ending.leaves_a_gap:
                        continue
                    ends[who] = event
                await take(event)

    await ask(frozenset(), patience)
    late = frozenset(said.provider.asked for said in ends.values() if said.ending is Ending.TOO_LATE)
    if late:
        with suppress(Faulted):
            await ask(late, more)
