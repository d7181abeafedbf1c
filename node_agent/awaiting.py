"""Records that wait for what they hold: mostly that is on its way, and need not be asked of the source once more.

A report comes with its results in one answer, and a source rarely brings them in that order. What waits is bounded; what
would be one too many does not wait, and what it holds is read from the source at once.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final, Generic, Protocol, TypeVar

from accord.rules.scope import wants_category, wants_type
from accord.terms.identifiers import RecordRef
from accord.terms.limits import MIB
from accord.terms.queries import Selection
from accord.terms.records import TYPE_BY_NAME
from node_agent.deciding import categories_of
from node_agent.ports import SourceRecord

_MOST: Final = 1_000
_MOST_BYTES: Final = 4 * MIB
_MOST_PASSED: Final = 20_000


class Holding(Protocol):
    """A record, and the names of what it holds."""

    @property
    def given(self) -> SourceRecord:
        """The record."""

    @property
    def contents(self) -> tuple[RecordRef, ...]:
        """What it holds."""


_H = TypeVar("_H", bound=Holding)


class Awaiting(Generic[_H]):
    """The records of one answer that wait. *was_released* says whether a record was.

    When a record is done waiting, and in which order, depends on what came and on nothing else: not on how the source cut its
    lists, nor on others that wait and will be withheld (promise P9).
    """

    __slots__ = ("_bytes", "_count", "_passed", "_selection", "_taken", "_waiting", "_was_released")

    def __init__(self, selection: Selection, was_released: Callable[[RecordRef], bool]) -> None:
        self._selection = selection
        self._was_released = was_released
        #: What came by and is not released.
        self._passed: set[RecordRef] = set()
        #: By the name of the first that each waits for, with the number of each and the place of that name in what it holds.
        self._waiting: dict[str, list[tuple[int, int, _H]]] = {}
        self._count = self._bytes = self._taken = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def takes(self, record: _H) -> bool:
        """Whether a record waits from now on: something that it holds may still come, and there is room for it."""
        place = self._next_of(record, 0) if self._has_room_for(record) else None
        if place is None:
            return False
        self._waiting.setdefault(str(record.contents[place]), []).append((self._taken, place, record))
        self._taken += 1
        self._count += 1
        self._bytes += len(record.given.fhir_json)
        return True

    def worth_reading(self, record: _H) -> Iterable[RecordRef]:
        """What a record holds and has to be read for it: what does not come by itself."""
        return (ref for ref in record.contents if not self._may_come(ref)) if self._has_room_for(record) else record.contents

    def passed(self, ref: RecordRef) -> list[_H]:
        """Those that wait for nothing any more when a record came by that is not released, and that they need not wait for."""
        if len(self._passed) < _MOST_PASSED:
            self._passed.add(ref)
        return self.come(str(ref))

    def come(self, name: str) -> list[_H]:
        """Those that wait for nothing any more when the record of this name came, the first of them first."""
        done: list[tuple[int, _H]] = []
        for number, place, record in self._waiting.pop(name, ()):
            following = self._next_of(record, place)
            if following is None:
                done.append((number, record))
            else:
                self._waiting.setdefault(str(record.contents[following]), []).append((number, following, record))
        if not done:
            return []
        self._count -= len(done)
        self._bytes -= sum(len(record.given.fhir_json) for _, record in done)
        return _in_order(done)

    def leave(self) -> list[_H]:
        """All that still wait, the first of them first: nothing more comes."""
        left = [(number, record) for many in self._waiting.values() for number, _, record in many]
        self._waiting.clear()
        self._count = self._bytes = 0
        return _in_order(left)

    def _has_room_for(self, record: _H) -> bool:
        return self._count < _MOST and self._bytes + len(record.given.fhir_json) <= _MOST_BYTES

    def _next_of(self, record: _H, begin: int) -> int | None:
        """The place of the first, from *begin* on, that it has to wait for. What came once need not be looked at again."""
        for place in range(begin, len(record.contents)):
            ref = record.contents[place]
            if self._may_come(ref) and not (ref in self._passed or self._was_released(ref)):
                return place
        return None

    def _may_come(self, ref: RecordRef) -> bool:
        """Whether it is among what is asked for, as far as its type tells. What belongs to no patient comes by its name only."""
        selection = self._selection
        if TYPE_BY_NAME[ref.type].is_companion or not wants_type(selection, ref.type):
            return False
        return not selection.ids and any(wants_category(selection, category) for category in categories_of(ref.type))


def _in_order(numbered: list[tuple[int, _H]]) -> list[_H]:
    return [record for _, record in sorted(numbered, key=itemgetter(0))]
