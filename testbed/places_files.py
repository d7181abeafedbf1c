"""What a provider of the testbed says about its teams in the settings of its agent, and what was counted before anybody asked."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from accord.review.reviewers import entry_of
from accord.terms.capacity import Certainty, Opening, Service
from testbed.places import COUNTS_FOR, NAMES, SPOTS
from testbed.toml_files import toml_value

STORE: Final = "places.db"
SERVICES: Final = "services.toml"
PLANNERS: Final = "planners.toml"
NEIGHBOURHOODS: Final = "neighbourhoods.csv"
#: By which the planners of every provider of the testbed log in; it is no secret.
CODE: Final = "verzonnen-planner-die-niet-bestaat-in-deze-regio"
#: Who counted, in the region that begins: the provider's planner, or a system of the house that is not there any more.
_BY: Final = {Certainty.CONFIRMED: "planner", Certainty.DERIVED: "systeem"}


def write_services(folder: Path, services: Iterable[Service], page: str = "", *, hold_minutes: int = 120) -> Mapping[str, str | bool | float]:
    """Write the file with what the teams of one provider do; returns its agent's section `[places]`. *page*: where its planners' page is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = ("[[service]]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in _told(each, hold_minutes).items()) for each in services)
    (folder / SERVICES).write_text("\n".join(entries), encoding="utf-8")
    settings = {"services": SERVICES, "store": STORE, "key_file": "places.key"}
    if not page:
        return settings
    (folder / PLANNERS).write_text(entry_of("planner-1", "Ans Wolterink", CODE, table="planner"), encoding="utf-8")
    return settings | {"listen": page.removeprefix("http://"), "people": PLANNERS}


def write_neighbourhoods(path: Path) -> None:
    """The table by which distances are known: the region's own postcodes, each with a point that is nowhere."""
    lines = (f"{postcode},{spot.latitude},{spot.longitude},{NAMES[postcode]}" for postcode, spot in SPOTS.items())
    path.write_text("\n".join(("postcode,latitude,longitude,name", *lines, "")), encoding="utf-8")


def count_before(store: Path, openings: Sequence[Opening]) -> None:
    """Keep these counts in a store that an agent made, as if somebody had looked then. It must run, or have run once."""
    rows = [
        (
            each.id,
            each.service.id,
            each.places,
            each.light,
            _micros(each.observed_at),
            _micros(each.valid_until),
            each.certainty,
            _BY[each.certainty],
            each.since.isoformat() if each.since else None,
            each.until.isoformat() if each.until else None,
        )
        for each in openings
    ]
    connection = sqlite3.connect(store, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR REPLACE INTO opening (id, service, counted, light, observed, valid, certainty, source, since, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def _told(service: Service, hold_minutes: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": service.id,
        "title": service.title,
        "kind": service.kind.value,
        "conditions": sorted(service.conditions),
        "languages": sorted(service.languages),
        "funding": sorted(service.funding),
        "area": list(service.area),
        "place": service.place,
        "telephone": service.telephone,
        "instant": service.instant,
        "valid_minutes": int(COUNTS_FOR.total_seconds() // 60),
        "hold_minutes": hold_minutes,
    }
    if service.specialty:
        said["specialty"] = service.specialty
    if service.spot is not None:
        said["spot"] = [service.spot.latitude, service.spot.longitude]
    return said


def _micros(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
