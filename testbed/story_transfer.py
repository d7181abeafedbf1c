"""The Monday of step 5: the region of the transfer point, what was on its screens, and what both sides have on disk."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Final

import anyio

from testbed.browsing import NoBrowser, with_chromium
from testbed.holders import BY_NAME, FictionalHolder
from testbed.people import BENNIE
from testbed.places import OPENINGS
from testbed.placing_audit import Verdict
from testbed.placing_journals import Journals
from testbed.placing_monday import Monday
from testbed.placing_records import judge
from testbed.placing_walk import searches_of, walk
from testbed.region_places import PlacesRegion
from testbed.story_evidence import CannotBeTold

#: Who is there on Monday: the out-of-hours post is dead and the ambulance frozen, as they were in the night. The hospice has a FHIR server by now.
HOLDERS: Final[tuple[FictionalHolder, ...]] = (
    *(BY_NAME[name] for name in ("dinkelhorst", "reggerbrug", "brinkhof", "marksveen", "losserveld", "weefgetouw", "havezate", "reviant", "wieke")),
    replace(BY_NAME["noaberhoes"], source="fhir-server"),
)
_CHANGED: Final = "reviant-grz"
_SECONDS: Final = 20.0
_PATIENCE: Final = 5.0
Planted = Callable[[PlacesRegion], None]


class Transfer:
    """Step 5. Walked through when first looked at, and not again."""

    def __init__(self, region: PlacesRegion, before: Planted | None = None, after: Planted | None = None) -> None:
        self.region = region
        self._before = before
        self._after = after

    @cached_property
    def _walked(self) -> Monday | Exception:
        try:
            seen = with_chromium(lambda browser: walk(self.region, browser, self._before))
        except NoBrowser as missing:
            return CannotBeTold(str(missing))
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, each check that needs it says so, and none walks again
            return failure
        if self._after is not None:
            self._after(self.region)
        return seen

    @property
    def seen(self) -> Monday:
        """What was on the screens.

        Raises:
            CannotBeTold: There is no browser here.
        """
        if isinstance(self._walked, Exception):
            raise self._walked
        return self._walked

    @cached_property
    def verdict(self) -> Verdict:
        """What both sides have on disk."""
        places = {each.id: each.places or 0 for holder in HOLDERS for each in OPENINGS.get(holder.name.value, ())}
        seen = self.seen
        return judge(searches_of(self.region), self.region.stores, places, frozenset({seen.case, seen.visits_case}))

    @cached_property
    def journals(self) -> Verdict:
        """What their journals say of it."""
        seen, said = self.seen, Verdict()
        Journals(searches_of(self.region).parent, self.region.journals).judge(said, self.region.stores)
        said.requests = len({seen.case, seen.visits_case})
        return said

    @cached_property
    def export_seconds(self) -> float:
        """How long after Reviant's planning system wrote another number whoever asks is told it.

        Raises:
            TimeoutError: It is not.
        """
        _ = self.seen
        system = self.region.system_of("reviant")
        if system is None:
            raise TimeoutError

        async def until_changed() -> float:
            async with self.region.asker() as asker:
                before = (await asker.ask(holders=["reviant"], patience=_PATIENCE)).places()[_CHANGED]
                written = system.count(_CHANGED, 7)
                while (await asker.ask(holders=["reviant"], patience=_PATIENCE)).places()[_CHANGED] == before:
                    if time.monotonic() > written + _SECONDS:
                        raise TimeoutError
                    await anyio.sleep(0.02)
                return time.monotonic() - written

        return anyio.run(until_changed)


@contextmanager
def transfer_point(*, seed: int = 2026, before: Planted | None = None, after: Planted | None = None) -> Iterator[Transfer]:
    """The region of step 5; *before* and *after* the walk something may be done to it.

    Raises:
        ProcessFailed: A process did not start.
    """
    places = {name: OPENINGS[name] for name in (holder.name.value for holder in HOLDERS) if name in OPENINGS}
    with PlacesRegion.start(holders=HOLDERS, seed=seed, places=places, planners=True, viewer=True) as region:
        region.stay_at_address()
        # Bennie was asked when he came to hear about his operation: what the hospital has of him may be seen from now on.
        region.permit(BENNIE.bsn, "dinkelhorst")
        yield Transfer(region, before, after)
