"""The file that says what a provider's teams, wards and locations do, whether or not they have places now."""

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec

from accord.terms.capacity import CareKind, Condition, Funding, Service, Spot
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import SERVICES
from accord.terms.placing import WORDS_CHARACTERS

_SETTING: Final = "places.services"
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
#: Postcode areas of the Netherlands have four digits, and do not begin with 0.
_AREA: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
#: Of a provider that is as large as they come; a statement with all of them fits.
_MOST_SERVICES: Final = 400
_FILE_BYTES: Final = 1 << 20
_Minutes = Annotated[int, msgspec.Meta(ge=1, le=7 * 24 * 60)]


@dataclass(frozen=True, slots=True)
class Offering:
    """A service, how long a count of it holds (`valid`), and how long a place is held for whoever it is offered to (`hold`)."""

    service: Service
    valid: timedelta
    hold: timedelta


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    kind: CareKind
    specialty: str = ""
    conditions: frozenset[Condition] = frozenset()
    languages: frozenset[str] = frozenset()
    funding: frozenset[Funding] = frozenset()
    area: tuple[str, ...] = ()
    spot: tuple[float, float] | None = None
    place: str = ""
    telephone: str = ""
    instant: bool = False
    valid_minutes: _Minutes = 240
    hold_minutes: _Minutes = 120


def read_services(path: Path) -> dict[str, Offering]:
    """The services of a file, by id, in its order.

    Raises:
        BadInput: `invalid-setting`: it cannot be read, or says something that cannot be; which service it is, is told.
    """
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise _wrong(f"{_SETTING}: {path.name} is too large")
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        given = tree.pop("service", [])
    except (OSError, ValueError, RecursionError):
        raise _wrong(f"{_SETTING}: {path.name} cannot be read as TOML") from None
    if tree or not isinstance(given, list) or not 0 < len(given) <= _MOST_SERVICES:
        raise _wrong(f"{_SETTING}: {path.name} holds [[service]] entries and nothing else, 1 to {_MOST_SERVICES} of them")
    offerings: dict[str, Offering] = {}
    for number, entry in enumerate(given, start=1):
        offering = _offering(entry, f"{_SETTING}: service {number}")
        if offering.service.id in offerings:
            raise _wrong(f"{_SETTING}: service {number}: its id is there twice")
        offerings[offering.service.id] = offering
    return offerings


def _offering(given: object, where: str) -> Offering:
    try:
        entry = msgspec.convert(given, _Entry)
        spot = Spot(*entry.spot) if entry.spot is not None else None
    except msgspec.ValidationError as failure:
        # What msgspec says of a file of our own names the member and what it should be, and quotes nothing.
        raise _wrong(f"{where}: {failure}") from None
    except ValueError:
        raise _wrong(f"{where}: spot: latitude and longitude, in degrees") from None
    if _ID.fullmatch(entry.id) is None:
        raise _wrong(f"{where}: id: small letters, digits and dashes, 40 at most")
    texts = (entry.title, entry.specialty, entry.place, entry.telephone, *entry.languages)
    if not entry.title.strip() or any(len(text) > WORDS_CHARACTERS or not text.isprintable() for text in texts):
        raise _wrong(f"{where}: a title, and texts of one line")
    if any(_AREA.fullmatch(area) is None for area in entry.area):
        raise _wrong(f"{where}: area: postcode areas, by four digits or the first of them")
    service = Service(
        id=entry.id,
        title=entry.title,
        kind=entry.kind,
        specialty=entry.specialty,
        conditions=entry.conditions,
        languages=entry.languages,
        funding=entry.funding,
        area=entry.area,
        spot=spot,
        place=entry.place,
        telephone=entry.telephone,
        instant=entry.instant,
    )
    return Offering(service, timedelta(minutes=entry.valid_minutes), timedelta(minutes=entry.hold_minutes))


def _wrong(where: str) -> BadInput:
    return BadInput(Fault.INVALID_SETTING, where, then=SERVICES)
