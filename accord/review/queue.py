"""What waits for review, and the port behind which it is kept."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from accord.rules.budgets import Level
from accord.rules.emergency import ReasonCode
from accord.rules.reviewing import FindingKind
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura

MOST_REMARK: Final = 1_000
_ITEM_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


class ItemKind(StrEnum):
    """Why something waits."""

    EMERGENCY = "emergency"
    BUDGET = "budget"
    """Over the budget of different patients in an hour."""
    EMERGENCY_LIMIT = "emergency-limit"
    """Over the limit of emergencies in 24 hours."""
    FINDING = "finding"
    JOURNAL = "journal"
    """Another party's journal does not go on from where it was."""


@dataclass(frozen=True, slots=True)
class ItemId:
    """Of one thing that waits.

    Raises:
        BadInput: `not-found`.
    """

    value: str

    def __post_init__(self) -> None:
        if _ITEM_ID.fullmatch(self.value) is None:
            raise BadInput(Fault.NOT_FOUND)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One thing that waits. It names who asked, and never the patient.

    `identifier` is the professional's own, as the journal has it. Of an emergency there are `reason` and `words`, `records` and
    `holders` (how many); of a budget or an emergency limit `level` and `limit`; of a finding `finding`, `count` and `limit`.
    """

    id: ItemId
    kind: ItemKind
    at: datetime
    organisation: str
    ura: Ura | None
    professional: str = ""
    identifier: str = ""
    role: str = ""
    role_title: str = ""
    reason: ReasonCode | None = None
    words: str = field(default="", repr=False)
    records: int = 0
    holders: int = 0
    level: Level | None = None
    finding: FindingKind | None = None
    count: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who looks. `session` is a secret of this login, which no other site can know."""

    identifier: str
    name: str
    session: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remark:
    """What the reviewer found, on one line.

    Raises:
        BadInput: `invalid-question`: it is empty, too long, or has characters that cannot be seen.
    """

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > MOST_REMARK or not self.text.isprintable():
            raise BadInput(Fault.INVALID_QUESTION, "remark")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page of what waits, the longest first, and how many wait in all."""

    items: tuple[ReviewItem, ...]
    total: int


class ReviewQueue(Protocol):
    """Emergencies, alarms and findings that nobody has looked at yet."""

    async def waiting(self, reviewer: Reviewer, *, after: ItemId | None, most: int) -> Waiting:
        """At most so many, those that come behind *after* (which need not wait any more). It is noted that this reviewer saw them.

        Raises:
            Unavailable: `journal-unavailable`.
        """

    async def item(self, item: ItemId) -> ReviewItem | None:
        """One that waits; none when it does not, or not any more.

        Raises:
            Unavailable: `journal-unavailable`.
        """

    async def mark(self, item: ItemId, reviewer: Reviewer, remark: Remark, *, at: datetime) -> bool:
        """Note durably that it was looked at; false when it did not wait any more, and then nothing is noted.

        Raises:
            Unavailable: `journal-unavailable`; then it still waits.
        """
