"""What stands on every page of a dossier: whose it is, who was heard, and where else one can go."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a holder is with its answer, as a reader must tell it apart at a glance."""

    ASKED = "asked"
    RECEIVING = "receiving"
    #: Heard out; with records, or with nothing shown: these two differ by a number that no colour repeats (promise P9).
    HEARD = "heard"
    #: Something may be missing: not heard, not heard out, or not about everything.
    GAP = "gap"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class HolderCard:
    """One holder: where it is with its answer, why, and how to reach it. `short` is a word or two, `said` and `why` are sentences."""

    name: str
    title: str
    kind: str
    state: State
    short: str
    said: str = ""
    why: str = ""
    telephone: str = ""
    last_heard: str = ""
    records: int = 0
    notes: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()

    @property
    def dial(self) -> str:
        """The number as a telephone takes it."""
        return "".join(letter for letter in self.telephone if letter.isdecimal() or letter == "+")


@dataclass(frozen=True, slots=True)
class Heard:
    """Who was heard, for the strip on every page: whoever was not stands in full, whoever was takes one word."""

    gaps: tuple[HolderCard, ...] = ()
    #: Gaps for which there was no room.
    more_gaps: int = 0
    waiting: tuple[HolderCard, ...] = ()
    heard: tuple[HolderCard, ...] = ()
    not_asked: tuple[HolderCard, ...] = ()

    @property
    def everybody(self) -> tuple[HolderCard, ...]:
        """All of them, those first of whom something may be missing."""
        return self.gaps + self.waiting + self.heard + self.not_asked


@dataclass(frozen=True, slots=True)
class Who:
    """Whose dossier it is, as most holders have it. `differs` says in sentences who has it otherwise."""

    name: str
    born: str
    age: str
    sex: str
    bsn: str
    according_to: str
    differs: tuple[str, ...] = ()
    deceased: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the menu. `mark` is what must be known before one goes there: that something conflicts, that somebody is missing."""

    path: str
    label: str
    count: int | None = None
    conflicts: int = 0
    has_gap: bool = False
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on every page of a dossier. `root` is its address, with the token and nothing else."""

    root: str
    title: str
    who: Who | None
    note: str
    heard: Heard
    places: tuple[Place, ...]
    #: Of emergency access: until when and why; empty otherwise.
    emergency: str = ""
    emergency_offered: bool = False
    #: How many records there were when this page was made, and at the reader's last look at it.
    records: int = 0
    seen: int = 0
    at: str = ""
    is_over: bool = False
    #: The number that was asked about: it stands there also while nobody said whose it is.
    asked: str = ""
    #: Why it could not be opened, or broke off; empty where it did not.
    failure: str = ""
