"""What can go wrong with a holder of the region, by name; each is a real process that really misbehaves.

fault       what happens                                                    how the holder ends
slow        the source looks people up late                                 answered, later
frozen      the agent's process is stopped (SIGSTOP)                        too-late
dead        the agent's process is killed, or was never started             unreachable
paused      the holder pauses its agent (SIGUSR1)                           paused
cut         the agent is killed (SIGKILL) in the middle of its answer       cut-off, then unreachable
lying       a record of somebody else is put in the agent's answer          rejected
oversized   a message larger than agreed is put in the agent's answer       over-limit
silent      the agent denies that it knows anybody                          nothing-shown, which is a lie
telling     the agent says out loud that it refuses                         refused, which must not happen

UnknownHolder       no holder of the region has this name, or is of this kind
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from accord.terms.answers import Ending
from testbed.holders import FictionalHolder


class FaultKind(StrEnum):
    """A fault by name."""

    SLOW = "slow"
    FROZEN = "frozen"
    DEAD = "dead"
    PAUSED = "paused"
    CUT = "cut"
    LYING = "lying"
    OVERSIZED = "oversized"
    SILENT = "silent"
    TELLING = "telling"

    @classmethod
    def _missing_(cls, value: object) -> "FaultKind | None":
        raise ValueError(f"no fault is called {value!r}; there are: {', '.join(cls)}")

    @property
    def needs_a_relay(self) -> bool:
        """Whether a process has to stand in the agent's place for it."""
        return self in (FaultKind.CUT, FaultKind.LYING, FaultKind.OVERSIZED, FaultKind.SILENT, FaultKind.TELLING)


class UnknownHolder(LookupError):
    """No holder of this region has this name, or is of this kind."""


#: How a holder with this fault ends when it is asked about somebody whom it does not know.
ENDS_IN: Final[dict[FaultKind, frozenset[Ending]]] = {
    FaultKind.FROZEN: frozenset({Ending.TOO_LATE}),
    FaultKind.DEAD: frozenset({Ending.UNREACHABLE}),
    FaultKind.PAUSED: frozenset({Ending.PAUSED}),
    FaultKind.TELLING: frozenset({Ending.REFUSED}),
}
HEARD: Final = frozenset({Ending.ANSWERED, Ending.NOTHING_SHOWN})

#: What people say for a kind of holder.
_KIND_WORDS: Final[dict[str, str]] = {
    "lab": "laboratory",
    "gp": "gp-practice",
    "post": "out-of-hours-post",
    "ggz": "mental-health",
    "rehab": "rehabilitation",
}


def holder_meant(word: str, holders: Iterable[FictionalHolder]) -> FictionalHolder:
    """The holder of this name, or the first of this kind ("pharmacy", "lab").

    Raises:
        UnknownHolder: There is none.
    """
    everyone = tuple(holders)
    kind = _KIND_WORDS.get(word, word)
    for holder in everyone:
        if holder.name.value == word:
            return holder
    for holder in everyone:
        if holder.kind.value == kind:
            return holder
    raise UnknownHolder(f"no holder is called {word!r} or is of that kind; there are: {', '.join(holder.name.value for holder in everyone)}")
