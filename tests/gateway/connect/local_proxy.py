"""A proxy as it runs, and a gateway behind it that remembers what it was sent, verifies it, and answers as it is told."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from ssl import CERT_REQUIRED, SSLContext
from typing import Any, Final

import anyio
import httpx2
from anyio.abc import TaskStatus
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.link.addresses import loopback
from accord.link.certificates import read_signing_key
from accord.link.credentials import https_server_context
from accord.link.jose import decoded
from accord.link.mandates import read_mandate
from accord.link.proofs import read_proof
from accord.link.salts import is_about
from accord.region.member_keys import signing_key_file
from accord.terms.evidence import Asked, Mandate, TreatmentBasis
from accord.terms.identifiers import Bsn
from accord.terms.members import KeyUse
from accord.terms.parties import Professional
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.connect.applications import Applications
from gateway.connect.mandating import MandateBook, Organisation, OwnKey
from gateway.connect.patients import Patients
from gateway.connect.professionals import Professionals
from gateway.connect.proxy import ConnectApp, Parts
from gateway.connect.upstream import Upstream, gateway_address
from tests.accord.link.small_region import GATEWAY, HOSPITAL, SmallRegion

BSN: Final = Bsn("999900006")
OTHER_BSN: Final = Bsn("999900018")
SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/bsn"
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
GP: Final = Professionals(Professional("900000001", "01.015", "J. de Vries"), TreatmentBasis.REGISTERED)


def searched(bsn: Bsn = BSN) -> str:
    """The body of a search for a person."""
    return f"identifier={SYSTEM}%7C{bsn.value}"


def opaque(bsn: Bsn) -> str:
    """The id that the gateway gives a person."""
    return f"opaque{bsn.value[-3:]}"


@dataclass
class Seen:
    """A request as the gateway got it."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def bsn(self) -> Bsn | None:
        """Whom its body names."""
        return next((bsn for bsn in (BSN, OTHER_BSN) if bsn.value.encode() in self.body), None)


@dataclass
class Answer:
    """What the gateway says: in parts, the later ones when `go_on` is set, and broken off where `cut`."""

    status: int = 200
    parts: Sequence[bytes] = (b'{"resourceType":"Bundle"}',)
    headers: dict[str, str] = field(default_factory=dict)
    go_on: anyio.Event | None = None
    cut: bool = False


async def found(seen: Seen) -> Answer:
    """A gateway that finds everything; who is searched by number gets an id."""
    return Answer(headers={} if seen.bsn is None else {"noaber-patient": opaque(seen.bsn)})


@dataclass
class FakeGateway:
    """`seen` holds every request; `left` is set when a client went away in mid-answer."""

    answers: Callable[[Seen], Awaitable[Answer]] = found
    seen: list[Seen] = field(default_factory=list)
    left: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = scope["query_string"].decode()
        target = scope["raw_path"].decode() + (f"?{query}" if query else "")
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        assert len(dict(headers)) == len(headers), "no header stands twice"
        self.seen.append(Seen(scope["method"], target, dict(headers), body))
        await self._send(await self.answers(self.seen[-1]), receive, send)

    async def _send(self, answer: Answer, receive: Receive, send: Send) -> None:
        told = {"content-type": "application/fhir+json", "set-cookie": "a=b"} | answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": [(k.encode(), v.encode()) for k, v in told.items()]})
        for number, part in enumerate(answer.parts):
            if number and answer.go_on is not None:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch, receive, tasks.cancel_scope)
                    await answer.go_on.wait()
                    tasks.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if not answer.cut:
            await send({"type": "http.response.body", "body": b""})

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        if (await receive())["type"] == "http.disconnect":
            self.left.set()
            scope.cancel()


@dataclass
class Running:
    """A proxy that runs, with a client of it, the gateway behind it and a clock that a test may set forward."""

    client: httpx2.AsyncClient
    gateway: FakeGateway
    parts: Parts
    region: SmallRegion
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """The time in the proxy."""
        return datetime.now(UTC) + self.ahead

    def verified(self, seen: Seen, bsn: Bsn = BSN) -> tuple[Mandate, tuple[Asked, ...]]:
        """What the evidence of a request says, verified as a holder would."""
        mandate = read_mandate(seen.headers["noaber-mandate"], self.region.live().newest, self.now())
        assert is_about(mandate.patient, decoded(seen.headers["noaber-salt"]), bsn)
        proofs = [read_proof(text, mandate, GATEWAY.ura, self.now()) for text in seen.headers["noaber-proof"].split(",")]
        return mandate, tuple(proof.asked for proof in proofs)

    async def search(self, bsn: Bsn = BSN, /, **headers: str) -> httpx2.Response:
        """Search a person by number."""
        return await self.client.post("/fhir/Patient/_search", content=searched(bsn), headers=FORM | headers)


@asynccontextmanager
async def running(
    folder: Path,
    gateway: ASGIApp,
    *,
    tls: bool = False,
    applications: Applications | None = None,
    professionals: Professionals = GP,
    address: str = "",
    elapsed: Callable[[], float] = time.monotonic,
    **memory: Any,
) -> AsyncIterator[Running]:
    """A proxy before *gateway*, on mutual TLS where that is wanted; or before an address where nobody may be.

    *elapsed* are the seconds by which replaced connections are closed.
    """
    region = SmallRegion(folder)
    live = region.live("proxy")
    scheme, context = "http", None
    if tls:
        scheme, context = "https", https_server_context(region.files(GATEWAY), live.newest.authorities, clients=CERT_REQUIRED)
    async with anyio.create_task_group() as tasks:
        face = HttpSettings(public_url="http://gateway.test", allowed_hosts=frozenset({"127.0.0.1"}))
        taken = await tasks.start(_serve, lambda _: gateway, face, context)
        files = region.files(HOSPITAL) if tls else None
        upstream = Upstream(gateway_address(address or f"{scheme}://{taken}"), GATEWAY.ura, live, files, now=elapsed)
        source = OwnKey(read_signing_key(signing_key_file(folder / HOSPITAL.name.value, KeyUse.MANDATE)))
        book = MandateBook(source, Organisation(HOSPITAL.ura, live.newest.region, GATEWAY.ura))
        run: list[Running] = []
        parts = Parts(upstream, book, Patients(**memory), applications or Applications(), professionals, clock=lambda: run[0].now())  # noqa: PLW0108 - it is filled below
        local = await tasks.start(_serve, partial(ConnectApp, parts), HttpSettings(), None)
        async with httpx2.AsyncClient(base_url=f"http://{local}", trust_env=False) as client:
            run.append(Running(client, gateway if isinstance(gateway, FakeGateway) else FakeGateway(), parts, region))
            yield run[0]
        await upstream.close()
        tasks.cancel_scope.cancel()


async def _serve(make_app: Callable[[HttpSettings], ASGIApp], settings: HttpSettings, tls: SSLContext | None, *, task_status: TaskStatus[str]) -> None:
    await serve_http(make_app, settings, loopback("127.0.0.1:0"), tls=tls, task_status=task_status)
