"""Whether an opening suits a need: fully, in part or not, and about which point there is what to say.

Not stated is not the same as no: a provider that says nothing about languages may speak them all. Words for it are made
where it is shown.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from accord.rules.capacity.standing import Stand, State
from accord.terms.capacity import AT_HOME, Need, Opening, Service


class Suits(StrEnum):
    """How far an opening suits."""

    FULL = "full"
    PART = "part"
    """Fewer places or visits, a later day, an earlier end, or without the language."""
    NOT = "not"


class Point(StrEnum):
    """About what there is something to say."""

    KIND = "kind"
    SPECIALTY = "specialty"
    CONDITIONS = "conditions"
    LANGUAGES = "languages"
    FUNDING = "funding"
    AREA = "area"
    DATE = "date"
    AMOUNT = "amount"


class Verdict(StrEnum):
    """What there is to say."""

    YES = "yes"
    NOT_STATED = "not-stated"
    """Neither yes nor no: it has to be asked."""
    PART = "part"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Reason:
    """What is said about one point. `codes`: which conditions or languages; `day`: from or until when; `amount`: how many."""

    point: Point
    verdict: Verdict
    codes: tuple[str, ...] = ()
    day: date | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Fitting:
    """How far an opening suits a need, with a reason for every point that the need has."""

    suits: Suits
    reasons: tuple[Reason, ...]

    @property
    def unstated(self) -> int:
        """Points that somebody has to ask about."""
        return sum(reason.verdict is Verdict.NOT_STATED for reason in self.reasons)

    @property
    def lacks_more_than_a_place(self) -> bool:
        """It would not suit either if it were free on that day."""
        return any(reason.verdict is Verdict.NO and reason.point not in (Point.AMOUNT, Point.DATE) for reason in self.reasons)


def fitting(need: Need, opening: Opening, stands: Stand) -> Fitting:
    """How *opening*, which stands so, suits *need*. Of a number that nobody can rely on, it is not said that it is too small."""
    service = opening.service
    reasons = (
        Reason(Point.KIND, _yes(service.kind is need.kind)),
        *_specialty(need, service),
        *_conditions(need, service),
        *_languages(need, service),
        *_funding(need, service),
        *_area(need, service),
        _date(need, opening),
        _amount(need, stands),
    )
    verdicts = {reason.verdict for reason in reasons}
    if Verdict.NO in verdicts:
        return Fitting(Suits.NOT, reasons)
    return Fitting(Suits.PART if Verdict.PART in verdicts else Suits.FULL, reasons)


def _yes(holds: bool) -> Verdict:  # noqa: FBT001 -- what holds is the whole of it
    return Verdict.YES if holds else Verdict.NO


def _specialty(need: Need, service: Service) -> tuple[Reason, ...]:
    if not need.specialty:
        return ()
    verdict = _yes(need.specialty.casefold() == service.specialty.casefold()) if service.specialty else Verdict.NOT_STATED
    return (Reason(Point.SPECIALTY, verdict),)


def _conditions(need: Need, service: Service) -> tuple[Reason, ...]:
    """One reason, with what is missing. Who names none of its conditions has stated nothing about any."""
    if not need.conditions:
        return ()
    missing = tuple(sorted(need.conditions - service.conditions))
    if not missing:
        return (Reason(Point.CONDITIONS, Verdict.YES, tuple(sorted(need.conditions))),)
    return (Reason(Point.CONDITIONS, Verdict.NO if service.conditions else Verdict.NOT_STATED, missing),)


def _languages(need: Need, service: Service) -> tuple[Reason, ...]:
    """One language in common is enough; without any somebody can still come who interprets, so nobody is ruled out by it."""
    if not need.languages:
        return ()
    wanted = tuple(sorted(need.languages))
    if not service.languages:
        return (Reason(Point.LANGUAGES, Verdict.NOT_STATED, wanted),)
    spoken = {_language(tag) for tag in service.languages}
    shared = tuple(tag for tag in wanted if _language(tag) in spoken)
    return (Reason(Point.LANGUAGES, Verdict.YES, shared) if shared else Reason(Point.LANGUAGES, Verdict.PART, wanted),)


def _language(tag: str) -> str:
    """`nl` of `nl-BE` (BCP 47: the first subtag is the language)."""
    return tag.partition("-")[0].lower()


def _funding(need: Need, service: Service) -> tuple[Reason, ...]:
    if need.funding is None:
        return ()
    verdict = _yes(need.funding in service.funding) if service.funding else Verdict.NOT_STATED
    return (Reason(Point.FUNDING, verdict, (need.funding.value,)),)


def _area(need: Need, service: Service) -> tuple[Reason, ...]:
    """Only of care that comes to the person; a service without an area serves everywhere."""
    if need.kind not in AT_HOME:
        return ()
    if not service.area:
        return (Reason(Point.AREA, Verdict.YES),)
    if not need.near:
        return (Reason(Point.AREA, Verdict.NOT_STATED),)
    return (Reason(Point.AREA, _yes(any(need.near.startswith(prefix) for prefix in service.area))),)


def _date(need: Need, opening: Opening) -> Reason:
    if opening.until is not None and opening.until < max(need.since, opening.since or need.since):
        return Reason(Point.DATE, Verdict.NO, day=opening.until)
    if need.until is not None and opening.since is not None and opening.since > need.until:
        return Reason(Point.DATE, Verdict.NO, day=opening.since)
    if opening.since is not None and opening.since > need.since:
        return Reason(Point.DATE, Verdict.PART, day=opening.since)
    if opening.until is not None and need.until is not None and opening.until < need.until:
        return Reason(Point.DATE, Verdict.PART, day=opening.until)
    return Reason(Point.DATE, Verdict.YES)


def _amount(need: Need, stands: Stand) -> Reason:
    if stands.state in (State.FULL, State.STOPPED):
        return Reason(Point.AMOUNT, Verdict.NO, amount=0)
    if stands.places is None:
        return Reason(Point.AMOUNT, Verdict.NOT_STATED)
    return Reason(Point.AMOUNT, Verdict.YES if stands.places >= need.amount else Verdict.PART, amount=stands.places)
