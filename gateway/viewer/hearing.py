"""Where each holder is with its answer to one dossier, as the events told it so far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import Section, sections_fed_by
from accord.wire.columns import ROW_BYTES
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, HolderLine, HolderStatus, Planned

#: Endings after which nothing of a holder may be used.
SET_ASIDE: Final = frozenset({Ending.REJECTED, Ending.IDENTITY_UNVERIFIED})


@dataclass(slots=True)
class Hearing:
    """Everybody in the register, and how far each is. A holder has a line once it ended; until then it is waited for."""

    planned: Planned | None = None
    completeness: Completeness | None = None
    received: dict[HolderName, int] = field(default_factory=dict)
    #: Records that the view had no place for, by holder: its own count.
    left_out: Mapping[HolderName, int] = field(default_factory=dict)
    _status: dict[HolderName, HolderStatus] = field(default_factory=dict)
    _lines: dict[HolderName, HolderLine] = field(default_factory=dict)
    _cards: dict[HolderName, DataHolder] = field(default_factory=dict)

    def take(self, event: DossierEvent) -> None:
        """Take in what happened."""
        match event:
            case Planned():
                self.planned = event
                self._cards = {card.name: card for card in (*event.asked, *(left.holder for left in event.not_asked))}
                self._lines = {left.holder.name: _line(left.holder, None, left.code) for left in event.not_asked}
            case HolderStatus():
                self._status[event.holder] = event
            case HolderBatch():
                self.received[event.holder] = self.received.get(event.holder, 0) + len(event.batch.columns) // ROW_BYTES
            case HolderClosed():
                if event.holder in self._cards:
                    self._lines[event.holder] = _line(self._cards[event.holder], event, event.code)
            case Completeness():
                self.completeness = event
                # Who is in the account has the last word there, also somebody the plan did not name.
                self._cards |= {line.holder.name: line.holder for line in event.holders}
                self._lines |= {line.holder.name: line for line in event.holders}

    def fail(self, fault: Fault) -> None:
        """Nothing more comes: whoever was waited for is not heard."""
        for card in self.waiting:
            self._lines[card.name] = _line(card, None, fault, Ending.CUT_OFF)

    @property
    def lines(self) -> tuple[HolderLine, ...]:
        """Of those that ended, in the order of the register."""
        return tuple(self._lines[name] for name in self._cards if name in self._lines)

    @property
    def waiting(self) -> tuple[DataHolder, ...]:
        """Those that are still answering."""
        return tuple(card for name, card in self._cards.items() if name not in self._lines)

    @property
    def answered(self) -> tuple[DataHolder, ...]:
        """Those that were heard out."""
        return tuple(line.holder for line in self.lines if line.ending.heard_out)

    @property
    def cards(self) -> tuple[DataHolder, ...]:
        """Everybody of the register, as far as it was told."""
        return tuple(self._cards.values())

    def card(self, name: HolderName) -> DataHolder | None:
        """The holder of a name."""
        return self._cards.get(name)

    def status(self, name: HolderName) -> HolderStatus | None:
        """What was last told of a holder that has not ended."""
        return self._status.get(name)

    def missing(self, sections: Iterable[Section]) -> tuple[HolderLine, ...]:
        """Of whom something may be missing in these sections, that ended."""
        wanted = frozenset(sections)
        return tuple(line for line in self.lines if (sections_fed_by(line.holder.kind) if self.left_out.get(line.holder.name) else line.gaps) & wanted)

    def waiting_for(self, sections: Iterable[Section]) -> tuple[DataHolder, ...]:
        """Who feeds one of these sections, and is still answering."""
        wanted = frozenset(sections)
        return tuple(card for card in self.waiting if sections_fed_by(card.kind) & wanted)


def _line(holder: DataHolder, closed: HolderClosed | None, code: Fault | None, ending: Ending = Ending.NOT_ASKED) -> HolderLine:
    if closed is None:
        return HolderLine(holder, ending, code, 0, 0, 0, 0, 0, copy=False, data_as_of_ms=0)
    counts = closed.counts
    return HolderLine(
        holder,
        closed.ending,
        code,
        counts.records,
        counts.unfit,
        counts.oversized,
        closed.elapsed_ms,
        closed.last_heard_ms,
        copy=closed.copy,
        data_as_of_ms=closed.data_as_of_ms,
        paused_since_ms=closed.paused_since_ms,
        lacking=closed.lacking,
    )
