"""What changes in the region is followed, so that nobody has to ask all the time; when it breaks off, it is followed anew."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog

from accord.terms.faults import Faulted
from accord.terms.identifiers import HolderName
from gateway.places.ports import PlaceChange, TheRegion

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0

_log = structlog.get_logger("noaber.places")


class Following:
    """Tells *places* whose places changed, and *letters* who wrote to somebody. A mark that was heard before says nothing new."""

    def __init__(self, region: TheRegion, places: Callable[[PlaceChange], None], letters: Callable[[PlaceChange], Awaitable[None]]) -> None:
        self._region = region
        self._places = places
        self._letters = letters
        self._marks: dict[HolderName, PlaceChange] = {}
        self._told = False

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                async with self._region.changes() as changes:
                    async for change in changes:
                        failures = 0
                        await self.hear(change)
            except Faulted as failure:
                failures += 1
                if failures == 1:
                    _log.warning("changes of places cannot be followed now", code=failure.fault.value)
            await anyio.sleep(_pause(failures))

    async def hear(self, change: PlaceChange) -> None:
        """One change.

        Raises:
            Faulted: It could not be told; it is heard again when the region is followed anew.
        """
        before = self._marks.get(change.provider)
        back = change.reachable and (before is None or not before.reachable)
        if before is None or change.letters_mark != before.letters_mark or back:
            await self._letters(change)
        if before is None or change.places_mark != before.places_mark or back:
            self._places(change)
        self._marks[change.provider] = change


def _pause(failures: int) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * float(1 << min(failures, 6))) * random.uniform(0.5, 1.0)  # noqa: S311 - it keeps callers apart, and no secret
