"""What all visits together found, as counts: nothing of a person or a record stays."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from accord.rules.identity import Identity
from accord.terms.faults import Fault
from node_agent.conformance.coverage import Coverage

#: What makes a record one of somebody else.
OF_SOMEBODY_ELSE: Final = (Fault.OTHER_PATIENT, Fault.SEVERAL_BSNS)


@dataclass(slots=True)
class Seen:
    """What all visits together found, as counts."""

    people: int = 0
    unknown: int = 0
    records: int = 0
    identities: Counter[Identity] = field(default_factory=Counter)
    #: People of whom no Patient record shows who they are, and records that stand under such a Patient record of somebody else of whom one does.
    nameless: int = 0
    hidden: int = 0
    unfit: Counter[Fault] = field(default_factory=Counter)
    oversized: int = 0
    twice: int = 0
    shared: int = 0
    references: int = 0
    dangling: int = 0
    attachments: int = 0
    lost_attachments: int = 0
    other_attachments: int = 0
    missing_by_type: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    incapable: bool = False
    seconds_to_find: list[float] = field(default_factory=list)
    seconds_to_first: list[float] = field(default_factory=list)
    seconds_in_all: list[float] = field(default_factory=list)
    failures: Counter[Fault] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)
    #: By point and by the number of the person in the list that was given: which types, and how often.
    places: dict[str, dict[int, Counter[str]]] = field(default_factory=dict)

    def note(self, point: str, person: int, what: str, count: int = 1) -> None:
        """Remember where something is the matter."""
        self.places.setdefault(point, {}).setdefault(person, Counter())[what] += count

    def where(self, point: str) -> list[str]:
        """Where something is the matter, for whoever has the list of people."""
        places = self.places.get(point, {})
        return [f"person {number}: {', '.join(f'{what} {count}' for what, count in sorted(places[number].items()))}" for number in sorted(places)]
