"""A planning export read as a whole: each row says what is free of a service, or none of them is taken.

What is wrong is told by its line and the name of its column, and never by what stood there.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Final, TypeVar

from accord.terms.capacity import Light, Stop, StopReason
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import MIB
from accord.terms.next_steps import IN_THE_FILE
from accord.terms.place_words import LIGHTS, STOP_REASONS
from node_agent.places.inputs import cells
from node_agent.places.inputs.adding import Row, added
from node_agent.places.inputs.cells import Unreadable
from node_agent.places.ports import Observation, Seen
from node_agent.places_input_settings import ExportSettings

MOST_BYTES: Final = 8 * MIB
_MOST_ROWS: Final = 20_000
_MOST_COLUMNS: Final = 200
_CELL_CHARACTERS: Final = 1_000
#: A clock at the planning system may be off by so much; what was seen later than that was not seen.
_AHEAD: Final = timedelta(minutes=5)
_T = TypeVar("_T", Light, StopReason)
_UTF8_MARK: Final = b"\xef\xbb\xbf"
#: What planning systems write for no.
_NO_STOP: Final = frozenset({"", "-", "0", "n", "nee", "no", "false", "open"})


@dataclass(frozen=True, slots=True)
class Understood:
    """What an export says, and of which services it should and does not: nobody knows how those stand."""

    observation: Observation
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """How one export is read.

    Raises:
        BadInput: `invalid-setting`: it says nothing that can be read.
    """

    settings: ExportSettings

    def __post_init__(self) -> None:
        given = self.settings
        if not given.name.strip() or not given.name.isprintable() or given.name == "planner":
            raise self._unset("name")
        if not given.path or not given.path.isprintable():
            raise self._unset("path")
        if not given.pattern or not given.pattern.isprintable() or "/" in given.pattern or ".." in given.pattern:
            raise self._unset("pattern")
        if bool(given.only) == bool(given.service):
            raise self._unset("service or only: one of them")
        if not given.places and not given.light and not given.stop:
            raise self._unset("places, light or stop: at least one")
        if any(code and code not in frozenset(StopReason) for code in given.stops.values()):
            raise self._unset("stops: a reason is none of the list")
        if given.separator in '"\r\n\0':
            raise self._unset("separator")

    @property
    def services(self) -> frozenset[str]:
        """The services that it can speak of."""
        return frozenset(self.settings.services.values()) if self.settings.service else frozenset({self.settings.only})

    def read(self, content: bytes, written: datetime, now: datetime) -> Understood:
        """What an export says. *written* is when the file was.

        Raises:
            BadInput: `too-large`, `invalid-encoding`, or `export-invalid`: with the line and the column, or since no row is about a service of ours.
        """
        rows = list(self._rows(self._text(content), min(written, now), now))
        seen = added(rows, lambda line: self._wrong(line, self.settings.service), add_up=self.settings.add_up)
        absent = tuple(sorted(self.services - {one.service for one in seen}))
        lists_what_is_free = self.settings.absent == "none"
        if not seen and not lists_what_is_free:
            # A file that was cut off behind its first line looks like this, and must not empty a house.
            raise BadInput(Fault.EXPORT_INVALID, f"{self.settings.name}: no rows")
        filled = (Row(0, one, 0 if lists_what_is_free else None, None, None, None, None, min(written, now)) for one in absent)
        valid = timedelta(minutes=self.settings.valid_minutes)
        return Understood(Observation(self.settings.name, tuple(_seen(one, valid) for one in (*seen, *filled))), () if lists_what_is_free else absent)

    def _text(self, content: bytes) -> str:
        name = self.settings.name
        if len(content) > MOST_BYTES:
            raise BadInput(Fault.TOO_LARGE, name)
        try:
            text = _decoded(content, self.settings.encoding)
        except UnicodeDecodeError:
            raise BadInput(Fault.INVALID_ENCODING, name, then=IN_THE_FILE) from None
        if "\0" in text:
            raise BadInput(Fault.INVALID_ENCODING, name, then=IN_THE_FILE)
        return text

    def _rows(self, text: str, written: datetime, now: datetime) -> Iterator[Row]:
        lines = csv.reader(StringIO(text, newline=""), delimiter=self.settings.separator, strict=True)
        try:
            head = [name.strip() for name in next(lines, [])]
            columns = self._columns(head)
            for number, cut in enumerate(lines):
                if not any(cell.strip() for cell in cut):
                    continue
                if number >= _MOST_ROWS:
                    raise BadInput(Fault.TOO_LARGE, self.settings.name)
                if len(cut) != len(head) or any(len(cell) > _CELL_CHARACTERS for cell in cut):
                    raise self._wrong(lines.line_num, "")
                row = self._row({name: cut[at].strip() for name, at in columns.items()}, lines.line_num, written, now)
                if row is not None:
                    yield row
        except csv.Error:
            raise self._wrong(lines.line_num, "") from None

    def _columns(self, head: list[str]) -> dict[str, int]:
        """Where each column that we read stands."""
        given, found = self.settings, {}
        if not 1 <= len(head) <= _MOST_COLUMNS:
            raise self._wrong(1, "")
        for name in ("service", "places", "light", "since", "until", "stop", "stop_end", "observed_at"):
            column = getattr(given, name)
            if column and head.count(column) != 1:
                raise self._wrong(1, column)
            if column:
                found[name] = head.index(column)
        return found

    def _row(self, of: Mapping[str, str], line: int, written: datetime, now: datetime) -> Row | None:
        given, at = self.settings, "service"
        service = given.services.get(of["service"]) if "service" in of else given.only
        if service is None and given.others == "skip":
            return None
        try:
            if service is None:
                raise Unreadable
            at = "places"
            places = cells.number(of["places"]) if of.get("places") else None
            at = "light"
            light = _coded(of["light"], given.lights, Light, {words.nl: code for code, words in LIGHTS.items()}) if of.get("light") else None
            at = "since"
            since = cells.day(of["since"]) if of.get("since") else None
            at = "until"
            until = cells.day(of["until"]) if of.get("until") else None
            if until is not None and until < (since or until):
                raise Unreadable
            at = "stop_end"
            end = cells.moment(of["stop_end"]) if of.get("stop_end") else None
            at = "stop"
            stop = self._stop(of.get("stop", ""), end)
            at = "observed_at"
            observed = cells.moment(of["observed_at"]) if "observed_at" in of else written
            if observed > now + _AHEAD:
                raise Unreadable
        except Unreadable:
            raise self._wrong(line, getattr(given, at)) from None
        return Row(line, service, places if light is None else None, light, since, until, stop, min(observed, now))

    def _stop(self, cell: str, end: datetime | None) -> Stop | None:
        if cell in self.settings.stops:
            code = self.settings.stops[cell]
            return Stop(StopReason(code), end) if code else None
        if cell.lower() in _NO_STOP:
            return None
        return Stop(_coded(cell, {}, StopReason, {words.nl: code for code, words in STOP_REASONS.items()}), end)

    def _wrong(self, line: int, column: str) -> BadInput:
        """The column is a name of our own settings."""
        return BadInput(Fault.EXPORT_INVALID, f"{self.settings.name}: line {line}" + (f", column {column}" if column else ""))

    def _unset(self, what: str) -> BadInput:
        return BadInput(Fault.INVALID_SETTING, f"places.exports: {what}")


def _decoded(content: bytes, encoding: str) -> str:
    if encoding == "windows-1252":
        return content.decode("cp1252")
    try:
        return content.removeprefix(_UTF8_MARK).decode("utf-8")
    except UnicodeDecodeError:
        if encoding == "utf-8" or content.startswith(_UTF8_MARK):
            raise
        return content.decode("cp1252")


def _coded(cell: str, own: Mapping[str, _T], kind: type[_T], words: Mapping[str, _T]) -> _T:
    """A code as the settings, the code itself, or its Dutch word has it."""
    if cell in own:
        return own[cell]
    try:
        return words.get(cell.lower()) or kind(cell.lower())
    except ValueError:
        raise Unreadable from None


def _seen(row: Row, valid: timedelta) -> Seen:
    is_known = row.places is not None or row.light is not None
    observed = row.observed.astimezone(UTC)
    return Seen(row.service, observed, observed + valid if is_known else observed, row.places, row.light, row.since, row.until, row.stop)
