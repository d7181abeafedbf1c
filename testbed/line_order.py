"""Reads a trace of system calls beside the journal: whether every batch left after its line was synced (promise P2).

    strace -f -yy -ttt -s 1000000 -e trace=write,writev,pwrite64,fsync,fdatasync,sendmsg,sendto,sendmmsg -o FILE …

TLS hides what leaves, and not how much. At every moment the process may have sent, since a question began, no more than the
batches of this question whose lines are durable, and a little: what surrounds a batch, decisions, signs of life, the last
word. A batch that leaves before its line is synced makes it more, as long as it is larger than that little. A sync counts
from the moment when it returned, a line when a sync of its file began after it was written, and a sending from the moment
when it began. What left before the first line of the first question counts as of that question, but for what opening each
connection takes; what left before the first line of a later one, as of the one before it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from accord.wire.columns import ROW_BYTES

TRACED: Final = ("write", "writev", "pwrite64", "fsync", "fdatasync", "sendmsg", "sendto", "sendmmsg")
#: The command line of the tracer, up to its output file and the program.
STRACE: Final = ("strace", "-f", "-yy", "-ttt", "-s", "1000000", "-e", f"trace={','.join(TRACED)}", "-o")
#: What a question may send beside its batches; and for each 200 bytes of a batch one more, which TLS and HTTP/2 take.
SLACK_BYTES: Final = 8 * 1024
_SURROUNDING: Final = 200
#: What opening one connection may take: a handshake with our certificates, and the settings of HTTP/2.
OPENING_BYTES: Final = 6 * 1024
_SYNCS: Final = ("fsync", "fdatasync")

_CALL: Final = re.compile(r"(?P<pid>\d+) +(?P<moment>\d+\.\d+) (?P<name>\w+)\((?P<fd>\d+)<(?P<file>(?:->|[^>])*)>(?P<rest>.*)", re.ASCII | re.DOTALL)
_RESUMED: Final = re.compile(r"(?P<pid>\d+) +\d+\.\d+ <\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)", re.ASCII | re.DOTALL)
_RESULT: Final = re.compile(r" = (-?\d+)(?: \w+ \(.*\))?$", re.ASCII)
#: A line of the journal as the tracer shows it, with its quotes escaped.
_LINE: Final = re.compile(r'\\"event\\":\\"(?P<event>[a-z-]+)\\"(?P<rest>.*?)\}\}?\\n', re.ASCII | re.DOTALL)
_QUERY: Final = re.compile(r'\\"query\\":\\"(\w+)\\"', re.ASCII)
_BYTES: Final = re.compile(r'\\"bytes\\":(\d+)', re.ASCII)
_COUNT: Final = re.compile(r'\\"count\\":(\d+)', re.ASCII)


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


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A call that began: `then` is how many lines of its file a sync covers, or how much was durable when a sending began."""

    name: str
    file: str
    moment: str
    query: str
    then: int


def line_order(trace: Iterable[str], *, over: tuple[str, ...] = ("socket", "UNIX", "TCP")) -> LineOrder:
    """Read a trace of one process that is asked one question after another. *over*: which connections batches leave by."""
    reading = _Reading(over)
    for text in trace:
        reading.take(text.rstrip("\n"))
    return reading.found


class _Reading:
    """The state while calls go by."""

    def __init__(self, over: tuple[str, ...]) -> None:
        self.found = LineOrder()
        self._by = over
        self._unsynced: dict[str, list[_Line]] = {}
        self._under_way: dict[str, _UnderWay] = {}
        self._query = ""
        self._sent = self._durable = 0
        self._begun_with: set[str] = set()
        #: By connection what was sent before the first question: of that one, whose line is still to come, or of nobody's.
        self._nobodys: dict[str, int] = {}

    def take(self, text: str) -> None:
        """Take in one line of the trace."""
        if (call := _CALL.fullmatch(text)) is not None:
            under_way = self._begun(call["name"], call["file"], call["rest"], call["moment"])
            if call["rest"].endswith("<unfinished ...>"):
                self._under_way[call["pid"]] = under_way
            else:
                self._over(under_way, call["rest"])
        elif (resumed := _RESUMED.fullmatch(text)) is not None and resumed["pid"] in self._under_way:
            self._over(self._under_way.pop(resumed["pid"]), resumed["rest"])

    def _begun(self, name: str, file: str, rest: str, moment: str) -> _UnderWay:
        if file.endswith(".journal"):
            if name not in _SYNCS:
                self._writes(file, rest, moment)
            return _UnderWay(name, file, moment, self._query, len(self._unsynced.get(file, ())))
        return _UnderWay(name, file, moment, self._query, self._durable)

    def _over(self, call: _UnderWay, rest: str) -> None:
        found = _RESULT.search(rest)
        result = int(found[1]) if found is not None else -1
        if call.file.endswith(".journal"):
            if call.name in _SYNCS and result == 0:
                self._synced(call)
        elif call.file.startswith(self._by) and result > 0:
            self._sends(call, result)

    def _writes(self, file: str, rest: str, moment: str) -> None:
        unsynced = self._unsynced.setdefault(file, [])
        for line in _lines(rest):
            if line.query and line.query not in self._begun_with:
                self._begins(line.query, moment)
            if line.event == "release":
                self.found.batches += 1
                self.found.smallest = min(self.found.smallest or line.bytes, line.bytes)
            unsynced.append(line)

    def _begins(self, query: str, moment: str) -> None:
        """The first line of a question: what had left before it, it had no line for."""
        self._query, self._sent, self._durable = query, 0, 0
        self._begun_with.add(query)
        self.found.questions += 1
        if (early := sum(max(0, sent - OPENING_BYTES) for sent in self._nobodys.values())) > SLACK_BYTES:
            self.found.too_early.append(TooEarly(moment, query, early, 0))
        self._nobodys.clear()

    def _synced(self, call: _UnderWay) -> None:
        """What was written before the sync began is durable now."""
        self.found.syncs += 1
        unsynced = self._unsynced.get(call.file, [])
        self._durable += sum(line.bytes for line in unsynced[: call.then] if line.query == self._query)
        del unsynced[: call.then]

    def _sends(self, call: _UnderWay, number: int) -> None:
        if not self._query:
            self._nobodys[call.file] = self._nobodys.get(call.file, 0) + number
            return
        # Also what began before the first line of its question, and ended after it.
        self._sent += number
        self.found.sent += number
        if self._sent > call.then + call.then // _SURROUNDING + SLACK_BYTES:
            self.found.too_early.append(TooEarly(call.moment, self._query, self._sent, call.then))


def _lines(rest: str) -> Iterator[_Line]:
    for found in _LINE.finditer(rest):
        query, size, count = (pattern.search(found["rest"]) for pattern in (_QUERY, _BYTES, _COUNT))
        if query is not None:
            # Only a release lets bytes leave; beside its bytes each record has a row in the columns.
            released = int(size[1]) + ROW_BYTES * int(count[1]) if found["event"] == "release" and size is not None and count is not None else 0
            yield _Line(found["event"], query[1], released)
