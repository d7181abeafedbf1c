"""The planners' page: what is free, with one tap for each change, and who asks for a place.

    GET  /                            what is offered                 ?lang=en
    POST /openings, /services         a tap
    GET  /requests                    the inbox
    GET  /requests/URA/ID             one request
    POST /requests/URA/ID             an answer
    GET  /requests/URA/ID/handover    the handover, to read; .json: the FHIR Bundle as it came
    GET  /changes                     server-sent events: that something changed, and nothing of what

It works without a script; the one that it has fetches the page again when something changed. No address, title, log or cookie
says anything about a patient.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from accord.review.guarding import FormTokens
from accord.review.page import ReviewerOf, given_in, language_of
from accord.review.queue import Reviewer
from accord.review.words import Language
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from node_agent.places.page_acts import Acts, Stale
from node_agent.places.page_requests import waiting_in
from node_agent.places.page_showing import Scene, Showing, ref_at
from node_agent.places.page_words import ANSWERED, NOTES
from node_agent.places.ports import LegRef, Planning

_FHIR_JSON: Final = "application/fhir+json"
_STATUS: Final = {
    Fault.LOGIN_REQUIRED: 401,
    Fault.TOKEN_INVALID: 403,
    Fault.NOT_FOUND: 404,
    Fault.METHOD_NOT_ALLOWED: 405,
    Fault.TOO_LARGE: 413,
    Fault.INTERNAL: 500,
}
#: So often a page that waits hears that the connection still is there, and whoever logged out is let go.
_STILL_SECONDS: Final = 20.0
_TOLD: Final = {Fault.NOT_POSSIBLE_NOW, Fault.NO_PLACE_LEFT, Fault.INVALID_PARAMETER}

#: What feeds the numbers and cannot at the moment: a name, and the code of what is wrong.
Troubles = Callable[[], Sequence[tuple[str, str]]]


def right_now() -> datetime:
    """By the clock of this machine."""
    return datetime.now(UTC)


def make_places_app(
    planning: Planning, person_of: ReviewerOf, *, title: str, key: bytes, troubles: Troubles = tuple, now: Callable[[], datetime] = right_now
) -> Starlette:
    """The page of the provider called *title*. *person_of* says who looks; none is nobody who may. *key* (32 bytes) seals the forms."""
    page = _Page(planning, person_of, title, FormTokens(key), troubles, now)
    static = {name: files("node_agent.places").joinpath(f"static/{name}").read_bytes() for name in ("places.css", "places.js")}
    types = {"places.css": "text/css", "places.js": "text/javascript"}
    request = "/requests/{asker}/{request}"
    app = Starlette(
        routes=[
            Route("/", page.places),
            Route("/openings", partial(page.tap, page.acts.on_opening), methods=["POST"]),
            Route("/services", partial(page.tap, page.acts.on_service), methods=["POST"]),
            Route("/requests", page.requests),
            Route(request, page.request),
            Route(request, page.answer, methods=["POST"]),
            Route(f"{request}/handover", page.handover),
            Route(f"{request}/handover.json", page.handover_file),
            Route("/changes", page.changes),
            *(Route(f"/{name}", partial(_static, content, types[name])) for name, content in static.items()),
        ],
        exception_handlers={Faulted: page.failed, HTTPException: page.failed},
    )
    app.router.redirect_slashes = False
    return app


async def _static(content: bytes, media_type: str, _request: Request) -> Response:
    return Response(content, media_type=media_type)


class _Page:
    """One answer for each address."""

    def __init__(self, planning: Planning, person_of: ReviewerOf, title: str, tokens: FormTokens, troubles: Troubles, now: Callable[[], datetime]) -> None:
        self.acts = Acts(planning, now)
        self._planning = planning
        self._person_of = person_of
        self._title = title
        self._tokens = tokens
        self._troubles = troubles
        self._now = now
        self._showing = Showing()
        #: Between the look at how it stands and the change, no other planner comes.
        self._one_at_a_time = anyio.Lock()

    async def places(self, request: Request) -> Response:
        """What is offered."""
        person = await self._person(request)
        services, legs = await self._planning.services(), await self._planning.legs()
        scene = self._scene(request, person, waiting_in(legs), request.query_params.get("note", ""))
        return HTMLResponse(self._showing.places(scene, services))

    async def requests(self, request: Request) -> Response:
        """The inbox."""
        person = await self._person(request)
        services, legs = await self._planning.services(), await self._planning.legs()
        return HTMLResponse(self._showing.requests(self._scene(request, person, waiting_in(legs), request.query_params.get("note", "")), legs, services))

    async def request(self, request: Request) -> Response:
        """One request."""
        return await self._request(request, await self._person(request), request.query_params.get("note", ""))

    async def tap(self, act: Callable[[dict[str, str], str], Awaitable[None]], request: Request) -> Response:
        """Something on the page of places was tapped."""
        person, given = await self._sent(request)
        note, _ = await self._noted(partial(act, given, person.identifier))
        return _back("/", note, language_of(request, given), given.get("at", ""))

    async def answer(self, request: Request) -> Response:
        """A request is answered; what was written is not lost when it comes too late."""
        person, given = await self._sent(request)
        ref = _ref(request)
        note, status = await self._noted(partial(self.acts.on_leg, ref, given, person.identifier))
        if note == "done":
            return _back(request.url.path, ANSWERED.get(given.get("do", ""), note), language_of(request, given), "")
        return await self._request(request, person, note, status=status, typed=given)

    async def handover(self, request: Request) -> Response:
        """The handover, to read."""
        person, ref = await self._person(request), _ref(request)
        bundle = await self._planning.handover(ref, person.identifier)
        legs = await self._planning.legs()
        scene = self._scene(request, person, waiting_in(legs), "")
        return HTMLResponse(await to_thread.run_sync(self._showing.handover, scene, ref, bundle))

    async def handover_file(self, request: Request) -> Response:
        """The handover as it came. Its name says nothing about anybody."""
        person, ref = await self._person(request), _ref(request)
        bundle = await self._planning.handover(ref, person.identifier)
        return Response(bundle, media_type=_FHIR_JSON, headers={"content-disposition": 'attachment; filename="handover.json"'})

    async def changes(self, request: Request) -> Response:
        """That something changed, as long as somebody is logged in."""
        await self._person(request)
        return StreamingResponse(self._told(request), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def failed(self, request: Request, failure: Exception) -> Response:
        """What went wrong: its code and words, and nothing else. Who is not logged in is shown the form."""
        if isinstance(failure, Faulted):
            fault = failure.fault
        else:
            code = failure.status_code if isinstance(failure, HTTPException) else 500
            fault = {404: Fault.NOT_FOUND, 405: Fault.METHOD_NOT_ALLOWED}.get(code, Fault.INTERNAL)
        if fault is Fault.LOGIN_REQUIRED and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?lang={language_of(request)}", 303)
        status = _STATUS.get(fault, 503 if isinstance(failure, Unavailable) else 400)
        return HTMLResponse(self._showing.failure(status, fault.value, language=language_of(request)), status)

    async def _told(self, request: Request) -> AsyncIterator[bytes]:
        yield b"retry: 3000\n\n"
        mark = 0
        while await self._person_of(request) is not None:
            news = None
            with anyio.move_on_after(_STILL_SECONDS):
                news = await self._planning.changed(mark)
            mark = mark if news is None else news
            yield b": still here\n\n" if news is None else b"event: changed\ndata: %d\n\n" % news

    async def _person(self, request: Request) -> Reviewer:
        person = await self._person_of(request)
        if person is None:
            raise Unavailable(Fault.LOGIN_REQUIRED)
        return person

    async def _sent(self, request: Request) -> tuple[Reviewer, dict[str, str]]:
        """Who sent a form of ours, and what is in it."""
        person = await self._person(request)
        given, _ = await given_in(request)
        if not self._tokens.is_own(person, given.get("token", ""), request.headers):
            raise BadInput(Fault.TOKEN_INVALID)
        return person, given

    async def _noted(self, act: Callable[[], Awaitable[None]]) -> tuple[str, int]:
        """Do it; the note that says how that went, and a status."""
        try:
            async with self._one_at_a_time:
                await act()
        except Stale:
            return "changed", 409
        except BadInput as refusal:
            if refusal.fault not in _TOLD:
                raise
            return refusal.fault.value, 422 if refusal.fault is Fault.INVALID_PARAMETER else 409
        return "done", 303

    async def _request(self, request: Request, person: Reviewer, note: str, *, status: int = 200, typed: dict[str, str] | None = None) -> Response:
        leg, told = await self._planning.leg(_ref(request)), await self._planning.who(_ref(request), person.identifier)
        leg = replace(leg, who=None if told is None else told.who, referral="" if told is None else told.referral)
        services, legs = await self._planning.services(), await self._planning.legs()
        scene = self._scene(request, person, waiting_in(legs), note, typed)
        return HTMLResponse(self._showing.request(scene, leg, services, typed or {}), status)

    def _scene(self, request: Request, person: Reviewer, waiting: int, note: str, given: dict[str, str] | None = None) -> Scene:
        told = note if note in NOTES else ""
        return Scene(person, language_of(request, given), self._tokens.of(person), self._now(), self._title, waiting, told, tuple(self._troubles()))


def _ref(request: Request) -> LegRef:
    """Which request an address is of.

    Raises:
        BadInput: `not-found`.
    """
    try:
        return ref_at(request.path_params["asker"], request.path_params["request"])
    except (BadInput, ValueError):
        raise BadInput(Fault.NOT_FOUND) from None


def _back(path: str, note: str, language: Language, at: str) -> Response:
    """To the page again, where the tap was."""
    anchor = f"#{at}" if at.isascii() and at.replace("-", "").isalnum() else ""
    return RedirectResponse(f"{path}?{urlencode({'lang': language, 'note': note})}{anchor}", 303)
