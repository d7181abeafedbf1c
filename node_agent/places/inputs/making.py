"""The inputs of the settings, made and joined; settings that cannot work are refused before anything is asked."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Protocol

import anyio

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import IN_THE_FILE
from node_agent.opening import fhir_endpoint
from node_agent.places.inputs.exports import Export
from node_agent.places.inputs.keeping import Asking, Inputs
from node_agent.places.inputs.watching import Watching
from node_agent.places.ports import Observed
from node_agent.places_input_settings import CountedSettings, ExportSettings
from node_agent.source_settings import SourceSettings


class TakesIn(Observed, Protocol):
    """Where what they bring is taken in. `offerings` is by the ids of the services that there are."""

    @property
    def offerings(self) -> Collection[str]:
        """Those."""


class InputSettings(Protocol):
    """What of the settings of places is about inputs."""

    @property
    def exports(self) -> Sequence[ExportSettings]:
        """Exports of the planning system."""

    @property
    def fhir(self) -> Sequence[CountedSettings]:
        """Services that are counted at the source."""

    @property
    def fhir_seconds(self) -> float:
        """How often they are."""


def make_inputs(settings: InputSettings, source: SourceSettings, folder: Path, places: TakesIn, now: Callable[[], datetime], stack: AsyncExitStack) -> Inputs:
    """The inputs of a provider, taken in by its *places*; *stack* lets go of connections. Relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`: a service is not there, a name is there twice, or the source is no FHIR server.
    """
    exports = [Export(one) for one in settings.exports]
    names = [one.settings.name for one in exports]
    if len(set(names)) < len(names):
        raise BadInput(Fault.INVALID_SETTING, "places.exports: a name is there twice")
    counted = [one.service for one in settings.fhir]
    if len(set(counted)) < len(counted):
        raise BadInput(Fault.INVALID_SETTING, "places.fhir: a service is there twice")
    unknown = set(counted).union(*(export.services for export in exports)) - set(places.offerings)
    if unknown:
        raise BadInput(Fault.INVALID_SETTING, f"places.exports, places.fhir: not in places.services: {', '.join(sorted(unknown))[:200]}", then=IN_THE_FILE)
    watched = [Watching(export, folder, places, anyio.current_time, now) for export in exports]
    return Inputs(watched, _asking(settings, source, folder, places, now, stack) if settings.fhir else None)


def _asking(settings: InputSettings, source: SourceSettings, folder: Path, observed: Observed, now: Callable[[], datetime], stack: AsyncExitStack) -> Asking:
    from node_agent.places.inputs.fhir_asking import FhirPlaces, gentle  # noqa: PLC0415 - it is not loaded where it is not used
    from node_agent.sources.fhir_client import FhirClient  # noqa: PLC0415 - as above

    if source.kind != "fhir-server":
        raise BadInput(Fault.INVALID_SETTING, "places.fhir: source.kind is not fhir-server")
    for one in settings.fhir:
        if not one.locations and not one.healthcare_service:
            raise BadInput(Fault.INVALID_SETTING, "places.fhir: locations or healthcare_service")
    endpoint = gentle(fhir_endpoint(source, folder))
    client = FhirClient(endpoint)
    stack.push_async_callback(client.close)
    return Asking(FhirPlaces(client, endpoint, now), settings.fhir, observed, settings.fhir_seconds)
