"""Needs, answers and moments in words, as coordinators read them."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from accord.rules.capacity.fitting import Point, Reason, Verdict
from accord.rules.capacity.ranking import Ranked
from accord.rules.capacity.standing import Doubt, Stand, State
from accord.terms.capacity import AT_HOME, CareKind, Certainty, Need, Stop
from accord.terms.placing import Fit, Terms
from gateway.viewer.speaking import Speech

#: By what a reader has to do with it: fine, less than asked, no, to be asked.
MARKS: Final[Mapping[Verdict, str]] = MappingProxyType({Verdict.YES: "ok", Verdict.PART: "part", Verdict.NO: "no", Verdict.NOT_STATED: "ask"})


def need_words(need: Need, speech: Speech) -> str:
    """Geriatrische revalidatie vanaf donderdag 26 november 2026."""
    many = amount_words(need.amount, need.kind, speech) if need.amount > 1 or need.kind in AT_HOME else ""
    kind = speech(f"places.kind.{need.kind.value}")
    specialty = f" ({need.specialty})" if need.specialty else ""
    return ", ".join(filter(None, (f"{kind}{specialty}", many, speech("places.from_day", day=speech.words.day(need.since)))))


def extra_words(need: Need, speech: Speech) -> tuple[str, ...]:
    """What else the need has: conditions, languages, the law, an end."""
    found = [speech(f"places.condition.{one.value}") for one in sorted(need.conditions)]
    found += [speech("places.language", code=language_words(one, speech)) for one in sorted(need.languages)]
    if need.funding is not None:
        found.append(speech(f"places.funding.{need.funding.value}"))
    if need.near:
        found.append(speech("places.in_postcode", code=need.near))
    if need.until is not None:
        found.append(speech("places.until_day", day=speech.words.day(need.until)))
    return tuple(found)


def language_words(tag: str, speech: Speech) -> str:
    """A language by its tag."""
    return speech.words.sentences.get(f"places.tongue.{tag}", tag)


def amount_words(amount: int, kind: CareKind, speech: Speech) -> str:
    """Places, or visits a week."""
    what = "visit" if kind in AT_HOME else "place"
    return speech(f"places.{what}" if amount == 1 else f"places.{what}s", n=amount)


def age_words(age: timedelta, speech: Speech) -> str:
    """4 minuten, 26 uur, 3 dagen."""
    minutes = max(0, int(age.total_seconds() // 60))
    for size, unit, least in ((1440, "day", 2880), (60, "hour", 60)):
        if minutes >= least:
            return _counted(minutes // size, unit, speech)
    return _counted(minutes, "minute", speech) if minutes else speech("places.just_now")


def _counted(number: int, unit: str, speech: Speech) -> str:
    return speech(f"places.{unit}" if number == 1 else f"places.{unit}s", n=number)


def stand_words(one: Ranked, telephone: str, speech: Speech) -> str:
    """How an opening stands, in a few words."""
    stands, kind = one.stand, one.opening.service.kind
    match stands.state:
        case State.FREE | State.LATER:
            free = _free(stands, kind, speech)
            return free if stands.since is None else speech("places.stand.later", free=free, day=speech.words.day(stands.since))
        case State.UNKNOWN:
            return _unknown(stands, telephone, speech)
        case State.STOPPED:
            return stop_words(stands.stop, speech)
        case State.FULL:
            return speech("places.stand.full")
        case State.OVER:
            return speech("places.stand.over")


def _free(stands: Stand, kind: CareKind, speech: Speech) -> str:
    if stands.places is not None:
        return speech("places.stand.free", n=amount_words(stands.places, kind, speech))
    return speech(f"places.light.{'green' if stands.light is None else stands.light.value}")


def _unknown(stands: Stand, telephone: str, speech: Speech) -> str:
    call = speech("places.stand.call", telephone=telephone) if telephone else ""
    if stands.doubt is Doubt.STALE:
        return speech("places.stand.stale", age=age_words(stands.age, speech), call=call).strip()
    return speech(f"places.stand.{'unknown' if stands.doubt is None else stands.doubt.value}", call=call).strip()


def stop_words(stop: Stop | None, speech: Speech) -> str:
    """Why nobody is taken, and until when."""
    if stop is None:
        return speech("places.stand.full")
    why = speech(f"places.stop.{stop.reason.value}")
    if stop.expected_end is None:
        return speech("places.stand.stopped", why=why)
    return speech("places.stand.stopped_until", why=why, until=speech.whole_moment(stop.expected_end))


def seen_words(one: Ranked, speech: Speech) -> str:
    """Who said so, how long ago."""
    key = "confirmed" if one.opening.certainty is Certainty.CONFIRMED else "derived"
    return speech(f"places.{key}", age=age_words(one.stand.age, speech))


def reason_words(reason: Reason, kind: CareKind, speech: Speech) -> str:
    """Why it suits, or does not, on one point; empty where that says nothing."""
    point, verdict = reason.point, reason.verdict
    if point is Point.KIND and verdict is Verdict.YES:
        return ""
    if point is Point.AMOUNT:
        return "" if verdict in (Verdict.YES, Verdict.NO) else _amount(reason, kind, speech)
    if point is Point.DATE:
        day = "" if reason.day is None else speech.words.day(reason.day)
        return speech(f"places.point.date.{verdict.value}", day=day)
    return speech(f"places.point.{point.value}.{verdict.value}", what=", ".join(_code(point, one, speech) for one in reason.codes))


def _amount(reason: Reason, kind: CareKind, speech: Speech) -> str:
    if reason.amount is None:
        return speech("places.point.amount.not-stated")
    return speech("places.point.amount.part", n=amount_words(reason.amount, kind, speech))


def _code(point: Point, code: str, speech: Speech) -> str:
    if point is Point.LANGUAGES:
        return language_words(code, speech)
    # Of a law its short name is enough here.
    return code if point is Point.FUNDING else speech.words.sentences.get(f"places.condition.{code}", code)


def part_words(amount: int, need: Need, speech: Speech) -> str:
    """3 van de 4 bezoeken per week."""
    return speech("places.part_of", n=amount, all=amount_words(need.amount, need.kind, speech))


def terms_words(terms: Terms, need: Need, speech: Speech) -> str:
    """3 van de 4 bezoeken per week, vanaf donderdag 26 november."""
    many = part_words(terms.amount, need, speech) if terms.amount < need.amount else amount_words(terms.amount, need.kind, speech)
    since = terms.since if terms.since is not None else need.since
    pieces = [many, speech("places.from_day", day=speech.words.day(since))]
    if terms.until is not None:
        pieces.append(speech("places.until_day", day=speech.words.day(terms.until)))
    said = ", ".join(pieces)
    return said if terms.fit is not Fit.OTHER else speech("places.counter", terms=said)
