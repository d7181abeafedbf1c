"""A review queue in memory, with something of each kind in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from accord.review.queue import ItemId, ItemKind, Remark, Reviewer, ReviewItem, Waiting
from accord.rules.budgets import Level
from accord.rules.emergency import ReasonCode
from accord.rules.reviewing import FindingKind
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OFFICER = Reviewer("officer-1", "Femke ter Braak", b"session of femke")
EMERGENCY = ReviewItem(
    ItemId("e-1"),
    ItemKind.EMERGENCY,
    NOW,
    organisation="Ziekenhuis De Brinkhof",
    ura=Ura("90000001"),
    professional="S. ten Esker",
    identifier="900001",
    role="01.015",
    role_title="Arts spoedeisende hulp",
    reason=ReasonCode.OTHER,
    words="valt steeds weg; familie is onbereikbaar",
    records=37,
    holders=4,
)
BUDGET = ReviewItem(
    ItemId("b-1"), ItemKind.BUDGET, NOW, "Huisartsenpost Noord", Ura("90000002"), "P. Lansink", "900002", "01.015", level=Level.PROFESSIONAL, limit=60
)
FINDING = ReviewItem(ItemId("f-1"), ItemKind.FINDING, NOW, "Ziekenhuis De Brinkhof", Ura("90000001"), finding=FindingKind.EMERGENCIES, count=9, limit=5)
OWN = replace(EMERGENCY, id=ItemId("e-2"), identifier=OFFICER.identifier, professional=OFFICER.name)


class MemoryQueue:
    """As the port promises; remembers what was noted."""

    def __init__(self, *items: ReviewItem) -> None:
        self.items = list(items)
        self.marked: list[tuple[str, str, str, datetime]] = []
        self.seen_by: list[str] = []
        self.fails = False

    async def waiting(self, reviewer: Reviewer, *, after: ItemId | None, most: int) -> Waiting:
        """As the port promises."""
        self._check()
        self.seen_by.append(reviewer.identifier)
        begin = next((place + 1 for place, item in enumerate(self.items) if item.id == after), 0)
        return Waiting(tuple(self.items[begin : begin + most]), len(self.items))

    async def item(self, item: ItemId) -> ReviewItem | None:
        """As the port promises."""
        self._check()
        return next((known for known in self.items if known.id == item), None)

    async def mark(self, item: ItemId, reviewer: Reviewer, remark: Remark, *, at: datetime) -> bool:
        """As the port promises."""
        self._check()
        kept = [known for known in self.items if known.id != item]
        if len(kept) == len(self.items):
            return False
        self.items = kept
        self.marked.append((item.value, reviewer.identifier, remark.text, at))
        return True

    def _check(self) -> None:
        if self.fails:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)


def many(count: int) -> list[ReviewItem]:
    """So many emergencies."""
    return [replace(EMERGENCY, id=ItemId(f"e-{number}"), at=NOW + timedelta(minutes=number)) for number in range(count)]
