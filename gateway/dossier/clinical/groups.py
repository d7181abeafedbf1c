"""What belongs together for the eye: threads of a section, and in them groups of lines. Nothing is deleted, everything is in one place."""

from dataclasses import dataclass
from enum import StrEnum

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import Concept
from gateway.dossier.clinical.lines import Line


class Kind(StrEnum):
    """How the lines of a group stand to each other."""

    SINGLE = "single"
    #: Probably the same, said more than once.
    SAME = "same"
    #: About the same, and not saying the same.
    CONFLICT = "conflict"


class Standing(StrEnum):
    """Whether what a group says holds now, as far as the records say."""

    VALID = "valid"
    #: A newer record of the same holder takes its place, or it ended.
    EARLIER = "earlier"
    #: Its holder says that it should never have been there.
    IN_ERROR = "in-error"


class Rule(StrEnum):
    """By which rule lines were put together, or held against each other. Each has words for the reader, and a test of its name."""

    ALONE = "alone"
    SAME_RESULT = "same-result"
    DIFFERENT_RESULT = "different-result"
    CORRECTED = "corrected"
    SAME_ALLERGY = "same-allergy"
    CONFIRMED_AND_REFUTED = "confirmed-and-refuted"
    SAME_PROBLEM = "same-problem"
    SAME_TREATMENT = "same-treatment"
    DIFFERENT_DOSE = "different-dose"
    STOPPED_AND_USED = "stopped-and-used"
    SAME_WISH = "same-wish"
    DIFFERENT_WISH = "different-wish"
    SAME_EVENT = "same-event"
    SAME_THING = "same-thing"
    SAME_PERSON = "same-person"
    DIFFERENT_PERSON_DETAILS = "different-person-details"
    SAME_DOCUMENT = "same-document"


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together. `sides` says who agrees: one side, or in a conflict one for each statement; the newest first."""

    kind: Kind
    rule: Rule
    standing: Standing
    sides: tuple[tuple[Line, ...], ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of them, side by side."""
        return tuple(line for side in self.sides for line in side)


@dataclass(frozen=True, slots=True)
class Thread:
    """All that a section has about one thing: what holds now, then what was earlier, then what was entered in error."""

    section: Section
    about: str
    concept: Concept | None
    groups: tuple[Group, ...]

    @property
    def has_conflict(self) -> bool:
        """Whether something in it contradicts something else that holds."""
        return any(group.kind is Kind.CONFLICT for group in self.groups)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines."""
        return tuple(line for group in self.groups for line in group.lines)
