"""The mapping file: which SQL gives the rows of each table, and which column becomes which element. Checked when it is read."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from accord.rules.leaving_out import LeftOut
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import UNREADABLE
from accord.terms.records import TYPE_BY_NAME
from node_agent.left_out import beyond
from node_agent.sources.sql_elements import UnknownElement, leaf_at, missing_in, model_of, steps_of
from node_agent.sources.sql_rules import Element, Template, rule_of

T = TypeVar("T")
#: The binds that a SQL text may and must name, by its key.
BINDS: Final[Mapping[str, frozenset[str]]] = {
    "find": frozenset({"bsn"}),
    "everyone": frozenset(),
    "merged": frozenset({"ids"}),
    "of_patient": frozenset({"patient"}),
    "by_id": frozenset({"ids"}),
}
#: The columns that the SQL about people gives.
PEOPLE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {"find": ("patient",), "everyone": ("bsn", "patient"), "merged": ("patient", "other")}
#: As SQLAlchemy reads one, wherever it stands.
_BIND: Final = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
#: What is no SQL in a text of SQL: remarks, strings and quoted names, whichever begins first. A quote in a remark begins nothing.
#: A name may hold a `$`; a string with escapes goes on, escapes and all, in the next one on another line.
_QUOTED: Final = re.compile(
    r"""--[^\r\n]*
    | /\*.*?\*/
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | (?<![\w$])[eE]'(?:\\.|''|[^'\\])*'(?:(?:\s|--[^\r\n]*)*[\r\n]\s*'(?:\\.|''|[^'\\])*')*
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*" """,
    re.DOTALL | re.VERBOSE,
)
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_PATIENT: Final = "Patient"
#: Passes for a number, and is nobody's: it fails the eleven-test.
_NO_BSN: Final = "000000001"


class _About(msgspec.Struct, frozen=True):
    name: str
    version: str
    not_kept: list[str] = []


class _People(msgspec.Struct, frozen=True):
    find: str
    everyone: str
    merged: str = ""


class _Table(msgspec.Struct, frozen=True):
    type: str
    id: str
    by_id: str
    of_patient: str = ""
    ids: Literal["text", "integer"] = "text"
    elements: dict[str, Any] = {}


class _File(msgspec.Struct, frozen=True):
    """The sections; each is converted by itself, so that a mistake is told with the table's name."""

    mapping: Any
    people: Any
    table: Any
    codes: Any = {}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that become records of one type. `of_patient` is empty where the type belongs to no patient, and of Patient itself."""

    name: str
    type: str
    id: Template
    by_id: str
    of_patient: str
    integer_ids: bool
    elements: tuple[Element, ...]

    @property
    def columns(self) -> dict[str, str]:
        """The columns that must be there, and what names each."""
        named = dict.fromkeys(self.id.columns, "id")
        for element in self.elements:
            for column in element.rule.columns:
                named.setdefault(column, f'elements."{element.path}"')
        return named

    @property
    def no_key(self) -> str | int:
        """A key of the right kind that no row has."""
        return -1 if self.integer_ids else "noaber-nothing"

    def key_of(self, logical_id: str) -> str | int | None:
        """What `:ids` and `:patient` are given for a logical id; none for an id that no row of this table can have."""
        key = self.id.key_of(logical_id)
        if key is None or not self.integer_ids:
            return key
        # Only as it is written back: `07` and `7` are two ids, and one number.
        return int(key) if key.isascii() and key.isdigit() and len(key) < 19 and str(int(key)) == key else None


@dataclass(frozen=True, slots=True)
class SqlMapping:
    """A mapping that was read and checked. `not_kept` are types of which it says that the system keeps none."""

    file: str
    name: str
    version: str
    people: Mapping[str, str]
    tables: tuple[Table, ...]
    not_kept: frozenset[str] = frozenset()

    @property
    def left_out(self) -> LeftOut:
        """What is expected of every source, and has neither a table nor a word that it is not kept: perhaps it is."""
        return beyond({table.type for table in self.tables}, self.not_kept)

    @property
    def patient(self) -> Table:
        """The table of the Patients."""
        return next(table for table in self.tables if table.type == _PATIENT)

    def statements(self) -> list[tuple[str, str, Mapping[str, str], Mapping[str, Any]]]:
        """Every SQL text with its place in the file, the columns that it must give and what names each, and binds that find nobody."""
        found: list[tuple[str, str, Mapping[str, str], Mapping[str, Any]]] = []
        nobody = self.patient.no_key
        binds: dict[str, dict[str, Any]] = {"find": {"bsn": _NO_BSN}, "everyone": {}, "merged": {"ids": [nobody]}}
        for key, sql in self.people.items():
            found.append((f"people.{key}", sql, dict.fromkeys(PEOPLE_COLUMNS[key], ""), binds[key]))
        for table in self.tables:
            found.append((f"table.{table.name}.by_id", table.by_id, table.columns, {"ids": [table.no_key]}))
            if table.of_patient:
                found.append((f"table.{table.name}.of_patient", table.of_patient, table.columns, {"patient": nobody}))
        return found


def read_mapping(path: Path) -> SqlMapping:
    """Read a mapping file.

    Raises:
        BadInput: `mapping-invalid`, naming the file and the line's key; `invalid-setting` when it cannot be read.
    """
    file = path.name
    given = _toml(path)
    _check_keys(file, given)
    about = _converted(file, "mapping", given["mapping"], _About)
    asked = _converted(file, "people", given["people"], _People)
    codes: Mapping[str, Mapping[str, str | bool | int]] = _converted(file, "codes", given.get("codes", {}), dict[str, dict[str, str | bool | int]])
    if not (_VERSION.fullmatch(about.name) and _VERSION.fullmatch(about.version)):
        raise mistake(file, "mapping", "name and version are 1 to 40 letters, digits, dots and dashes")
    people = {key: _sql(file, f"people.{key}", key, getattr(asked, key)) for key in PEOPLE_COLUMNS if getattr(asked, key)}
    tables = tuple(_table(file, name, _converted(file, f"table.{name}", table, _Table), codes) for name, table in given["table"].items())
    _check_tables(file, tables)
    _check_not_kept(file, about.not_kept, {table.type: table.name for table in tables})
    return SqlMapping(file, about.name, about.version, people, tables, frozenset(about.not_kept))


def mistake(file: str, place: str, what: str) -> BadInput:
    """What is wrong with a mapping, and where. Names of the file and its keys only."""
    return BadInput(Fault.MAPPING_INVALID, f"{file}: {place}: {what}" if place else f"{file}: {what}")


def _table(file: str, name: str, given: _Table, codes: Mapping[str, Mapping[str, str | bool | int]]) -> Table:
    place = f"table.{name}"
    kind = TYPE_BY_NAME.get(given.type)
    if kind is None:
        raise mistake(file, f"{place}.type", f"{given.type} is not a type that can be shared" + _meant(given.type, TYPE_BY_NAME))
    _no_unknown(given.type, file, f"{place}.type")
    wants_patient = bool(kind.owner) and given.type != _PATIENT
    if wants_patient != bool(given.of_patient):
        why = "is missing: it gives the rows of one patient" if wants_patient else f"must be left out: a {given.type} is not asked for by patient"
        raise mistake(file, f"{place}.of_patient", why)
    template = Template.of(given.id)
    if template is None or len(template.columns) != 1:
        raise mistake(file, f"{place}.id", 'write the column in braces, once, such as "{visit_id}" or "visit-{visit_id}"')
    elements = tuple(_element(file, place, given.type, path, rule, codes) for path, rule in given.elements.items())
    twice = {element.steps: element.path for element in elements}
    for element in elements:
        if twice[element.steps] != element.path:
            raise mistake(file, f'{place}.elements."{element.path}"', f'stands there twice, also as "{twice[element.steps]}"')
    for missing in missing_in(given.type, [element.steps for element in elements]):
        raise mistake(file, f"{place}.elements", f"FHIR requires {missing}")
    by_id = _sql(file, f"{place}.by_id", "by_id", given.by_id)
    of_patient = _sql(file, f"{place}.of_patient", "of_patient", given.of_patient) if given.of_patient else ""
    return Table(name, given.type, template, by_id, of_patient, given.ids == "integer", elements)


def _element(file: str, table: str, kind: str, path: str, given: object, codes: Mapping[str, Mapping[str, str | bool | int]]) -> Element:
    place = f'{table}.elements."{path}"'
    try:
        steps = steps_of(path)
        leaf = leaf_at(kind, steps)
        return Element(path, steps, leaf, rule_of(given, leaf, codes))
    except UnknownElement as failure:
        raise mistake(file, place, str(failure)) from None


def _no_unknown(kind: str, file: str, place: str) -> None:
    try:
        model_of(kind)
    except UnknownElement as failure:
        raise mistake(file, place, str(failure)) from None


def _check_tables(file: str, tables: tuple[Table, ...]) -> None:
    patients = [table.name for table in tables if table.type == _PATIENT]
    if len(patients) != 1:
        raise mistake(file, "table", f"exactly one table must have type Patient; there are {len(patients)}")
    seen: dict[tuple[str, str, str], str] = {}
    for table in tables:
        other = seen.setdefault((table.type, *table.id.around), table.name)
        if other != table.name:
            raise mistake(file, f"table.{table.name}.id", f"cannot be told from the ids of table.{other}: begin one of them with a word of its own")


def _check_not_kept(file: str, not_kept: Iterable[str], tables: Mapping[str, str]) -> None:
    for name in not_kept:
        if name not in TYPE_BY_NAME:
            raise mistake(file, "mapping.not_kept", f"{name} is not a type that can be shared" + _meant(name, TYPE_BY_NAME))
        if name in tables:
            raise mistake(file, "mapping.not_kept", f"{name} has a table: table.{tables[name]}")


def _sql(file: str, place: str, key: str, text: str) -> str:
    """A SQL text without its last semicolon, with the right binds, and with nothing else that could be taken for one."""
    text = text.strip().removesuffix(";").rstrip()
    if any(quoted[0].startswith("/*") and "/*" in quoted[0][2:] for quoted in _QUOTED.finditer(text)):
        # PostgreSQL reads on to the end of both, SQLite to the first.
        raise mistake(file, place, "write no remark inside a remark")
    bare = _QUOTED.sub("''", text)
    if ";" in bare or not bare:
        raise mistake(file, place, "write one SELECT")
    named = frozenset(_BIND.findall(bare))
    for name in sorted(named - BINDS[key]):
        offered = ", ".join(f":{bind}" for bind in sorted(BINDS[key])) or "none"
        raise mistake(file, place, f":{name} is no bind here; there is {offered}")
    for name in sorted(BINDS[key] - named):
        raise mistake(file, place, f"must say about whom or what with :{name}" + (" (… IN :ids)" if name == "ids" else ""))
    return _QUOTED.sub(lambda quoted: _BIND.sub(r"\\:\1", quoted[0]), text)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "source.mapping: cannot be read", then=UNREADABLE) from None
    except tomllib.TOMLDecodeError as failure:
        # Its message names a line and a column, and one character at the most.
        raise mistake(path.name, "", f"is not TOML: {failure}") from None
    except (ValueError, RecursionError):
        raise mistake(path.name, "", "is not TOML in UTF-8") from None


def _check_keys(file: str, given: Mapping[str, Any]) -> None:
    """Every key is known, and what must be there is; with the nearest known key."""
    _known(file, "", given, _File)
    for section, kind in (("mapping", _About), ("people", _People)):
        _known(file, section, given[section], kind)
    if not isinstance(given["table"], dict):
        raise mistake(file, "table", "write [table.<name>]")
    for name, table in given["table"].items():
        _known(file, f"table.{name}", table, _Table)


def _known(file: str, place: str, given: object, kind: type[msgspec.Struct]) -> None:
    if not isinstance(given, dict):
        raise mistake(file, place, "is a section")
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in given:
        if key not in fields:
            raise mistake(file, f"{place}.{key}" if place else key, "is not a key here" + _meant(key, fields))
    for key, field in fields.items():
        if field.required and key not in given:
            raise mistake(file, f"{place}.{key}" if place else key, "is missing")


def _converted(file: str, place: str, given: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as failure:
        # Its message may quote a value; the place alone says enough.
        where = str(failure).rpartition("`$")[2].removesuffix("`") if "`$" in str(failure) else ""
        raise mistake(file, place + where, "has a wrong value") from None


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), 1)
    return f", did you mean {near[0]}?" if near else ""
