"""The FHIR face over HTTP: from a request to the one function that answers it, and from every failure to its outcome."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.rules.places import Places
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from gateway.api.bundles import encode
from gateway.api.fhir_account import NotHeard, gap_issues, header_of
from gateway.api.fhir_calls import Call, new_query_id
from gateway.api.fhir_held import Room
from gateway.api.fhir_metadata import capability_statement, operation_definition
from gateway.api.fhir_routes import Asked, What, answer, route
from gateway.api.fhir_views import View
from gateway.api.http_door import Door, RegionDoor
from gateway.api.http_exchange import AnswerCut, BodyTooSlow, ClientLeft, Exchange
from gateway.api.http_settings import HttpSettings
from gateway.api.http_wishes import check_format
from gateway.api.outcomes import authored_outcome, failure_issue, status_of
from gateway.callers import NOT_LET_IN, Callers, base_said
from gateway.cursor import Cursors
from gateway.opening import Region
from gateway.patient_ids import PatientIds

_log: Final = logging.getLogger("noaber.gateway.http")


def make_app(region: Region, callers: Callers, settings: HttpSettings, whose: Callable[[bytes], str] = lambda _: "") -> ASGIApp:
    """The FHIR face of a region, as an ASGI application. *whose* is the URA that a certificate (DER, or empty) is of, empty for nobody."""
    return FhirApp(RegionDoor(region), callers, settings, whose)


class FhirApp:
    """The ASGI application. It keeps nothing between requests but its keys and the number of questions under way."""

    def __init__(self, door: Door, callers: Callers, settings: HttpSettings, whose: Callable[[bytes], str] = lambda _: "") -> None:
        self._door = door
        self._whose = whose
        self._callers = callers
        self._settings = settings
        self._ids = PatientIds(settings.patient_keys)
        self._cursors = Cursors(settings.cursor_key)
        self._questions = Places(settings.questions_at_once, of_one=settings.questions_of_one)
        self._room = Room(settings.documents_bytes)
        self._started = datetime.now(UTC)
        self._version = _own_version()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Exchange.of(scope, receive, send, self._settings.language, write_seconds=self._settings.write_seconds))

    async def _serve(self, exchange: Exchange) -> None:
        try:
            self._check_host(exchange)
            await exchange.read_body(self._settings.body_bytes, seconds=self._settings.body_seconds)
        except ClientLeft:
            return
        except Faulted as failure:
            with suppress(ClientLeft):
                await _fail(exchange, failure)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_leave_with_the_client, exchange, tasks.cancel_scope)
            # An answer that has begun and cannot be finished is left unfinished.
            with suppress(AnswerCut, ClientLeft):
                await self._answer(exchange)
            tasks.cancel_scope.cancel()

    async def _answer(self, exchange: Exchange) -> None:
        """Answer, or say why not.

        Raises:
            AnswerCut, ClientLeft: The answer ends here.
        """
        try:
            asked = route(exchange.method, exchange.segments)
            given = {item.name: item.value for item in exchange.given()}
            if asked.type != "Binary" and asked.what is not What.ORIGINAL:
                check_format(exchange.headers, given)
            exchange.pretty = given.get("_pretty") == "true"
            if asked.is_metadata:
                view = self._view(asked, exchange, base_said(exchange.headers) or self._settings.base)
                about = operation_definition(asked.id) if asked.what is What.DEFINITION else capability_statement(view, self._started, self._version)
                await exchange.answer(200, encode(about))
                return
            caller = self._callers.caller(exchange.headers, exchange.peer)
            view = self._view(asked, exchange, caller.base or self._settings.base)
            call = Call(self._door, self._settings, self._ids, self._cursors, exchange, view, caller, new_query_id(), self._room)
            exchange.applied = exchange.wishes.applied
            await self._ask(asked, call)
        except (AnswerCut, ClientLeft):
            raise
        except Faulted as failure:
            await _fail(exchange, await self._noted(failure, exchange.peer))
        except Exception as failure:  # noqa: BLE001 - the last place before the client: nothing of it may go out
            _log.error("internal request_id=%s kind=%s", exchange.wishes.request_id, type(failure).__name__)
            await _fail(exchange, Unavailable(Fault.INTERNAL))

    async def _noted(self, failure: Faulted, certificate: bytes) -> Faulted:
        """The failure, noted in the journal where somebody was not let in; what cannot be noted is told instead."""
        if failure.fault in NOT_LET_IN:
            try:
                await self._door.refused(failure, self._whose(certificate))
            except Unavailable as closed:
                return closed
        return failure

    async def _ask(self, asked: Asked, call: Call) -> None:
        organisation = call.caller.asked_by.data_user.ura.value
        if not self._questions.take(organisation):
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        try:
            # Whoever is blocked meanwhile gets no more: an answer that has begun ends unfinished.
            async with self._callers.while_a_member(call.caller):
                await answer(asked, call)
        finally:
            self._questions.give_back(organisation)

    def _view(self, asked: Asked, exchange: Exchange, base: str) -> View:
        if asked.holder is None:
            return View(base, None, exchange.wishes.exact, exchange.wishes.unfolded)
        name = HolderName(asked.holder)
        if all(holder.name != name for holder in self._door.holders):
            raise BadInput(Fault.UNKNOWN_HOLDER)
        return View(base, name)

    def _check_host(self, exchange: Exchange) -> None:
        """Serve only under our own names: else a page elsewhere could have its own name point here and read answers."""
        host = exchange.headers.get("host", "").lower()
        name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
        if name not in self._settings.hosts:
            raise BadInput(Fault.NOT_FOUND)


async def _fail(exchange: Exchange, failure: Faulted) -> None:
    """Answer with an OperationOutcome; an answer that has begun and has no end yet is left so, and the connection closed."""
    if exchange.started:
        return
    wishes = exchange.wishes
    issues = [failure_issue(failure, wishes.of_errors, wishes.request_id)]
    headers: dict[str, str] = {}
    status = status_of(failure)
    if isinstance(failure, NotHeard):
        issues += gap_issues(failure.completeness, wishes.of_errors, "error")
        headers |= header_of(failure.completeness)
        status = 504 if failure.only_late else status
    if failure.fault is Fault.TOO_MANY_QUESTIONS:
        headers["retry-after"] = "1"
    if isinstance(failure, BodyTooSlow) or failure.fault is Fault.TOO_LARGE:
        # What still comes of it must not be taken for the next request.
        headers["connection"] = "close"
    if failure.fault is Fault.METHOD_NOT_ALLOWED:
        headers["allow"] = failure.where
    await exchange.answer(status, encode(authored_outcome(issues)), headers)


async def _leave_with_the_client(exchange: Exchange, scope: anyio.CancelScope) -> None:
    """Withdraw everything when the client goes away: whoever asked no longer reads."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _own_version() -> str:
    try:
        return version("noaber")
    except PackageNotFoundError:
        return "unknown"
