"""Which holders' places or letters changed, told to whoever follows it: the newest marks of each, never a queue of them."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Never

import anyio

from accord.terms.identifiers import HolderName
from gateway.presence import Presence

#: In seconds: so often something is said, though nothing changed.
_SIGN_OF_LIFE: Final = 5.0
#: In seconds: changes that come together are told together.
_TOGETHER: Final = 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """One holder's marks, as they are now."""

    holder: HolderName
    places_mark: int
    letters_mark: int
    reachable: bool


async def follow_changes(presence: Presence, names: Callable[[], Iterable[HolderName]], tell: Callable[[Change | None], Awaitable[None]]) -> Never:
    """Tell all of them, then each that changes; none is a sign of life. Until cancelled.

    Whoever is told slowly is told what is newest then: what came in between is passed over.
    """
    told: dict[HolderName, Change] = {}
    while True:
        # Taken before anybody is looked at: what changes meanwhile is looked at next.
        changed = presence.changed
        registered = dict.fromkeys(names())
        for name in registered:
            now = _change_of(presence, name)
            if told.get(name) != now:
                told[name] = now
                await tell(now)
        told = {name: change for name, change in told.items() if name in registered}
        with anyio.move_on_after(_SIGN_OF_LIFE) as waiting:
            await changed.wait()
            await anyio.sleep(_TOGETHER)
        if waiting.cancelled_caught:
            await tell(None)


def _change_of(presence: Presence, name: HolderName) -> Change:
    seen = presence.of(name)
    return Change(name, seen.places_mark, seen.letters_mark, bool(seen.connected) and not presence.is_silent(name))
