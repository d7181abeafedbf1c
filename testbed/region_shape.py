"""In what a simulated region is not the usual one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.places import FictionalOpening

#: Settings that a test wants, by process and section.
More = Mapping[str, Mapping[str, Mapping[str, str | bool | float]]]


@dataclass(frozen=True, slots=True)
class Shape:
    """In what a region is not the usual one.

    `more` are settings beside the usual ones. `housed` have one agent together, `outbound` no port. `as_written` is false
    where records were changed: then all but the FHIR R4 servers are stores, which take any record and keep its bytes; a
    practice's tables, HL7 v2 and STU3 have no place for what nobody writes there. `patience` is that of the gateway, where it
    is not the usual one.
    """

    more: More = field(default_factory=dict)
    housed: frozenset[str] = frozenset()
    outbound: frozenset[str] = frozenset()
    as_written: bool = True
    patience: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, tuple[FictionalOpening, ...]] = field(default_factory=dict)
    planners: bool = False
