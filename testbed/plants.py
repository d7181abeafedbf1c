"""Planted wrongs: each changes what the region does, at its outermost point, so that the story's check must fail.

Nothing of this is in production code: a record is changed before a source gets it, a relay stands in an agent's place,
or a file is left where none may be.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from accord.audit.segments import segments
from testbed.faults import FaultKind
from testbed.people import DINA, DINA_EGFR_NUMBER, KeptRecord
from testbed.people import Region as Generated
from testbed.placing_walk import BOTH
from testbed.region import BlockingRegion, Change
from testbed.region_places import PlacesRegion


@dataclass(frozen=True, slots=True)
class Plant:
    """A wrong: what is changed in the records before anything starts, and what is done once the region runs.

    Of step 5, which has a region of its own: what is done there before anybody looks for a place, or after one was given.
    """

    wrong: str
    change: Change | None = None
    spoil: Callable[[BlockingRegion], None] | None = None
    before_places: Callable[[PlacesRegion], None] | None = None
    after_places: Callable[[PlacesRegion], None] | None = None

    @property
    def is_of_places(self) -> bool:
        """Whether it is of step 5, and of no other."""
        return self.before_places is not None or self.after_places is not None


def _with_records(generated: Generated, holder: str, change: Callable[[KeptRecord], KeptRecord | None]) -> Generated:
    changed = tuple(after for record in generated.kept[holder] if (after := change(record)) is not None)
    return replace(generated, kept={**generated.kept, holder: changed})


def _egfr_written_otherwise(generated: Generated) -> Generated:
    """The hospital's copy says 34.0 where the laboratory says 34: no longer the identical statement."""

    def rewrite(record: KeptRecord) -> KeptRecord:
        if record.type != "Observation" or DINA_EGFR_NUMBER.encode() not in record.json:
            return record
        return replace(record, json=re.sub(rb'("value"\s*:\s*)34\b', rb"\g<1>34.0", record.json))

    return _with_records(generated, "dinkelhorst", rewrite)


def _without_observation_1(generated: Generated) -> Generated:
    return _with_records(generated, "twickelaar", lambda record: None if record.ref == "Observation/1" else record)


def _leave_a_canary(region: BlockingRegion) -> None:
    (region.root / "gateway" / "cache").write_text(f"identifier={DINA.bsn}\n", encoding="ascii")


def _give_it_twice(region: PlacesRegion) -> None:
    """Whoever was released has the place on disk as given all the same."""
    with closing(sqlite3.connect(region.stores["reviant"], timeout=10)) as store, store:
        store.execute("UPDATE leg SET state = 'granted'")
    with closing(sqlite3.connect(region.stores["weefgetouw"], timeout=10)) as store, store:
        store.execute("UPDATE leg SET state = 'granted'")


def _cut_the_line_out(region: PlacesRegion) -> None:
    """Nobody can read any more that the place was given."""
    for name in ("weefgetouw", "reviant"):
        for segment in segments(region.journals[name]):
            lines = segment.path.read_bytes().splitlines(keepends=True)
            segment.path.write_bytes(b"".join(line for line in lines if b"granted" not in line))


def _make_it_fresh(region: PlacesRegion) -> None:
    """What was counted 26 hours ago is told as if it still counted."""
    with closing(sqlite3.connect(region.stores["havezate"], timeout=10)) as store, store:
        store.execute("UPDATE opening SET observed = observed + 93000000000, valid = valid + 93000000000 WHERE id = 'havezate-grz-1'")


def _hold_it_still(region: PlacesRegion) -> None:
    """Whoever was released is held a place all the same."""
    for name in BOTH:
        with closing(sqlite3.connect(region.stores[name], timeout=10)) as store, store:
            store.execute("UPDATE leg SET state = 'offered' WHERE state = 'ended'")


def _lose_the_wishes(region: PlacesRegion) -> None:
    """The practice that knows of the wishes does not have them any more when the handover is made."""
    with closing(sqlite3.connect(region.files["brinkhof"].source / "practice.db", timeout=10)) as practice, practice:
        practice.execute("DELETE FROM wens")


PLANTS: Final[dict[str, Plant]] = {
    "false-nothing": Plant("the out-of-hours post, which is dead, seems to know nothing", spoil=lambda region: region.fault("marksveen", FaultKind.SILENT)),
    "egfr-twice": Plant("the eGFR is shown twice", change=_egfr_written_otherwise),
    "lost-observation": Plant("the laboratory's Observation/1 is lost", change=_without_observation_1),
    "leaked-refusal": Plant("the mental health provider says that Dina refused", spoil=lambda region: region.fault("eschrand", FaultKind.TELLING)),
    "canary": Plant("the gateway has written a number to disk", spoil=_leave_a_canary),
    "granted-twice": Plant("a second provider has given the same person a place", after_places=_give_it_twice),
    "line-missing": Plant("the line of the place that was given is not in its provider's journal", after_places=_cut_the_line_out),
    "stale-as-free": Plant("a number of 26 hours ago is shown as free", before_places=_make_it_fresh),
    "released-still-held": Plant("whoever was released is still held a place", after_places=_hold_it_still),
    "handover-without-wishes": Plant("the wishes are not in the handover", before_places=_lose_the_wishes),
}
