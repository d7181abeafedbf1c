"""The sheet for the patient: what happens after the hospital, in plain Dutch and large print, on one page.

It is for somebody who may read poorly: short sentences, common words, no codes, and what is not certain yet is said.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from accord.rules.moments import AMSTERDAM
from accord.rules.placing.asker import At, Leg, Request
from accord.terms.capacity import AT_HOME, CareKind, Need
from gateway.pages.forms import Form
from gateway.pages.telling import Words
from gateway.places.beside import Rest, rest_of
from gateway.places.pages_said import said
from gateway.places.ports import Case
from gateway.places.rounds import Rounds
from gateway.places.site import Site
from gateway.viewer.visits import Visit

#: What somebody brings along to a place to stay.
_BRING: Final = ("id", "medicines", "clothes", "aids", "papers")
_BRING_HOME: Final = ("id_home", "medicines_home", "papers")
_SOON: Final = timedelta(days=7)
_LETTERS: Final = 240


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on it. `at_home`: the care comes to them. `certain`: the place is promised. `telephone` is of whom to call, with `whom` that is."""

    name: str
    what: str
    where: str
    address: str
    when: str
    who: str
    certain: bool
    unsure: tuple[str, ...]
    bring: tuple[str, ...]
    calls: tuple[tuple[str, str], ...]
    at_home: bool
    words: str = ""


class SheetPages:
    """The sheet, as it is printed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """As it stands now."""
        return await self._page(visit, await self._case(visit), "")

    async def submit(self, visit: Visit, form: Form) -> Response:
        """The same, with a sentence of the person who hands it over. It is kept nowhere."""
        return await self._page(visit, await self._case(visit), " ".join(form.get("words", "").split())[:_LETTERS])

    async def _case(self, visit: Visit) -> Case:
        return await self._site.placing.looked_at(str(visit.request.path_params["case"]), visit.person.professional)

    async def _page(self, visit: Visit, case: Case, words: str) -> Response:
        rest = rest_of(case, await self._site.placing.cases())
        sheet = sheet_of(case, self._site, visit.words, visit.now.astimezone(AMSTERDAM).date(), words, rest)
        return said(visit, "sheet.html", "places.title.sheet", sheet=sheet, root=f"/plekken/{case.request.id}", day=visit.words.day(visit.now))


def sheet_of(case: Case, site: Site, words: Words, today: date, own: str = "", rest: Rest | None = None) -> Sheet:
    """The sheet of a search as it stands. *rest*: what its promise lacks."""
    request = case.request
    need, winner = request.need, request.winner
    offer = None if winner is None or winner.offer is None else winner.offer.terms
    since = offer.since if offer is not None and offer.since is not None else need.since
    group = "home" if need.kind in AT_HOME else "stay"
    service = None if winner is None else service_of(site.rounds, request.id, winner)
    return Sheet(
        name=request.who.name,
        what=words(f"places.sheet.what.{need.kind.value}"),
        where=_where(winner, need, words),
        address="" if service is None or need.kind in AT_HOME else service[0],
        when=_capital(words.day(since)) if winner is not None else _perhaps(need, today, words),
        who=_who_comes(need, winner, words),
        certain=winner is not None,
        unsure=_unsure(request, winner, rest, today, words),
        bring=tuple(words(f"places.sheet.bring.{one}") for one in (_BRING_HOME if group == "home" else _BRING)),
        calls=_calls(site, winner, service, words),
        at_home=need.kind in AT_HOME,
        words=own,
    )


def service_of(rounds: Rounds, case: str, leg: Leg) -> tuple[str, str] | None:
    """Place and telephone of the service whose place it has, where the last round of asking told it."""
    made = rounds.last(case)
    said_by = None if made is None else made.said.get(("", leg.provider))
    openings = () if said_by is None or said_by.statement is None else said_by.statement.openings
    return next(((one.service.place, one.service.telephone) for one in openings if one.service.id == leg.service), None)


def _where(winner: Leg | None, need: Need, words: Words) -> str:
    if need.kind in AT_HOME:
        return words("places.sheet.at_home") if winner is None else words("places.sheet.at_home_by", title=winner.title)
    return words("places.sheet.searching") if winner is None else winner.title


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _perhaps(need: Need, today: date, words: Words) -> str:
    key = "perhaps_later" if need.since - today > _SOON else "perhaps"
    return words(f"places.sheet.{key}", day=words.day(need.since))


def _who_comes(need: Need, winner: Leg | None, words: Words) -> str:
    """How often somebody comes, for care at home; who looks after them elsewhere."""
    if need.kind not in AT_HOME:
        return words(f"places.sheet.who.{'hospice' if need.kind is CareKind.HOSPICE else 'stay'}")
    offered = None if winner is None or winner.offer is None else winner.offer.terms.amount
    number = need.amount if offered is None else offered
    key = "visit" if number == 1 else "visits"
    return words(f"places.sheet.who.{key}" if winner is not None else f"places.sheet.who.{key}_wanted", n=number)


def _unsure(request: Request, winner: Leg | None, rest: Rest | None, today: date, words: Words) -> tuple[str, ...]:
    """What is not certain yet, said as it is."""
    if winner is None:
        asked = sum(leg.at in (At.SENT, At.WAITING, At.OFFERED, At.CHOSEN) for leg in request.legs)
        home = "_home" if request.need.kind in AT_HOME else ""
        told = [words(f"places.sheet.unsure.place{home}"), words("places.sheet.unsure.asked" if asked else f"places.sheet.unsure.not_asked{home}")]
        return (*told, words("places.sheet.unsure.we_tell"))
    unsure: list[str] = []
    offered = winner.offer
    if rest is not None:
        # That we look further stands on paper only where a search for it runs.
        follows = words(f"places.sheet.unsure.{'rest' if rest.running is not None else 'rest_ask'}")
        here = "part" if request.need.kind in AT_HOME else "part_stay"
        unsure.append(f"{words(f'places.sheet.unsure.{here}', n=request.need.amount - rest.amount, all=request.need.amount)} {follows}")
    since = request.need.since if offered is None or offered.terms.since is None else offered.terms.since
    if since - today > _SOON:
        unsure.append(words("places.sheet.unsure.day"))
    return (*unsure, words("places.sheet.unsure.time"))


def _calls(site: Site, winner: Leg | None, service: tuple[str, str] | None, words: Words) -> tuple[tuple[str, str], ...]:
    calls = [(words("places.sheet.call_hospital", title=site.organisation.name), site.telephone)] if site.telephone else []
    if winner is not None:
        telephone = (service[1] if service else "") or next((one.telephone for one in site.holders() if one.name == winner.provider), "")
        if telephone:
            calls.append((words("places.sheet.call_place", title=winner.title), telephone))
    return tuple(calls)
