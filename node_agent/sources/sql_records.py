"""A row becomes a record: its elements are filled, what has nothing to say is left out, and the whole is held against FHIR."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from accord.terms.identifiers import is_logical_id
from node_agent.ports import SourceRecord
from node_agent.sources.sql_elements import model_of
from node_agent.sources.sql_mapping import Table
from node_agent.sources.sql_rules import Element, Row
from node_agent.sources.sql_values import UnfitValue

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class UnfitRow(Exception):
    """A row that makes no record. `path` names the element; what stands in the row is never told."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class _Said(NamedTuple):
    """What a part of a record comes to: its value, whether a column gave anything of it, and whether it holds a constant part that needs none."""

    value: Any
    by_columns: bool
    by_itself: bool


_NOTHING: Final = _Said(None, by_columns=False, by_itself=False)


class _Leaf:
    __slots__ = ("_element", "bound")

    def __init__(self, element: Element) -> None:
        self._element = element
        self.bound: bool = bool(element.rule.columns)

    def said(self, row: Row) -> _Said:
        try:
            value = self._element.rule.value(row)
        except UnfitValue:
            raise UnfitRow(self._element.path) from None
        # A constant leaf is there for what stands beside it: the system of a code, the unit of a number.
        return _Said(value, self.bound and value is not None, by_itself=False)


class _Branch:
    """An object or a list. Where all its columns are empty it is left out, constants and all.

    What stays is a part that depends on no column: in a list, an item of constants only; in an object, what holds such an item.
    """

    __slots__ = ("_children", "_repeats", "bound")

    def __init__(self, children: Iterable[tuple[str | int, "_Leaf | _Branch"]]) -> None:
        self._children = tuple(children)
        self._repeats = isinstance(self._children[0][0], int)
        self.bound: bool = any(child.bound for _, child in self._children)

    def said(self, row: Row) -> _Said:
        values, by_columns, by_itself = self.members(row)
        if not values or (self.bound and not by_columns and not by_itself):
            return _NOTHING
        return _Said(list(values.values()) if self._repeats else values, by_columns, by_itself or not self.bound)

    def members(self, row: Row) -> tuple[dict[str | int, Any], bool, bool]:
        values: dict[str | int, Any] = {}
        by_columns = by_itself = False
        for step, child in self._children:
            said = child.said(row)
            if said.value is None or (self._repeats and child.bound and not said.by_columns):
                continue
            values[step] = said.value
            by_columns |= said.by_columns
            by_itself |= said.by_itself or (self._repeats and not child.bound)
        return values, by_columns, by_itself


@dataclass(frozen=True, slots=True)
class Made:
    """The records of some rows; of each row that made none, an empty record of its type, and the element at which it failed."""

    records: list[SourceRecord]
    ids: list[str]
    unfit: list[str]


class RecordMaker:
    """Makes the records of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._whole = _branch(table.elements, 0)
        self._model = model_of(table.type)
        # Nothing of the row: only that there is something which cannot be shown. The gate counts it as unfit.
        self._unreadable = SourceRecord(_encode({"resourceType": table.type}), derived=True)

    def make(self, rows: Iterable[Row]) -> Made:
        """The records of *rows*, in their order. Takes half a millisecond a row: for a thread."""
        made = Made([], [], [])
        for row in rows:
            try:
                logical_id, text = self.record(row)
            except UnfitRow as failure:
                made.unfit.append(failure.path)
                made.records.append(self._unreadable)
                made.ids.append("")
            else:
                made.records.append(SourceRecord(text, derived=True))
                made.ids.append(logical_id)
        return made

    def record(self, row: Row) -> tuple[str, bytes]:
        """The logical id of a row and its record.

        Raises:
            UnfitRow: There is no record that FHIR would accept.
        """
        try:
            logical_id = self.table.id.value(row)
        except UnfitValue:
            raise UnfitRow("id") from None
        if logical_id is None or not is_logical_id(logical_id):
            raise UnfitRow("id")
        members = self._whole.members(row)[0] if self._whole is not None else {}
        text = _encode({"resourceType": self.table.type, "id": logical_id, **{str(name): value for name, value in members.items()}})
        try:
            self._model.model_validate(_decode(text))
        except ValidationError as failure:
            where = failure.errors(include_input=False, include_context=False, include_url=False)[0]["loc"]
            raise UnfitRow(".".join(map(str, where)) or self.table.type) from None
        except (ValueError, TypeError, KeyError, AssertionError):
            raise UnfitRow(self.table.type) from None
        return logical_id, text


def leaf_value(table: Table, path: str, row: Mapping[str, Any]) -> Any:
    """The value of one element of a row; none when the table does not give it.

    Raises:
        UnfitRow: It cannot be said.
    """
    element = next((element for element in table.elements if element.path == path), None)
    return None if element is None else _Leaf(element).said(row).value


def _branch(elements: Iterable[Element], depth: int) -> _Branch | None:
    groups: dict[str | int, list[Element]] = {}
    for element in elements:
        groups.setdefault(element.steps[depth], []).append(element)
    children: list[tuple[str | int, _Leaf | _Branch]] = []
    for step, some in sorted(groups.items()) if all(isinstance(step, int) for step in groups) else groups.items():
        branch = None if len(some[0].steps) == depth + 1 else _branch(some, depth + 1)
        children.append((step, branch or _Leaf(some[0])))
    return _Branch(children) if children else None
