"""Laying the journals of a holder and a gateway side by side: what one sent, the other received, and both have it in a line."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from accord.audit.content import Event
from accord.audit.events import Closing, Decision, PayloadsRemoved, Release
from accord.audit.verifying import events_of, party_of
from accord.terms.faults import BadInput, Fault


class Difference(StrEnum):
    """How two journals differ about a batch."""

    NOT_SENT = "not-sent"
    """The gateway says that it received what the holder does not say that it sent."""
    OTHERWISE = "otherwise"
    """Both have the batch, with another digest or another count."""
    NOT_RECEIVED = "not-received"
    """The holder sent it, the gateway heard the holder out, and has no line of it."""
    NEVER_ASKED = "never-asked"
    """The holder sent it on a question of this gateway, of which the gateway has no line at all, though its journal goes on after it."""
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
    elsewhere: int = 0
    """Batches that the holder sent to other gateways."""
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
    """What one journal says: whose it is, batches with their moments, what was asked and heard out, and of when it has content."""

    party: str = ""
    batches: dict[_Key, dict[_Said, list[int]]] = field(default_factory=dict)
    heard_out: set[tuple[str, str]] = field(default_factory=set)
    cut_short: set[tuple[str, str]] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    since: int = 0
    last: int = 0
    elsewhere: int = 0

    def said(self, key: _Key, since: int, until: int | None = None) -> Counter[_Said]:
        """What it says about the batches of this key in [since, until).

        Each batch by its own moment: an old one under the same id explains nothing that was sent today.
        """
        wanted = range(since, 2**63 if until is None else until)
        return Counter({said: sum(moment in wanted for moment in moments) for said, moments in self.batches.get(key, {}).items()})

    def note(self, event: Release | Closing) -> None:
        """A line about an answer."""
        self.asked.add(event.query)
        if isinstance(event, Closing):
            (self.heard_out if event.ending.heard_out else self.cut_short).add((event.query, event.holder))
            return
        moments = self.batches.setdefault((event.query, event.holder, event.batch), {})
        moments.setdefault((event.digest, event.count), []).append(event.moment)


def reconcile(holder: Path, gateway: Path) -> Reconciliation:
    """Compare the journals in these two folders, batch by batch.

    Raises:
        BadInput: `other-journal`: the first is not a holder's, or the second is not a gateway's; `no-journal`.
        Unavailable: `journal-broken` or `journal-unavailable`. Whether they are genuine is for `verify`.
    """
    whose = party_of(gateway)
    ours = _holders(holder, whose)
    theirs = _gateways(gateway, ours.party)
    since = max(ours.since, theirs.since)
    found = Reconciliation(elsewhere=ours.elsewhere)
    for key in sorted(ours.batches.keys() | theirs.batches.keys()):
        sent, received = ours.said(key, since), theirs.said(key, since)
        found.agreed += (sent & received).total()
        found.out_of_reach += max(ours.said(key, 0, since).total(), theirs.said(key, 0, since).total())
        # A batch of which only one of the lines is that old.
        missing = sent - received - theirs.said(key, since - _APART, since)
        extra = received - sent - ours.said(key, since - _APART, since)
        # Where its own line of the question may be gone, or not yet in this copy, nothing follows from its silence.
        silent = key[0] not in theirs.asked and ours.said(key, since + _APART, theirs.last - _APART).total() > 0
        # A holder that was cut short says itself that its last batch may not have left.
        whole = key[:2] in theirs.heard_out and key[:2] not in ours.cut_short - ours.heard_out
        absent = Difference.NOT_RECEIVED if whole else Difference.NEVER_ASKED if silent else Difference.UNDER_WAY
        found.differences += _differences(key, missing, extra, absent)
    return found


def _differences(key: _Key, sent: Counter[_Said], received: Counter[_Said], absent: Difference) -> list[Differing]:
    """What is left on either side once what agrees was set off; *absent* is what a batch is that only the holder has."""
    both = min(sent.total(), received.total())
    how = [Difference.OTHERWISE] * both
    how += [Difference.NOT_SENT] * (received.total() - both)
    how += [absent] * (sent.total() - both)
    query, _, batch = key
    return [Differing(query, batch, one) for one in how]


def _holders(folder: Path, gateway: str) -> _Side:
    """Read the holder's side, as far as it is about this *gateway*: a holder writes lines about its own answers only."""
    side = _Side(party_of(folder))
    for event in _events(folder, side):
        if isinstance(event, Decision | Release | Closing) and event.holder != side.party:
            raise BadInput(Fault.OTHER_JOURNAL, "the first is not a holder's")
        if isinstance(event, Release | Closing):
            if event.peer in {"", gateway}:
                side.note(event)
            else:
                side.elsewhere += isinstance(event, Release)
    return side


def _gateways(folder: Path, holder: str) -> _Side:
    """Read the gateway's side, as far as it is about this *holder*: a gateway decides nothing about a holder's records."""
    side = _Side(party_of(folder))
    for event in _events(folder, side):
        if (isinstance(event, Decision) and event.holder) or (isinstance(event, Release | Closing) and event.answer):
            raise BadInput(Fault.OTHER_JOURNAL, "the second is not a gateway's")
        if isinstance(event, Decision):
            side.asked.add(event.query)
        elif isinstance(event, Release | Closing) and event.holder == holder:
            side.note(event)
    return side


def _events(folder: Path, side: _Side) -> Iterator[Event]:
    """The events of one side, while it notes of which time they are."""
    for _, event in events_of(folder):
        side.last = max(side.last, event.moment)
        if isinstance(event, PayloadsRemoved):
            side.since = max(side.since, event.before)
        yield event
