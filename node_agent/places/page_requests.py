"""What planners see of a request: what is needed and for whom in general, how it stands, and which answers can be given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accord.review.words import Language
from accord.rules.placing.provider import OPEN, At, Leg
from accord.terms.capacity import AT_HOME, CareKind, Need
from accord.terms.place_words import CARE_KINDS, CONDITIONS, DECLINE_REASONS, END_REASONS, FUNDING, WITHDRAW_REASONS
from accord.terms.placing import Fit
from node_agent.places.page_moments import born, clock, day, length, today_of
from node_agent.places.page_states import of_leg
from node_agent.places.page_words import PAGE, STANDINGS
from node_agent.places.ports import LegRef, ServiceKept

_DECADE = 10
Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose from a list."""

    code: str
    words: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class LegView:
    """A request as it stands. What names a person is in `who`, and shown on the page of the one request only. `early_for`: its first day, while that is to come."""

    ref: LegRef
    name: str
    headline: str
    telephone: str
    standing: str
    reply_by: str
    is_late: bool
    alarm: bool
    at: At
    is_theirs: bool
    state: str
    need: Rows
    gist: Rows
    words: str
    service: str
    offer: str
    held_until: str
    interested: bool
    who: Rows = field(repr=False)
    referral: str = field(repr=False)
    lines: tuple[tuple[str, bool, str], ...] = field(repr=False)
    amount: int
    since: str
    handover: str
    early_for: str

    @property
    def can_offer(self) -> bool:
        """Whether an answer can still be given, or changed."""
        return self.at in OPEN

    @property
    def can_withdraw(self) -> bool:
        """Whether there is something to take back."""
        return self.at in (At.OFFERED, At.GRANTED)


@dataclass(frozen=True, slots=True)
class Group:
    """Requests that stand alike."""

    title: str
    legs: tuple[LegView, ...]
    is_over: bool = False


def groups(legs: Iterable[Leg], services: Sequence[ServiceKept], now: datetime, language: Language) -> tuple[Group, ...]:
    """All requests: those that nobody answered first, of these the one with the nearest deadline."""
    legs = list(legs)

    def of(title: str, *at: At, is_over: bool = False, is_theirs: bool = False) -> Group:
        some = [leg for leg in legs if leg.at in at and waits_for_them(leg) == is_theirs]
        some.sort(key=lambda leg: -leg.since.timestamp() if is_over else leg.asked.reply_by.timestamp())
        return Group(PAGE[title].in_language(language), tuple(leg_shown(leg, services, now, language) for leg in some), is_over)

    over = tuple(at for at in At if at not in (At.ASKED, At.OFFERED, At.GRANTED))
    return (
        of("group_asked", At.ASKED),
        of("group_questioned", At.ASKED, is_theirs=True),
        of("group_offered", At.OFFERED),
        of("group_granted", At.GRANTED),
        of("group_over", *over, is_over=True),
    )


def waits_for_them(leg: Leg) -> bool:
    """Whether a question of ours was the last word of a request without an answer."""
    return leg.at is At.ASKED and bool(leg.lines) and leg.lines[-1].ours


def waiting_in(legs: Iterable[Leg]) -> int:
    """How many wait for an answer of ours."""
    return sum(leg.at is At.ASKED and not waits_for_them(leg) for leg in legs)


def leg_shown(leg: Leg, services: Sequence[ServiceKept], now: datetime, language: Language) -> LegView:
    """One request."""
    need, today = leg.need, today_of(now)
    service = next((one.service.title for one in services if one.service.id == leg.asked.service), "")
    reply_by, is_late = leg.asked.reply_by, leg.asked.reply_by <= now
    waits = leg.at is At.ASKED
    left = "" if is_late else f" ({PAGE['in_time'].in_language(language)} {length(reply_by - now, language)})"
    return LegView(
        ref=LegRef(leg.asker, leg.request),
        name=leg.asked.asker,
        headline=f"{CARE_KINDS[need.kind].in_language(language)}, {PAGE['since'].in_language(language).lower()} {day(need.since, today, language)}",
        telephone=leg.asked.telephone,
        standing=_standing(leg, language),
        reply_by=f"{clock(reply_by, now, language)}{left}" if waits else "",
        is_late=waits and is_late,
        alarm=waits and (leg.reminded or is_late),
        at=leg.at,
        is_theirs=waits_for_them(leg),
        state=of_leg(leg),
        need=_need(need, now, language),
        gist=_gist(leg, language),
        words=leg.asked.gist.words,
        service=service,
        offer=_offer(leg, now, language),
        held_until=clock(leg.offer.held_until, now, language) if leg.at is At.OFFERED and leg.offer is not None else "",
        interested=leg.interested,
        who=_who(leg, language),
        referral=leg.referral,
        lines=tuple((clock(line.at, now, language), line.ours, line.words) for line in leg.lines),
        amount=need.amount,
        since=f"{need.since:%Y-%m-%d}",
        handover=_handover(leg),
        early_for=_early_for(leg, now, language),
    )


def openings_for(leg: Leg, services: Sequence[ServiceKept], now: datetime, language: Language) -> tuple[Choice, ...]:
    """What may be offered for it: all openings of its kind of care. The one that was asked for is chosen."""
    today, found = today_of(now), []
    for kept in services:
        if kept.service.kind is not leg.need.kind:
            continue
        for one in kept.openings:
            since = one.opening.since
            begins = f", {PAGE['from_day'].in_language(language).lower()} {day(since, today, language)}" if since is not None and since > today else ""
            is_known = one.opening.valid_until > now and one.opening.places is not None
            number = f"{one.opening.places} {PAGE['free'].in_language(language)}" if is_known else PAGE["unknown"].in_language(language)
            found.append(Choice(one.opening.id, f"{kept.service.title}{begins} ({number})", one.opening.id == (leg.opening or leg.asked.opening)))
    return tuple(found)


def declining(language: Language) -> tuple[Choice, ...]:
    """Why not."""
    return tuple(Choice(reason.value, words.in_language(language)) for reason, words in DECLINE_REASONS.items())


def withdrawing(language: Language) -> tuple[Choice, ...]:
    """Why something is taken back."""
    return tuple(Choice(reason.value, words.in_language(language)) for reason, words in WITHDRAW_REASONS.items())


def _standing(leg: Leg, language: Language) -> str:
    if waits_for_them(leg):
        return PAGE["waits_for_them"].in_language(language)
    told = STANDINGS[leg.at].in_language(language)
    because = ""
    if leg.at is At.DECLINED and leg.declined is not None:
        because = DECLINE_REASONS[leg.declined].in_language(language)
    elif leg.at is At.ENDED and leg.ended is not None:
        because = END_REASONS[leg.ended].in_language(language)
    elif leg.at is At.WITHDRAWN and leg.withdrawn is not None:
        because = WITHDRAW_REASONS[leg.withdrawn].in_language(language)
    return f"{told}: {because}" if because else told


def _need(need: Need, now: datetime, language: Language) -> Rows:
    today = today_of(now)
    conditions = ", ".join(CONDITIONS[one].in_language(language) for one in sorted(need.conditions))
    rows = (
        ("kind", CARE_KINDS[need.kind].in_language(language)),
        ("specialty", need.specialty),
        ("since", day(need.since, today, language)),
        ("until", day(need.until, today, language) if need.until else ""),
        ("amount", _amount(need.kind, need.amount, language)),
        ("conditions", conditions),
        ("languages", ", ".join(sorted(need.languages))),
        ("funding", FUNDING[need.funding].in_language(language) if need.funding else ""),
        ("near", need.near),
    )
    return tuple((PAGE[name].in_language(language), value) for name, value in rows if value)


def _amount(kind: CareKind, amount: int, language: Language) -> str:
    one, many = ("visit_a_week", "visits_a_week") if kind in AT_HOME else ("place_one", "place_many")
    unit = one if amount == 1 else many
    return f"{amount} {PAGE[unit].in_language(language)}"


def _gist(leg: Leg, language: Language) -> Rows:
    gist = leg.asked.gist
    age = f"{gist.age}–{gist.age + _DECADE - 1}" if gist.age is not None else ""
    rows = (("age", age), ("reason", gist.reason), ("facts", "; ".join(gist.facts)))
    return tuple((PAGE[name].in_language(language), value) for name, value in rows if value)


def _who(leg: Leg, language: Language) -> Rows:
    if leg.who is None:
        return ()
    rows = (("who_name", leg.who.name), ("who_born", born(leg.who.birth_date, language)), ("who_bsn", leg.who.bsn), ("who_contact", leg.who.contact))
    return tuple((PAGE[name].in_language(language), value) for name, value in rows if value)


def _offer(leg: Leg, now: datetime, language: Language) -> str:
    """What was offered last, in words."""
    if leg.offer is None:
        return ""
    terms, today = leg.offer.terms, today_of(now)
    amount = _amount(leg.need.kind, terms.amount, language)
    if terms.fit is Fit.PART:
        amount = f"{terms.amount} {PAGE['of'].in_language(language)} {_amount(leg.need.kind, leg.need.amount, language)}"
    begins = f"{PAGE['from_day'].in_language(language).lower()} {day(terms.since or leg.need.since, today, language)}"
    ends = f" {PAGE['up_to_day'].in_language(language)} {day(terms.until, today, language)}" if terms.until else ""
    words = f". {terms.words}" if terms.words else ""
    return f"{amount}, {begins}{ends}{words}"


def _early_for(leg: Leg, now: datetime, language: Language) -> str:
    """The first day of what was granted, while it is still to come: until then nobody is expected."""
    first, today = (leg.offer.terms.since if leg.offer is not None else None) or leg.need.since, today_of(now)
    return day(first, today, language) if first > today else ""


def _handover(leg: Leg) -> str:
    """How far the handover is: `here`, `kept` (taken in), `later` (it is to come), or empty."""
    if leg.handover_whole:
        return "here"
    if leg.taken_in:
        return "kept"
    return "later" if leg.at in (At.GRANTED, At.ARRIVED) else ""
