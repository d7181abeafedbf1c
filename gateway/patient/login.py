"""Logging in by OpenID Connect: authorization code with PKCE, state and nonce, against one provider that the register names."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2

from accord.link.logins import TOKEN_BYTES, expected_of, identity_of, read_keys
from accord.rules.speaking import Identity
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.members import LoginProvider

_ANSWER_BYTES: Final = 64 * 1024
_WAIT: Final = httpx2.Timeout(5.0)


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Which provider, and how. `redirect_uri` is our `/terug`, for both clients.

    `secret` is the client's, `confirm_secret` that of the client to confirm by, where the provider wants one
    (client_secret_basic); PKCE is used in any case.
    """

    provider: LoginProvider
    redirect_uri: str
    scope: str = "openid profile"
    secret: str = field(default="", repr=False)
    confirm_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way: what must come back, and what only we know."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    begun: datetime
    confirms: bool
    """Whether it is to confirm a choice: a fresh login, at the client for that."""


class Login:
    """Logins at one provider. Its keys are those of the register, never those that it happens to serve.

    Raises:
        BadInput: `invalid-setting`, for keys that are none.
    """

    def __init__(self, settings: LoginSettings, client: httpx2.AsyncClient, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._keys = read_keys(settings.provider.keys)
        self._client = client
        self._clock = clock
        self._endpoints: tuple[str, str] | None = None

    @property
    def origin(self) -> str:
        """Scheme and host of the provider: where a form may lead."""
        parts = urlsplit(self._settings.provider.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def can_confirm(self) -> bool:
        """Whether a choice can be confirmed at all: the register names a client for it."""
        return bool(self._settings.provider.confirm_client_id)

    async def begin(self, *, language: str, confirms: str | None = None) -> tuple[Attempt, str]:
        """A new attempt, and the address to send the browser to.

        *confirms* is the nonce of the statement that the login confirms: whoever is logged in there must do it again, and is
        told that it is for a choice. Without it the login is one to look by.

        Raises:
            Unavailable: `login-required`: the provider cannot be reached, says something else than agreed, or has no client to
                confirm by.
        """
        expected = expected_of(self._settings.provider, confirms)
        authorize, _ = await self._discovered()
        nonce = expected.nonce or secrets.token_urlsafe(32)
        attempt = Attempt(secrets.token_urlsafe(32), nonce, secrets.token_urlsafe(48), self._clock(), confirms is not None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": expected.audience,
            "redirect_uri": self._settings.redirect_uri,
            "scope": self._settings.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        if attempt.confirms:
            asked |= {"prompt": "login", "max_age": "0"}
        return attempt, f"{authorize}?{urlencode(asked)}"

    async def finish(self, attempt: Attempt, code: str) -> Identity:
        """Who logged in by this attempt.

        Raises:
            BadInput: `token-invalid`.
            Unavailable: `login-required`: the provider cannot be reached, or does not know the code.
        """
        _, token_endpoint = await self._discovered()
        settings = self._settings
        expected = expected_of(settings.provider, attempt.nonce if attempt.confirms else None)
        expected = replace(expected, nonce=attempt.nonce, fresh_since=attempt.begun if attempt.confirms else None)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "client_id": expected.audience,
            "code_verifier": attempt.verifier,
        }
        secret = settings.confirm_secret if attempt.confirms else settings.secret
        login = httpx2.BasicAuth(expected.audience, secret) if secret else None
        answer = await self._object("POST", token_endpoint, data=form, auth=login)
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > TOKEN_BYTES:
            raise BadInput(Fault.TOKEN_INVALID, "id_token")
        return identity_of(token, self._keys, expected, self._clock())

    async def _discovered(self) -> tuple[str, str]:
        if self._endpoints is None:
            issuer = self._settings.provider.issuer
            said = await self._object("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            endpoints = said.get("authorization_endpoint"), said.get("token_endpoint")
            # An issuer that points elsewhere could hand our codes, or our visitors, to somebody else.
            if said.get("issuer") != issuer or not all(isinstance(one, str) and one.startswith(f"{self.origin}/") for one in endpoints):
                raise Unavailable(Fault.LOGIN_REQUIRED, "discovery")
            self._endpoints = str(endpoints[0]), str(endpoints[1])
        return self._endpoints

    async def _object(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        try:
            async with self._client.stream(method, url, timeout=_WAIT, follow_redirects=False, **more) as answer:
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _ANSWER_BYTES:
                        raise Unavailable(Fault.LOGIN_REQUIRED, "answer")
                status = answer.status_code
            value = strict_json(body, limit=_ANSWER_BYTES) if status == 200 else None
        except (httpx2.HTTPError, BadInput):
            raise Unavailable(Fault.LOGIN_REQUIRED, "provider") from None
        if not isinstance(value, dict):
            raise Unavailable(Fault.LOGIN_REQUIRED, "provider")
        return value
