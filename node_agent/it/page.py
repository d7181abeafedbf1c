"""The page for IT and its JSON twin.

    GET  /          the page      ?period=hour|day|week|month  or  ?from=2026-11-01&until=2026-11-22   ?lang=en
    GET  /data      the same as JSON
    GET  /it.css

Who looks comes from outside, and that they looked has its line in the journal. Nothing here runs in the browser.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from accord.audit.content import Event
from accord.audit.events import JournalViewed
from accord.review.guarding import WithHeaders
from accord.review.page import ReviewerOf, language_of
from accord.review.queue import Reviewer
from accord.rules.moments import AMSTERDAM
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from node_agent.it.gathering import Gathered, Period
from node_agent.it.showing import Showing, as_json
from node_agent.it.situation import Situation

LONGEST: Final = timedelta(days=93)
_PERIODS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
_STATUS: Final = {Fault.LOGIN_REQUIRED: 401, Fault.NOT_FOUND: 404, Fault.METHOD_NOT_ALLOWED: 405, Fault.INTERNAL: 500}
_JSON: Final = "application/json"

GatherIn = Callable[[Period], Awaitable[Gathered]]
SituationIn = Callable[[Period, datetime], Situation]


class Ledger(Protocol):
    """Where it is written that somebody looked. `accord.audit.journal.Journal` is one."""

    async def append(self, event: Event) -> int:
        """Write a line, and return when it is durable.

        Raises:
            Unavailable: `journal-unavailable`.
        """


def _now() -> datetime:
    return datetime.now(UTC)


def make_it_app(gather: GatherIn, situation: SituationIn, ledger: Ledger, person_of: ReviewerOf, *, now: Callable[[], datetime] = _now) -> ASGIApp:
    """The page. *person_of* says who looks; none is nobody who may."""
    page = _Page(gather, situation, ledger, person_of, now)
    app = Starlette(
        routes=[Route("/", page.show), Route("/data", page.data), Route("/it.css", page.style)],
        exception_handlers={Faulted: page.failed, HTTPException: page.failed},
    )
    app.router.redirect_slashes = False
    return WithHeaders(app)


class _Page:
    """One answer for each address."""

    def __init__(self, gather: GatherIn, situation: SituationIn, ledger: Ledger, person_of: ReviewerOf, now: Callable[[], datetime]) -> None:
        self._gather = gather
        self._situation = situation
        self._ledger = ledger
        self._person_of = person_of
        self._now = now
        self._showing = Showing()
        self._style = files("node_agent.it").joinpath("static/it.css").read_bytes()

    async def show(self, request: Request) -> Response:
        """The page."""
        person = await self._person(request)
        chosen, problem = request.query_params.get("period", "day"), False
        try:
            period = period_of(request, self._now())
        except BadInput:
            period, chosen, problem = Period(self._now() - _PERIODS["day"], self._now()), "day", True
        gathered, situation = await self._looked(person, period)
        if "from" in request.query_params and not problem:
            chosen = ""
        page = self._showing.page(gathered, situation, person, language=language_of(request), chosen=chosen, wrong=problem)
        return HTMLResponse(page, 422 if problem else 200)

    async def data(self, request: Request) -> Response:
        """The same as JSON."""
        gathered, situation = await self._looked(await self._person(request), period_of(request, self._now()))
        return Response(as_json(gathered, situation), media_type=_JSON)

    async def style(self, _request: Request) -> Response:
        """How it looks."""
        return Response(self._style, media_type="text/css")

    async def failed(self, request: Request, failure: Exception) -> Response:
        """What went wrong: its code and words, and nothing else."""
        if isinstance(failure, Faulted):
            fault = failure.fault
        else:
            code = failure.status_code if isinstance(failure, HTTPException) else 500
            fault = {404: Fault.NOT_FOUND, 405: Fault.METHOD_NOT_ALLOWED}.get(code, Fault.INTERNAL)
        status = _STATUS.get(fault, 503 if isinstance(failure, Unavailable) else 400)
        if request.url.path == "/data" or _JSON in request.headers.get("accept", ""):
            return Response(b'{"code":"%b"}' % fault.value.encode(), status, media_type=_JSON)
        return HTMLResponse(self._showing.failure(status, fault.value, language=language_of(request)), status)

    async def _person(self, request: Request) -> Reviewer:
        person = await self._person_of(request)
        if person is None:
            raise Unavailable(Fault.LOGIN_REQUIRED)
        return person

    async def _looked(self, person: Reviewer, period: Period) -> tuple[Gathered, Situation]:
        gathered = await self._gather(period)
        await self._ledger.append(JournalViewed(by=person.identifier, lines=gathered.lines))
        return gathered, self._situation(period, self._now())


def period_of(request: Request, now: datetime) -> Period:
    """The period that is asked for: the last day when none is.

    Raises:
        BadInput: `invalid-parameter`: it is no period, longer than 93 days, or begins in the future.
    """
    given = request.query_params
    if "from" not in given:
        length = _PERIODS.get(given.get("period", "day"))
        if length is None:
            raise BadInput(Fault.INVALID_PARAMETER, "period")
        return Period(now - length, now)
    try:
        first = date.fromisoformat(given["from"])
        last = date.fromisoformat(given.get("until") or given["from"])
        # Days are days here, both ends included.
        since, until = datetime.combine(first, time.min, AMSTERDAM), datetime.combine(last + timedelta(days=1), time.min, AMSTERDAM)
    except (ValueError, OverflowError):
        raise BadInput(Fault.INVALID_PARAMETER, "from") from None
    if not since < until or until - since > LONGEST + timedelta(hours=2) or since > now:
        raise BadInput(Fault.INVALID_PARAMETER, "from")
    return Period(since.astimezone(UTC), until.astimezone(UTC))
