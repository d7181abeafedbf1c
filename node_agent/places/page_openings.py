"""What planners see of what is offered: each number with its age, and what is held and promised apart from what is free."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accord.review.words import Language
from accord.terms.capacity import AT_HOME, CareKind, Certainty, Light, StopReason
from accord.terms.place_words import CARE_KINDS, CONDITIONS, LIGHTS, STOP_REASONS
from node_agent.places.page_moments import ago, clock, day, today_of
from node_agent.places.page_states import of_opening, of_service, openings_of
from node_agent.places.page_words import PAGE
from node_agent.places.ports import OpeningKept, ServiceKept


@dataclass(frozen=True, slots=True)
class LightView:
    """One of the three lights to tap."""

    code: str
    words: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class OpeningView:
    """An opening. `number` is what the region is told, empty where it is not told one; `less` and `more` what the two buttons count it to."""

    id: str
    state: str
    when: str
    is_now: bool
    is_unknown: bool
    number: str
    before: str
    unit: str
    counted: int
    less: int | None
    more: int
    taken: str
    age: str
    ends: str
    lights: tuple[LightView, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service with its openings."""

    id: str
    state: str
    title: str
    kind: str
    can: str
    is_light: bool
    stop: str
    stop_end: str
    openings: tuple[OpeningView, ...]
    reasons: tuple[tuple[str, str], ...]


def services_shown(kept: Iterable[ServiceKept], now: datetime, language: Language) -> tuple[ServiceView, ...]:
    """All of them, as they are offered."""
    return tuple(_service(one, now, language) for one in kept)


def _service(kept: ServiceKept, now: datetime, language: Language) -> ServiceView:
    service, stop = kept.service, kept.stop
    end = stop.expected_end if stop is not None else None
    can = ", ".join(CONDITIONS[one].in_language(language) for one in sorted(service.conditions))
    return ServiceView(
        id=service.id,
        state=of_service(kept),
        title=service.title,
        kind=CARE_KINDS[service.kind].in_language(language),
        can=", ".join(part for part in (service.specialty, can, service.place) if part),
        is_light=service.kind is CareKind.EMERGENCY_DEPARTMENT,
        stop=STOP_REASONS[stop.reason].in_language(language) if stop is not None else "",
        stop_end=clock(end, now, language) if end is not None else "",
        openings=tuple(_opening(one, now, language) for one in sorted(openings_of(kept), key=lambda one: one.opening.since or date.min)),
        reasons=tuple((reason.value, STOP_REASONS[reason].in_language(language)) for reason in StopReason),
    )


def _opening(kept: OpeningKept, now: datetime, language: Language) -> OpeningView:
    opening = kept.opening
    is_unknown = opening.valid_until <= now or (opening.places is None and opening.light is None)
    shows_light = opening.light is not None or opening.service.kind is CareKind.EMERGENCY_DEPARTMENT
    unit = "visits" if opening.service.kind in AT_HOME else "free"
    return OpeningView(
        id=opening.id,
        state=of_opening(kept),
        when=_when(kept, now, language),
        is_now=opening.since is None or opening.since <= today_of(now),
        is_unknown=is_unknown,
        number="" if is_unknown or opening.places is None else str(opening.places),
        before=_before(kept, language) if is_unknown else "",
        unit=PAGE[unit].in_language(language),
        counted=kept.counted or 0,
        less=kept.counted - 1 if kept.counted else None,
        more=(kept.counted or 0) + 1,
        taken=_taken(kept, language),
        age=_age(kept, now, language),
        ends=_ends(kept, now, language),
        lights=_lights(opening.light if not is_unknown else None, language) if shows_light else (),
    )


def _when(kept: OpeningKept, now: datetime, language: Language) -> str:
    since, until, today = kept.opening.since, kept.opening.until, today_of(now)
    begins = PAGE["now"].in_language(language) if since is None or since <= today else f"{PAGE['from_day'].in_language(language)} {day(since, today, language)}"
    return f"{begins} {PAGE['up_to_day'].in_language(language)} {day(until, today, language)}" if until is not None else begins


def _before(kept: OpeningKept, language: Language) -> str:
    """What it was when it was last known."""
    if kept.opening.light is not None:
        return f"{PAGE['last_light'].in_language(language)}: {LIGHTS[kept.opening.light].in_language(language)}"
    return f"{PAGE['last_count'].in_language(language)}: {kept.counted}" if kept.counted is not None else ""


def _taken(kept: OpeningKept, language: Language) -> str:
    """The sum behind the number; empty where nothing is taken off it."""
    if kept.counted is None or not (kept.held or kept.promised):
        return ""
    parts = ((kept.counted, "counted"), (kept.held, "held"), (kept.promised, "promised"))
    return ", ".join(f"{number} {PAGE[word].in_language(language)}" for number, word in parts if number or word == "counted")


def _age(kept: OpeningKept, now: datetime, language: Language) -> str:
    if kept.counted is None and kept.opening.light is None:
        return PAGE["not_counted"].in_language(language)
    by_person = kept.opening.certainty is Certainty.CONFIRMED
    by = PAGE["said_by_planner"].in_language(language) if by_person else f"{PAGE['said_by_system'].in_language(language)} {kept.source}"
    return f"{ago(kept.opening.observed_at, now, language)}, {by}"


def _ends(kept: OpeningKept, now: datetime, language: Language) -> str:
    if kept.counted is None and kept.opening.light is None:
        return ""
    ends = kept.opening.valid_until
    word = "unknown_since" if ends <= now else "unknown_from"
    # An end within the hour is told by the clock as well: a planner looks at the clock, not at a sum.
    return f"{PAGE[word].in_language(language)} {clock(ends, now, language)}"


def _lights(on: Light | None, language: Language) -> tuple[LightView, ...]:
    return tuple(LightView(light.value, LIGHTS[light].in_language(language), light is on) for light in Light)


def tomorrow(now: datetime) -> str:
    """The day that a form for a later day begins with."""
    return f"{today_of(now) + timedelta(days=1):%Y-%m-%d}"
