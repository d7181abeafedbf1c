"""The line to the office's joining desk: what is said is sealed for the desk of the region's authority and no other, and so is its answer.

Around it is HTTPS, with the region's authority, and beside it only that of a proxy that opens TLS, where somebody named it. Whoever
joins knows no authority yet, only its fingerprint. So it first asks who the desk is, over a line that proves nothing and on which
nothing is said, compares the fingerprint, and begins again with that authority alone. There is no trust on first use.
"""

import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_client_context
from accord.link.desk_forms import ANSWER_BYTES, HEARD_BYTES, BoxForm, FailedForm, HeardForm, ToldForm
from accord.link.desk_sealing import Calling, as_anybody, as_member, broken, pinned_in
from accord.link.proxies import authorities_in, proxy_for
from accord.link.short_certificates import DESK_NAME
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import DESK_ADDRESS, OPENED_TLS

_SECONDS: Final = httpx2.Timeout(20.0, connect=5.0)
#: Said outside the box it may be said by anybody: it ends this try, and is believed for nothing else.
_SAID_OUTSIDE: Final = frozenset({Fault.TOO_MANY_QUESTIONS, Fault.SESSION_BROKEN, Fault.PROOF_USED})

_Answer = TypeVar("_Answer")


def desk_url(text: str) -> str:
    """The address of a desk: scheme, host and port, and nothing behind them.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        parts = urlsplit(text)
        has_port = parts.port is not None
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "address of the desk", then=DESK_ADDRESS) from None
    if parts.scheme != "https" or not parts.hostname or not has_port or "@" in parts.netloc or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadInput(Fault.INVALID_SETTING, "address of the desk: write https://host:port", then=DESK_ADDRESS)
    return f"https://{parts.netloc}"


def proxy_to_desk(url: str, setting: str) -> str:
    """The proxy on the way to a desk; empty for none.

    Raises:
        BadInput: `invalid-setting`.
    """
    return proxy_for(address(urlsplit(desk_url(url)).netloc), setting, "office.proxy")


async def pinned_authority(url: str, expected: str, proxy: str = "", ca_file: str = "") -> str:
    """The certificate (PEM) of the region's authority, when it has the fingerprint that was given, and its desk answers.

    *proxy* is a setting; *ca_file* says whether that proxy opens TLS.

    Raises:
        BadInput: `wrong-authority`: it has another one, whoever answered.
        Unavailable: `desk-unreachable`, `session-broken`.
    """
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname = False
    nobody.verify_mode = ssl.CERT_NONE  # what comes over this line is believed for its fingerprint and signature alone
    calling = Calling()
    async with _client(nobody, proxy_to_desk(url, proxy)) as client:
        heard = await _asked(client, url, "/v1/hello", calling.hello, HeardForm, HEARD_BYTES, desk_called(url, ca_file))
    authority = pinned_in(heard, expected)
    calling.believe(heard, (authority,), datetime.now(UTC))
    return authority


@dataclass(frozen=True, slots=True)
class OfficeLine:
    """Asks the desk at `url`; with `files` it says by which certificate we are known."""

    url: str
    authorities: tuple[str, ...] = field(repr=False)
    files: TlsFiles | None = None
    #: As the setting has it.
    proxy: str = field(default="", repr=False)
    #: The file with the authority of a proxy that opens TLS; empty for none.
    ca_file: str = ""

    async def ask(self, path: str, form: msgspec.Struct, answer: type[_Answer]) -> _Answer:
        """What the desk answers.

        Raises:
            BadInput: What the desk refuses, by its code; `wrong-authority` when somebody else answers.
            Unavailable: `desk-unreachable`, `session-broken`, or the desk is too busy.
        """
        context, name = self._outside()
        body, calling = msgspec.json.encode(form), Calling()
        async with _client(context, proxy_to_desk(self.url, self.proxy)) as client:
            heard = await _asked(client, self.url, "/v1/hello", calling.hello, HeardForm, HEARD_BYTES, name)
            session = calling.believe(heard, self.authorities, datetime.now(UTC))
            if self.files is None:
                sealed = as_anybody(session, calling.hello, heard.ticket, path, body)
            else:
                sealed = as_member(session, calling.hello, heard.ticket, path, body, self.files)
            boxed = await _asked(client, self.url, "/v1/sealed", sealed, BoxForm, ANSWER_BYTES, name)
        told = session.open_answer(boxed.box, sealed.box)
        if told.status != 200:
            raise _refused(told)
        try:
            return msgspec.json.decode(told.body, type=answer)
        except msgspec.DecodeError:
            raise Unavailable(Fault.DESK_UNREACHABLE, "it answered something else") from None

    def _outside(self) -> tuple[ssl.SSLContext, str]:
        """The TLS around it, and the name that is called."""
        context = https_client_context(self.authorities)
        if self.ca_file:
            # Authorities of proxies are made in many ways, and nothing rests on them.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            context.load_verify_locations(cadata=authorities_in(Path(self.ca_file), "office.ca_file").decode("utf-8"))
        return context, desk_called(self.url, self.ca_file)


def desk_called(url: str, ca_file: str) -> str:
    """The name that is called: a proxy that opens TLS knows the desk by its host, and by no name that only the region has."""
    return (urlsplit(url).hostname if ca_file else None) or DESK_NAME


@asynccontextmanager
async def _client(context: ssl.SSLContext, proxy: str) -> AsyncGenerator[httpx2.AsyncClient, None]:
    for name in ("httpx2", "httpcore2", "httpcore2.proxy"):
        # They would write down what is sent when asked to explain themselves.
        logging.getLogger(name).setLevel(logging.WARNING)
    transport = httpx2.AsyncHTTPTransport(verify=context, http1=True, http2=False, trust_env=False, proxy=proxy or None)
    async with httpx2.AsyncClient(transport=transport, timeout=_SECONDS, trust_env=False) as client:
        yield client


async def _asked(client: httpx2.AsyncClient, url: str, path: str, form: msgspec.Struct, answer: type[_Answer], most: int, name: str) -> _Answer:
    headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "noaber"}
    body = bytearray()
    try:
        request = client.build_request("POST", f"{url}{path}", content=msgspec.json.encode(form), headers=headers, extensions={"sni_hostname": name})
        response = await client.send(request, stream=True)
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > most:
                    raise Unavailable(Fault.DESK_UNREACHABLE, "its answer is too large")
        finally:
            await response.aclose()
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as failure:
        raise _failed(failure) from None
    if response.status_code != 200:
        raise _said_outside(bytes(body))
    try:
        return msgspec.json.decode(bytes(body), type=answer)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise broken() from None


def _failed(failure: BaseException) -> BadInput | Unavailable:
    if isinstance(failure, httpx2.ProxyError):
        # What it said is not told: it may be a page of whoever.
        return Unavailable(Fault.DESK_UNREACHABLE, "the proxy does not let it through: see its address and password")
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BadInput(Fault.WRONG_AUTHORITY, "TLS", then=OPENED_TLS)
        cause = cause.__cause__ or cause.__context__
    return Unavailable(Fault.DESK_UNREACHABLE)


def _said_outside(body: bytes) -> Unavailable:
    try:
        fault = Fault(msgspec.json.decode(body, type=FailedForm).code)
    except (msgspec.DecodeError, RecursionError, ValueError):
        fault = Fault.DESK_UNREACHABLE
    if fault in _SAID_OUTSIDE:
        return Unavailable(fault, "on the way to the desk")
    return Unavailable(Fault.DESK_UNREACHABLE, "it is too busy, or no desk")


def _refused(told: ToldForm) -> BadInput | Unavailable:
    try:
        fault = Fault(msgspec.json.decode(told.body, type=FailedForm).code)
    except (msgspec.DecodeError, ValueError):
        return Unavailable(Fault.DESK_UNREACHABLE, "it answered something else")
    return BadInput(fault, "said by the desk") if 400 <= told.status < 500 and told.status != 429 else Unavailable(fault, "said by the desk")
