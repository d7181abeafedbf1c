"""Verifying a journal, offline: every byte of every line, what was removed, and the heads that somebody kept."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from msgspec import DecodeError

from accord.audit.chain import BEGIN, check_line
from accord.audit.content import Event
from accord.audit.events import HeadKept, HeadSigned, PayloadsRemoved, decode
from accord.audit.heads import Head
from accord.audit.segments import Placed, lines_of, segment_path, segments
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura

#: Reads a signed head of the journal's own; raises `BadInput` when the signature is not right.
ReadHead = Callable[[str], Head]

_WEIGHED: Final = (b'"event":"head-signed"', b'"event":"payloads-removed"')


@dataclass(frozen=True, slots=True)
class Break:
    """Where the journal does not agree with itself, or with a head: the line, the file and byte, and what is wrong."""

    n: int
    place: str
    what: str

    def __str__(self) -> str:
        return f"line {self.n} ({self.place}): {self.what}"


@dataclass(slots=True)
class Verdict:
    """What was found. `breaks` is empty when all is well; the first one is where to look."""

    lines: int = 0
    chain: bytes = BEGIN
    removed: int = 0
    heads: int = 0
    torn: int = 0
    """Bytes of a last line that was never finished, and never acknowledged."""
    unfinished: int = 0
    """Lines whose content should have been removed and still stands: a removal was interrupted."""
    breaks: list[Break] = field(default_factory=list)


def verify(folder: Path, heads: Iterable[Head] = (), read_own: ReadHead | None = None) -> Verdict:
    """Verify the journal in *folder* against *heads*, which others kept of it, and its own signed heads where *read_own* can read them.

    The first break of the chain ends it: after that nothing can be said about a line.

    Raises:
        Unavailable: `journal-unavailable`, when it cannot be read.
    """
    walk = _Walk(heads, read_own)
    found = segments(folder)
    for segment in found:
        at = 0
        if segment.first != walk.verdict.lines + 1:
            walk.broke(segment.path.name, at, f"this file begins with line {segment.first}")
            return walk.verdict
        try:
            for placed in lines_of(segment):
                walk.take(placed)
                at = placed.end
        except Unavailable as broken:
            if broken.fault is not Fault.JOURNAL_BROKEN:
                raise
            if broken.where != "torn" or segment is not found[-1]:
                walk.broke(segment.path.name, at, _WORDS.get(broken.where, broken.where))
                return walk.verdict
            walk.verdict.torn = segment.path.stat().st_size - at
    walk.finish(found[-1].path.name if found else "no file")
    return walk.verdict


_WORDS: Final = {
    "line": "this is no line",
    "spelling": "the line is not spelt as it was written",
    "number": "another line stands here",
    "leaf": "the content is not what was written",
    "chain": "the line does not follow the one before it",
    "payload": "the content was removed without its salt, or the salt without it",
    "torn": "the line has no end",
}


class _Walk:
    """What is known while lines go by."""

    def __init__(self, heads: Iterable[Head], read_own: ReadHead | None) -> None:
        self.verdict = Verdict()
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            self._heads.setdefault(head.n, []).append(head)
        self._read_own = read_own
        self._chains = [BEGIN]
        self._removals: list[PayloadsRemoved] = []
        self._last_blank = 0

    def broke(self, place: str, at: int, what: str) -> None:
        """Note that the next line breaks the chain."""
        self.verdict.breaks.append(Break(self.verdict.lines + 1, f"{place}, byte {at}", what))

    def take(self, placed: Placed) -> None:
        """Check the next line.

        Raises:
            Unavailable: `journal-broken`.
        """
        verdict, line = self.verdict, placed.line
        verdict.chain = check_line(line, verdict.lines + 1, verdict.chain)
        verdict.lines += 1
        if self._read_own is not None:
            self._chains.append(verdict.chain)
        for head in self._heads.pop(line.n, ()):
            verdict.heads += 1
            if head.chain != verdict.chain:
                self._doubt(placed, "a head that was kept has another chain here: the journal was rewritten")
        content = line.content
        if content is None:
            verdict.removed += 1
            self._last_blank = line.n
        elif any(mark in content for mark in _WEIGHED):
            self._weigh(content, placed)

    def _weigh(self, content: bytes, placed: Placed) -> None:
        try:
            event = decode(content)
        except DecodeError:
            self._doubt(placed, "this is no event of the catalogue")
            return
        if isinstance(event, PayloadsRemoved):
            self._removals.append(event)
        elif type(event) is HeadSigned and self._read_own is not None:
            try:
                head = self._read_own(event.head)
            except BadInput:
                self._doubt(placed, "the head is not signed with this key")
                return
            self.verdict.heads += 1
            if not head.n < len(self._chains) or self._chains[head.n] != head.chain:
                self._doubt(placed, f"the head that is signed here has another chain at line {head.n}")

    def _doubt(self, placed: Placed, what: str) -> None:
        self.verdict.breaks.append(Break(placed.line.n, f"{segment_path(Path(), placed.segment)}, byte {placed.offset}", what))

    def finish(self, place: str) -> None:
        """Say what can only be said at the end: content that nobody stated to have removed, and heads of lines that are not there."""
        stated = sum(removal.count for removal in self._removals)
        upto = max((removal.upto for removal in self._removals), default=0)
        self.verdict.unfinished = max(0, stated - self.verdict.removed)
        if self.verdict.removed > stated or self._last_blank > upto:
            what = f"{self.verdict.removed} lines have no content, and of {stated} it was removed after retention"
            self.verdict.breaks.append(Break(self._last_blank, place, what))
        for n in sorted(n for n in self._heads if n):
            self.verdict.breaks.append(Break(self.verdict.lines + 1, place, f"a head that was kept covers line {n}: lines are missing at the end"))


def events_of(folder: Path, *, kind: str = "") -> Iterator[tuple[int, Event]]:
    """All events of a journal with their numbers (of one kind, where it is given), those without content left out.

    Nothing is verified but that they can be read.

    Raises:
        Unavailable: `journal-broken` or `journal-unavailable`.
    """
    # Text from outside cannot look like this: a quote in it is escaped.
    mark = b'"event":"%b"' % kind.encode() if kind else b""
    found = segments(folder)
    for segment in found:
        try:
            for placed in lines_of(segment, mark=mark):
                if (content := placed.line.content) is not None:
                    yield placed.line.n, _decoded(content, placed)
        except Unavailable as broken:
            if broken.where != "torn" or segment is not found[-1]:
                raise


def look_for(folder: Path) -> None:
    """See that there is a journal in *folder*: of a wrong folder one would be told that all is well.

    Raises:
        BadInput: `no-journal`.
        Unavailable: `journal-unavailable`.
    """
    if not folder.is_dir() or not segments(folder):
        raise BadInput(Fault.NO_JOURNAL, str(folder))


def system_of(folder: Path) -> str:
    """Whose journal it is, from its own lines.

    Raises:
        BadInput: `no-journal`.
        Unavailable: `journal-broken`: no line says so; `journal-unavailable`.
    """
    look_for(folder)
    for _, event in events_of(folder):
        if event.system:
            return event.system
    raise Unavailable(Fault.JOURNAL_BROKEN, "no line says whose journal it is")


def party_of(folder: Path) -> str:
    """The URA of the party whose journal it is.

    Raises:
        BadInput: As `system_of`.
        Unavailable: As `system_of`.
    """
    return system_of(folder).partition("/")[0]


def _decoded(content: bytes, placed: Placed) -> Event:
    try:
        return decode(content)
    except DecodeError:
        raise Unavailable(Fault.JOURNAL_BROKEN, f"line {placed.line.n}") from None


def kept_heads(folder: Path) -> Iterator[Head]:
    """All heads of other parties that the journal in *folder* keeps, oldest first. They were verified when they were kept.

    Raises:
        Unavailable: `journal-broken` or `journal-unavailable`.
    """
    for _, event in events_of(folder, kind="head-kept"):
        if isinstance(event, HeadKept):
            yield Head(Ura(event.party), event.n, bytes.fromhex(event.chain), event.signed)


def known_heads(folder: Path) -> dict[Ura, Head]:
    """The newest head of each other party that the journal in *folder* keeps.

    Raises:
        Unavailable: `journal-broken` or `journal-unavailable`.
    """
    return {head.journal: head for head in kept_heads(folder)}
