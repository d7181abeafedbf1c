"""What the patient consented to, as registers say it: the port.

A register answers for each category of data with a word (`Permit`, `Deny`, `Unclear`) and with the `Choice`s by which
`accord.rules` decides; nothing here replaces that decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from accord.rules.choices import Choice
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

#: No answer of a register is used for longer than this, whatever the register says (promise P11).
LONGEST_LEASE: Final = 60.0
#: A question to a register takes no longer than this, whatever time there is.
LONGEST_ASKING: Final = 10.0


class Reason(StrEnum):
    """Why a register said no, or said nothing. Never leaves the holder (promise P9)."""

    REFUSED = "refused"
    """The patient objects, or made no choice where one is needed."""
    NOT_APPLICABLE = "not-applicable"
    """The register has nothing that applies: a no."""
    INDETERMINATE = "indeterminate"
    """The register could not decide: a no."""
    OBLIGED = "obliged"
    """The register permits under an obligation that we do not know: a no."""
    NOT_ASKED = "not-asked"
    """The question left this category out: a no."""
    NOT_COVERED = "not-covered"
    """The question cannot be put to this register: no code for this kind of organisation, no role, no number of the professional."""
    OUT_OF_TIME = "out-of-time"
    UNREACHABLE = "unreachable"
    TURNED_AWAY = "turned-away"
    """It answered with a status or a fault instead of a decision."""
    BUSY = "busy"
    UNREADABLE = "unreadable"
    OTHER_QUESTION = "other-question"
    """It answered another question than ours."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The register permits."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The register denies."""

    reason: Reason = Reason.REFUSED


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows: nothing may be released. `detail` is a status or a code of the register, never its words."""

    reason: Reason
    detail: str = ""


Word = Permit | Deny | Unclear


@dataclass(frozen=True, slots=True)
class Delegation:
    """Under whose responsibility a professional asks: that person's number, and the role code of the delegation (mandatory)."""

    responsible: str
    role: str


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """May this holder show these categories about this person to this asker?

    Two questions are equal when they may share an answer: same person, holder, asker, role, delegation, purpose and
    categories; the time there is does not count. `known_as` is the pseudonym under which was asked: people whom nobody
    knows here share a number, and would otherwise share a lease, which tells them from people who are known.
    """

    bsn: Bsn
    holder: Ura
    holder_kind: HolderKind | None
    asked_by: Asker
    purpose: PurposeOfUse
    categories: frozenset[CareCategory] = frozenset(CareCategory)
    delegation: Delegation | None = None
    known_as: bytes = field(default=b"", repr=False)
    seconds: float = field(default=LONGEST_ASKING, compare=False)


@dataclass(frozen=True, slots=True)
class ConsentAnswer:
    """What a register said.

    `observed` is the moment up to which the register knew (never later than it was), `lease` for how many seconds from
    the asking it may be used, `evidence` what the journal can name: register, version, ids of messages; no content.
    """

    words: Mapping[CareCategory, Word]
    choices: tuple[Choice, ...] = field(repr=False)
    observed: datetime
    lease: float
    evidence: str = ""

    @property
    def unclear(self) -> bool:
        """Whether any word is unclear."""
        return any(isinstance(word, Unclear) for word in self.words.values())


class ConsentRegister(Protocol):
    """A register of what patients consented to."""

    @property
    def name(self) -> str:
        """A word for evidence and diagnostics."""

    @property
    def speaks_of(self) -> frozenset[CareCategory]:
        """The categories about which it can say anything."""

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """Its word on every category that is asked and that it speaks of. It may be `Unclear`, and then nothing is released.

        Raises:
            Unavailable: It could not be found out: nothing may be released.
        """


class Steady:
    """A wall clock that never goes back: when the machine's does, it stands still until that has caught up."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._latest = now()

    def __call__(self) -> datetime:
        """This moment, or the latest that was told."""
        self._latest = max(self._latest, self._now())
        return self._latest
