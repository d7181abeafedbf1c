"""Keeps the numbers of free places that come by themselves up to date, until it is cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from accord.terms.faults import Faulted
from node_agent.places.inputs.steady import Steady
from node_agent.places.inputs.watching import Watching
from node_agent.places.ports import Observed
from node_agent.places_input_settings import CountedSettings

if TYPE_CHECKING:
    from node_agent.places.inputs.fhir_asking import FhirPlaces

_LOOK_SECONDS: Final = 0.5

_log = structlog.get_logger("noaber.places")


class Asking:
    """Asks the FHIR server every so many seconds, for one service after another."""

    def __init__(self, places: "FhirPlaces", counted: Sequence[CountedSettings], observed: Observed, seconds: float) -> None:
        #: What is wrong, by its code; empty when nothing is.
        self.trouble = ""
        self._places = places
        self._counted = [(one, Steady(observed)) for one in counted]
        self._seconds = seconds

    async def look(self) -> None:
        """Ask once; nothing is raised. A service that cannot be asked about holds up no other."""
        trouble = ""
        for counted, steady in self._counted:
            try:
                observation, unclear = await self._places.look(counted)
                await steady.tell(observation)
                trouble = trouble or unclear
            except Faulted as failure:
                trouble = trouble or failure.fault.value
        if trouble and trouble != self.trouble:
            _log.warning("free places cannot be counted at the source", code=trouble)
        self.trouble = trouble

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await anyio.sleep(self._seconds)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that bring numbers, and what is wrong with any of them."""

    exports: Sequence[Watching] = ()
    asking: Asking | None = None

    def troubles(self) -> tuple[tuple[str, str], ...]:
        """By name: the code of what is wrong, and where."""
        asked = [("FHIR", self.asking.trouble)] if self.asking is not None else []
        return tuple((name, trouble) for name, trouble in [*((one.name, one.trouble) for one in self.exports), *asked] if trouble)

    async def keep(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as tasks:
            if self.asking is not None:
                tasks.start_soon(self.asking.keep)
            while True:
                for export in self.exports:
                    await export.look()
                await anyio.sleep(_LOOK_SECONDS)
