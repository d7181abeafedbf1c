"""Which FHIR a server speaks: how it names types and parameters, and how a record of it is one of R4."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from anyio.lowlevel import checkpoint

from accord.terms.identifiers import RecordRef
from accord.terms.records import RESOURCE_TYPES, ResourceType
from node_agent.ports import SourceRecord

#: So many records are converted before others get their turn: a few milliseconds.
_CONVERTED_AT_ONCE: Final = 40


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of FHIR.

    Attributes:
        name: As settings call it.
        version: What a CapabilityStatement's `fhirVersion` begins with.
        types: The types that can be asked for and told in R4, by their names in this generation.
        told_as: What R4 calls a type, where that is another name.
        otherwise: The search parameter that names the patient, where it is not `patient`.
        untold: Types about patients of this generation that cannot be told in R4.
        named: By which names a record of R4 may be kept in this generation; the other way than `told_as`.
        taken: A record as received, below these base addresses; none for a generation whose records are R4 as they are.
    """

    name: str
    version: str
    types: tuple[ResourceType, ...] = RESOURCE_TYPES
    told_as: Mapping[str, str] = field(default_factory=dict)
    otherwise: Mapping[str, str] = field(default_factory=dict)
    untold: frozenset[str] = frozenset()
    named: Callable[[RecordRef], tuple[RecordRef, ...]] = lambda ref: (ref,)
    taken: Callable[[bytes, tuple[str, ...]], SourceRecord] | None = None

    @property
    def by_name(self) -> dict[str, ResourceType]:
        """The types by their names in this generation."""
        return {kind.name: kind for kind in self.types}

    def told(self, name: str) -> str:
        """What R4 calls a type of this generation."""
        return self.told_as.get(name, name)

    def record(self, body: bytes, bases: tuple[str, ...]) -> SourceRecord:
        """A record as received."""
        return SourceRecord(body) if self.taken is None else self.taken(body, bases)

    async def records(self, bodies: Iterable[bytes], bases: tuple[str, ...]) -> list[SourceRecord]:
        """Records as received. Where they must be converted, others get their turn now and then."""
        if self.taken is None:
            return [SourceRecord(body) for body in bodies]
        found: list[SourceRecord] = []
        for body in bodies:
            found.append(self.taken(body, bases))
            if len(found) % _CONVERTED_AT_ONCE == 0:
                await checkpoint()
        return found


#: R4 gives these no `patient` parameter.
R4: Final = Generation("r4", "4.0.", otherwise={"SupplyRequest": "subject", "AdverseEvent": "subject", "Group": "member", "Schedule": "actor"})
