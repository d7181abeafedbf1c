"""A simulated FHIR server that lets nobody in without a token of its own: SMART Backend Services, checked as the profile says.

GET  /fhir/.well-known/smart-configuration   where tokens are had
POST /token                                  a token for a signed assertion: once, of this client, for this place, short-lived
anything below /fhir                         401 without a token that still counts
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import anyio
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from testbed.fhir_server_desk import BASE_PATH

_ALGORITHMS: Final = ["ES384", "RS384"]
_LONGEST_SECONDS: Final = 300
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class LoginDesk:
    """Guards an application. It may be told to misbehave at any time.

    Attributes:
        lasts: Seconds that a token counts, as it says; `none` leaves it unsaid.
        refuses: The OAuth error with which every request for a token is refused; empty for none.
        says: Where it says that tokens are had; its own place when empty.
        granted: How many tokens were given.
        at_once: The most that were asked for at the same time.
    """

    def __init__(self, app: ASGIApp, client_id: str, key: ECKey | RSAKey, key_id: str, scope: str = "system/*.rs") -> None:
        self.lasts: float | None = 300.0
        self.refuses = ""
        self.says = ""
        self.granted = 0
        self.at_once = 0
        self.delay = 0.0
        self._client_id = client_id
        self._key = key
        self._key_id = key_id
        self._scope = scope
        self._inner = app
        self._tokens: set[str] = set()
        self._used: set[str] = set()
        self._asking = 0
        place: Callable[[Request], Awaitable[Response]] = self._place
        self.app = Starlette(
            routes=[
                Route(f"{BASE_PATH}/.well-known/smart-configuration", place),
                Route("/token", self._token, methods=["POST"]),
                Mount("/", app=self._guarded),
            ]
        )

    def withdraw(self) -> None:
        """No token that was given counts any more."""
        self._tokens.clear()

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Request(scope).headers.get("authorization", "").removeprefix("Bearer ")
        app: ASGIApp = self._inner if given in self._tokens else JSONResponse({"resourceType": "OperationOutcome"}, 401)
        # The desk behind it counts on its own path.
        await app({**scope, "root_path": ""}, receive, send)

    async def _place(self, request: Request) -> Response:
        own = f"{request.url.scheme}://{request.headers['host']}/token"
        return JSONResponse({"token_endpoint": self.says or own, "token_endpoint_auth_methods_supported": ["private_key_jwt"]})

    async def _token(self, request: Request) -> Response:
        self._asking += 1
        self.at_once = max(self.at_once, self._asking)
        try:
            await anyio.sleep(self.delay)
            form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            audience = f"{request.url.scheme}://{request.headers['host']}/token"
            if self.refuses or not self._is_believed(form, audience):
                return JSONResponse({"error": self.refuses or "invalid_client", "error_description": "hush"}, 400)
            token = secrets.token_urlsafe(24)
            self._tokens.add(token)
            self.granted += 1
            answer: dict[str, Any] = {"access_token": token, "token_type": "bearer", "scope": self._scope}
            return JSONResponse(answer if self.lasts is None else {**answer, "expires_in": self.lasts}, headers={"cache-control": "no-store"})
        finally:
            self._asking -= 1

    def _is_believed(self, form: dict[str, str], audience: str) -> bool:
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != _ASSERTION_TYPE or form.get("scope") != self._scope:
            return False
        try:
            read = jwt.decode(form.get("client_assertion", ""), self._key, algorithms=_ALGORITHMS)
        except (JoseError, ValueError, msgspec.MsgspecError):
            return False
        claims, now = read.claims, time.time()
        jti = str(claims.get("jti", ""))
        is_new = bool(jti) and jti not in self._used
        self._used.add(jti)
        return (
            is_new
            and read.header.get("typ") == "JWT"
            and read.header.get("kid") == self._key_id
            and claims.get("iss") == claims.get("sub") == self._client_id
            and claims.get("aud") == audience
            and now < float(claims.get("exp", 0)) <= now + _LONGEST_SECONDS
        )
