"""What the gateway needs from outside, and what it tells while a dossier is open.

Failures: `HolderFailure`, when one holder's answer ended otherwise than by its own last word.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from accord.link.addresses import Address
from accord.link.pseudonyms import PseudonymKey
from accord.rules.leaving_out import Located
from accord.terms.answers import AttachmentFrame, Batch, Closed, Counts, Description, Ending, Frame, Standing
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, QueryId
from accord.terms.parties import DataHolder
from accord.terms.queries import DossierQuery, HolderQuery
from accord.terms.vocabulary import SECTION_OF, CareCategory, Section, sections_fed_by


class HolderFailure(Exception):
    """One holder's answer ended otherwise than by its own last word. Carries no text of the other side."""

    def __init__(self, ending: Ending, code: Fault) -> None:
        super().__init__(f"{ending}: {code}")
        self.ending = ending
        self.code = code


@dataclass(frozen=True, slots=True)
class RegisteredHolder:
    """A holder as the register knows it: who should be there, whether or not it is connected."""

    card: DataHolder
    address: Address
    key: PseudonymKey = field(repr=False)
    active: bool = True
    #: It has no address: its agent calls us, and answers there.
    outbound: bool = False
    #: It shares no records, and is asked for its places alone.
    places_only: bool = False

    @property
    def name(self) -> HolderName:
        """Its name in the register."""
        return self.card.name


@dataclass(frozen=True, slots=True)
class Shared:
    """What two parties give each other: the signed head of a journal, and the newest register (empty: the other has it)."""

    head: str = ""
    register: str = ""
    version: int = 0


class HolderRegister(Protocol):
    """All registered holders: one version of them, or whatever is the newest."""

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """In the order of the register.

        Raises:
            Unavailable: `register-outdated`.
        """

    def by_name(self, name: HolderName) -> RegisteredHolder:
        """The holder of this name.

        Raises:
            BadInput: `unknown-holder`.
        """


class Holders(Protocol):
    """The way to every holder. One implementation speaks gRPC; whatever is faster later passes the same suite."""

    async def describe(self, holder: RegisteredHolder, *, seconds: float) -> Description:
        """What the holder can do.

        Raises:
            HolderFailure: It did not say.
        """

    async def locate(self, holder: RegisteredHolder, query: DossierQuery, *, seconds: float) -> Located:
        """Whether the holder may say that it keeps something about the person, and what it leaves out whoever it is. The BSN is not sent.

        Raises:
            HolderFailure: It did not say.
        """

    def ask(self, holder: RegisteredHolder, query: HolderQuery, *, seconds: float) -> AbstractAsyncContextManager[AsyncGenerator[Frame, None]]:
        """The frames of the holder's answer. Leaving the context withdraws the question at the holder.

        Raises:
            HolderFailure: While iterating: the stream broke, or could not begin.
        """

    def fetch(
        self, holder: RegisteredHolder, query: HolderQuery, url: str, record: str, *, seconds: float
    ) -> AbstractAsyncContextManager[AsyncGenerator[AttachmentFrame, None]]:
        """The frames of one attachment; as `ask`.

        Raises:
            HolderFailure: While iterating.
        """

    async def exchange(self, holder: RegisteredHolder, shared: "Shared", *, seconds: float) -> "Shared":
        """Give the holder our journal's head and the register, and get its own.

        Raises:
            HolderFailure: It did not answer.
        """

    def watch(self, holder: RegisteredHolder) -> AbstractAsyncContextManager[AsyncGenerator[Standing, None]]:
        """The holder's standing: the present one, then every change and heartbeats.

        Raises:
            HolderFailure: While iterating.
        """


# -- What is told while a dossier is open


@dataclass(frozen=True, slots=True)
class NotAsked:
    """A holder that the plan left out."""

    holder: DataHolder
    code: Fault


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, the first event of every dossier. Emergency access is offered on all dossiers of a region or on none (promise P12)."""

    query_id: QueryId
    asked: tuple[DataHolder, ...]
    not_asked: tuple[NotAsked, ...]
    emergency_offered: bool = False


@dataclass(frozen=True, slots=True)
class HolderStatus:
    """A holder's state changed: `asking` (asked, and silent for a while) or `receiving`; `code` is a hint or none."""

    holder: HolderName
    state: str
    code: Fault | None = None
    records: int = 0
    copy: bool = False
    data_as_of_ms: int = 0


@dataclass(frozen=True, slots=True)
class HolderBatch:
    """Records of one holder that passed screening, as they came.

    `patients` are the logical ids of this person's Patient record(s) at the holder, `mapping` is how its derived records
    were made, where there are any. `bases` are the addresses under which the holder's own records are also known.
    """

    holder: HolderName
    batch: Batch
    patients: frozenset[str]
    mapping: str = ""
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HolderClosed:
    """A holder's last word as it stands for the dossier, and its own where it gave one.

    `elapsed_ms` from the start of the question; `last_heard_ms` since 1970, 0 when never heard before. `paused_since_ms`
    since 1970, 0 when the holder did not pause its agent or it is not known since when. `lacking` are the categories in
    which it keeps or may keep something that it was not asked for, though it was heard out.
    """

    holder: HolderName
    ending: Ending
    counts: Counts
    code: Fault | None
    said: Closed | None
    elapsed_ms: int
    last_heard_ms: int
    copy: bool = False
    data_as_of_ms: int = 0
    more: bool = False
    paused_since_ms: int = 0
    lacking: frozenset[CareCategory] = frozenset()


@dataclass(frozen=True, slots=True)
class HolderLine:
    """One holder's line in the account of a dossier. `lacking` as in `HolderClosed`."""

    holder: DataHolder
    ending: Ending
    code: Fault | None
    records: int
    unfit: int
    oversized: int
    elapsed_ms: int
    last_heard_ms: int
    copy: bool
    data_as_of_ms: int
    paused_since_ms: int = 0
    lacking: frozenset[CareCategory] = frozenset()

    @property
    def leaves_a_gap(self) -> bool:
        """Whether something that was asked for may be missing, also where the holder was heard out."""
        return self.ending.leaves_a_gap or bool(self.unfit or self.oversized or self.lacks)

    @property
    def lacks(self) -> bool:
        """Whether it was heard out, and not about everything that it keeps or may keep."""
        return self.ending.heard_out and self.code is Fault.MISSING_CAPABILITY

    @property
    def gaps(self) -> frozenset[Section]:
        """The sections in which something of this holder may be missing; of one that is lacking in some, these alone."""
        if not self.leaves_a_gap:
            return frozenset()
        fed = sections_fed_by(self.holder.kind)
        if not self.lacks or not self.lacking or self.unfit or self.oversized:
            return fed
        return fed & {SECTION_OF[category] for category in self.lacking}


@dataclass(frozen=True, slots=True)
class SectionLine:
    """One section's line: records by section, and who feeds it by kind and was not heard out."""

    section: Section
    records: int
    missing: tuple[HolderName, ...]


@dataclass(frozen=True, slots=True)
class Completeness:
    """The account of one dossier, its last event: every holder of the register has exactly one line."""

    query_id: QueryId
    holders: tuple[HolderLine, ...]
    sections: tuple[SectionLine, ...]
    emergency_offered: bool = False

    @property
    def complete(self) -> bool:
        """Whether every holder that was asked was heard out, and nothing of it was left behind."""
        return not any(line.leaves_a_gap for line in self.holders)

    @property
    def heard_out(self) -> int:
        """How many holders were heard out."""
        return sum(line.ending.heard_out for line in self.holders)


DossierEvent = Planned | HolderStatus | HolderBatch | HolderClosed | Completeness
