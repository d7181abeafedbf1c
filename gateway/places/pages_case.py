"""A search as it stands: what each provider said, and what a person can do about it."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from accord.rules.placing.asker import Alarm, At, Leg, Request, Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.placing import EndReason
from gateway.pages.forms import Form
from gateway.places.beside import Rest, asks, is_part, promised, rest_draft, rest_of, waiting_for_us
from gateway.places.pages_history import history_words, last_with
from gateway.places.pages_need_form import Filled
from gateway.places.pages_said import case_path, said
from gateway.places.pages_speech import amount_words, extra_words, need_words, part_words, terms_words
from gateway.places.ports import Case, Heeds
from gateway.places.site import Site
from gateway.places.soundness import says_who
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import Visit, go

#: In these a provider still hears what we tell it.
_OVER: Final = frozenset({At.ENDED, At.GIVEN_UP})
_WITH_OFFER: Final = frozenset({At.OFFERED, At.CHOSEN, At.GRANTED, At.LAPSED, At.GONE, At.WITHDRAWN})
#: In the order in which they are read: what has the place, what asks for a choice, what is awaited, what is over.
_ORDER: Final = (At.GRANTED, At.CHOSEN, At.OFFERED, At.WAITING, At.SENT, At.WITHDRAWN, At.GONE, At.LAPSED, At.DECLINED, At.GIVEN_UP, At.ENDED)


@dataclass(frozen=True, slots=True)
class LegShown:
    """One provider on the page. `offer`: its terms in words; `held`: until when; `why`: why it said no or took it back."""

    provider: str
    title: str
    state: str
    state_words: str
    since: str
    offer: str = ""
    offer_words: str = ""
    held: str = ""
    why: str = ""
    lines: tuple[tuple[str, str, bool], ...] = ()
    has_question: bool = False
    can_choose: bool = False
    can_tell: bool = False
    can_give_up: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A search on a page."""

    root: str
    name: str
    born: str
    need: str
    reason: str
    extra: tuple[str, ...]
    standing: str
    waiting: str
    heeds: str
    alarm: str
    legs: tuple[LegShown, ...]
    reply_by: str
    is_late: bool
    opened: tuple[str, ...]
    history: tuple[tuple[str, str], ...]
    winner: LegShown | None
    handed_over: bool
    taken_in: bool
    arrived: bool
    watched: bool
    is_open: bool
    can_change: bool
    can_see: bool
    first_wins: bool
    lacks: str
    rest_root: str


class CasePages:
    """The page of a search, and what its buttons do."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """How it stands."""
        return await self._page(visit, await self._site.placing.looked_at(_case_of(visit), visit.person.professional))

    async def submit(self, visit: Visit, form: Form) -> Response:
        """One thing at a time."""
        placing, by, case = self._site.placing, visit.person.professional, _case_of(visit)
        match form.get("do", ""):
            case "choose":
                await placing.choose(case, _provider(form), by)
            case "tell":
                words = Filled(form).words("words")
                if not words:
                    return await self._page(visit, await placing.case(case), wrong="words", status=422)
                now = await placing.case(case)
                if says_who(now.request.who, words) and not now.request.leg(_provider(form)).introduced:
                    return await self._page(visit, now, wrong="named", status=422)
                await placing.tell(case, _provider(form), words, by)
            case "give-up":
                await placing.give_up(case, _provider(form), by)
            case "cancel":
                reason = form.get("reason", "")
                if reason not in tuple(EndReason):
                    return await self._page(visit, await placing.case(case), wrong="reason", status=422)
                await placing.cancel(case, EndReason(reason), by)
            case "watch" | "unwatch" as wanted:
                await placing.watch(case, by, watched=wanted == "watch")
            case "seen":
                await placing.seen(case, by)
            case "rest":
                return await self._look_for_the_rest(visit, case)
            case _:
                raise BadInput(Fault.INVALID_PARAMETER)
        return go(case_path(case))

    async def _look_for_the_rest(self, visit: Visit, case: str) -> Response:
        """Begin a search for what the promise lacks, or go to the one that runs already."""
        now = await self._site.placing.case(case)
        rest = rest_of(now, await self._site.placing.cases())
        if rest is None:
            raise BadInput(Fault.NOT_POSSIBLE_NOW)
        if rest.running is not None:
            return go(case_path(rest.running.request.id))
        begun = await self._site.placing.begin(rest_draft(now, rest, visit.now), visit.person.professional)
        return go(f"{case_path(begun)}/zoek")

    async def _page(self, visit: Visit, case: Case, *, wrong: str = "", status: int = 200) -> Response:
        speech = Speech(visit.words, visit.now)
        reasons = [one.value for one in EndReason if one is not EndReason.PLACED_ELSEWHERE]
        rest = rest_of(case, await self._site.placing.cases())
        return said(
            visit, "case.html", "places.title.case", status=status, case=shown(case, self._site, speech, rest), reasons=reasons, wrong=wrong, here="work"
        )


def shown(case: Case, site: Site, speech: Speech, rest: Rest | None = None) -> Shown:
    """A search in words. *rest*: what its promise lacks."""
    request = case.request
    legs = tuple(_leg(leg, case, speech) for leg in sorted(request.legs, key=lambda one: (_ORDER.index(one.at), one.rank, one.title)))
    winner = request.winner
    return Shown(
        root=case_path(request.id),
        name=request.who.name,
        born=speech.day(request.who.birth_date),
        need=need_words(request.need, speech),
        reason=request.gist.reason,
        extra=extra_words(request.need, speech),
        standing=standing_words(request, speech),
        waiting=_waiting(request, speech),
        heeds="" if case.heeds is Heeds.NOTHING else case.heeds.value,
        alarm="" if request.alarm is None else speech(f"places.alarm.{request.alarm.value}"),
        legs=legs,
        reply_by=speech.moment(request.reply_by),
        is_late=speech.now >= request.reply_by,
        opened=tuple(site.title(one) for one in case.opened),
        history=history_words(case, speech),
        winner=None if winner is None else _leg(winner, case, speech),
        handed_over=case.handed_over,
        taken_in=winner is not None and winner.taken_in,
        arrived=winner is not None and winner.arrived,
        watched=case.watched,
        is_open=request.standing in (Standing.OPEN, Standing.SETTLING),
        can_change=not request.legs and request.cancelled is None,
        can_see=request.alarm is Alarm.ARRIVED_ELSEWHERE,
        first_wins=request.choosing.value == "first",
        lacks="" if rest is None else amount_words(rest.amount, request.need.kind, speech),
        rest_root="" if rest is None or rest.running is None else case_path(rest.running.request.id),
    )


def standing_words(request: Request, speech: Speech) -> str:
    """How it stands, in a few words."""
    if request.standing is Standing.OPEN:
        return speech("places.standing.open" if request.legs else "places.standing.nobody_asked", n=len(request.legs))
    winner = request.winner
    if winner is not None:
        return _placed(winner, request, speech)
    if request.cancelled is not None:
        return speech("places.standing.cancelled", why=speech(f"places.end.{request.cancelled.value}"))
    return speech("places.standing.settling")


def _waiting(request: Request, speech: Speech) -> str:
    n = waiting_for_us(request)
    return "" if not n else speech(f"places.standing.{'waiting_one' if n == 1 else 'waiting'}", n=n)


def _placed(winner: Leg, request: Request, speech: Speech) -> str:
    placed = speech("places.standing.placed", title=winner.title)
    return f"{placed}: {part_words(promised(request), request.need, speech)}" if is_part(winner, request) else placed


def _leg(leg: Leg, case: Case, speech: Speech) -> LegShown:
    request = case.request
    offer = leg.offer if leg.at in _WITH_OFFER else None
    return LegShown(
        provider=leg.provider.value,
        title=leg.title,
        state=leg.at.value,
        state_words=speech(f"places.at.{state_of(leg, request)}"),
        since=speech.moment(last_with(leg, case.history)),
        offer="" if offer is None else terms_words(offer.terms, request.need, speech),
        offer_words="" if offer is None else offer.terms.words,
        held="" if offer is None or leg.at is not At.OFFERED else speech.moment(offer.held_until),
        why=" ".join(filter(None, (why_words(leg, speech), leg.words))),
        lines=tuple((speech.moment(line.at), line.words, line.ours) for line in leg.lines),
        has_question=asks(leg),
        can_choose=leg.at is At.OFFERED and request.standing is Standing.OPEN,
        can_tell=leg.at not in _OVER and request.cancelled is None,
        can_give_up=leg.at is At.CHOSEN,
    )


def state_of(leg: Leg, request: Request) -> str:
    """How it stands, by the name of its words."""
    if leg.arrived:
        return "arrived"
    if leg.at is At.ENDED and leg.declined is not None:
        return "said_no"
    if leg.questioned and leg.at in (At.SENT, At.WAITING):
        return "questioned"
    if leg.at in (At.OFFERED, At.GRANTED) and is_part(leg, request):
        return f"{leg.at.value}_part"
    return "interested" if leg.interested and leg.at is At.WAITING else leg.at.value


def why_words(leg: Leg, speech: Speech) -> str:
    """Why it said no, or took back what it promised."""
    if leg.declined is not None and leg.at in (At.DECLINED, At.ENDED):
        return speech(f"places.decline.{leg.declined.value}")
    if leg.withdrawn is not None and leg.at is At.WITHDRAWN:
        return speech(f"places.withdraw.{leg.withdrawn.value}")
    return ""


def _case_of(visit: Visit) -> str:
    return str(visit.request.path_params["case"])


def _provider(form: Form) -> HolderName:
    return HolderName(form.get("provider", ""))
