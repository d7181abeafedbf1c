"""The connection to the gateway: HTTP/1.1 over mutual TLS, to the organisation that the register names and to nobody else.

Foreign failures become ours by one table, in `failed`.
"""

import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from accord.link.addresses import loopback
from accord.link.certificates import host_name
from accord.link.credentials import TlsFiles, https_client_context, renew
from accord.link.live_register import LiveRegister
from accord.link.peers import certificate_digest, member_by_digest
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import MemberStatus, Part
from gateway.connect.replaced import Replaced

#: The gateway cannot be reached.
UNREACHABLE: Final = Fault.GATEWAY_UNREACHABLE
_CONNECT_SECONDS: Final = 3.0
_MOST_CONNECTIONS: Final = 64
_IDLE_SECONDS: Final = 10.0
#: The event of httpcore with which a TLS handshake has ended well.
_SECURED: Final = "connection.start_tls.complete"


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where the gateway answers: `https://host:port`, or for one machine `http://127.0.0.1:port` and `unix:/path`."""

    url: str
    socket: str = ""

    @property
    def is_secured(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https://")


def gateway_address(text: str) -> GatewayAddress:
    """Read an address.

    Raises:
        BadInput: `invalid-setting`; `loopback-only` for plain HTTP to another machine.
    """
    if text.startswith("unix:/"):
        return GatewayAddress("http://localhost", text.removeprefix("unix:"))
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise BadInput(Fault.INVALID_SETTING, "gateway.url")
    if parts.scheme == "http":
        loopback(parts.netloc if parts.port else f"{parts.netloc}:80")
    return GatewayAddress(f"{parts.scheme}://{parts.netloc}")


@dataclass(slots=True)
class Upstream:
    """The gateway, as a request is sent to it. Nothing of a request or an answer is kept, and no proxy of the environment used."""

    address: GatewayAddress
    ura: Ura
    live: LiveRegister
    files: TlsFiles | None = None
    seconds: float = 60.0
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    now: Callable[[], float] = time.monotonic
    _client: httpx2.AsyncClient = field(init=False, repr=False)
    _context: ssl.SSLContext | None = field(init=False, default=None, repr=False)
    _authorities: tuple[str, ...] = field(init=False, default=())
    _seen: set[bytes] = field(init=False, default_factory=set)
    _earlier: Replaced = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("httpx2", "httpcore2"):
            # They would write down addresses, and when asked to explain themselves headers too: patient ids and mandates.
            logging.getLogger(name).setLevel(logging.WARNING)
        self._earlier = Replaced(self.seconds, self.now)
        self._begin()

    @asynccontextmanager
    async def ask(self, method: str, target: bytes, headers: Mapping[str, str], body: bytes) -> AsyncIterator[httpx2.Response]:
        """The answer of the gateway, its body still to come. *target* is path and query, as they were sent to us.

        Raises:
            Unavailable: The gateway cannot be reached, is not the one of the register, or does not answer.
        """
        self.check_standing()
        extensions: dict[str, Any] = {}
        if self.address.is_secured:
            extensions = {"sni_hostname": host_name(self.ura), "trace": self._watch}
        request = self._client.build_request(
            method, httpx2.URL(self.address.url).copy_with(raw_path=target), headers=dict(headers), content=body, extensions=extensions
        )
        try:
            response = await self._client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as failure:
            raise failed(failure) from None
        try:
            yield response
        finally:
            await response.aclose()

    def refresh(self) -> None:
        """Use the certificate and the authorities of this moment for the connections to come."""
        if self._context is not None and self.files is not None:
            if self.live.newest.authorities != self._authorities:
                self._begin_anew()
            else:
                renew(self._context, self.files)

    async def close_over(self) -> None:
        """Close the earlier connections on which nothing can be under way any more."""
        await self._earlier.close_over()

    async def close(self) -> None:
        """Close every connection."""
        await self._earlier.close_all()
        await self._client.aclose()

    def _begin(self) -> None:
        if self.address.is_secured:
            self._authorities = self.live.newest.authorities
            self._context = https_client_context(self._authorities, self.files)
        self._seen = set()
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(
                verify=self._context or ssl.create_default_context(),
                http1=True,
                http2=False,
                trust_env=False,
                uds=self.address.socket or None,
                limits=httpx2.Limits(max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS, keepalive_expiry=_IDLE_SECONDS),
            ),
            timeout=httpx2.Timeout(self.seconds, connect=_CONNECT_SECONDS),
            trust_env=False,
            follow_redirects=False,
        )

    def _begin_anew(self) -> None:
        # Answers under way are read to their end; the connections of the earlier client are not used again.
        earlier = self._client
        self._begin()
        self._earlier.put(earlier.aclose)

    def check_standing(self) -> None:
        """Whether the gateway takes part now, by every key that it showed on a connection that may be used again.

        Raises:
            Unavailable: `not-a-member`, `organisation-blocked`, `register-outdated`.
        """
        register = self.live.current(self.clock())
        member = register.by_ura.get(self.ura)
        if member is None or Part.GATEWAY not in member.parts:
            raise Unavailable(Fault.NOT_A_MEMBER, "gateway")
        if member.status is not MemberStatus.ACTIVE:
            raise Unavailable(Fault.ORGANISATION_BLOCKED, "gateway")
        if not self._seen <= member.certificates:
            self._begin_anew()

    async def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Look at who is at the other end before anything is said.

        Raises:
            Unavailable: `not-a-member`, `organisation-blocked`.
        """
        if event != _SECURED:
            return
        stream = info["return_value"]
        certificate = stream.get_extra_info("ssl_object").getpeercert(binary_form=True)
        try:
            at = self.clock()
            digest = certificate_digest(certificate, at)
            if member_by_digest(self.live.current(at), digest).ura != self.ura:
                raise Unavailable(Fault.NOT_A_MEMBER, "gateway")
        except Faulted:
            await stream.aclose()
            raise
        self._seen.add(digest)


def failed(failure: Exception) -> Unavailable:
    """What a failure of the connection is to us. Its own text may hold an address, and goes nowhere."""
    if isinstance(failure, httpx2.PoolTimeout):
        return Unavailable(Fault.TOO_MANY_QUESTIONS)
    if isinstance(failure, httpx2.ReadTimeout | httpx2.WriteTimeout):
        return Unavailable(Fault.DEADLINE_PASSED)
    return Unavailable(UNREACHABLE, "gateway")
