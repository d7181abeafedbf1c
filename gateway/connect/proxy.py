"""The local FHIR base: takes a request of any FHIR client, adds mandate and proofs, and passes the answer through as it comes.

Nothing of an answer is held: what arrives is sent on, byte for byte, and only as fast as it is read.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import anyio
import httpx2
from starlette.types import Receive, Scope, Send

from accord.link.jose import encoded
from accord.terms.evidence import Who
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, is_logical_id
from gateway.api.bundles import encode
from gateway.api.http_exchange import AnswerCut, BodyTooSlow, ClientLeft, Exchange
from gateway.api.http_settings import HttpSettings
from gateway.api.outcomes import authored_outcome, failure_issue, status_of
from gateway.connect.applications import Application, Applications
from gateway.connect.asking import Request, Understood, headers_once, understand
from gateway.connect.finding import PlacesBase, Room
from gateway.connect.mandating import MandateBook
from gateway.connect.passing import pass_back, target
from gateway.connect.patients import RECENT, Asker, Patients
from gateway.connect.professionals import Professionals
from gateway.connect.upstream import Upstream
from gateway.places.seeking import Seeking

#: Of a client's headers only these go on; whatever else it sends (tokens, cookies, addresses of its network) stays here.
_PASSED_ON: Final = ("accept", "accept-language", "content-type", "prefer", "traceparent", "noaber-record")
_PATIENT: Final = "noaber-patient"
_AT_ONCE: Final = 64

_log: Final = logging.getLogger("noaber.connect")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the proxy works with."""

    upstream: Upstream
    book: MandateBook
    patients: Patients
    applications: Applications
    professionals: Professionals
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A request that was understood: what is asked, by whom, for which application."""

    request: Request
    understood: Understood
    who: Who
    application: Application

    @property
    def asker(self) -> Asker:
        """Whose latest patient is meant where a request does not say."""
        return Asker(self.application.name, self.who.professional.identifier)


class ConnectApp:
    """The proxy as an ASGI application. *settings* are those of a local FHIR face: its address, its bounds."""

    def __init__(self, parts: Parts, settings: HttpSettings, seeking: Seeking | None = None) -> None:
        self._parts = parts
        self._places = None if seeking is None else PlacesBase(seeking, settings.base)
        self._settings = settings
        self._room = Room()
        self._at_once = anyio.CapacityLimiter(_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        settings = self._settings
        exchange = Exchange.of(scope, receive, send, settings.language, write_seconds=settings.write_seconds)
        try:
            self._check_origin(exchange)
            with self._room.of(exchange, settings.body_bytes) as most:
                await exchange.read_body(most, seconds=settings.body_seconds)
                await self._serve(exchange)
        except ClientLeft:
            return
        except Faulted as failure:
            with suppress(ClientLeft):
                await _fail(exchange, failure)

    async def _serve(self, exchange: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_leave_with_the_client, exchange, tasks.cancel_scope)
            # An answer that has begun and cannot be finished is left unfinished, so that nobody takes it for whole.
            with suppress(AnswerCut, ClientLeft):
                await self._answer(exchange)
            tasks.cancel_scope.cancel()

    async def _answer(self, exchange: Exchange) -> None:
        try:
            token = object()
            try:
                self._at_once.acquire_on_behalf_of_nowait(token)
            except anyio.WouldBlock:
                raise Unavailable(Fault.TOO_MANY_QUESTIONS) from None
            try:
                if self._places is not None and self._places.serves(exchange):
                    await self._answer_places(exchange, self._places)
                else:
                    await self._forward(exchange, self._read(exchange))
            finally:
                self._at_once.release_on_behalf_of(token)
        except (AnswerCut, ClientLeft):
            raise
        except Faulted as failure:
            await _fail(exchange, failure)
        except Exception as failure:  # noqa: BLE001 - the last place before the client: nothing of it may go out
            _log.error("internal request_id=%s kind=%s", exchange.wishes.request_id, type(failure).__name__)
            await _fail(exchange, Unavailable(Fault.INTERNAL))

    async def _answer_places(self, exchange: Exchange, places: PlacesBase) -> None:
        """Look for a place, or ask for one. No dossier is opened by it, so it needs no mandate; whoever asks is known all the same."""
        headers = headers_once(exchange)
        who = self._parts.professionals.at_work(headers, self._parts.applications.named_by(headers.get("authorization", "")))
        await places.answer(exchange, who.professional)

    def _check_origin(self, exchange: Exchange) -> None:
        """Refuse what a web page elsewhere had a browser on this machine send, under our name or under one of its own."""
        host = exchange.headers.get("host", "").lower()
        name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
        origin = exchange.headers.get("origin")
        if name not in self._settings.hosts or (origin is not None and origin != self._origin):
            raise BadInput(Fault.NOT_FOUND)

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def _read(self, exchange: Exchange) -> _Asking:
        parts, headers = self._parts, headers_once(exchange)
        application = parts.applications.named_by(headers.get("authorization", ""))
        who = parts.professionals.at_work(headers, application)
        request = Request(exchange.scope["method"], exchange.scope["path"], exchange.scope["query_string"], exchange.body, headers)
        understood = understand(request, base=self._settings.base, purpose=who.purpose, knows=parts.patients.knows)
        return _Asking(request, understood, who, application)

    async def _forward(self, exchange: Exchange, asking: _Asking) -> None:
        """Put the request to the gateway, for each patient that it may be about until something is found."""
        if not asking.understood.is_about_a_person:
            await self._put(exchange, asking, None, may_pass=False)
            return
        whom = self._whom(asking)
        for left, (patient_id, bsn) in zip(range(len(whom) - 1, -1, -1), whom, strict=True):
            if await self._put(exchange, asking, (patient_id, bsn), may_pass=left > 0):
                return

    def _whom(self, asking: _Asking) -> list[tuple[str, Bsn]]:
        """Whom it is about; where it does not say, whom this professional asked about last at this application.

        Raises:
            BadInput: `unknown-patient-id`, or `no-patient` when nobody was asked about yet.
        """
        patients, understood = self._parts.patients, asking.understood
        if understood.bsn is not None:
            return [("", understood.bsn)]
        named = understood.patient_id or asking.request.headers.get(_PATIENT, "")
        names = (named,) if named else patients.recent(asking.asker)[:RECENT]
        if not names:
            raise BadInput(Fault.NO_PATIENT, _PATIENT)
        return [(name, patients.bsn_of(name)) for name in names]

    async def _put(self, exchange: Exchange, asking: _Asking, whom: tuple[str, Bsn] | None, *, may_pass: bool) -> bool:
        """Whether the answer was passed on. *may_pass*: "not found" need not be, because somebody else may be meant."""
        parts = self._parts
        headers = self._headers(asking) | {"x-request-id": exchange.wishes.request_id}
        if whom is not None:
            at = parts.clock()
            held = await parts.book.mandate(whom[1], asking.who, at)
            evidence = held.evidence(asking.understood.asked, parts.book.organisation.gateway, at)
            headers |= {"noaber-mandate": evidence.mandate, "noaber-proof": ",".join(evidence.proofs), "noaber-salt": encoded(evidence.salt)}
            headers |= {_PATIENT: whom[0]} if whom[0] else {}
        async with parts.upstream.ask(exchange.scope["method"], target(exchange.scope), headers, exchange.body) as response:
            if may_pass and response.status_code == 404:
                return False
            if whom is not None and response.is_success:
                self._learn(response, whom, asking)
            if self._places is not None and self._places.is_described_by(exchange, response.status_code):
                await self._places.describe(exchange, await response.aread())
            else:
                await pass_back(exchange, response)
        return True

    def _headers(self, asking: _Asking) -> dict[str, str]:
        given = asking.request.headers
        # Said outright: what is left out here, the HTTP client would fill in with what it can read and ours may not.
        return (
            {"accept": "*/*", "accept-encoding": given.get("accept-encoding", "identity"), "user-agent": "noaber-connect"}
            | {name: given[name] for name in _PASSED_ON if name in given}
            | {"noaber-base": self._settings.base}
        )

    def _learn(self, response: httpx2.Response, whom: tuple[str, Bsn], asking: _Asking) -> None:
        patient_id, bsn = whom
        named = response.headers.get(_PATIENT, "")
        if patient_id:
            self._parts.patients.used(patient_id, asking.asker)
        elif is_logical_id(named):
            self._parts.patients.remember(named, bsn, asking.asker)


async def _fail(exchange: Exchange, failure: Faulted) -> None:
    """Answer with an OperationOutcome, in the words that the gateway would use."""
    if exchange.started:
        return
    headers: dict[str, str] = {}
    if failure.fault is Fault.LOGIN_REQUIRED:
        headers["www-authenticate"] = "Bearer"
    elif failure.fault is Fault.TOO_MANY_QUESTIONS:
        headers["retry-after"] = "1"
    elif failure.fault is Fault.METHOD_NOT_ALLOWED:
        headers["allow"] = failure.where
    if isinstance(failure, BodyTooSlow) or failure.fault is Fault.TOO_LARGE:
        headers["connection"] = "close"
    wishes = exchange.wishes
    outcome = authored_outcome([failure_issue(failure, wishes.of_errors, wishes.request_id)])
    await exchange.answer(status_of(failure), encode(outcome), headers)


async def _leave_with_the_client(exchange: Exchange, scope: anyio.CancelScope) -> None:
    """Withdraw the question when the client goes away."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
