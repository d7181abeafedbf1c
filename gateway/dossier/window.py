"""The records of a dossier that are still in memory to compare with: the newest, up to a bound."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from accord.terms.identifiers import HolderName, is_logical_id
from accord.terms.limits import MIB
from accord.terms.records import TYPE_CODE, TYPE_NAME
from accord.wire.columns import ROW_BYTES, Row, rows

#: Bytes of records that are kept in memory to compare with.
WINDOW_BYTES: Final = 10 * MIB
#: What one record in the window takes beside its bytes.
_RECORD_OVERHEAD: Final = 256


class Origin(NamedTuple):
    """A record at its holder."""

    holder: HolderName
    type: str
    id: str


class _Head(msgspec.Struct, gc=False):
    resourceType: str = ""
    id: str = ""


_read_head: Final = msgspec.json.Decoder(_Head).decode


class KeptBatch:
    """A batch in the window; its blob by reference."""

    __slots__ = ("columns", "content", "holder", "ids", "indexed", "names", "size")

    def __init__(self, holder: HolderName, columns: bytes, content: bytes, ids: Sequence[str] | None) -> None:
        self.holder = holder
        self.columns = columns
        self.content = content
        self.ids = ids
        self.indexed: set[int] = set()
        self.names: list[str] = []
        self.size = len(content) + len(columns) // ROW_BYTES * _RECORD_OVERHEAD


class Entry(NamedTuple):
    """A record in the window."""

    batch: KeptBatch
    number: int
    start: int
    row: Row

    @property
    def holder(self) -> HolderName:
        """Whose record it is."""
        return self.batch.holder

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return self.batch.content[self.start : self.row.end]

    @property
    def origin(self) -> Origin:
        """Where it stands at its holder; only now is its id looked up."""
        if self.batch.ids is not None and 0 < self.row.type_code < len(TYPE_NAME):
            return Origin(self.batch.holder, TYPE_NAME[self.row.type_code], self.batch.ids[self.number])
        try:
            head = _read_head(self.content)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return Origin(self.batch.holder, "", "")
        return Origin(self.batch.holder, head.resourceType, head.id)

    @property
    def can_be_shown(self) -> bool:
        """Whether it has a sound name, and the type that its row says: else it must not stand for another."""
        _, kind, logical_id = self.origin
        code = self.row.type_code
        return is_logical_id(logical_id) and code < len(TYPE_NAME) and TYPE_NAME[code] in ("", kind)


class Window:
    """Keeps batches, and finds the record that a reference names."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._size = 0
        self._batches: deque[KeptBatch] = deque()
        self._by_name: dict[HolderName, dict[str, Entry]] = {}
        self._of_holder: dict[HolderName, deque[KeptBatch]] = {}
        #: Types of which all that a holder has in the window is known by name.
        self._known: dict[HolderName, set[int]] = {}

    def keep(self, batch: KeptBatch) -> Iterator[KeptBatch]:
        """Keep *batch*, and give up the oldest ones while there is too much; never *batch* itself."""
        self._batches.append(batch)
        self._of_holder.setdefault(batch.holder, deque()).append(batch)
        self._known.pop(batch.holder, None)
        self._size += batch.size
        while self._size > self._most_bytes and len(self._batches) > 1:
            oldest = self._batches.popleft()
            self._size -= oldest.size
            self._of_holder[oldest.holder].popleft()
            by_name = self._by_name.get(oldest.holder, {})
            for name in oldest.names:
                if name in by_name and by_name[name].batch is oldest:
                    del by_name[name]
            yield oldest

    def target(self, holder: HolderName, name: str) -> bytes | None:
        """The bytes of a holder's record (`Medication/3`), when it is here."""
        by_name = self._by_name.setdefault(holder, {})
        if name not in by_name:
            code, known = _code(name), self._known.setdefault(holder, set())
            if code not in known:
                known.add(code)
                for batch in self._of_holder.get(holder, ()):
                    if code not in batch.indexed:
                        self._index(batch, code)
        entry = by_name.get(name)
        return entry.content if entry else None

    def arrived(self, batch: KeptBatch, names: dict[str, set[int]]) -> list[str]:
        """Which of *names* stand in *batch*."""
        for code in {_code(name) for name in names} - batch.indexed:
            self._index(batch, code)
        return [name for name in batch.names if name in names]

    def _index(self, batch: KeptBatch, code: int) -> None:
        """Know the records of one type in a batch by name; the first of a name counts."""
        batch.indexed.add(code)
        by_name = self._by_name.setdefault(batch.holder, {})
        start = 0
        for number, row in enumerate(rows(batch.columns)):
            if row.type_code == code:
                entry = Entry(batch, number, start, row)
                _, kind, logical_id = entry.origin
                name = f"{kind}/{logical_id}"
                by_name.setdefault(name, entry)
                batch.names.append(name)
            start = row.end


def _code(name: str) -> int:
    return TYPE_CODE.get(name.partition("/")[0], 0)
