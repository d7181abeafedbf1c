"""The settings of where a provider's numbers of free places come from by themselves."""

from typing import Annotated, Literal

import msgspec

from accord.terms.capacity import Light

_Minutes = Annotated[int, msgspec.Meta(ge=1, le=7 * 24 * 60)]


class ExportSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An export that the planning system writes: a table of text with a line of column names, `separator` between them.

    `path` is a file, or a folder of which the newest file that fits `pattern` counts; it is taken once it has not changed for
    `settle_seconds`. `encoding` auto: UTF-8, with a byte order mark or without, else Windows-1252.

    Columns, by name: `service` says which service a row is about, by `services` (what stands there -> id of a service); what is
    not in it is refused, or passed over (`others`). Without a column, all rows are about the service `only`. `places` is a
    number, empty where nobody knows; `light` a colour, by `lights`. `since` and `until` are days. `stop` is why nobody is
    taken, by `stops` (to nothing: people are taken), `stop_end` until when. `observed_at` is when it was seen; without it, when
    the file was written. With `add_up`, rows about the same are added; else a second one is an error.

    `absent` is what holds for a service of these settings without a row: it is unknown, and planners are told; or none of it is
    free, where the export lists what is free and nothing else. Only such an export may have no rows at all.

    What was seen counts for `valid_minutes`.
    """

    name: str
    path: str
    pattern: str = "*.csv"
    separator: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ";"
    encoding: Literal["auto", "utf-8", "windows-1252"] = "auto"
    service: str = ""
    services: dict[str, str] = {}
    only: str = ""
    others: Literal["refuse", "skip"] = "refuse"
    places: str = ""
    light: str = ""
    lights: dict[str, Light] = {}
    since: str = ""
    until: str = ""
    stop: str = ""
    stops: dict[str, str] = {}
    stop_end: str = ""
    observed_at: str = ""
    add_up: bool = False
    absent: Literal["unknown", "none"] = "unknown"
    valid_minutes: _Minutes = 240
    settle_seconds: Annotated[float, msgspec.Meta(ge=0.2, le=600)] = 2.0


class CountedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service whose places are counted at the FHIR server of the source.

    `count` beds: Locations at or below `locations` (and below those of `healthcare_service`) that are unoccupied. `count`
    slots: free Slots of the Schedules of `healthcare_service` and `locations` that begin within `horizon_hours`. Both name
    resources by their id, or by an identifier as `system|value`. What was counted counts for `valid_minutes`.
    """

    service: str
    count: Literal["beds", "slots"] = "beds"
    healthcare_service: str = ""
    locations: list[str] = []
    horizon_hours: Annotated[int, msgspec.Meta(ge=1, le=31 * 24)] = 24
    valid_minutes: _Minutes = 15
