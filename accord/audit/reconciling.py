"""Laying the journals of a holder and a gateway side by side: what one sent, the other received, and both have it in a line."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from accord.audit.events import Closing, PayloadsRemoved, Release
from accord.audit.verifying import events_of


class Difference(StrEnum):
    """How two journals differ about a batch."""

    NOT_SENT = "not-sent"
    """The gateway says that it received what the holder does not say that it sent."""
    OTHERWISE = "otherwise"
    """Both have the batch, with another digest or another count."""
    NOT_RECEIVED = "not-received"
    """The holder sent it, the gateway heard the holder out, and has no line of it."""
    UNDER_WAY = "under-way"
    """The holder sent it and the gateway did not receive it: the answer broke off, or one of them stopped. No fault of a journal."""

    @property
    def explained(self) -> bool:
        """Whether it is what an interruption looks like."""
        return self is Difference.UNDER_WAY


@dataclass(frozen=True, slots=True)
class Differing:
    """A batch about which the journals differ."""

    query: str
    batch: int
    how: Difference


@dataclass(slots=True)
class Reconciliation:
    """What came of it: how many batches agree, and what does not."""

    agreed: int = 0
    out_of_reach: int = 0
    """Batches that are older than what one of the two has removed after retention."""
    differences: list[Differing] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        """Whether every difference is explained by an interruption."""
        return all(one.how.explained for one in self.differences)


#: What both sides write about a batch: its digest and its count.
_Said = tuple[str, int]


@dataclass(slots=True)
class _Side:
    """What one journal says: batches by question and number, questions that were heard out, and from when on it has content."""

    holders: set[str] = field(default_factory=set)
    batches: dict[tuple[str, int], Counter[_Said]] = field(default_factory=dict)
    moments: dict[tuple[str, int], int] = field(default_factory=dict)
    heard_out: set[str] = field(default_factory=set)
    since: int = 0


def reconcile(holder: Path, gateway: Path) -> Reconciliation:
    """Compare the journals in these two folders, batch by batch.

    Raises:
        Unavailable: `journal-broken` or `journal-unavailable`. Whether they are genuine is for `verify`.
    """
    ours = _side(holder, None)
    theirs = _side(gateway, ours.holders)
    since = max(ours.since, theirs.since)
    found = Reconciliation()
    for key in sorted(ours.batches.keys() | theirs.batches.keys()):
        if min(side.moments.get(key, since) for side in (ours, theirs)) < since:
            found.out_of_reach += 1
            continue
        sent, received = ours.batches.get(key, Counter()), theirs.batches.get(key, Counter())
        found.agreed += (sent & received).total()
        found.differences += _differences(key, sent - received, received - sent, heard_out=key[0] in theirs.heard_out)
    return found


def _differences(key: tuple[str, int], sent: Counter[_Said], received: Counter[_Said], *, heard_out: bool) -> list[Differing]:
    """What is left on either side once what agrees was set off."""
    both = min(sent.total(), received.total())
    how = [Difference.OTHERWISE] * both
    how += [Difference.NOT_SENT] * (received.total() - both)
    how += [Difference.NOT_RECEIVED if heard_out else Difference.UNDER_WAY] * (sent.total() - both)
    return [Differing(*key, one) for one in how]


def _side(folder: Path, holders: set[str] | None) -> _Side:
    """Read one side; of a gateway only what is about these *holders*."""
    side = _Side()
    for _, event in events_of(folder):
        if isinstance(event, PayloadsRemoved):
            side.since = max(side.since, event.before)
        elif isinstance(event, Release | Closing) and (holders is None or event.holder in holders):
            side.holders.add(event.holder)
            if isinstance(event, Closing):
                if event.ending.heard_out:
                    side.heard_out.add(event.query)
            else:
                key = event.query, event.batch
                side.batches.setdefault(key, Counter())[event.digest, event.count] += 1
                side.moments[key] = event.moment
    return side
