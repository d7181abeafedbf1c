"""Where the value of an element comes from: a constant, a column, a column through a code table, or a text with columns in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, Protocol

from node_agent.sources.sql_elements import Leaf, Steps, UnknownElement
from node_agent.sources.sql_values import UnfitValue, fhir_value, key_text

Row = Mapping[str, Any]
Codes = Mapping[str, str | bool | int]
_BRACED: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,62})\}", re.ASCII)
_KEYS: Final = frozenset({"column", "codes", "otherwise", "text"})


class Rule(Protocol):
    """How an element gets its value from a row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read; none for a constant."""

    def value(self, row: Row) -> Any:
        """The value; none when there is nothing to say.

        Raises:
            UnfitValue: What stands in the column cannot be said.
        """


@dataclass(frozen=True, slots=True)
class Template:
    """A text with columns in braces, such as `Patient/{patient_id}`."""

    parts: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Template | None":
        """The template that *text* is; none when its braces are not those of columns."""
        pieces = _BRACED.split(text)
        if any("{" in piece or "}" in piece for piece in pieces[::2]):
            return None
        return cls(tuple(pieces[::2]), tuple(pieces[1::2]))

    @property
    def around(self) -> tuple[str, str]:
        """What stands before and after the one column."""
        return self.parts[0], self.parts[-1]

    def value(self, row: Row) -> Any:
        """The text; none when a column is empty."""
        filled = self.parts[0]
        for column, after in zip(self.columns, self.parts[1:], strict=True):
            value = row[column]
            if value is None or value == "":
                return None
            filled += key_text(value) + after
        return filled

    def key_of(self, text: str) -> str | None:
        """What stood in the one column of *text*; none when this template did not make it."""
        before, after = self.around
        key = text[len(before) : len(text) - len(after)]
        return key if key and len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after) else None


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    always: Any
    columns: tuple[str, ...] = ()

    def value(self, row: Row) -> Any:  # noqa: ARG002 - a rule is given the row
        """The constant."""
        return self.always


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in a column."""

    column: str
    kind: str
    allowed: frozenset[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def value(self, row: Row) -> Any:
        """The column as FHIR writes it."""
        value = fhir_value(row[self.column], self.kind)
        if self.allowed and value is not None and value not in self.allowed:
            raise UnfitValue
        return value


@dataclass(frozen=True, slots=True)
class Coded:
    """What a code table says about what stands in a column; an empty text in the table means that nothing is said."""

    column: str
    codes: Codes
    otherwise: str | bool | int | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def value(self, row: Row) -> Any:
        """The translation."""
        given = row[self.column]
        if given is None or given == "":
            return None
        word = ("true" if given else "false") if isinstance(given, bool) else key_text(given)
        found = self.codes.get(word, self.otherwise)
        if found is None:
            raise UnfitValue
        return None if found == "" else found


@dataclass(frozen=True, slots=True)
class Element:
    """An element, where it stands, and where its value comes from."""

    path: str
    steps: Steps
    leaf: Leaf
    rule: Rule


def rule_of(given: object, leaf: Leaf, tables: Mapping[str, Codes]) -> Rule:
    """The rule that stands in the mapping for an element.

    Raises:
        UnknownElement: It is none. The text says what is wrong.
    """
    if not isinstance(given, dict):
        return Constant(_constant(given, leaf))
    for key in given:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            raise UnknownElement(f"{key} is not a key here" + (f", did you mean {near[0]}?" if near else ""))
    if "text" in given:
        template = Template.of(given["text"]) if isinstance(given["text"], str) else None
        if template is None or len(given) > 1 or not template.columns:
            raise UnknownElement('write { text = "… {column} …" } and nothing beside it')
        if leaf.kind in {"Decimal", "Integer", "PositiveInt", "UnsignedInt", "Boolean", "Base64Binary"} or leaf.codes:
            raise UnknownElement("takes no text: name a column")
        return template
    column = given.get("column")
    if not isinstance(column, str) or not column:
        raise UnknownElement("name a column")
    if "codes" not in given:
        if "otherwise" in given:
            raise UnknownElement("otherwise goes with codes")
        return Column(column, leaf.kind, leaf.codes)
    codes = given["codes"]
    if isinstance(codes, str):
        if codes not in tables:
            near = get_close_matches(codes, tables, 1)
            raise UnknownElement(f"there is no [codes.{codes}]" + (f", did you mean {near[0]}?" if near else ""))
        codes = tables[codes]
    if not isinstance(codes, dict):
        raise UnknownElement("codes is the name of a [codes.…] section, or a table")
    translated = {str(word): _constant(code, leaf) if code != "" else "" for word, code in codes.items()}
    otherwise = given.get("otherwise")
    return Coded(column, translated, None if otherwise is None else _constant(otherwise, leaf) if otherwise != "" else "")


def _constant(given: object, leaf: Leaf) -> Any:
    """A constant as FHIR writes it, if this element can hold it.

    Raises:
        UnknownElement: It cannot.
    """
    if isinstance(given, Decimal) and leaf.kind != "Decimal":
        raise UnknownElement("takes no decimal")
    if isinstance(given, bool) != (leaf.kind == "Boolean"):
        raise UnknownElement("takes true or false" if leaf.kind == "Boolean" else "takes no true or false")
    try:
        value = None if isinstance(given, list) else fhir_value(given, leaf.kind)
    except UnfitValue:
        value = None
    if value is None:
        raise UnknownElement(f"the constant is not a FHIR {leaf.kind}")
    if leaf.codes and value not in leaf.codes:
        near = get_close_matches(str(value), leaf.codes, 1)
        meant = f", did you mean {near[0]}?" if near else f"; it takes {', '.join(sorted(leaf.codes))}"
        raise UnknownElement(f"is not a code that FHIR allows here{meant}")
    return value
