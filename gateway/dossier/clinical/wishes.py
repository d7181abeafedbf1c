"""What a person wants and does not want in the last phase of life, as a record of planning ahead says it."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.dossier.clinical.concepts import Concept
from gateway.dossier.words import Wording


class Answer(StrEnum):
    """What a wish comes to. Only YES and NO are a yes and a no; every other answer is read in its words."""

    YES = "yes"
    NO = "no"
    #: There is no yes or no: conditions, "other", or something that only its words say.
    IN_WORDS = "in-words"
    #: It was said that nothing was decided or discussed yet, or that it is not known.
    UNDECIDED = "undecided"
    #: Of a device: switching it off was agreed.
    SWITCH_OFF = "switch-off"
    #: Of a device: switching it off was not agreed.
    LEAVE_ON = "leave-on"


@dataclass(frozen=True, slots=True)
class Wish:
    """One statement about one subject of planning ahead.

    `words` is the answer as a reader sees it; `conditions` the record's own text, whole. `when` is the date of the most
    recent discussion and `ended` that of its end, as FHIR writes dates (empty: not said). `said_with` names who took part,
    `notes` whatever else must be read with it.
    """

    concept: Concept | None
    subject: str
    answer: Answer
    words: Wording
    conditions: str = ""
    when: str = ""
    ended: str = ""
    said_with: tuple[str, ...] = ()
    notes: tuple[tuple[Wording, str], ...] = ()
    #: Its record is in force, and it has not ended.
    holds: bool = True

    @property
    def about(self) -> str:
        """What it is a wish about: wishes with the same are one thread. One that the table does not know is about its own words."""
        return self.concept.key if self.concept is not None else " ".join(self.subject.split()).casefold()

    @property
    def says(self) -> str:
        """What is compared: two wishes that say the same have the same."""
        return f"{self.answer.value}|{' '.join(self.conditions.split()).casefold()}"
