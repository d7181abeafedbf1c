"""What the region said to `$find-places`: a searchset of HealthcareServices in order, with the reasons, and an OperationOutcome of who was not heard."""

from collections.abc import Iterator
from typing import Any, Final

from accord.rules.capacity.fitting import Reason
from accord.rules.capacity.ranking import Group, Ranked
from accord.terms.answers import Ending
from gateway.api.fhir_placing_words import CONDITIONS, EXTENSION, FUNDINGS, HOLDERS, KINDS, LANGUAGES, SERVICES, SPECIALTIES, concept, concepts
from gateway.api.outcomes import CODE_SYSTEM, ISSUE_BY_ENDING, Json, authored_outcome, issue
from gateway.dossier.provenance import AUTHORED
from gateway.dossier.words import ENDINGS, fault_words
from gateway.places.pages_speech import reason_words, seen_words, stand_words
from gateway.places.ports import Accounted, HolderSaid
from gateway.places.searching import Found
from gateway.viewer.speaking import Speech

_MOST: Final = 500
_GROUPS: Final = {Group.FREE: "free", Group.UNKNOWN: "unknown", Group.TAKEN: "taken", Group.UNSUITABLE: "unsuitable", Group.REFUSED: "refused"}
_WHOLE: Final = {"nl": "Iedereen die zo'n plek kan hebben is gehoord: {n} van {all}.", "en": "Everybody who may have such a place was heard: {n} of {all}."}
_PART: Final = {
    "nl": "Niet iedereen die zo'n plek kan hebben is gehoord: {n} van {all}. Bel als het niet kan wachten.",
    "en": "Not everybody who may have such a place was heard: {n} of {all}. Call if it cannot wait.",
}
_OLDER: Final = {
    "nl": "Het register hier is ouder dan dat van de gateway: er kunnen aanbieders ontbreken.",
    "en": "The register here is older than the gateway's: providers may be missing.",
}
_UNJUDGED: Final = {
    "nl": "Niet iedereen staat in het register hier. Niet te beoordelen: {n}.",
    "en": "Not everybody is in the register here. Could not be judged: {n}.",
}


def found_bundle(found: Found, base: str, speech: Speech, correlation_id: str) -> Json:
    """Every opening in order, as a HealthcareService, and how complete that is.

    What is older than its provider vouches for has no number: it is unknown (group `unknown`), and never free.
    """
    shown = found.ranked[:_MOST]
    entries: list[Json] = [
        {"fullUrl": f"{base}/HealthcareService/{number}", "resource": _service(one, found, number, speech), "search": {"mode": "match"}}
        for number, one in enumerate(shown, 1)
    ]
    entries.append({"resource": _account(found, speech, correlation_id), "search": {"mode": "outcome"}})
    return {"resourceType": "Bundle", "type": "searchset", "meta": {"tag": [AUTHORED]}, "total": len(shown), "entry": entries}


def _service(one: Ranked, found: Found, number: int, speech: Speech) -> Json:
    said, service = found.said_of(one), one.opening.service
    telephone = service.telephone or said.provider.telephone
    told: Json = {
        "resourceType": "HealthcareService",
        "id": f"{number}",
        "meta": {"tag": [AUTHORED]},
        "extension": [*_extensions(one, found), *_reasons(one, speech)],
        "identifier": [{"system": SERVICES, "value": service.id}],
        "providedBy": {"identifier": {"system": HOLDERS, "value": one.provider.value}, "display": said.provider.title},
        "type": [concept(KINDS, service.kind.value, speech(f"places.kind.{service.kind.value}"))],
        "specialty": concepts(SPECIALTIES, filter(None, [service.specialty])),
        "location": [{"display": place} for place in filter(None, [service.place])],
        "name": service.title,
        "comment": f"{stand_words(one, telephone, speech)}; {seen_words(one, speech)}",
        "telecom": [{"system": "phone", "value": telephone}] if telephone else [],
        "program": concepts(FUNDINGS, service.funding),
        "characteristic": concepts(CONDITIONS, service.conditions),
        "communication": concepts(LANGUAGES, service.languages),
    }
    return {name: value for name, value in told.items() if value not in ("", [])}


def _extensions(one: Ranked, found: Found) -> Iterator[Json]:
    opening, stand = one.opening, one.stand
    told: list[tuple[str, str, Any]] = [
        ("group", "valueCode", _GROUPS[one.group]),
        ("state", "valueCode", stand.state.value),
        ("doubt", "valueCode", stand.doubt.value if stand.doubt else None),
        ("places", "valueUnsignedInt", stand.places if stand.places is not None and stand.places >= 0 else None),
        ("light", "valueCode", stand.light.value if stand.light else None),
        ("since", "valueDate", opening.since.isoformat() if opening.since else None),
        ("stop", "valueCode", stand.stop.reason.value if stand.stop else None),
        ("stop-expected-end", "valueInstant", stand.stop.expected_end.isoformat(timespec="seconds") if stand.stop and stand.stop.expected_end else None),
        ("observed-at", "valueInstant", opening.observed_at.isoformat(timespec="seconds")),
        ("valid-until", "valueInstant", opening.valid_until.isoformat(timespec="seconds")),
        ("certainty", "valueCode", opening.certainty.value),
        ("suits", "valueCode", one.fitting.suits.value),
        ("preferred", "valuePositiveInt", one.preferred),
        ("distance-km", "valueDecimal", None if one.distance_km is None else round(one.distance_km, 1)),
        ("too-far", "valueBoolean", one.too_far),
        ("opening", "valueString", opening.id),
        ("region", "valueString", found.said_of(one).provider.region or None),
        ("takes-requests", "valueBoolean", found.put_to(one) is not None),
    ]
    return ({"url": f"{EXTENSION}{name}", kind: value} for name, kind, value in told if value is not None)


def _reasons(one: Ranked, speech: Speech) -> Iterator[Json]:
    """Why it stands where it stands: what there is to say about every point of the need, in codes and in words."""
    for reason in one.fitting.reasons:
        words = reason_words(reason, one.opening.service.kind, speech)
        yield {"url": f"{EXTENSION}reason", "extension": [{"url": url, kind: value} for url, kind, value in _reason(reason, words)]}


def _reason(reason: Reason, words: str) -> Iterator[tuple[str, str, Any]]:
    yield "point", "valueCode", reason.point.value
    yield "verdict", "valueCode", reason.verdict.value
    yield from (("code", "valueCode", code) for code in reason.codes)
    if reason.day is not None:
        yield "day", "valueDate", reason.day.isoformat()
    if reason.amount is not None and reason.amount >= 0:
        yield "amount", "valueUnsignedInt", reason.amount
    if words:
        yield "words", "valueString", words


def _account(found: Found, speech: Speech, correlation_id: str) -> Json:
    """Who was not heard out, with whom to call; and last the count, so that nobody takes a part for the whole."""
    issues = [_unheard(one, speech, correlation_id) for one in found.unheard]
    # The late ones are asked once more, which the account of the first asking does not know.
    asked = unjudged = 0
    if found.account:
        asked, unjudged = found.account.asked, found.account.unjudged
        issues += _missing(found.account, speech, correlation_id)
    answered = asked - sum(not one.provider.region for one in found.unheard)
    whole = found.complete
    words = (_WHOLE if whole else _PART)[speech.language].format(n=answered, all=asked + unjudged)
    last = issue("information" if whole else "warning", "informational" if whole else "incomplete", words, [], correlation_id)
    return authored_outcome([*issues, last])


def _missing(account: Accounted, speech: Speech, correlation_id: str) -> Iterator[Json]:
    """That somebody may be missing because the register here is not as new as the gateway's."""
    if account.code is not None:
        words = _UNJUDGED if account.unjudged else _OLDER
        yield issue("warning", "incomplete", words[speech.language].format(n=account.unjudged), [(CODE_SYSTEM, account.code.value)], correlation_id)


def _unheard(one: HolderSaid, speech: Speech, correlation_id: str) -> Json:
    who = " ".join(part for part in (one.provider.title, one.provider.region and f"({one.provider.region})", one.provider.telephone) if part)
    why = [speech.say(ENDINGS[one.ending])]
    if one.code is not None and one.ending is not Ending.TOO_LATE:
        why.append(speech.say(fault_words(one.code)))
    codings = [("urn:noaber:ending", one.ending.value), *([(CODE_SYSTEM, one.code.value)] if one.code else [])]
    return issue("warning", ISSUE_BY_ENDING[one.ending], f"{who}: {' '.join(why)}", codings, correlation_id) | {
        "expression": [f"holder.{one.provider.name.value}"]
    }
