"""The overview for coordinators of the region: how much there is, how sure that is, and how much is asked for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from accord.rules.moments import AMSTERDAM
from accord.terms.capacity import PlacesQuestion
from gateway.dossier.words import fault_words
from gateway.pages.forms import Form
from gateway.places.overview import Capacity, Count, Pressure, capacities, capacity_table, pressure_table, pressures, sights, written
from gateway.places.pages_found import missing_words, neighbour_words, unheard
from gateway.places.pages_said import message, said
from gateway.places.pages_speech import age_words
from gateway.places.pages_telling import round_events
from gateway.places.ports import HolderSaid
from gateway.places.rounds import Round
from gateway.places.site import Site
from gateway.viewer.speaking import Speech
from gateway.viewer.streaming import event_stream
from gateway.viewer.visits import Visit, go

#: The name of its round; no search has it.
_ROUND: Final = "overview"
_FRESH: Final = timedelta(minutes=5)
_PATH: Final = "/plekken/overzicht"
_QUESTION: Final = PlacesQuestion(tally=True)


@dataclass(frozen=True, slots=True)
class CapacityShown:
    """One line of the capacity."""

    kind: str
    area: str
    region: str
    free: str
    known: int
    taken: int
    unknown: int
    oldest: str


@dataclass(frozen=True, slots=True)
class PressureShown:
    """One kind of care of the pressure."""

    kind: str
    area: str
    days: int
    asked: str
    granted: str
    medians: str
    declined: tuple[tuple[str, str], ...]


class OverviewPages:
    """The page, its stream and its tables."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """What was told; asked now where it was not lately."""
        made = self._site.rounds.last(_ROUND)
        if made is None or visit.now - made.began > _FRESH:
            made = self._site.rounds.begin(_ROUND, _QUESTION)
        speech = Speech(visit.words, visit.now)
        heard = [one for one in made.said.values() if one.ending.heard_out]
        seen = sights(heard, visit.now, visit.now.astimezone(AMSTERDAM).date())
        return said(
            visit,
            "overview.html",
            "places.title.overview",
            here="overview",
            made=made,
            capacities=[_capacity(one, speech) for one in capacities(seen)],
            pressures=[_pressure(one, speech) for one in pressures(heard)],
            heard=sum(not one.provider.region for one in heard),
            asked=len(made.said) if made.account is None else made.account.asked + made.account.unjudged,
            neighbours=neighbour_words(made.said.values(), speech),
            missed=unheard(made, speech),
            missing=missing_words(made, speech),
            failure="" if made.failure is None else speech.say(fault_words(made.failure)),
            age=age_words(visit.now - made.began, speech),
        )

    async def again(self, _: Visit, __: Form) -> Response:
        """Ask everybody anew."""
        self._site.rounds.begin(_ROUND, _QUESTION)
        return go(_PATH)

    async def stream(self, _: Visit) -> Response:
        """Whenever more was told."""
        return event_stream(round_events(self._site.rounds.last(_ROUND)))

    async def capacity(self, visit: Visit) -> Response:
        """The capacity as a table for spreadsheets."""
        made = self._site.rounds.last(_ROUND)
        if made is None:
            return message(visit, "no-overview", status=409, back=_PATH)
        seen = sights(_heard(made), visit.now, visit.now.astimezone(AMSTERDAM).date())
        return _download("capaciteit", capacity_table(seen, visit.words), visit)

    async def pressure(self, visit: Visit) -> Response:
        """The pressure as a table for spreadsheets."""
        made = self._site.rounds.last(_ROUND)
        if made is None:
            return message(visit, "no-overview", status=409, back=_PATH)
        return _download("druk", pressure_table(pressures(_heard(made)), visit.words, made.began), visit)


def _heard(made: Round) -> list[HolderSaid]:
    return [one for one in made.said.values() if one.ending.heard_out]


def _download(name: str, table: list[list[str]], visit: Visit) -> Response:
    day = visit.now.astimezone(AMSTERDAM).date().isoformat()
    return Response(written(table), media_type="text/csv; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}-{day}.csv"'})


def _capacity(one: Capacity, speech: Speech) -> CapacityShown:
    lights = speech("places.overview.lights", n=one.lights) if one.lights else ""
    free = str(one.free) if one.known > one.lights else ""
    return CapacityShown(
        speech(f"places.kind.{one.kind.value}"),
        one.area or speech("places.overview.no_area"),
        one.region,
        " ".join(filter(None, (free, lights))) or "–",
        one.known,
        one.taken,
        one.unknown,
        "" if one.oldest is None else age_words(one.oldest, speech),
    )


def _pressure(one: Pressure, speech: Speech) -> PressureShown:
    low, high = (min(one.medians), max(one.medians)) if one.medians else (0, 0)
    medians = "" if not one.medians else str(low) if low == high else speech("places.overview.between", low=low, high=high)
    declined = sorted(one.declined.items(), key=lambda item: (-item[1].told, item[0]))
    told = tuple((speech.words.one_of("places.decline", reason).rstrip("."), _count(count, speech)) for reason, count in declined if count.told)
    return PressureShown(
        speech(f"places.kind.{one.kind.value}"),
        one.area or speech("places.overview.no_area"),
        one.days,
        _count(one.asked, speech),
        _count(one.granted, speech),
        medians or speech("places.overview.too_few"),
        told,
    )


def _count(count: Count, speech: Speech) -> str:
    """A sum; where something was kept back it is at least that."""
    if not count.kept_back:
        return str(count.told)
    return speech("places.overview.at_least", n=count.told, few=count.kept_back) if count.told else speech("places.overview.too_few")
