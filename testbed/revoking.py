"""A patient who objects while an answer is under way, as a holder's desk writes it down, and an application that goes on reading."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from accord.rules.choices import Choice
from accord.terms.answers import Ending
from accord.terms.identifiers import Bsn
from accord.wire.answer_codec import ENDING_TO_WIRE
from node_agent.sources.choice_store import put_choices
from testbed import asking
from testbed.people import DINA

_SOURCE: Final = "urn:noaber:testbed:desk"
_ENDING_OF: Final = {wire: ending for ending, wire in ENDING_TO_WIRE.items()}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a holder writes down what one patient decides."""

    store: Path
    bsn: str

    def object(self) -> None:
        """The patient objects to everything. When this returns it is on disk."""
        self._put(permits=False)

    def permit(self) -> None:
        """The patient takes the objection back."""
        self._put(permits=True)

    def _put(self, *, permits: bool) -> None:
        if not put_choices(self.store, Bsn(self.bsn), [Choice(permits)], _SOURCE, datetime.now(UTC)):
            raise RuntimeError("a later statement is on record")


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer went on. `seconds_to_last_byte` and `seconds_to_end` count from the moment when what happened was done."""

    ending: Ending
    code: str
    bytes: int
    bytes_afterwards: int
    seconds_to_last_byte: float
    seconds_to_end: float


def read_slowly(
    address: str, holder: str, *, bsn: str = DINA.bsn, after_batches: int, then: Callable[[], None], pause: float, seconds: float = 60.0
) -> Reading:
    """Read everything that a holder shows, resting *pause* seconds after each batch; when so many came, do something and read on.

    Raises:
        RegionDidNotAnswer: The question was refused.
        RuntimeError: The answer ended before anything was done.
    """
    done = last = ended = 0.0
    batches = size = afterwards = 0
    ending, code = Ending.UNREACHABLE, ""
    for _, event in asking.events(address, asking.request(bsn, holders=[holder]), seconds):
        now = time.monotonic()
        what = event.WhichOneof("event")
        if what == "batch":
            batches, size, last = batches + 1, size + len(event.batch.batch.blob), now
            if done:
                afterwards += len(event.batch.batch.blob)
            time.sleep(pause)
        elif what == "closed":
            ended, ending, code = now, _ENDING_OF[event.closed.ending], event.closed.code
        if batches == after_batches and not done:
            then()
            done = time.monotonic()
    if not done:
        raise RuntimeError("the answer ended before anything was done")
    return Reading(ending, code, size, afterwards, max(0.0, last - done), max(0.0, ended - done))
