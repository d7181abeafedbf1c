"""A line as it stands on the screen, in one language: what, which value, when, from whom, and what more there is to read."""

from dataclasses import dataclass
from enum import StrEnum


class Attention(StrEnum):
    """What the source itself says of a value. Never computed by us."""

    NONE = "none"
    LOW = "low"
    HIGH = "high"
    ABNORMAL = "abnormal"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Detail:
    """One more thing that the record says, under its label."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that can be fetched at the holder: where the record points, what it is called there, and of what kind it is."""

    url: str
    title: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A record in words.

    `what` is what it is about, `value` what it says of that (numbers as written, with unit), `when` its date at its own
    precision, `author` who wrote it, with role where the record says it (empty: it does not). `state` is said where it is
    other than plainly valid. `details` hold everything else a reader may want, so that nothing of the record that a
    clinician would read is out of reach. `kind` is what sort of record it is (a medication agreement, an encounter).
    """

    what: str
    value: str = ""
    when: str = ""
    author: str = ""
    state: str = ""
    attention: Attention = Attention.NONE
    #: What may change the meaning of the record: always read with it, also where there is little room.
    warnings: tuple[Detail, ...] = ()
    details: tuple[Detail, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    kind: str = ""
