"""SMART Backend Services: access tokens for which we sign, one for everybody who asks, renewed before it ends.

the token endpoint does not answer, or refuses us    SourceUnavailable
its answer, or its place, cannot be used             SourceAnswerInvalid
"""

import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import anyio
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from accord.terms.faults import BadInput, Fault
from node_agent.ports import SourceAnswerInvalid, SourceUnavailable
from node_agent.sources.fhir_exchange import Reply, Request

_log = structlog.get_logger("noaber.agent")

#: So long before its end a token is not used any more: a question may take its time.
_MARGIN_SECONDS: Final = 30.0
#: What is signed is used at once; whoever finds it later can do nothing with it.
_ASSERTION_SECONDS: Final = 240
#: What a token is good for whose answer does not say.
_UNSAID_SECONDS: Final = 60.0
_LONGEST_SECONDS: Final = 86_400.0
_SMALLEST_RSA: Final = 2_048
_WHAT: Final = "token"
_JSON: Final = "application/json"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ERRORS: Final = frozenset({"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})

#: Gets one answer, whatever its status, until a moment of the event loop's clock.
Ask = Callable[[Request, float], Awaitable[Reply]]


class _Place(msgspec.Struct):
    token_endpoint: str = ""


class _Granted(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(min_length=1, pattern=r"\A[A-Za-z0-9._~+/=-]+\Z")]
    token_type: str = "bearer"  # noqa: S105 - a kind
    expires_in: float = _UNSAID_SECONDS


class _Refused(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True, slots=True)
class BackendClient:
    """Who we are to an authorisation server. The key is not shown by `repr`.

    Attributes:
        client_id: As it was registered there.
        key: A private key, PEM or JWK: EC on P-384 (signs ES384), or RSA of at least 2048 bits (RS384).
        key_id: The `kid` under which its public half was registered; that of the JWK when empty.
        scope: What is asked for.
        token_endpoint: Where; when empty, as `.well-known/smart-configuration` of the FHIR server says.

    Raises:
        BadInput: `invalid-setting`, with the name of the setting.
    """

    client_id: str
    key: str = field(repr=False)
    key_id: str = ""
    scope: str = "system/*.rs"
    token_endpoint: str = ""

    def __post_init__(self) -> None:
        if not self.client_id:
            raise BadInput(Fault.INVALID_SETTING, "source.client_id")
        if self.token_endpoint and not _may_be_told(self.token_endpoint, self.token_endpoint):
            raise BadInput(Fault.INVALID_SETTING, "source.token_endpoint: https")
        _signing(self.key)

    def assertion(self, audience: str) -> str:
        """A signed statement that it is us, for this token endpoint, once and now."""
        key, algorithm = _signing(self.key)
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": audience, "jti": str(uuid4()), "iat": now, "exp": now + _ASSERTION_SECONDS}
        named = self.key_id or key.get("kid")
        header = {"alg": algorithm, "typ": "JWT", **({"kid": named} if named else {})}
        return jwt.encode(header, claims, key, algorithms=[algorithm])


def _signing(text: str) -> tuple[ECKey | RSAKey, str]:
    """The key and how it signs."""
    kind: type[ECKey | RSAKey]
    for kind in (ECKey, RSAKey):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # a short key is refused below
                key = kind.import_key(msgspec.json.decode(text, type=dict[str, Any]) if text.lstrip().startswith("{") else text)
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError):
            continue
        if key.is_private and isinstance(key, ECKey) and key.curve_name == "P-384":
            return key, "ES384"
        if key.is_private and isinstance(key, RSAKey) and key.raw_value.key_size >= _SMALLEST_RSA:
            return key, "RS384"
    raise BadInput(Fault.INVALID_SETTING, "source.client_key: a private key, EC on P-384 or RSA of 2048 bits or more, PEM or JWK, not encrypted")


class Tokens:
    """Access tokens for one FHIR server. Only one is ever being fetched, whoever waits for it."""

    def __init__(self, client: BackendClient, base: str, ask: Ask, name: str, clock: Callable[[], float] = anyio.current_time) -> None:
        self._client = client
        self._base = base
        self._ask = ask
        self._name = name
        self._clock = clock
        self._endpoint = client.token_endpoint
        self._token = ""
        self._until = 0.0
        self._renewing = anyio.Lock()

    async def authorization(self, until: float) -> str:
        """The `Authorization` header for a request of now.

        Raises:
            SourceFailure: There is none to be had in time.
        """
        if self._is_over():
            async with self._renewing:
                # Who was here before may have fetched one for all.
                if self._is_over():
                    await self._renew(until)
        return f"Bearer {self._token}"

    def refuse(self, authorization: str) -> None:
        """The server does not take this any more. It may be that another has come meanwhile: that one is kept."""
        if authorization == f"Bearer {self._token}":
            self._until = 0.0

    def _is_over(self) -> bool:
        return self._clock() >= self._until

    async def _renew(self, until: float) -> None:
        endpoint = self._endpoint or await self._looked_up(until)
        form = {
            "grant_type": "client_credentials",
            "scope": self._client.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._client.assertion(endpoint),
        }
        asked = self._clock()
        reply = await self._ask(Request(_WHAT, endpoint, urlencode(form).encode(), accept=_JSON), until)
        if reply.status in (400, 401, 403):
            # The code is one of six; what else is said there stays there.
            _log.warning("the source gives us no token", source=self._name, status=reply.status, error=_error_in(reply.body))
        # Where it moved to is looked up again, unless it was set by hand.
        self._endpoint = self._client.token_endpoint
        try:
            granted = msgspec.json.decode(reply.checked(_WHAT), type=_Granted)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise SourceAnswerInvalid(_WHAT) from None
        if granted.token_type.lower() != "bearer":
            raise SourceAnswerInvalid(f"{_WHAT}: not a bearer token")
        lasts = min(max(granted.expires_in, 0.0), _LONGEST_SECONDS)
        self._endpoint = endpoint
        self._token = granted.access_token
        # One that lives shorter than the margin is used for half its life.
        self._until = asked + max(lasts - _MARGIN_SECONDS, lasts / 2)

    async def _looked_up(self, until: float) -> str:
        reply = await self._ask(Request(_WHAT, f"{self._base}/.well-known/smart-configuration", accept=_JSON), until)
        if reply.status == 404:
            raise SourceUnavailable(f"{_WHAT}: the server does not say where; set source.token_endpoint")
        try:
            place = msgspec.json.decode(reply.checked(_WHAT), type=_Place).token_endpoint
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise SourceAnswerInvalid(f"{_WHAT}: smart-configuration") from None
        if not _may_be_told(place, self._base):
            raise SourceAnswerInvalid(f"{_WHAT}: smart-configuration")
        return place


def _may_be_told(address: str, base: str) -> bool:
    """Whether what we sign may go there: over TLS, or on the same machine as a server that has none."""
    try:
        parts, own = urlsplit(address), urlsplit(base)
        sound = bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment and address.isascii() and address.isprintable()
        return sound and (parts.scheme == "https" or (parts.scheme == "http" == own.scheme and parts.hostname == own.hostname and _is_here(own.hostname)))
    except ValueError:
        return False


def _is_here(host: str | None) -> bool:
    return host in ("127.0.0.1", "::1", "localhost")


def _error_in(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body, type=_Refused).error
    except (msgspec.DecodeError, RecursionError, ValueError):
        return "unknown"
    return error if error in _ERRORS else "unknown"
