"""A line of the clinical view: what one record states about one thing, who states it, and when.

A line is small and knows its bytes; what stands on the screen is read from them when somebody looks.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from accord.wire.columns import DERIVED
from gateway.dossier.clinical.concepts import Concept
from gateway.dossier.clinical.wishes import Wish
from gateway.dossier.window import Origin

#: Before every date that a record can have: what has none is read last.
_NEVER: Final = -(1 << 62)


class Moment(NamedTuple):
    """All moments that a date can mean, in milliseconds since 1970-01-01T00:00Z; `end` is exclusive. `is_exact`: it has a time of day."""

    begin: int
    end: int
    is_exact: bool


class Family(StrEnum):
    """How lines are put together: by which rules."""

    RESULT = "result"
    ALLERGY = "allergy"
    PROBLEM = "problem"
    MEDICATION = "medication"
    WISH = "wish"
    EVENT = "event"
    PERSON = "person"
    #: Only a business identifier tells that two are the same.
    PAPER = "paper"


class Stage(StrEnum):
    """The building blocks of medication (MP9): agreement, schedule, administration agreement, use, request, dispense, administration."""

    AGREEMENT = "agreement"
    SCHEDULE = "schedule"
    INSTRUCTION = "instruction"
    USE = "use"
    REQUEST = "request"
    DISPENSE = "dispense"
    ADMINISTRATION = "administration"

    @property
    def says_how_it_is_used(self) -> bool:
        """Whether it states a dosage that holds for a time; the others are events."""
        return self in (Stage.AGREEMENT, Stage.SCHEDULE, Stage.INSTRUCTION, Stage.USE)


class Course(StrEnum):
    """Whether a medicine is in use, as one record says it."""

    CURRENT = "current"
    #: Agreed, and only from a later day.
    PLANNED = "planned"
    #: A draft, a proposal or an intention: nobody agreed it yet.
    PROPOSED = "proposed"
    #: Its record says that it is not to be used for now, or not at all; it is no end of a treatment.
    WITHHELD = "withheld"
    STOPPED = "stopped"
    ENDED = "ended"


class Medicated(NamedTuple):
    """What a medication record states. `treatment` is the treatment's identifier (empty: it has none), `dose` as it is compared."""

    stage: Stage
    treatment: str
    dose: str
    course: Course


@dataclass(slots=True, eq=False)
class Line:
    """What one record states about one thing.

    `number` is its place in the order of arrival: a name for it that tells nothing. `keys` are what it says something
    about: lines of a section that share a key are one thread. `says` is what it states of that, comparable with what
    others state. `also` are the records of other holders that state the identical thing. `part` counts the statements of
    a record that makes several. `hint` is the row's over what its record states: equal for equal statements.
    `site` is where in the body it is, as the record writes it.
    """

    number: int
    origin: Origin
    section: Section
    family: Family
    keys: tuple[str, ...]
    says: str = ""
    moment: Moment | None = None
    status: str = ""
    concept: Concept | None = None
    in_error: bool = False
    flags: int = 0
    identifier: int = 0
    hint: int = 0
    site: str = ""
    part: int = 0
    medicated: Medicated | None = None
    wish: Wish | None = None
    also: list[Origin] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)

    @property
    def holder(self) -> HolderName:
        """Whose record it is."""
        return self.origin.holder

    @property
    def holders(self) -> frozenset[HolderName]:
        """All who state the identical thing, whoever of them is shown."""
        return frozenset((self.origin.holder, *(origin.holder for origin in self.also)))

    @property
    def is_derived(self) -> bool:
        """Whether its holder's agent made it from another form; the original can be asked for."""
        return bool(self.flags & DERIVED)

    @property
    def order(self) -> tuple[int, str, str, str, int]:
        """The order of reading, the newest last: equal for equal dossiers, in whatever order they arrived."""
        holder, kind, name = self.origin
        return (_NEVER if self.moment is None else self.moment.begin, holder.value, kind, name, self.part)
