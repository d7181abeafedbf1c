"""Who has a place: asked of everybody, filling in as they answer; then the request is put to those that are ticked."""

from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from accord.rules.moments import AMSTERDAM
from accord.rules.placing.asker import SILENT, Standing
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import MOST_LEGS, WithdrawReason
from gateway.pages.forms import Form
from gateway.places.pages_case import state_of
from gateway.places.pages_found import Finding, Wanted, finding
from gateway.places.pages_map import draw
from gateway.places.pages_need_form import Filled
from gateway.places.pages_said import case_path, said
from gateway.places.pages_speech import extra_words, need_words
from gateway.places.pages_telling import round_events
from gateway.places.ports import Case, Manner
from gateway.places.rounds import Round
from gateway.places.site import Site
from gateway.places.soundness import says_who
from gateway.viewer.speaking import Speech
from gateway.viewer.streaming import event_stream
from gateway.viewer.visits import Visit, go

#: After so long what was said is asked anew when somebody comes back to it.
_FRESH: Final = timedelta(minutes=2)
#: Until when providers may answer, in minutes from now; the first is the usual.
TIMES: Final = (60, 30, 120, 240, 480, 1440, 4320, 10080)


class ResultPages:
    """The page with the answers, and what its form does."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """What was answered so far; asked now where it was not asked lately."""
        case = await self._case(visit)
        last = self._site.rounds.last(case.request.id)
        if last is None or last.question != _question(case) or visit.now - last.began > _FRESH:
            last = self._site.rounds.begin(case.request.id, _question(case))
        return self._page(visit, case, last)

    async def submit(self, visit: Visit, form: Form) -> Response:
        """Ask everybody anew, or put the request to those that are ticked."""
        case = await self._case(visit)
        if form.get("do") == "again":
            self._site.rounds.begin(case.request.id, _question(case))
            return go(f"{case_path(case.request.id)}/zoek")
        made = self._site.rounds.last(case.request.id)
        if made is None:
            return await self.show(visit)
        filled = Filled(form)
        wanted = set(filled.ticked("ask."))
        spotted = [one for one in self._finding(visit, case, made).spotted if one.key in wanted and not one.by_telephone]
        providers = {one.to.provider: one.to for one in reversed(spotted)}
        minutes = form.get("minutes", "")
        if not providers or len(providers) != len(spotted) or len(spotted) > MOST_LEGS or minutes not in {str(one) for one in TIMES}:
            wrong = "nobody" if not providers else "twice" if len(providers) != len(spotted) else "many"
            return self._page(visit, case, made, form=form, wrong=wrong, status=422)
        if says_who(case.request.who, filled.words("words")):
            return self._page(visit, case, made, form=form, wrong="named", status=422)
        manner = Manner(visit.now + timedelta(minutes=int(minutes)), form.get("choosing") != "person", filled.words("words"))
        put = tuple(one.to for one in spotted)
        try:
            await self._site.placing.put_to(case.request.id, put, visit.person.professional, manner)
        except BadInput as failure:
            if failure.fault is not Fault.INVALID_PARAMETER:
                raise
            return self._page(visit, case, made, form=form, wrong="many", status=422)
        return go(case_path(case.request.id))

    async def stream(self, visit: Visit) -> Response:
        """Tells that more was said, until nothing more comes."""
        made = self._site.rounds.last(str(visit.request.path_params["case"]))
        return event_stream(round_events(made))

    async def _case(self, visit: Visit) -> Case:
        return await self._site.placing.looked_at(str(visit.request.path_params["case"]), visit.person.professional)

    def _finding(self, visit: Visit, case: Case, made: Round) -> Finding:
        speech = Speech(visit.words, visit.now)
        return finding(made, self._wanted(case, speech), speech)

    def _wanted(self, case: Case, speech: Speech) -> Wanted:
        request = case.request
        legs = {leg.provider: speech(f"places.at.{state_of(leg, request)}") for leg in request.legs if leg.at not in SILENT}
        withdrew = {leg.provider: _withdrew(leg.withdrawn, speech) for leg in request.legs if leg.withdrawn is not None}
        near = self._site.spot_of(case.wishes.near) if case.wishes.near else None
        return Wanted(request.need, case.wishes, near, legs, withdrew)

    def _page(self, visit: Visit, case: Case, made: Round, *, form: Form | None = None, wrong: str = "", status: int = 200) -> Response:
        speech = Speech(visit.words, visit.now)
        wanted = self._wanted(case, speech)
        found = finding(made, wanted, speech)
        request = case.request
        given = form or {"choosing": request.choosing.value, "minutes": str(_minutes(case, visit.now)), "words": request.gist.words}
        return said(
            visit,
            "results.html",
            "places.title.results",
            status=status,
            case=case,
            root=case_path(request.id),
            need=need_words(request.need, speech),
            extra=extra_words(request.need, speech),
            found=found,
            drawing=draw(found.spotted, wanted.near),
            form=given,
            wrong=wrong,
            times=TIMES,
            ahead=_is_ahead(case, visit.now),
            can_ask=request.standing in (Standing.OPEN, Standing.SETTLING),
            most=MOST_LEGS,
        )


def _withdrew(why: WithdrawReason, speech: Speech) -> str:
    reason = speech(f"places.withdraw.{why.value}").rstrip(".")
    return speech("places.results.withdrew", why=f"{reason[:1].lower()}{reason[1:]}")


def _question(case: Case) -> PlacesQuestion:
    need = case.request.need
    return PlacesQuestion(frozenset({need.kind}), need.since)


def _minutes(case: Case, now: datetime) -> int:
    """The choice nearest to what was said before, where that is still to come; weeks ahead there is time to think."""
    return 4320 if _is_ahead(case, now) else TIMES[0]


def _is_ahead(case: Case, now: datetime) -> bool:
    """Whether it is for a day that is more than a week away: then what is free now is an expectation."""
    return (case.request.need.since - now.astimezone(AMSTERDAM).date()).days > 7
