"""Names that differ between the generations wherever they stand: of types in references, and of HL7's code systems."""

import re
from collections.abc import Mapping
from typing import Any, Final

from accord.terms.identifiers import is_logical_id
from node_agent.converting.moves import code_system, refuse

#: STU3's name of a type -> R4's, where that is another.
RENAMED_TYPES: Final[Mapping[str, str]] = {"ProcedureRequest": "ServiceRequest", "ReferralRequest": "ServiceRequest"}
#: Two types became one: the ids of the second get this before them, or `7` would be two records.
REFERRAL_MARK: Final = "referral-"

#: Code systems of FHIR itself that stand in records; R4 writes each below terminology.hl7.org.
_MOVED: Final = frozenset(
    "observation-category condition-category condition-clinical condition-ver-status allergy-intolerance-substance-exposure-risk "
    "contactentity-type organization-type practitioner-role location-physical-type "
    "service-type service-category appointment-cancellation-reason encounter-type admit-source discharge-disposition "
    "encounter-special-arrangements diet diagnosis-role consentcategorycodes consentaction consentpolicycodes goal-category "
    "goal-priority immunization-recommendation-status immunization-recommendation-date-criterion "
    "immunization-origin medication-statement-category medication-admin-category reason-medication-given reason-medication-not-given "
    "dose-rate-type list-empty-reason list-order list-example-use-codes "
    "referencerange-meaning data-absent-reason media-type coverage-class coverage-copay-type "
    "subscriber-relationship insurance-plan-type communication-category communication-not-done-reason communication-topic "
    "provenance-participant-type flag-category observation-statistics episodeofcare-type participant-type".split()
)
_VERSIONED: Final = re.compile(r"http://hl7\.org/fhir/(v[23])/([A-Za-z0-9.\-]+)\Z")
_OWN: Final = "http://hl7.org/fhir/"
_TERMINOLOGY: Final = "http://terminology.hl7.org/"
#: A few got another name on the way.
_OTHERWISE: Final = {
    "medication-request-category": f"{_TERMINOLOGY}CodeSystem/medicationrequest-category",
    # Not a mistake of ours: so it stands in 4.0.1.
    "medication-dispense-category": f"{_TERMINOLOGY}fhir/CodeSystem/medicationdispense-category",
}


def told_system(system: str) -> str:
    """How R4 writes the address of a code system."""
    if not system.startswith(_OWN):
        return system
    versioned = _VERSIONED.match(system)
    if versioned:
        return code_system(f"{versioned[1]}-{versioned[2]}")
    name = system[len(_OWN) :]
    return code_system(name) if name in _MOVED else _OTHERWISE.get(name, system)


def told_id(kind: str, logical_id: str) -> str:
    """The id in R4 of a record of this type of STU3.

    Raises:
        BadInput: `not-convertible`: it would be that of another record, or is too long for one.
    """
    if kind == "ReferralRequest":
        marked = REFERRAL_MARK + logical_id
        if not is_logical_id(marked):
            raise refuse("id")
        return marked
    if kind == "ProcedureRequest" and logical_id.startswith(REFERRAL_MARK):
        raise refuse("id")
    return logical_id


class Names:
    """Tells the names in a record as R4 writes them. *bases* are the addresses below which the source's own records stand."""

    __slots__ = ("_known", "_reference", "_systems")

    def __init__(self, bases: tuple[str, ...] = ()) -> None:
        below = "|".join(("", *(re.escape(base.rstrip("/") + "/") for base in bases)))
        self._reference = re.compile(rf"({below})({'|'.join(RENAMED_TYPES)})/([^/?#]+)((?:/_history/.*)?)\Z")
        self._systems: dict[str, str] = {}
        self._known = tuple(f"{name}/" for name in RENAMED_TYPES)

    def tell(self, value: Any) -> None:
        """Change the names in a tree, in place.

        Raises:
            BadInput: `not-convertible`.
        """
        if type(value) is dict:
            for name, inner in value.items():
                kind = type(inner)
                if kind is dict or kind is list:
                    self.tell(inner)
                elif kind is str:
                    if name == "system":
                        value[name] = self._system(inner)
                    elif name == "reference" and self._may_be_renamed(inner):
                        value[name] = self.reference(inner)
        else:
            for inner in value:
                kind = type(inner)
                if kind is dict or kind is list:
                    self.tell(inner)

    def reference(self, written: str) -> str:
        """A reference to a record of this source, by the name that the record has in R4.

        Raises:
            BadInput: `not-convertible`.
        """
        found = self._reference.match(written)
        if found is None:
            return written
        base, kind, logical_id, version = found.groups()
        return f"{base}{RENAMED_TYPES[kind]}/{told_id(kind, logical_id)}{version}"

    def _may_be_renamed(self, written: str) -> bool:
        return any(name in written for name in self._known)

    def _system(self, system: str) -> str:
        known = self._systems.get(system)
        if known is None:
            known = told_system(system)
            # What a record says is not kept: only addresses that HL7 gave out, and those are few.
            if known != system and len(self._systems) < 512:
                self._systems[system] = known
        return known
