"""The region as it is in the night of the story: who is there, and what is the matter with whom."""

from typing import Final

from testbed.faults import FaultKind
from testbed.holders import HOLDERS, FictionalHolder

#: A test number that nobody in the region has: to find out how a holder stands without asking about anybody.
NOBODY: Final = "999900006"
SLOW_SECONDS: Final = 2.4
#: What is the matter in the night of the story.
STORY_FAULTS: Final[tuple[tuple[str, FaultKind, float], ...]] = (
    ("marksveen", FaultKind.DEAD, 0.0),
    ("losserveld", FaultKind.FROZEN, 0.0),
    ("vijzelmarke", FaultKind.SLOW, SLOW_SECONDS),
)


def story_holders() -> tuple[FictionalHolder, ...]:
    """Those of Dina's night that are there from the start."""
    return tuple(holder for holder in HOLDERS if holder.in_story and holder.in_region)
