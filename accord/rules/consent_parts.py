"""The conditions of one provision of a FHIR Consent: what was understood of them, and whether that was everything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from accord.rules import consent_codes as codes
from accord.rules.choices import Meaning
from accord.rules.consent_codes import ConsentCodes
from accord.rules.consent_parties import NO_PROFESSIONAL, Party, codings_of, objects, party_of
from accord.rules.labels import plain
from accord.rules.moments import interval
from accord.terms.faults import BadInput
from accord.terms.identifiers import record_ref
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory, PurposeOfUse

_ELEMENTS: Final = frozenset(
    {"id", "extension", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data", "provision"}
)
_FAR: Final = 2**62
Members = dict[str, Any]
"""Members of a `Choice`, by name."""


class NotUnderstoodPart(Exception):
    """A part of a provision that cannot be understood for certain."""


@dataclass(slots=True)
class Parts:
    """The conditions of a provision: each list is of alternatives, and all lists hold together.

    `understood` says whether that is all of it; what was not is left out. `concerns_us` is false where it surely speaks of
    nothing that is decided here: another purpose, another act, the patient's own access.
    """

    lists: list[list[Members]] = field(default_factory=list)
    understood: bool = True
    concerns_us: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """What lies around a consent: who its references are to, codes of the day, and the holder's own addresses."""

    named: Mapping[str, Party]
    codes: ConsentCodes
    bases: tuple[str, ...]
    local: bool = False


def understood_elements(content: Members, elements: frozenset[str]) -> bool:
    """Whether all elements are known, and none modifies the meaning of the others."""
    return all(name in elements or (name.startswith("_") and name[1:] in elements) for name in content)


def read_parts(provision: Members, setting: Setting) -> Parts:
    """Read the conditions of a provision, apart from its type and the provisions in it."""
    parts = Parts()
    if not understood_elements(provision, _ELEMENTS):
        parts.understood = False  # whatever it is may change the meaning of all the rest
        return parts
    for name, read in _READERS.items():
        if name in provision:
            try:
                alternatives = read(provision[name], setting)
            except (NotUnderstoodPart, BadInput):
                parts.understood = False
                continue
            if alternatives:
                parts.lists.append(alternatives)
            else:
                parts.concerns_us = False
    return parts


def _some(value: Any) -> list[Members]:
    found = objects(value)
    if not found:
        raise NotUnderstoodPart
    return found


def _period(value: Any, _: Setting) -> list[Members]:
    begin, end = _bounds(value)
    return [{"begins": moment(begin), "ends": moment(end)}]


def _data_period(value: Any, _: Setting) -> list[Members]:
    begin, end = _bounds(value)
    return [{"period": (-_FAR if begin is None else begin, _FAR if end is None else end)}]


def _bounds(value: Any) -> tuple[int | None, int | None]:
    if not isinstance(value, dict) or not value.keys() <= {"id", "start", "end"} or not ("start" in value or "end" in value):
        raise NotUnderstoodPart
    if any(type(value[name]) is not str for name in ("start", "end") if name in value):
        raise NotUnderstoodPart
    return (interval(value["start"])[0] if "start" in value else None, interval(value["end"])[1] if "end" in value else None)


def moment(milliseconds: int | None) -> datetime | None:
    """A moment as a value; none for one that is before or after all time that can be told."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _actors(value: Any, setting: Setting) -> list[Members]:
    found: list[Members] = []
    for actor in _some(value):
        if not understood_elements(actor, frozenset({"id", "extension", "role", "reference"})):
            raise NotUnderstoodPart
        party = party_of(actor.get("reference"), setting.named)
        roles = {code for system, code in codings_of(actor.get("role")) if system in codes.PARTICIPATION}
        if party is None or len(roles) != len(codings_of(actor.get("role"))) or (not roles and not setting.local):
            raise NotUnderstoodPart
        if roles == {codes.CUSTODIAN} and party.user is not None and party.professional is None:
            found.append({"holder": party.user})
        elif roles <= codes.RECIPIENTS:
            found += [] if party is NO_PROFESSIONAL else [{"user": party.user, "professional": party.professional}]
        else:
            raise NotUnderstoodPart
    # Who keeps and who receives are two conditions, not two ways of meeting one.
    if len({"holder" in one for one in found}) > 1:
        keepers, receivers = [one for one in found if "holder" in one], [one for one in found if "holder" not in one]
        return [{**keeper, **receiver} for keeper in keepers for receiver in receivers]
    return found


def _actions(value: Any, _: Setting) -> list[Members]:
    said = {coding for concept in _some(value) for coding in codings_of(concept)}
    if not said or any(system != codes.ACTIONS or code not in codes.ACCESS | codes.OTHER_ACTIONS for system, code in said):
        raise NotUnderstoodPart
    return [{}] if any(code in codes.ACCESS for _, code in said) else []


def _labels(value: Any, _: Setting) -> list[Members]:
    said = [coding for one in _some(value) for coding in codings_of(one)]
    if len(said) != len(value) or not all(system for system, _ in said):
        raise NotUnderstoodPart
    return [{"labels": frozenset(plain(*coding) for coding in said)}]


def _purposes(value: Any, _: Setting) -> list[Members]:
    said = [coding for one in _some(value) for coding in codings_of(one)]
    known = codes.OUR_PURPOSES.keys() | codes.ANY_PURPOSE | codes.OTHER_PURPOSES
    # A kind of treatment that we do not tell apart could be that of our question: not understood for certain.
    if len(said) != len(value) or any(system not in codes.PURPOSES or code not in known for system, code in said):
        raise NotUnderstoodPart
    if any(code in codes.ANY_PURPOSE for _, code in said):
        return [{}]
    ours = {codes.OUR_PURPOSES[code] for _, code in said if code in codes.OUR_PURPOSES}
    if not ours:
        return []
    return [{"purpose": PurposeOfUse.TREATMENT if PurposeOfUse.TREATMENT in ours else PurposeOfUse.EMERGENCY_TREATMENT}]


def _types(value: Any, _: Setting) -> list[Members]:
    said = [coding for one in _some(value) for coding in codings_of(one)]
    if len(said) != len(value) or any(system != codes.RESOURCE_TYPES or code not in TYPE_BY_NAME for system, code in said):
        raise NotUnderstoodPart
    return [{"types": frozenset(code for _, code in said)}]


def _codes(value: Any, setting: Setting) -> list[Members]:
    """Codes of categories, and codes that stand in records: to bear one of either is enough."""
    categories: set[CareCategory] = set()
    others: set[tuple[str, str]] = set()
    for concept in _some(value):
        said = codings_of(concept)
        if not said or not all(system for system, _ in said):
            raise NotUnderstoodPart
        for coding in said:
            meant = setting.codes.categories_of(coding)
            if meant is None and (coding[0] == codes.MITZ_DATA or coding[0] in codes.CATEGORY_SYSTEMS):
                raise NotUnderstoodPart
            categories |= meant or set()
            others |= set() if meant else {coding}
    return ([{"category": frozenset(categories)}] if categories else []) + ([{"codes": frozenset(others)}] if others else [])


def _data(value: Any, setting: Setting) -> list[Members]:
    found = []
    for one in _some(value):
        reference = one.get("reference")
        literal = reference.get("reference") if isinstance(reference, dict) else None
        if not understood_elements(one, frozenset({"id", "extension", "meaning", "reference"})) or not isinstance(literal, str):
            raise NotUnderstoodPart
        if "meaning" not in one and not setting.local:
            raise NotUnderstoodPart
        try:
            meaning = Meaning(one.get("meaning", Meaning.INSTANCE.value))
        except ValueError:
            raise NotUnderstoodPart from None
        own = next((literal.removeprefix(base) for base in setting.bases if literal.startswith(base)), literal)
        found.append({"record": record_ref(own), "meaning": meaning})
    return found


_READERS: Final[dict[str, Callable[[Any, Setting], list[Members]]]] = {
    "period": _period,
    "actor": _actors,
    "action": _actions,
    "securityLabel": _labels,
    "purpose": _purposes,
    "class": _types,
    "code": _codes,
    "dataPeriod": _data_period,
    "data": _data,
}
