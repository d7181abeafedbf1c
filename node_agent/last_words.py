"""How an answer ends."""

from dataclasses import dataclass
from typing import Final

from accord.terms.answers import Counts, Ending
from accord.terms.faults import Fault


@dataclass(frozen=True, slots=True)
class LastWord:
    """How an answer ends, and the cause where it may be told."""

    ending: Ending
    code: Fault | None = None
    more: bool = False


NOTHING: Final = LastWord(Ending.NOTHING_SHOWN)
TOO_LATE: Final = LastWord(Ending.TOO_LATE, Fault.DEADLINE_PASSED)
PAUSED: Final = LastWord(Ending.PAUSED, Fault.PAUSED)
#: The holder tries its agent out, and does not take part yet.
IN_SHADOW: Final = LastWord(Ending.PAUSED, Fault.SHADOW)
CHANGED: Final = LastWord(Ending.CUT_OFF, Fault.SHARING_CHANGED)


def word_of_line(word: LastWord, *, cut: bool, lines: Counts) -> LastWord:
    """How the journal tells it, where *lines* are what has a line.

    A choice may change while the line of the first batch is written: then nothing left, nobody is told that there was something
    (promise P9), and the journal says why it has that line.
    """
    return CHANGED if cut and word is NOTHING and lines.batches else word
