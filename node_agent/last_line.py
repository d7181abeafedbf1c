"""The last line of an answer in the journal: exactly one, also when the answer is broken off."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio

from accord.audit.finishing import finish
from accord.terms.answers import Counts, Ending
from accord.terms.faults import Fault, Unavailable
from node_agent.budgeting import BudgetSpent
from node_agent.emergencies import GlassUnbroken
from node_agent.last_words import CHANGED, LastWord
from node_agent.outlet import ReaderStoodStill
from node_agent.recording import Recording

_BROKEN_OFF: Final = LastWord(Ending.CUT_OFF, Fault.STREAM_CUT)


class LastLine:
    """The line by which an answer ends, written once."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._begun = False

    async def write(self, word: LastWord, counts: Counts) -> None:
        """Write it, unless that was begun before.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        if not self._begun:
            self._begun = True
            await finish(lambda: self._recording.closing(word, counts))


@asynccontextmanager
async def last_line(recording: Recording, counts: Callable[[], Counts], *, changed: Callable[[], bool]) -> AsyncGenerator[LastLine, None]:
    """See to it that an answer that is broken off inside (by a blocked organisation, by whoever hangs up or does not read, by a failure) has its line too.

    *changed*: whether it was cut before that, because what may be shared changed.
    """
    line = LastLine(recording)
    try:
        yield line
    except (BudgetSpent, GlassUnbroken):
        raise  # a question that is refused has a line of its own, and no answer
    except ReaderStoodStill as still:
        await line.write(CHANGED if changed() else LastWord(Ending.CUT_OFF, still.fault), counts())
        raise
    except (anyio.get_cancelled_exc_class(), Exception):
        with suppress(Unavailable):  # nothing leaves any more that needs one
            await line.write(CHANGED if changed() else _BROKEN_OFF, counts())
        raise
