"""Laying the journals of a holder and a gateway side by side: what one sent, the other received, and both have it in a line."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

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


#: Which batch it is: the question, the holder and its number. A question that is asked twice under one id has each number twice.
_Key = tuple[str, str, int]
#: In milliseconds: the lines of both sides about one batch are not further apart than this.
_APART: Final = 60_000
#: What both sides write about a batch: its digest and its count.
_Said = tuple[str, int]


@dataclass(slots=True)
class _Side:
    """What one journal says: batches with their moments, answers that were heard out, and from when on it has content."""

    holders: set[str] = field(default_factory=set)
    batches: dict[_Key, dict[_Said, list[int]]] = field(default_factory=dict)
    heard_out: set[tuple[str, str]] = field(default_factory=set)
    since: int = 0

    def said(self, key: _Key, since: int, until: int | None = None) -> Counter[_Said]:
        """What it says about the batches of this key in [since, until).

        Each batch by its own moment: an old one under the same id explains nothing that was sent today.
        """
        wanted = range(since, 2**63 if until is None else until)
        return Counter({said: sum(moment in wanted for moment in moments) for said, moments in self.batches.get(key, {}).items()})


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
        sent, received = ours.said(key, since), theirs.said(key, since)
        found.agreed += (sent & received).total()
        found.out_of_reach += max(ours.said(key, 0, since).total(), theirs.said(key, 0, since).total())
        # A batch of which only one of the lines is that old.
        missing = sent - received - theirs.said(key, since - _APART, since)
        extra = received - sent - ours.said(key, since - _APART, since)
        found.differences += _differences(key, missing, extra, heard_out=key[:2] in theirs.heard_out)
    return found


def _differences(key: _Key, sent: Counter[_Said], received: Counter[_Said], *, heard_out: bool) -> list[Differing]:
    """What is left on either side once what agrees was set off."""
    both = min(sent.total(), received.total())
    how = [Difference.OTHERWISE] * both
    how += [Difference.NOT_SENT] * (received.total() - both)
    how += [Difference.NOT_RECEIVED if heard_out else Difference.UNDER_WAY] * (sent.total() - both)
    query, _, batch = key
    return [Differing(query, batch, one) for one in how]


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
                    side.heard_out.add((event.query, event.holder))
            else:
                moments = side.batches.setdefault((event.query, event.holder, event.batch), {})
                moments.setdefault((event.digest, event.count), []).append(event.moment)
    return side
