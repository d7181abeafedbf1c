"""What a holder says: frames, and how an answer ended."""

from dataclasses import dataclass, field
from enum import StrEnum

from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import CareCategory


class Ending(StrEnum):
    """How one holder's answer ended (promise P8). Every holder of the register ends in exactly one."""

    ANSWERED = "answered"
    NOTHING_SHOWN = "nothing-shown"
    NOT_ASKED = "not-asked"
    TOO_LATE = "too-late"
    UNREACHABLE = "unreachable"
    CUT_OFF = "cut-off"
    PAUSED = "paused"
    REFUSED = "refused"
    INCOMPATIBLE = "incompatible"
    REJECTED = "rejected"
    IDENTITY_UNVERIFIED = "identity-unverified"
    OVER_LIMIT = "over-limit"

    @property
    def heard_out(self) -> bool:
        """Whether the holder said all that it had to say."""
        return self in (Ending.ANSWERED, Ending.NOTHING_SHOWN)

    @property
    def leaves_a_gap(self) -> bool:
        """Whether something may be missing that was asked for."""
        return not self.heard_out and self is not Ending.NOT_ASKED


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was sent, and how many records could not be (see the wire's `Counts`)."""

    records: int = 0
    bytes: int = 0
    batches: int = 0
    unfit: int = 0
    oversized: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Categories of which records follow, and the ground on which they are released.

    `bases` are the holder's own base addresses as they may stand in references to its own records. `mapping` is how
    its derived records are made, by name and version; empty where none are.
    """

    released: frozenset[CareCategory]
    basis: str
    bases: tuple[str, ...] = ()
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records: one 40-byte column row for each, and their bytes one after another.

    `wire` is the batch as it came over the wire, when it did: who relays it need not write it again.
    """

    columns: bytes
    blob: bytes
    categories: int
    wire: bytes | memoryview = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life while the source is at work."""

    records_read: int


@dataclass(frozen=True, slots=True)
class Hint:
    """A remark on the whole answer."""

    code: Fault


@dataclass(frozen=True, slots=True)
class Closed:
    """A holder's last word. `code` is set where the ending has a cause that may be told.

    `signature` is Ed25519 by the key `key_id` of the holder in the register, over all of it (`accord.link.closing`).
    """

    holder: Ura
    ending: Ending
    counts: Counts
    digest: bytes
    question_hash: bytes
    code: Fault | None = None
    more: bool = False
    key_id: str = field(default="", compare=False)
    signature: bytes = field(default=b"", compare=False, repr=False)


Frame = Outcome | Batch | Progress | Hint | Closed


@dataclass(frozen=True, slots=True)
class ContentType:
    """The media type of an attachment, its first frame."""

    value: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of an attachment."""

    content: bytes


AttachmentFrame = ContentType | Chunk | Closed


@dataclass(frozen=True, slots=True)
class Description:
    """What a holder can do. `data_as_of_ms` is 0 for a live source."""

    ura: Ura
    name: str
    capabilities: frozenset[str]
    types: frozenset[str]
    copy: bool
    data_as_of_ms: int
    software: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A holder's present state."""

    sequence: int
    serving: bool
    code: Fault | None
    since_ms: int
    data_as_of_ms: int
    #: Other numbers than before: its free places changed; it wrote a letter about a place. 0: it has none to tell of.
    places_mark: int = 0
    letters_mark: int = 0
