"""Where a neighbourhood lies: a table that the region gives, so that distances are known without anybody's address.

CSV with a head: `postcode` (four digits), `latitude`, `longitude` (degrees, WGS 84) and `name`. A neighbourhood that is not
in it has no distance, which is said; it is not guessed.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from accord.terms.capacity import Spot
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import IN_THE_FILE, UNREADABLE

_POSTCODE: Final = re.compile(r"[1-9][0-9]{3}")
_COLUMNS: Final = frozenset({"postcode", "latitude", "longitude", "name"})
#: There are about 4,100 in the country.
_MOST: Final = 10_000
_NAME_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """One postcode of four digits: its name, and a point of it."""

    postcode: str
    name: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """All that the region gave."""

    known: Mapping[str, Neighbourhood] = field(default_factory=dict)

    def spot(self, postcode: str) -> Spot | None:
        """Where it lies; none where nobody said."""
        found = self.known.get(postcode)
        return found.spot if found is not None else None

    def name(self, postcode: str) -> str:
        """What it is called; empty where nobody said."""
        found = self.known.get(postcode)
        return found.name if found is not None else ""


def read_neighbourhoods(path: Path) -> Neighbourhoods:
    """Read the table.

    Raises:
        BadInput: `invalid-setting`, with the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "places.neighbourhoods", then=UNREADABLE) from None
    return _read(lines)


def _read(lines: Iterable[str]) -> Neighbourhoods:
    rows = csv.DictReader(lines)
    if not set(rows.fieldnames or ()) >= _COLUMNS:
        raise _refused(1)
    known: dict[str, Neighbourhood] = {}
    try:
        for row in rows:
            postcode, name = row["postcode"] or "", row["name"] or ""
            sound = _POSTCODE.fullmatch(postcode) and postcode not in known and name.isprintable() and len(name) <= _NAME_CHARACTERS
            if not sound or len(known) >= _MOST:
                raise _refused(rows.line_num)
            known[postcode] = Neighbourhood(postcode, name, Spot(float(row["latitude"]), float(row["longitude"])))
    except (ValueError, TypeError, csv.Error):
        raise _refused(rows.line_num) from None
    return Neighbourhoods(known)


def _refused(line: int) -> BadInput:
    return BadInput(Fault.INVALID_SETTING, f"places.neighbourhoods: line {line}", then=IN_THE_FILE)
