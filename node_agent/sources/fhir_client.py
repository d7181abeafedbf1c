"""Asks a FHIR server over HTTP: few questions at once, bounded answers, and every failure in our own words.

    httpx2.ConnectError                       asked again, then SourceUnreachable
    httpx2.NetworkError, RemoteProtocolError  asked again, then SourceDropped
    httpx2.TimeoutException, TimeoutError     SourceUnavailable
    httpx2.DecodingError                      SourceAnswerInvalid
    anything else of httpx2                   SourceUnavailable
    429, 503                                  left alone for as long as it says, up to a minute, then SourceBusy
    3xx                                       SourceAnswerInvalid: a question is never carried elsewhere
    401, where we get tokens                  asked again once, with a new one
    other statuses but 200                    SourceRefused
    an answer larger than the limit           SourceAnswerInvalid
    one packed otherwise than was asked for   SourceAnswerInvalid

A time-out is not tried again: whoever asks has a use for the time that is left.
"""

import logging
import random
import ssl
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, cast

import anyio
import httpx2

from accord.terms.limits import ATTACHMENT_BYTES, CHUNK_BYTES
from node_agent.claims import SourceTotals
from node_agent.pacing import Pace
from node_agent.ports import SourceAnswerInvalid, SourceBusy, SourceFailure, SourceUnavailable
from node_agent.sources.fhir_body import ACCEPTED, pieces_of, read_body
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Reply, Request, SourceDropped, SourceUnreachable
from node_agent.sources.fhir_tokens import Tokens

_TRIES_AFTER_A_DROP: Final = 2
_BUSY_ANSWERS: Final = 4
#: Longer it is not left alone, whatever it asks for: then somebody looks whether it can be used again.
_LONGEST_PAUSE: Final = 60.0


class FhirClient:
    """HTTP to one server. Nothing that was read stays here."""

    def __init__(self, endpoint: FhirEndpoint) -> None:
        _keep_the_libraries_quiet()
        # One more where tokens are fetched: that must not wait for those who wait for the token.
        at_once = endpoint.concurrency + endpoint.attachments_at_once + (endpoint.backend is not None)
        headers = {"accept-encoding": ACCEPTED, "prefer": "handling=strict", "user-agent": "noaber"}
        if endpoint.authorization:
            headers["authorization"] = endpoint.authorization
        self._http = httpx2.AsyncClient(
            headers=headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=_trust(endpoint),
            timeout=httpx2.Timeout(endpoint.request_seconds, connect=endpoint.connect_seconds),
            limits=httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            follow_redirects=False,
            trust_env=not endpoint.is_loopback,
        )
        self._tokens = Tokens(endpoint.backend, endpoint.bases[0], self._once_for_token, endpoint.name) if endpoint.backend else None
        self._seconds = endpoint.request_seconds
        self._page_bytes = endpoint.page_bytes
        #: Of searches: how many were as long as the server said.
        self.totals = SourceTotals(trusted=endpoint.trust_total)
        self.pace = Pace(endpoint.concurrency, endpoint.per_second, endpoint.slow_seconds)
        self._fetching = anyio.CapacityLimiter(endpoint.attachments_at_once)
        self._left_alone_until = 0.0

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def answer(self, request: Request, until: float) -> Reply:
        """The server's answer, whatever its status; *until* is a moment of the event loop's clock.

        Raises:
            SourceFailure: There is none in time.
        """
        drops = busy = refusals = 0
        while True:
            await self._leave_alone(request.what, until)
            access = await self._access(until)
            try:
                async with self.pace.turn(request.what, until) as begun:
                    reply, retry_after = await self._once(request, until, access)
            except SourceDropped:
                # Every request here only reads: to ask again changes nothing there.
                drops += 1
                if drops > _TRIES_AFTER_A_DROP:
                    raise
                await anyio.sleep(random.uniform(0.05, 0.15) * drops)  # noqa: S311  (spread, not secret)
                continue
            if self._is_refused(reply, access) and not refusals:
                refusals += 1
                continue
            if reply.status not in (httpx2.codes.TOO_MANY_REQUESTS, httpx2.codes.SERVICE_UNAVAILABLE):
                return reply
            busy += 1
            self.pace.lessen(begun)
            pause = _seconds_of(retry_after) if retry_after else 0.5 * 2**busy
            self._left_alone_until = max(self._left_alone_until, anyio.current_time() + pause)
            if busy >= _BUSY_ANSWERS:
                raise SourceBusy(request.what)

    async def attachment(self, request: Request, until: float) -> tuple[Reply, AsyncGenerator[bytes, None]]:
        """The head of the server's answer, and its body in chunks; closing these closes the request.

        Raises:
            SourceFailure: There is none in time.
        """
        drops = refusals = 0
        while True:
            await self._leave_alone(request.what, until)
            access = await self._access(until)
            await self.pace.start(request.what, until)
            chunks = self._stream(request, access)
            try:
                with anyio.fail_after(min(self._seconds, until - anyio.current_time())):
                    head = await anext(chunks)
            except TimeoutError:
                raise SourceUnavailable(f"{request.what}: time-out") from None
            except SourceDropped:
                drops += 1
                if drops > _TRIES_AFTER_A_DROP:
                    raise
                continue
            if self._is_refused(cast("Reply", head), access) and not refusals:
                refusals += 1
                await chunks.aclose()
                continue
            # The generator has begun, so that closing it runs its end; from here on it brings bytes only.
            return cast("Reply", head), cast("AsyncGenerator[bytes, None]", chunks)

    async def _access(self, until: float) -> dict[str, str]:
        """The header that lets us in, where it is not the same for ever."""
        return {"authorization": await self._tokens.authorization(until)} if self._tokens else {}

    def _is_refused(self, reply: Reply, access: dict[str, str]) -> bool:
        """Whether the server does not take our token, so that there is a point in asking with another."""
        if self._tokens is None or reply.status != httpx2.codes.UNAUTHORIZED:
            return False
        self._tokens.refuse(access["authorization"])
        return True

    async def _once_for_token(self, request: Request, until: float) -> Reply:
        return (await self._once(request, until, {}))[0]

    async def _leave_alone(self, what: str, until: float) -> None:
        """Wait as long as the server asked for; everybody waits, not only whoever was told."""
        while (pause := self._left_alone_until - anyio.current_time()) > 0:
            if self._left_alone_until >= until:
                raise SourceBusy(what)
            await anyio.sleep(pause + random.uniform(0, 0.05))  # noqa: S311  (spread, not secret)
        if self._http.is_closed:
            raise SourceUnavailable("closed")
        if anyio.current_time() >= until:
            raise SourceUnavailable(f"{what}: out of time")

    async def _once(self, request: Request, until: float, access: dict[str, str]) -> tuple[Reply, str]:
        try:
            with anyio.fail_after(min(self._seconds, until - anyio.current_time())):
                response = await self._http.send(self._as_sent(request, access), stream=True)
                try:
                    return _head_of(response, await read_body(response, self._page_bytes, request.what)), response.headers.get("retry-after", "")
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.TimeoutException):
            raise SourceUnavailable(f"{request.what}: time-out") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as failure:
            raise _translated(failure, request.what) from None

    def _as_sent(self, request: Request, more: dict[str, str]) -> httpx2.Request:
        headers = {"accept": request.accept, **more}
        if request.form is None:
            return self._http.build_request("GET", request.url, headers=headers)
        return self._http.build_request("POST", request.url, headers={**headers, "content-type": request.content_type}, content=request.form)

    async def _stream(self, request: Request, access: dict[str, str]) -> AsyncGenerator[Reply | bytes, None]:
        """First the head, then the body; one of few at a time, until it is read or closed."""
        borrower = object()
        await self._fetching.acquire_on_behalf_of(borrower)
        response: httpx2.Response | None = None
        try:
            # What is attached is mostly packed already, and passes on as it comes.
            response = await self._http.send(self._as_sent(request, {"accept-encoding": "identity", **access}), stream=True)
            yield _head_of(response, b"")
            async for piece in pieces_of(response, ATTACHMENT_BYTES, request.what, CHUNK_BYTES):
                yield piece
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as failure:
            raise _translated(failure, request.what) from None
        finally:
            if response is not None:
                await response.aclose()
            self._fetching.release_on_behalf_of(borrower)


def _trust(endpoint: FhirEndpoint) -> ssl.SSLContext | bool:
    if endpoint.tls is None and endpoint.base.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and takes no time to load: there is no TLS here
    return endpoint.tls or True


def _head_of(response: httpx2.Response, body: bytes) -> Reply:
    content_type: str = response.headers.get("content-type", "")
    return Reply(response.status_code, content_type.partition(";")[0].strip().lower(), body)


def _translated(failure: Exception, what: str) -> SourceFailure:
    """Only the kind of failure is told: httpx2's own words may hold an address."""
    if isinstance(failure, httpx2.ConnectError):
        return SourceUnreachable(what)
    if isinstance(failure, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return SourceDropped(what)
    if isinstance(failure, httpx2.DecodingError):
        return SourceAnswerInvalid(what)
    return SourceUnavailable(f"{what}: {type(failure).__name__}")


def _seconds_of(retry_after: str) -> float:
    """What `Retry-After` asks for: seconds, or a moment; one second when it cannot be read, and never more than a minute."""
    if retry_after.isascii() and retry_after.isdecimal():
        return min(float(retry_after), _LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(retry_after)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), _LONGEST_PAUSE)
    except (ValueError, OverflowError, TypeError):
        return 1.0


def _keep_the_libraries_quiet() -> None:
    """They log addresses and headers; an address holds the ids of patients, a header our secret."""
    for name in ("httpx2", "httpcore2", *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
