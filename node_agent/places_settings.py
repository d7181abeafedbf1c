"""The settings of the places that a provider can give."""

from typing import Annotated

import msgspec

from node_agent.places_input_settings import CountedSettings, ExportSettings


class PlacesSettings(msgspec.Struct, frozen=True):
    """The places that this provider can give; it has none without `services`, the file that says what its teams, wards and locations do.

    `store` is the file with what is free, what was asked and what was promised; `key_file` the key under which what is
    personal in it is sealed, and under which others seal what they write to us (made at the first start). What is over is
    erased after `keep_days`.

    The planners' page is off without `listen` (`host:port` or a unix socket). `people` is the file of who may see it. Anywhere
    but on this machine it needs a `certificate` and its `key` (PEM files) by which browsers believe it.

    `exports` of the planning system, and services that are counted at the source's FHIR server every `fhir_seconds` (`fhir`),
    bring numbers by themselves.
    """

    services: str = ""
    store: str = "places.db"
    key_file: str = "places.key"
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    listen: str = ""
    people: str = "planners.toml"
    certificate: str = ""
    key: str = ""
    exports: list[ExportSettings] = []
    fhir: list[CountedSettings] = []
    fhir_seconds: Annotated[float, msgspec.Meta(ge=1, le=3_600)] = 60.0
