"""The worklist: every search of the organisation, what wants attention first; and what tells open pages that something changed."""

from dataclasses import dataclass

from starlette.responses import Response

from accord.rules.placing.asker import Standing
from gateway.places.pages_case import standing_words
from gateway.places.pages_said import case_path, said
from gateway.places.pages_speech import need_words
from gateway.places.pages_telling import placing_events
from gateway.places.ports import Case, Heeds
from gateway.places.site import Site
from gateway.viewer.speaking import Speech
from gateway.viewer.streaming import event_stream
from gateway.viewer.visits import Visit


@dataclass(frozen=True, slots=True)
class Job:
    """One search in the list. `why`: what wants attention (empty: nothing does)."""

    root: str
    name: str
    born: str
    need: str
    standing: str
    heeds: str
    why: str
    made: str
    watched: bool
    is_over: bool


class WorkPages:
    """The list, and its stream."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """All searches: those that want attention first, as the search has them."""
        speech = Speech(visit.words, visit.now)
        jobs = [self._job(case, speech) for case in await self._site.placing.listed(visit.person.professional)]
        live, over = ([job for job in jobs if job.is_over is is_over] for is_over in (False, True))
        return said(visit, "work.html", "places.title.work", live=live, over=over, here="work", heeding=sum(bool(job.why) for job in live))

    async def stream(self, _: Visit) -> Response:
        """Whenever any search changed."""
        return event_stream(placing_events(self._site.placing))

    def _job(self, case: Case, speech: Speech) -> Job:
        request, winner = case.request, case.request.winner
        return Job(
            root=case_path(request.id),
            name=request.who.name,
            born=speech.day(request.who.birth_date),
            need=need_words(request.need, speech),
            standing=standing_words(request, speech),
            heeds=case.heeds.value,
            why=self._why(case, speech),
            made=speech.moment(case.made),
            watched=case.watched,
            # What a person has to look at does not lie among what is over.
            is_over=request.alarm is None and (request.standing is Standing.CANCELLED or (winner is not None and winner.arrived)),
        )

    def _why(self, case: Case, speech: Speech) -> str:
        match case.heeds:
            case Heeds.NOTHING:
                return ""
            case Heeds.ALARM if case.request.alarm is not None:
                return speech(f"places.alarm.{case.request.alarm.value}")
            case Heeds.OPENED:
                return speech("places.heeds.opened", titles=speech.words.listing(self._site.title(one) for one in case.opened))
            case _:
                return speech(f"places.heeds.{case.heeds.value}")
