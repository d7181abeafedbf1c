"""What a person wants and does not want in the last phase of life, as a record of planning ahead says it."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.dossier.clinical.concepts import Concept
from gateway.dossier.words import Wording

#: What must be read with a statement: what it is, and the record's own text of it (empty: the first says it all).
Note = tuple[Wording, str]


class Answer(StrEnum):
    """What a wish comes to. Only YES and NO are a yes and a no; every other answer is read in its words."""

    YES = "yes"
    NO = "no"
    #: There is no yes or no: conditions, "other", something that only its words say, or a doubt about what is meant.
    IN_WORDS = "in-words"
    #: It was said that nothing was decided or discussed yet, or that it is not known.
    UNDECIDED = "undecided"
    #: The subject is there and an answer is not. That is never "no objection": whoever needs it has to ask.
    NOT_RECORDED = "not-recorded"
    #: Of a device: switching it off was agreed.
    SWITCH_OFF = "switch-off"
    #: Of a device: switching it off was not agreed.
    LEAVE_ON = "leave-on"

    @property
    def states_nothing(self) -> bool:
        """Whether nothing was decided: such an answer takes no other's place."""
        return self in {Answer.UNDECIDED, Answer.NOT_RECORDED}


class Validity(StrEnum):
    """What the record's own status makes of it."""

    VALID = "valid"
    #: Proposed, a draft, rejected, inactive, or nobody knows: never a valid answer.
    NOT_VALID = "not-valid"
    IN_ERROR = "in-error"


@dataclass(frozen=True, slots=True)
class Wish:
    """One statement about one subject of planning ahead.

    `subject` is how the record names what it is about, where the table has no `concept` for it, and else the concept's
    name. `words` is the answer as a reader sees it, with `conditions`, the record's own text, whole. `when` is the date of
    the most recent discussion, `recorded` that of writing it down where it is another, `begins` and `ended` those between
    which it counts, as FHIR writes dates (empty: not said). `said_with` names who took part, `notes` whatever else must be
    read with it. `name` is a subject that we named, for want of a name in the record. `value` is a coded answer other than yes and no, to compare; `kind` tells apart what has one concept and
    stands beside each other (two sorts of living will).
    """

    concept: Concept | None
    subject: str
    answer: Answer
    words: Wording
    conditions: str = ""
    when: str = ""
    ended: str = ""
    said_with: tuple[Wording, ...] = ()
    notes: tuple[Note, ...] = ()
    value: str = ""
    kind: str = ""
    recorded: str = ""
    begins: str = ""
    validity: Validity = Validity.VALID
    name: Wording | None = None
    #: Its record is in force, and it has not ended at the moment for which it was read.
    holds: bool = True

    @property
    def says(self) -> str:
        """What is compared: two wishes that say the same have the same."""
        return f"{self.answer.value}|{_folded(self.value)}|{_folded(self.conditions)}"

    @property
    def about(self) -> str:
        """What statements about the same subject share: only those are held against each other."""
        key = self.concept.key if self.concept is not None else f"other:{_folded(self.subject)}"
        return f"{key}:{_folded(self.kind)}" if self.kind else key

    @property
    def title(self) -> Wording:
        """What it is about, for a reader."""
        return self.concept.label if self.concept is not None else self.name or Wording(self.subject, self.subject)


@dataclass(frozen=True, slots=True)
class Remark:
    """What a record beside the wishes says that their reader wants to know: a conversation took place, there is an ICD.

    It is no wish: it takes no wish's place and contradicts none.
    """

    subject: Wording
    words: Wording
    when: str = ""
    said_with: tuple[Wording, ...] = ()
    notes: tuple[Note, ...] = ()
    validity: Validity = Validity.VALID


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
