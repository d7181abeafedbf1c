"""Planted wrongs: each changes what the region does, at its outermost point, so that the story's check must fail.

Nothing of this is in production code: a record is changed before a source gets it, a relay stands in an agent's place,
or a file is left where none may be.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from testbed.faults import FaultKind
from testbed.people import DINA, DINA_EGFR_NUMBER, KeptRecord
from testbed.people import Region as Generated
from testbed.region import BlockingRegion, Change


@dataclass(frozen=True, slots=True)
class Plant:
    """A wrong: what is changed in the records before anything starts, and what is done once the region runs."""

    wrong: str
    change: Change | None = None
    spoil: Callable[[BlockingRegion], None] | None = None


def _with_records(generated: Generated, holder: str, change: Callable[[KeptRecord], KeptRecord | None]) -> Generated:
    changed = tuple(after for record in generated.kept[holder] if (after := change(record)) is not None)
    return replace(generated, kept={**generated.kept, holder: changed})


def _egfr_written_otherwise(generated: Generated) -> Generated:
    """The hospital's copy says 34.0 where the laboratory says 34: no longer the identical statement."""

    def rewrite(record: KeptRecord) -> KeptRecord:
        if record.type != "Observation" or DINA_EGFR_NUMBER.encode() not in record.json:
            return record
        return replace(record, json=re.sub(rb'("value"\s*:\s*)34\b', rb"\g<1>34.0", record.json))

    return _with_records(generated, "dinkelhorst", rewrite)


def _without_observation_1(generated: Generated) -> Generated:
    return _with_records(generated, "twickelaar", lambda record: None if record.ref == "Observation/1" else record)


def _leave_a_canary(region: BlockingRegion) -> None:
    (region.root / "gateway" / "cache").write_text(f"identifier={DINA.bsn}\n", encoding="ascii")


PLANTS: Final[dict[str, Plant]] = {
    "false-nothing": Plant("the out-of-hours post, which is dead, seems to know nothing", spoil=lambda region: region.fault("marksveen", FaultKind.SILENT)),
    "egfr-twice": Plant("the eGFR is shown twice", change=_egfr_written_otherwise),
    "lost-observation": Plant("the laboratory's Observation/1 is lost", change=_without_observation_1),
    "leaked-refusal": Plant("the mental health provider says that Dina refused", spoil=lambda region: region.fault("eschrand", FaultKind.TELLING)),
    "canary": Plant("the gateway has written a number to disk", spoil=_leave_a_canary),
}
