"""Who is meant in a FHIR Consent: data users, professionals and holders behind references and identifiers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from accord.rules.choices import ProfessionalNumber, RoleCode
from accord.rules.consent_codes import KIND_OF_CODE, KIND_SYSTEMS, PROFESSIONAL_SYSTEMS, ROLE_SYSTEMS, URA_SYSTEMS
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import HolderKind


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody: at a data user, in a role or by number, or both."""

    user: HolderKind | Ura | None = None
    professional: RoleCode | ProfessionalNumber | None = None


#: Somebody who is no professional of a data user: the patient, or somebody close to them.
NO_PROFESSIONAL: Final = Party()
_NOT_PROFESSIONALS: Final = frozenset({"Patient", "RelatedPerson"})


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; a list that holds anything else is none."""
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else []


def codings_of(concept: Any) -> list[tuple[str, str]]:
    """System and code of the codings of a CodeableConcept, or of a Coding."""
    if not isinstance(concept, dict):
        return []
    some = objects(concept.get("coding")) if "coding" in concept else [concept]
    return [(str(one.get("system", "")), str(one["code"])) for one in some if isinstance(one.get("code"), str)]


def party_of_identifier(identifier: Any) -> Party | None:
    """Who goes by an identifier; none when that is not known."""
    if not isinstance(identifier, dict):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(system, str) or not isinstance(value, str) or not value:
        return None
    try:
        if system in URA_SYSTEMS:
            return Party(Ura(value))
    except BadInput:
        return None
    if system in PROFESSIONAL_SYSTEMS:
        return Party(professional=ProfessionalNumber(value))
    if system in ROLE_SYSTEMS:
        return Party(professional=RoleCode(value))
    kind = KIND_OF_CODE.get(value) if system in KIND_SYSTEMS else None
    return Party(kind) if kind is not None else None


def party_of(reference: Any, named: Mapping[str, Party]) -> Party | None:
    """Who a reference is to; none when that is not known, or when it says two things."""
    if not isinstance(reference, dict) or not reference.keys() <= {"id", "reference", "type", "identifier", "display", "extension"}:
        return None
    literal = reference.get("reference")
    found = []
    if "identifier" in reference:
        found.append(party_of_identifier(reference["identifier"]))
    if isinstance(literal, str) and (literal in named or not found):
        kind = literal.partition("/")[0]
        found.append(named.get(literal) or (NO_PROFESSIONAL if kind in _NOT_PROFESSIONALS else None))
    return found[0] if found and all(one == found[0] for one in found) else None


def parties_in(resources: Iterable[tuple[str, Any]]) -> dict[str, Party]:
    """Who the resources are that lie beside a Consent, or in it, by the names that refer to them: `#a`, `urn:uuid:…`, `Organization/1`."""
    known: dict[str, Party] = {}
    later: list[tuple[str, dict[str, Any]]] = []
    for address, resource in resources:
        if not isinstance(resource, dict):
            continue
        kind = resource.get("resourceType")
        party = None
        if kind in _NOT_PROFESSIONALS:
            party = NO_PROFESSIONAL
        elif kind == "Organization":
            party = _by_identifier(resource) or _by_kind(resource)
        elif kind == "Practitioner":
            party = _by_identifier(resource)
        elif kind == "PractitionerRole":
            later.append((address, resource))
        if party is not None:
            _name(known, address, resource, party)
    for address, resource in later:
        party = _of_role(resource, known)
        if party is not None:
            _name(known, address, resource, party)
    return known


def _name(known: dict[str, Party], address: str, resource: dict[str, Any], party: Party) -> None:
    if address:
        known[address] = party
    if isinstance(resource.get("id"), str) and not address.startswith("#"):
        known[f"{resource['resourceType']}/{resource['id']}"] = party


def _by_identifier(resource: dict[str, Any]) -> Party | None:
    found = {party for one in objects(resource.get("identifier")) if (party := party_of_identifier(one)) is not None}
    return found.pop() if len(found) == 1 else None


def _by_kind(resource: dict[str, Any]) -> Party | None:
    kinds = {KIND_OF_CODE.get(code) for concept in objects(resource.get("type")) for system, code in codings_of(concept) if system in KIND_SYSTEMS}
    kind = kinds.pop() if len(kinds) == 1 else None
    return Party(kind) if kind is not None else None


def _of_role(resource: dict[str, Any], known: Mapping[str, Party]) -> Party | None:
    """A PractitionerRole: a professional or a role, at an organisation where it names one."""
    user = None
    if "organization" in resource:
        at = party_of(resource["organization"], known)
        if at is None or at.user is None:
            return None
        user = at.user
    if "practitioner" in resource:
        who = party_of(resource["practitioner"], known)
        return Party(user, who.professional) if who is not None and who.professional is not None else None
    roles = {code for concept in objects(resource.get("code")) for system, code in codings_of(concept) if system in ROLE_SYSTEMS}
    if "code" in resource:
        return Party(user, RoleCode(roles.pop())) if len(roles) == 1 else None
    return Party(user) if user is not None else None
