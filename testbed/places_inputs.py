"""Where a provider's numbers of free places come from by themselves in the testbed, and how its agent is told to read them.

Who has a planning system has its export read, who has a FHIR server has the beds counted there; of everybody else a planner says it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from testbed.holders import FictionalHolder
from testbed.places import COUNTS_FOR, FictionalOpening
from testbed.places_exports import SERVICE_ID

EXPORT: Final = "planning.csv"
#: As the agent calls the export in its journal and on its page.
PLANNING: Final = "planning"
_SETTLE_SECONDS: Final = 0.2
_FHIR_SECONDS: Final = 1.0


def told_by_a_system(holder: FictionalHolder, openings: Iterable[FictionalOpening]) -> tuple[FictionalOpening, ...]:
    """Those of a provider's openings that a system of its own tells of. A FHIR server has beds, and no lights."""
    if holder.source not in ("csv", "fhir-server"):
        return ()
    return tuple(one for one in openings if one.places is not None)


def input_settings(holder: FictionalHolder, openings: Iterable[FictionalOpening], folder: str) -> Mapping[str, Any]:
    """What the section `[places]` of its agent says about that; *folder* is that of its own systems."""
    told = told_by_a_system(holder, openings)
    if not told:
        return {}
    if holder.source == "fhir-server":
        counted = [{"service": one.service.id, "count": "beds", "healthcare_service": f"{SERVICE_ID}|{one.service.id}"} for one in told]
        return {"fhir_seconds": _FHIR_SECONDS, "fhir": counted}
    export = {
        "name": PLANNING,
        "path": f"{folder}/{EXPORT}",
        "encoding": "windows-1252",
        "service": "Code",
        "services": {one.service.id: one.service.id for one in told},
        "places": "Vrij",
        "since": "Vanaf",
        "stop": "Reden",
        "observed_at": "Stand",
        "valid_minutes": int(COUNTS_FOR.total_seconds() // 60),
        "settle_seconds": _SETTLE_SECONDS,
    }
    return {"exports": [export]}
