"""From lines and groups of the clinical view to rows on the screen, in one language."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.groups import Group, Kind, Rule, Standing, Thread
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.rules_of_statements import contradicted
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.shown import Attention, Shown
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.words import SECTIONS
from gateway.viewer.hearing import Hearing
from gateway.viewer.shapes import Cluster, Row, Strand
from gateway.viewer.speaking import Speech
from gateway.viewer.trending import trend_of

#: So many things of a thread are shown at once; what holds and is older is one click away.
_AT_ONCE: Final = 1
#: A text of a record that is longer is cut on pages with many rows, with the way to the whole of it.
ROW_LETTERS: Final = 2_000
_MOST_OLDER: Final = 12


@dataclass(slots=True)
class Lining:
    """Shows lines of one dossier. Lines from the number *seen* on arrived after the reader looked."""

    view: ClinicalView
    hearing: Hearing
    speech: Speech
    seen: int
    _shown: dict[int, Shown] = field(default_factory=dict)

    def shown(self, line: Line) -> Shown:
        """A line in words."""
        known = self._shown.get(line.number)
        if known is None:
            tree = self.view.tree(line)
            known = self._shown[line.number] = show(tree, self.view.follow(line, tree), self.speech.language, self.view.table)
        return known

    def row(self, line: Line) -> Row:
        """A line as a row; a very long text is cut, with the way to the whole of it."""
        return self.whole_row(line).cut(ROW_LETTERS)

    def whole_row(self, line: Line) -> Row:
        """A line as a row, however long."""
        shown = self.shown(line)
        what, value, extra = self._said(line, shown)
        # What may change the meaning is read with it everywhere, and so stands no second time under "more".
        extra += [(one.label, one.text) for one in shown.warnings if line.wish is None]
        attention = shown.attention
        return Row(
            number=line.number,
            what=what,
            value=value,
            when=shown.when,
            sources=tuple(self.title(name) for name in self.holders(line)),
            author=_author(shown.author, self.title(line.holder)),
            state=shown.state,
            attention="" if attention is Attention.NONE else attention.value,
            attention_words="" if attention is Attention.NONE else self.speech(f"attention.{attention.value}"),
            extra=tuple(extra),
            has_attachments=bool(shown.attachments),
            is_late=line.number >= self.seen,
            section=self.speech.say(SECTIONS[line.section]),
            is_derived=line.is_derived,
            details=(*self._said_with(line), *((one.label, one.text) for one in shown.details if (one.label, one.text) not in extra)),
        )

    def cluster(self, group: Group, thread: Thread, *, most: int = 50, first_only: bool = False) -> Cluster:
        """A group of a thread as rows that belong together. *first_only*: of each side its first row, and how many it has beside that."""
        chosen = [_telling_first(side)[:most] for side in group.sides[:most]]
        sides = tuple(tuple(self.row(line) for line in (side[:1] if first_only else side)) for side in chosen)
        beside = tuple(len(side) - 1 for side in group.sides[:most]) if first_only else ()
        kind = group.kind.value if group.kind is not Kind.SAME or len(group.lines) > 1 else Kind.SINGLE.value
        if group.rule is Rule.CONFIRMED_AND_REFUTED:
            sides = tuple(tuple(self._affirmed(row) for row in side) for side in sides)
        if self._is_contradicted(thread):
            warning = ("", self.speech("row.contradicted"))
            sides = tuple(tuple(replace(row, extra=(*row.extra, warning)) for row in side) for side in sides)
        common = _upper_first(self._common([side[0].what for side in sides], thread))
        rule = "" if group.rule is Rule.ALONE else self.speech(f"rule.{group.rule.value}")
        left = max(0, len(group.sides) - most)
        return Cluster(kind, group.standing.value, sides, rule, common, more_sides=left, total=len(group.lines), beside=beside)

    def strand(self, thread: Thread, *, most: int = _MOST_OLDER) -> Strand:
        """A thread: what holds now, what is older, what was, what never should have been; *most* of each of these."""
        valid = [group for group in thread.groups if group.standing is Standing.VALID]
        earlier = [group for group in thread.groups if group.standing is Standing.EARLIER]
        in_error = [group for group in thread.groups if group.standing is Standing.IN_ERROR]
        # A contradiction is never folded away, however old its newest side is.
        now = [group for at, group in enumerate(valid) if at < _AT_ONCE or group.kind is Kind.CONFLICT]
        older = [group for group in valid if group not in now]
        newest = max(thread.lines, key=lambda line: line.order)
        title = self.row((now or earlier or in_error)[0].lines[0]).what
        return Strand(
            key=f"t{min(line.number for line in thread.lines)}",
            title=title,
            now=tuple(self.cluster(group, thread, most=max(50, most)) for group in now),
            older=tuple(self.cluster(group, thread, most=max(50, most)) for group in older[:most]),
            more_older=max(0, len(older) - most),
            earlier=tuple(self.cluster(group, thread, most=max(50, most)) for group in earlier[:most]),
            more_earlier=max(0, len(earlier) - most),
            more_in_error=max(0, len(in_error) - most),
            in_error=tuple(self.cluster(group, thread) for group in in_error[:most]),
            trend=trend_of(self.view, thread, title, self.speech, self.title),
            whole=newest.number,
        )

    def holders(self, line: Line) -> tuple[HolderName, ...]:
        """All who state it: whose record is shown, then the others."""
        return (line.holder, *sorted({origin.holder for origin in line.also} - {line.holder}, key=lambda one: one.value))

    def title(self, name: HolderName) -> str:
        """What a holder is called."""
        card = self.hearing.card(name)
        return card.title if card is not None else name.value

    def _is_contradicted(self, thread: Thread) -> bool:
        """Whether it says that nothing is known of a kind, while something of it is affirmed."""
        if thread.concept is None or "no-known-allergy" not in thread.concept.roles:
            return False
        others = (line for one in self.view.threads(thread.section) if one.about != thread.about for line in one.lines)
        return contradicted(thread.lines, others)

    def _common(self, names: Sequence[str], thread: Thread) -> str:
        """What sides have in common that call it differently: the substance of two strengths; else the concept."""
        if len(set(names)) == 1:
            return names[0]
        words = {name.partition(" ")[0].casefold() for name in names}
        if len(words) == 1:
            return names[0].partition(" ")[0]
        return self.speech.say(thread.concept.label) if thread.concept is not None else names[0]

    def _affirmed(self, row: Row) -> Row:
        """Beside one that is refuted it is said of the other that it is not."""
        line = self.view.line(row.number)
        is_confirmed = line is not None and line.status == "confirmed" and line.says == "affirmed"
        return replace(row, state=self.speech("row.confirmed")) if is_confirmed and not row.state else row

    def _said_with(self, line: Line) -> list[tuple[str, str]]:
        """Who took part in the conversation in which a wish was told."""
        if line.wish is None or not line.wish.said_with:
            return []
        return [(self.speech("row.said_with"), "; ".join(map(self.speech.say, line.wish.said_with)))]

    def _said(self, line: Line, shown: Shown) -> tuple[str, str, list[tuple[str, str]]]:
        """What it is about, what it says, and what is always read with that."""
        wish = line.wish
        if wish is None and line.section is Section.PLANNING_AHEAD:
            return self._beside_wishes(line, shown)
        if wish is None:
            return _upper_first(shown.what), shown.value, []
        words = self.speech.say(wish.words)
        extra = [("", wish.conditions)] if wish.conditions and wish.conditions not in words else []
        extra += [(self.speech.say(label), told) for label, told in wish.notes]
        if wish.ended:
            extra.append((self.speech("row.ended"), self.speech.day(wish.ended)))
        return _upper_first(self.speech.say(wish.title) or shown.what), words, extra

    def _beside_wishes(self, line: Line, shown: Shown) -> tuple[str, str, list[tuple[str, str]]]:
        """What stands beside the wishes: that a conversation took place, that somebody may decide for themselves."""
        tree = self.view.tree(line)
        remark = next(iter(read_remarks(tree, self.view.follow(line, tree), self.view.table)), None)
        if remark is None:
            return _upper_first(shown.what), shown.value, []
        notes = [(self.speech.say(label), told) for label, told in remark.notes]
        return _upper_first(self.speech.say(remark.subject)), self.speech.say(remark.words), notes


def _telling_first(side: Sequence[Line]) -> Sequence[Line]:
    """Of medicines the lines that say how it is used before those that say that it was handed over; else as they are."""
    return sorted(side, key=lambda line: line.medicated is not None and not line.medicated.stage.says_how_it_is_used)


def _author(author: str, title: str) -> str:
    """Who wrote it, without the holder's name: that stands before it."""
    pieces = [piece for piece in author.split(", ") if piece.casefold() != title.casefold()]
    return ", ".join(pieces)


def _upper_first(text: str) -> str:
    """A sentence's capital, unless the first word has its own (eGFR, pH)."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.islower() else text
