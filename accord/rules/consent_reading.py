"""A FHIR R4 Consent as choices: each provision becomes choices that stand within those of the provision around it.

Only an active consent about privacy counts. Treatment and advance directives are `Consent` resources too: they are
clinical content and give no choice at all (promise P5). What is not understood closes: a permit that holds anything not
understood does not exist, nor do the permits in it; an objection that does is as wide as it could mean, and nothing
overrules it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import product
from math import prod
from typing import Any, Final

from accord.rules import consent_codes as codes
from accord.rules.choices import DEEPEST, Choice
from accord.rules.consent_codes import ConsentCodes
from accord.rules.consent_parties import Party, codings_of, objects, parties_in, party_of
from accord.rules.consent_parts import Members, NotUnderstoodPart, Setting, moment, read_parts, understood_elements
from accord.rules.moments import interval
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, Bsn, Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.vocabulary import CareCategory

_LARGEST: Final = 256 * 1024
_MOST_CHOICES: Final = 512
_ELEMENTS: Final = frozenset(
    "resourceType id meta language text contained extension identifier status scope category patient dateTime performer organization "
    "sourceAttachment sourceReference policy policyRule verification provision".split()
)
#: v3 ActCode: base policies that are themselves an objection to sharing.
_OPT_OUTS: Final = frozenset({"OPTOUT", "OPTOUTE"})
_NO_CODES: Final = ConsentCodes()
_NOBODY: Final[Mapping[str, Party]] = {}


@dataclass(frozen=True, slots=True)
class Stated:
    """A consent that was read. `patient` and `at` are none where it does not say whom it is of by BSN, or when it was given."""

    id: str
    patient: Bsn | None
    at: datetime | None
    choices: tuple[Choice, ...] = field(repr=False)


def choices_from_consent(
    text: bytes, *, named: Mapping[str, Party] = _NOBODY, known: ConsentCodes = _NO_CODES, bases: tuple[str, ...] = ()
) -> tuple[Choice, ...]:
    """The choices in a Consent; see `read_consent`."""
    return read_consent(text, named=named, known=known, bases=bases).choices


def read_consent(text: bytes, *, named: Mapping[str, Party] = _NOBODY, known: ConsentCodes = _NO_CODES, bases: tuple[str, ...] = ()) -> Stated:
    """Read a Consent. *named* is who its references are to, apart from what it contains; *bases* the holder's own addresses.

    Raises:
        BadInput: It is no Consent, cannot be read for certain, or is too large; `several-bsns`.
    """
    content = strict_json(text, limit=_LARGEST)
    if not isinstance(content, dict) or content.get("resourceType") != "Consent":
        raise BadInput(Fault.NOT_A_RESOURCE)
    return consent_of(content, named=named, known=known, bases=bases)


def consent_of(content: Mapping[str, Any], *, named: Mapping[str, Party] = _NOBODY, known: ConsentCodes = _NO_CODES, bases: tuple[str, ...] = ()) -> Stated:
    """The same, of a Consent that was read from JSON by `strict_json`.

    Raises:
        BadInput: As `read_consent`.
    """
    consent = dict(content)
    name = consent.get("id") if isinstance(consent.get("id"), str) else ""
    contained = [(f"#{one.get('id')}", one) for one in objects(consent.get("contained"))]
    try:
        begins = None if "dateTime" not in consent else interval(str(consent["dateTime"]))[0]
        at, dated = moment(begins), True
    except BadInput:
        at, dated = None, False
    choices: tuple[Choice, ...] = ()
    scope = _scope(consent)
    if consent.get("status") == "active" and scope is not None:
        setting = Setting({**named, **parties_in(contained)}, known, bases, local=scope == codes.LOCAL_SCOPE)
        choices = _Reading(consent, setting, at, dated=dated, source=_source(consent)).choices()
    return Stated(str(name), _patient(consent, dict(contained)), at, choices)


def _source(consent: Members) -> str:
    """By which name the consent is known: what it says, where it has none."""
    name = consent.get("id")
    if type(name) is str and name:
        return f"Consent/{name}"[:FIELD_CHARACTERS]
    return f"Consent#{sha256(json.dumps(consent, sort_keys=True).encode()).hexdigest()[:32]}"


def _scope(consent: Members) -> str | None:
    """The system by whose word this is about access; none when it is clinical content, or about something else."""
    said = codings_of(consent.get("scope"))
    systems = {system for system, _ in said}
    if systems == {codes.LOCAL_SCOPE}:
        return codes.LOCAL_SCOPE
    return codes.CONSENT_SCOPE if said and set(said) == {(codes.CONSENT_SCOPE, "patient-privacy")} else None


def _patient(consent: Members, contained: Mapping[str, Any]) -> Bsn | None:
    reference = consent.get("patient")
    reference = reference if isinstance(reference, dict) else {}
    found = [reference.get("identifier"), *objects(contained.get(str(reference.get("reference")), {}).get("identifier"))]
    numbers = {str(one.get("value")) for one in found if isinstance(one, dict) and one.get("system") in (BSN_SYSTEM, BSN_OID)}
    if len(numbers) > 1:
        raise BadInput(Fault.SEVERAL_BSNS)
    return Bsn(numbers.pop()) if numbers else None


class _Reading:
    """The reading of one consent."""

    def __init__(self, consent: Members, setting: Setting, at: datetime | None, *, dated: bool, source: str) -> None:
        self._consent = consent
        self._setting = setting
        self._at = at
        self._source = source
        self._found: list[Choice] = []
        verified = objects(consent.get("verification"))
        self._understood = dated and understood_elements(consent, _ELEMENTS) and not any(one.get("verified") is False for one in verified)

    def choices(self) -> tuple[Choice, ...]:
        """The choices of the whole consent."""
        heads = self._heads()
        if any((system.endswith("ActCode") and code in _OPT_OUTS) for system, code in codings_of(self._consent.get("policyRule"))):
            self._walk({"type": "deny", **{k: v for k, v in self._root().items() if k not in ("type", "provision")}}, heads, ".0", understood=self._understood)
        if heads and "provision" in self._consent:
            self._walk(self._root(), heads, ".1", understood=self._understood, is_root=True)
        return tuple(self._found)

    def _root(self) -> Members:
        root = self._consent.get("provision", {})
        if not isinstance(root, dict):
            raise BadInput(Fault.NOT_A_RESOURCE)
        return root

    def _heads(self) -> list[Choice | None]:
        """What the consent says for all its provisions: of which holders, and in the Dutch forms to whom and of what."""
        lists: list[list[Members]] = []
        for read in (self._holders, self._users, self._categories):
            try:
                alternatives = read()
            except NotUnderstoodPart:
                self._understood = False
                continue
            if alternatives is not None:
                lists.append(alternatives)
        return [Choice(permits=False, source=self._source, **_merged(members)) if any(members) else None for members in _ways(lists, 1)]

    def _holders(self) -> list[Members] | None:
        if "organization" not in self._consent:
            return None
        parties = [party_of(one, self._setting.named) for one in objects(self._consent["organization"])]
        if not parties or any(party is None or not isinstance(party.user, Ura) or party.professional for party in parties):
            raise NotUnderstoodPart
        return [{"holder": party.user} for party in parties if party is not None]

    def _users(self) -> list[Members] | None:
        said = [one for one in objects(self._consent.get("extension")) if one.get("url") == codes.MITZ_USERS]
        if not said:
            return None
        kinds = [self._setting.codes.users.get(code) for one in said for _, code in codings_of(one.get("valueCodeableConcept")) or [("", "")]]
        if any(one is None for one in kinds):
            raise NotUnderstoodPart
        return [{"user": kind} for kind in sorted(frozenset(kind for one in kinds if one for kind in one))]

    def _categories(self) -> list[Members] | None:
        if self._setting.local:
            scopes = codings_of(self._consent.get("scope"))
            meant = self._setting.codes.scopes.get(scopes[0][1]) if len(scopes) == 1 else None
            if not meant:
                raise NotUnderstoodPart
            return [{"category": meant}]
        said = [coding for one in objects(self._consent.get("category")) for coding in codings_of(one) if coding[0] == codes.MITZ_DATA]
        if not said:
            return None
        found: frozenset[CareCategory] = frozenset()
        for coding in said:
            one = self._setting.codes.categories_of(coding)
            if one is None:
                raise NotUnderstoodPart
            found |= one
        return [{"category": found}]

    def _walk(self, provision: Members, outer: list[Choice | None], place: str, *, understood: bool, is_root: bool = False) -> None:
        if place.count(".") > DEEPEST:
            # Nobody reads that deep: if there is an objection, it is to everything around it.
            if not _only_permits(provision):
                self._keep(self._made([], outer, place, permits=False, understood=False))
            return
        parts = read_parts(provision, self._setting)
        if not parts.concerns_us:
            return
        kind = provision.get("type")
        permits, silent = kind == "permit", is_root and kind is None
        # What is neither could be an objection.
        understood = understood and parts.understood and (silent or kind in ("permit", "deny"))
        made = self._made(parts.lists, outer, place, permits=permits, understood=understood)
        if not silent and (understood or not permits):
            self._keep(made)
        for number, one in enumerate(_inner(provision), start=1):
            self._walk(one, list(made), f"{place}.{number}", understood=understood)

    def _made(self, lists: list[list[Members]], outer: list[Choice | None], place: str, *, permits: bool, understood: bool) -> list[Choice]:
        ways = _ways(lists, len(outer))
        return [
            Choice(permits=permits, within=around, doubtful=not understood, source=self._source, place=place, **_merged(members))
            for around in outer
            for members in ways
        ]

    def _keep(self, made: list[Choice]) -> None:
        for choice in made:
            begins = choice.begins
            if choice.permits and self._at is not None and (begins is None or begins < self._at):
                # A permit is not older than its statement; an objection is believed at once.
                begins = self._at
            self._found.append(replace(choice, begins=begins))
        if len(self._found) > _MOST_CHOICES:
            raise BadInput(Fault.TOO_LARGE)


def _inner(provision: Members) -> list[Members]:
    inner = provision.get("provision", [])
    if not isinstance(inner, list) or not all(isinstance(one, dict) for one in inner):
        raise BadInput(Fault.NOT_A_RESOURCE)
    return inner


def _only_permits(provision: Members) -> bool:
    """Whether a provision and all those in it permit, so that nothing is lost when they are not read."""
    return provision.get("type") == "permit" and all(map(_only_permits, _inner(provision)))


def _ways(lists: list[list[Members]], times: int) -> list[tuple[Members, ...]]:
    """Every way to take one of each list. Counted before they are made: few lines can ask for very many."""
    if prod(map(len, lists)) * times > _MOST_CHOICES:
        raise BadInput(Fault.TOO_LARGE)
    return list(product(*lists))


def _merged(members: tuple[Members, ...]) -> Members:
    return {name: value for some in members for name, value in some.items()}
