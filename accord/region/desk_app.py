"""The joining desk as an HTTPS application: opens a question, asks the desk, and says a fixed code when it cannot be.

Whatever is wrong with a token is told in one way, and nothing that somebody sent is ever written down.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import anyio
import msgspec
import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from accord.link.desk_forms import (
    MESSAGE_BYTES,
    SEALED_BYTES,
    ActivateForm,
    BoxForm,
    DoorsForm,
    FailedForm,
    HelloForm,
    JoinForm,
    RenewForm,
    SealedForm,
    StandingForm,
    TokenForm,
    ToldForm,
)
from accord.region.desk_reception import Question, Reception
from accord.region.joining_desk import Desk
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable

_READ_SECONDS: Final = 10.0
#: Disk and locks serve a few at a time; who waits longer is told to come again.
_AT_ONCE: Final = 4
_WAIT_SECONDS: Final = 15.0
_STATUS: Final = {
    Fault.JOIN_REFUSED: 403,
    Fault.NOT_A_MEMBER: 403,
    Fault.ORGANISATION_BLOCKED: 403,
    Fault.CERTIFICATE_REPLACED: 403,
    Fault.CERTIFICATE_EXPIRED: 403,
    # Said to whoever sends nonsense, without a line each.
    Fault.MALFORMED_JSON: 400,
    Fault.TOO_LARGE: 413,
    # A proxy that changes something, or a restart between the two halves of a question.
    Fault.SESSION_BROKEN: 409,
    Fault.PROOF_USED: 409,
    Fault.TOO_MANY_QUESTIONS: 429,
    Fault.METHOD_NOT_ALLOWED: 405,
    Fault.NOT_FOUND: 404,
}

_log = structlog.get_logger("noaber.desk")
_Form = TypeVar("_Form")


class DeskApp:
    """The two faces of one desk: who it is, and what is asked in a box."""

    def __init__(self, desk: Desk, reception: Reception) -> None:
        self._desk = desk
        self._reception = reception
        self._believed: tuple[object, tuple[str, ...]] = (None, ())
        self._at_once = anyio.CapacityLimiter(_AT_ONCE)
        self._paths: Mapping[str, Callable[[Question], object]] = {
            "/v1/invitation": partial(self._answer, TokenForm, desk.invited),
            "/v1/join": partial(self._answer, JoinForm, desk.join),
            "/v1/renew": partial(self._answer_member, RenewForm, desk.renew),
            "/v1/activate": partial(self._answer_member, ActivateForm, desk.activate),
            "/v1/standing": partial(self._answer_member, StandingForm, desk.standing),
            "/v1/doors": partial(self._answer_member, DoorsForm, desk.tell_doors),
        }

    def application(self) -> Starlette:
        """As it is served."""
        return Starlette(
            routes=[Route("/v1/hello", self._hear, methods=["POST"]), Route("/v1/sealed", self._open, methods=["POST"])],
            exception_handlers={404: _not_found, 405: _not_allowed},
        )

    async def _hear(self, request: Request) -> Response:
        async def hear() -> object:
            return self._reception.hear(_decoded(await _read(request), HelloForm))

        return _response(await _told(hear))

    async def _open(self, request: Request) -> Response:
        async def answer() -> object:
            question = self._reception.open(_decoded(await _read(request), SealedForm))
            # Whatever becomes of it is told in the box: that it was refused is nobody else's either.
            told = await _told(partial(self._aside, partial(self._ask, question)))
            return BoxForm(question.session.seal_answer(told, question.box))

        return _response(await _told(answer))

    def _ask(self, question: Question) -> object:
        ask = self._paths.get(question.asked.path)
        if ask is None:
            raise BadInput(Fault.NOT_FOUND)
        return ask(question)

    def _answer(self, form: type[_Form], ask: Callable[[_Form], object], question: Question) -> object:
        return ask(_decoded(question.asked.body, form))

    def _answer_member(self, form: type[_Form], ask: Callable[[_Form, bytes], object], question: Question) -> object:
        peer = question.member(self._authorities(), self._desk.now())
        return ask(_decoded(question.asked.body, form), peer)

    def _authorities(self) -> tuple[str, ...]:
        """Those of the register; for this it is read only when it was written, which with 200 members takes 15 ms."""
        office = self._desk.office
        try:
            status = office.register_path.stat()
        except OSError:
            raise BadInput(Fault.REGISTER_INVALID, "register.jws cannot be read") from None
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        read, believed = self._believed
        if read != stamp:
            believed = office.signed().register.authorities
            self._believed = (stamp, believed)
        return believed

    async def _aside(self, ask: Callable[[], object]) -> object:
        try:
            with anyio.fail_after(_WAIT_SECONDS):
                await self._at_once.acquire_on_behalf_of(ask)
        except TimeoutError:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS) from None
        try:
            return await to_thread.run_sync(ask)
        finally:
            self._at_once.release_on_behalf_of(ask)


async def _read(request: Request) -> bytes:
    """What is in a request, bounded in bytes and time."""
    body = bytearray()
    try:
        with anyio.fail_after(_READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > SEALED_BYTES:
                    raise BadInput(Fault.TOO_LARGE)
    except (TimeoutError, ClientDisconnect):
        raise BadInput(Fault.MALFORMED_JSON) from None
    return bytes(body)


def _decoded(body: bytes | msgspec.Raw, form: type[_Form]) -> _Form:
    if len(memoryview(body)) > (SEALED_BYTES if form is SealedForm else MESSAGE_BYTES):
        raise BadInput(Fault.TOO_LARGE)
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise BadInput(Fault.MALFORMED_JSON) from None


async def _told(answer: Callable[[], Awaitable[object]]) -> ToldForm:
    try:
        return _form(200, await answer())
    except Faulted as failure:
        if failure.fault not in _STATUS:
            _log.warning("a request was refused", code=failure.fault.value, where=failure.where)
        return _failed(failure.fault, _STATUS.get(failure.fault, 400 if isinstance(failure, BadInput) else 503))
    except Exception as failure:  # noqa: BLE001 - whatever it was, its text stays here
        _log.error("internal", kind=type(failure).__name__)
        return _failed(Fault.INTERNAL, 500)


def _form(status: int, content: object) -> ToldForm:
    return ToldForm(status, msgspec.Raw(msgspec.json.encode(content)))


def _failed(fault: Fault, status: int) -> ToldForm:
    return _form(status, FailedForm(fault.value))


def _response(told: ToldForm) -> Response:
    return Response(bytes(told.body), told.status, headers={"cache-control": "no-store"}, media_type="application/json")


async def _not_found(_: Request, __: Exception) -> Response:
    return _response(_failed(Fault.NOT_FOUND, 404))


async def _not_allowed(_: Request, __: Exception) -> Response:
    return _response(_failed(Fault.METHOD_NOT_ALLOWED, 405))
