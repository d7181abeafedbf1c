"""Reads a trace of system calls beside the journal: whether every batch left after its line was synced (promise P2).

    strace -f -y -ttt -s 1000000 -e trace=write,writev,pwrite64,fsync,fdatasync,sendmsg,sendto,sendmmsg -o FILE …

TLS hides what leaves, and not how much. At every moment the process may have sent, since a question began, no more than the
batches of this question whose lines are durable, and a little: what surrounds a batch, decisions, signs of life, the last
word. A batch that leaves before its line is synced makes it more, as long as it is larger than that little. A sync counts
from the moment when it returned, a line when a sync of its file began after it was written, and a sending from the moment
when it began: whatever is in doubt counts against the process.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

TRACED: Final = ("write", "writev", "pwrite64", "fsync", "fdatasync", "sendmsg", "sendto", "sendmmsg")
#: The command line of the tracer, up to its output file and the program.
STRACE: Final = ("strace", "-f", "-y", "-ttt", "-s", "1000000", "-e", f"trace={','.join(TRACED)}", "-o")
#: What a question may send beside its batches.
SLACK_BYTES: Final = 12 * 1024

_CALL: Final = re.compile(r"(?P<pid>\d+) +(?P<moment>\d+\.\d+) (?P<name>\w+)\((?P<fd>\d+)<(?P<file>(?:->|[^>])*)>(?P<rest>.*)", re.ASCII | re.DOTALL)
_RESUMED: Final = re.compile(r"(?P<pid>\d+) +\d+\.\d+ <\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)", re.ASCII | re.DOTALL)
_RESULT: Final = re.compile(r" = (-?\d+)(?: \w+ \(.*\))?$", re.ASCII)
_LENGTH: Final = re.compile(r"\biov_len=(\d+)", re.ASCII)
_SENT_LENGTH: Final = re.compile(r", (\d+), [A-Z_|0-9x]+(?:, NULL, 0)?(?:\) = | <unfinished)", re.ASCII)
#: A line of the journal as the tracer shows it, with its quotes escaped.
_LINE: Final = re.compile(r'\\"event\\":\\"(?P<event>decision|release)\\"(?P<rest>.*?)\}\}?\\n', re.ASCII | re.DOTALL)
_QUERY: Final = re.compile(r'\\"query\\":\\"(\w+)\\"', re.ASCII)
_BYTES: Final = re.compile(r'\\"bytes\\":(\d+)', re.ASCII)


@dataclass(frozen=True, slots=True)
class TooEarly:
    """More had left than there were lines for: at which moment of the trace, of which question, and by how many bytes."""

    moment: str
    query: str
    sent: int
    durable: int

    def __str__(self) -> str:
        return f"{self.moment}: {self.sent} bytes of {self.query} had left, and lines of {self.durable} were durable"


@dataclass(slots=True)
class LineOrder:
    """What the trace says. `smallest` and `batches` are of the lines that were written."""

    questions: int = 0
    batches: int = 0
    syncs: int = 0
    sent: int = 0
    smallest: int = 0
    too_early: list[TooEarly] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    event: str
    query: str
    bytes: int


@dataclass(slots=True)
class _File:
    """A file of the journal: what was written to it and no sync that is over covers, in order."""

    unsynced: list[_Line] = field(default_factory=list)
    #: How many of these each sync that is under way covers, by thread.
    under_way: dict[str, int] = field(default_factory=dict)


def line_order(trace: Iterable[str], slack: int = SLACK_BYTES) -> LineOrder:
    """Read a trace of one process that is asked one question after another."""
    reading = _Reading(slack)
    for text in trace:
        reading.take(text.rstrip("\n"))
    return reading.found


class _Reading:
    """The state while calls go by."""

    def __init__(self, slack: int) -> None:
        self.found = LineOrder()
        self._slack = slack
        self._files: dict[str, _File] = {}
        self._interrupted: dict[tuple[str, str], tuple[str, str]] = {}
        self._query = ""
        self._sent = self._durable = 0

    def take(self, text: str) -> None:
        """Take in one line of the trace."""
        if (call := _CALL.fullmatch(text)) is not None:
            pid, name, file, rest = call["pid"], call["name"], call["file"], call["rest"]
            is_over = not rest.endswith("<unfinished ...>")
            if not is_over:
                self._interrupted[pid, name] = file, rest
            self._begins(pid, name, file, rest, call["moment"])
            if is_over:
                self._ends(pid, name, file, rest)
        elif (resumed := _RESUMED.fullmatch(text)) is not None:
            key = resumed["pid"], resumed["name"]
            if key in self._interrupted:
                file, _ = self._interrupted.pop(key)
                self._ends(*key, file, resumed["rest"])

    def _begins(self, pid: str, name: str, file: str, rest: str, moment: str) -> None:
        if name in ("fsync", "fdatasync"):
            journal = self._files.setdefault(file, _File())
            journal.under_way[pid] = len(journal.unsynced)
        elif file.endswith(".journal"):
            self._writes(file, rest)
        elif _is_network(file):
            self._sends(sum(_lengths(name, rest)), moment)

    def _writes(self, file: str, rest: str) -> None:
        """A line is known from the moment when writing it began; it is durable when a sync that begins later is over."""
        journal = self._files.setdefault(file, _File())
        for line in _lines(rest):
            if line.event == "decision" and line.query != self._query:
                self._query, self._sent, self._durable = line.query, 0, 0
                self.found.questions += 1
            elif line.event == "release":
                self.found.batches += 1
                self.found.smallest = min(self.found.smallest or line.bytes, line.bytes)
            journal.unsynced.append(line)

    def _ends(self, pid: str, name: str, file: str, rest: str) -> None:
        if name not in ("fsync", "fdatasync") or file not in self._files:
            return
        journal = self._files[file]
        covered = journal.under_way.pop(pid, 0)
        if _result(rest) != 0:
            return
        self.found.syncs += 1
        synced, journal.unsynced = journal.unsynced[:covered], journal.unsynced[covered:]
        self._durable += sum(line.bytes for line in synced if line.query == self._query)

    def _sends(self, number: int, moment: str) -> None:
        if not self._query:
            return
        self._sent += number
        self.found.sent += number
        if self._sent > self._durable + self._slack:
            self.found.too_early.append(TooEarly(moment, self._query, self._sent, self._durable))


def _is_network(file: str) -> bool:
    return file.startswith(("socket:", "UNIX", "TCP"))


def _lengths(name: str, rest: str) -> Iterator[int]:
    """How much a call is to send."""
    if name in ("sendmsg", "sendmmsg", "writev"):
        yield from map(int, _LENGTH.findall(rest))
    elif (found := _SENT_LENGTH.search(rest)) is not None:
        yield int(found[1])
    elif (written := re.search(r", (\d+)(?:\) = | <unfinished)", rest, re.ASCII)) is not None:
        yield int(written[1])


def _lines(rest: str) -> Iterator[_Line]:
    for found in _LINE.finditer(rest):
        query, size = _QUERY.search(found["rest"]), _BYTES.search(found["rest"])
        if query is not None:
            yield _Line(found["event"], query[1], int(size[1]) if size is not None and found["event"] == "release" else 0)


def _result(rest: str) -> int | None:
    found = _RESULT.search(rest)
    return int(found[1]) if found is not None else None
