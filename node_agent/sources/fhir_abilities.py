"""What a FHIR server says that it can do, as far as we use it: which types it can be asked for, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from accord.rules.leaving_out import LeftOut
from accord.terms.faults import Fault
from accord.terms.queries import Selection
from accord.terms.records import OBSERVATION_CATEGORIES, TYPE_BY_NAME, ResourceType
from accord.terms.vocabulary import CareCategory
from node_agent.ports import SourceAnswerInvalid, SourceFailure
from node_agent.sources.bgz_searches import COVERED
from node_agent.sources.fhir_generation import R4, Generation

_BY_PREFERENCE: Final = ("patient", "subject", "beneficiary", "member", "actor")
#: Types whose records fall into categories by what they say; all others by their type alone.
_OBSERVED: Final = frozenset(OBSERVATION_CATEGORIES.values()) | {TYPE_BY_NAME["Observation"].category}
_CONSENTED: Final = frozenset({CareCategory.CONSENT, CareCategory.ADVANCE_DIRECTIVE})


class _Named(msgspec.Struct):
    name: str = ""
    code: str = ""


class _Resource(msgspec.Struct):
    type: str
    interaction: list[_Named] = []
    searchParam: list[_Named] = []


class _Rest(msgspec.Struct):
    mode: str = "server"
    resource: list[_Resource] = []


class _Statement(msgspec.Struct):
    resourceType: str
    fhirVersion: str = ""
    rest: list[_Rest] = []


_decode_statement = msgspec.json.Decoder(_Statement).decode


#: Interactions that change something.
_WRITES: Final = frozenset({"create", "update", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class Abilities:
    """Which patient-related types can be searched, by which parameter, and what else is kept.

    `searched_by` is in the order in which we ask. `links` says whether Patients can be found by whom they link to.
    `writable` are types that it offers to write, to whoever may. `unsearchable` are patient-related types that are kept and
    of which nobody can ask which are about a patient, or that cannot be told in R4, or that the settings leave out; `in_part` are those of which only some
    records are asked for. All names but those of `types` are the server's own generation's.
    """

    searched_by: Mapping[str, str]
    types: frozenset[str]
    links: bool = False
    unsearchable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    generation: Generation = R4
    in_part: frozenset[str] = frozenset()

    def wanted(self, selection: Selection) -> list[tuple[ResourceType, str]]:
        """The types to ask for, each with its parameter: those that can hold what was asked, and no companions."""
        kinds = self.generation.by_name
        return [(kinds[name], parameter) for name, parameter in self.searched_by.items() if _may_hold(kinds[name], selection, self.generation.told(name))]

    def lacks(self, selection: Selection) -> bool:
        """Whether a type that is kept and can hold what was asked cannot be asked for, or not as a whole."""
        return bool(self.left_out.within(selection))

    @property
    def left_out(self) -> LeftOut:
        """The same for every question, by the names of R4."""
        whole = LeftOut.whole(map(self.generation.told, self.unsearchable))
        # Of categories that are covered, nothing is left out.
        in_part = LeftOut.whole(map(self.generation.told, self.in_part))
        return LeftOut(whole.parts | {part for part in in_part.parts if part[1] not in COVERED})

    def narrowed(self, types: frozenset[str], not_kept: frozenset[str]) -> "Abilities":
        """As the settings narrow it: what is offered beside *types* is kept and left out; of *not_kept* there is nothing to leave out."""
        told = self.generation.told
        offered = {name for name in self.searched_by.keys() | self.unsearchable if told(name) not in not_kept}
        if types:
            asked = assumed(types, self.generation)
            left = frozenset(name for name in offered if told(name) not in types)
            return replace(asked, links=self.links, writable=self.writable, unsearchable=left)
        searched = {name: parameter for name, parameter in self.searched_by.items() if name in offered}
        return replace(self, searched_by=searched, types=self.types - not_kept, unsearchable=self.unsearchable & offered)


def _may_hold(kind: ResourceType, selection: Selection, told: str) -> bool:
    if selection.types and told not in selection.types:
        return False
    if not selection.categories:
        return True
    if kind.name == "Observation":
        return not _OBSERVED.isdisjoint(selection.categories)
    if kind.name == "Consent":
        return not _CONSENTED.isdisjoint(selection.categories)
    return kind.category in selection.categories


def assumed(types: frozenset[str] = frozenset(), generation: Generation = R4) -> Abilities:
    """What is asked of a server when nothing is known of it: these types of R4, or all, as its generation describes them."""
    kinds = [kind for kind in generation.types if not types or generation.told(kind.name) in types]
    searched = {kind.name: generation.otherwise.get(kind.name, "patient") for kind in kinds if kind.owner}
    companions = {kind.name for kind in generation.types if kind.is_companion}
    return Abilities(searched, frozenset(map(generation.told, searched)) | companions | {"Patient"}, generation=generation)


def read_abilities(statement: bytes, name: str, generation: Generation = R4) -> Abilities:
    """Read a CapabilityStatement.

    Raises:
        SourceAnswerInvalid: It is none.
        SourceFailure: `wrong-fhir-version`: it speaks of another generation.
    """
    try:
        read = _decode_statement(statement)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceAnswerInvalid("metadata") from None
    if read.resourceType != "CapabilityStatement":
        raise SourceAnswerInvalid("metadata")
    if not read.fhirVersion.startswith(generation.version):
        raise SourceFailure(Fault.WRONG_FHIR_VERSION, name)
    offered = {resource.type: resource for rest in read.rest if rest.mode == "server" for resource in rest.resource}
    searched: dict[str, str] = {}
    for kind in generation.types:
        parameter = _parameter(kind, offered.get(kind.name), generation)
        if parameter:
            searched[kind.name] = parameter
    others = {kind.name for kind in generation.types if not kind.owner and kind.name in offered}
    links = any(parameter.name == "link" for parameter in offered["Patient"].searchParam) if "Patient" in offered else False
    unsearchable = {kind.name for kind in generation.types if kind.owner and kind.name in offered and kind.name not in searched}
    unsearchable |= generation.untold & offered.keys()
    writable = frozenset(name for name, resource in offered.items() if any(one.code in _WRITES for one in resource.interaction))
    told = frozenset(map(generation.told, searched)) | others
    return Abilities(searched, told, links, frozenset(unsearchable), writable, generation)


def _parameter(kind: ResourceType, offered: _Resource | None, generation: Generation) -> str:
    """How records of this type about a patient are found; empty when they cannot be."""
    if offered is None or not kind.owner:
        return ""
    if offered.interaction and all(interaction.code != "search-type" for interaction in offered.interaction):
        return ""
    names = {parameter.name for parameter in offered.searchParam}
    usual = generation.otherwise.get(kind.name, "patient")
    return usual if not names or usual in names else next((name for name in _BY_PREFERENCE if name in names), "")
