"""What a FHIR server says that it can do, as far as we use it: which types it can be asked for, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from accord.terms.faults import Fault
from accord.terms.queries import Selection
from accord.terms.records import OBSERVATION_CATEGORIES, RESOURCE_TYPES, TYPE_BY_NAME, ResourceType
from accord.terms.vocabulary import CareCategory
from node_agent.ports import SourceAnswerInvalid, SourceFailure

#: R4 gives these no `patient` parameter.
_OTHERWISE: Final[Mapping[str, str]] = {"SupplyRequest": "subject", "AdverseEvent": "subject", "Group": "member", "Schedule": "actor"}
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


@dataclass(frozen=True, slots=True)
class Abilities:
    """Which patient-related types can be searched, by which parameter, and what else is kept.

    `searched_by` is in the order in which we ask. `links` says whether Patients can be found by whom they link to.
    `unsearchable` are patient-related types that are kept and of which nobody can ask which are about a patient.
    """

    searched_by: Mapping[str, str]
    types: frozenset[str]
    links: bool = False
    unsearchable: frozenset[str] = frozenset()

    def wanted(self, selection: Selection) -> list[tuple[ResourceType, str]]:
        """The types to ask for, each with its parameter: those that can hold what was asked, and no companions."""
        return [(TYPE_BY_NAME[kind], parameter) for kind, parameter in self.searched_by.items() if _may_hold(TYPE_BY_NAME[kind], selection)]

    def lacks(self, selection: Selection) -> bool:
        """Whether a type that is kept and can hold what was asked cannot be asked for."""
        return any(_may_hold(TYPE_BY_NAME[kind], selection) for kind in self.unsearchable)


def _may_hold(kind: ResourceType, selection: Selection) -> bool:
    if selection.types and kind.name not in selection.types:
        return False
    if not selection.categories:
        return True
    if kind.name == "Observation":
        return not _OBSERVED.isdisjoint(selection.categories)
    if kind.name == "Consent":
        return not _CONSENTED.isdisjoint(selection.categories)
    return kind.category in selection.categories


def assumed(types: frozenset[str] = frozenset()) -> Abilities:
    """What is asked of a server when nothing is known of it: these types, or all, as R4 describes them."""
    names = types or frozenset(TYPE_BY_NAME)
    searched = {kind.name: _OTHERWISE.get(kind.name, "patient") for kind in RESOURCE_TYPES if kind.owner and kind.name in names}
    companions = {kind.name for kind in RESOURCE_TYPES if kind.is_companion}
    return Abilities(searched, frozenset(searched) | companions | {"Patient"})


def read_abilities(statement: bytes, name: str) -> Abilities:
    """Read a CapabilityStatement.

    Raises:
        SourceAnswerInvalid: It is none.
        SourceFailure: `wrong-fhir-version`.
    """
    try:
        read = _decode_statement(statement)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceAnswerInvalid("metadata") from None
    if read.resourceType != "CapabilityStatement":
        raise SourceAnswerInvalid("metadata")
    if not read.fhirVersion.startswith("4.0."):
        raise SourceFailure(Fault.WRONG_FHIR_VERSION, name)
    offered = {resource.type: resource for rest in read.rest if rest.mode == "server" for resource in rest.resource}
    searched: dict[str, str] = {}
    for kind in RESOURCE_TYPES:
        parameter = _parameter(kind, offered.get(kind.name))
        if parameter:
            searched[kind.name] = parameter
    others = {kind.name for kind in RESOURCE_TYPES if not kind.owner and kind.name in offered}
    links = any(parameter.name == "link" for parameter in offered["Patient"].searchParam) if "Patient" in offered else False
    unsearchable = frozenset(kind.name for kind in RESOURCE_TYPES if kind.owner and kind.name in offered and kind.name not in searched)
    return Abilities(searched, frozenset(searched) | others, links, unsearchable)


def _parameter(kind: ResourceType, offered: _Resource | None) -> str:
    """How records of this type about a patient are found; empty when they cannot be."""
    if offered is None or not kind.owner:
        return ""
    if offered.interaction and all(interaction.code != "search-type" for interaction in offered.interaction):
        return ""
    names = {parameter.name for parameter in offered.searchParam}
    usual = _OTHERWISE.get(kind.name, "patient")
    return usual if not names or usual in names else next((name for name in _BY_PREFERENCE if name in names), "")
