"""How an answer ends."""

from dataclasses import dataclass
from typing import Final

from accord.terms.answers import Ending
from accord.terms.faults import Fault


@dataclass(frozen=True, slots=True)
class LastWord:
    """How an answer ends, and the cause where it may be told."""

    ending: Ending
    code: Fault | None = None
    more: bool = False


NOTHING: Final = LastWord(Ending.NOTHING_SHOWN)
TOO_LATE: Final = LastWord(Ending.TOO_LATE, Fault.DEADLINE_PASSED)
CHANGED: Final = LastWord(Ending.CUT_OFF, Fault.SHARING_CHANGED)
