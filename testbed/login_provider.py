"""A small OpenID Connect provider for the demo and for tests: real in what it signs, fictional in whom it knows.

Authorization code with PKCE (S256), discovery, a JWK set, EdDSA-signed ID tokens with `auth_time`, `acr` and `nonce`;
`prompt` (`login`, `none`) and `max_age` are honoured. It remembers a browser for ten minutes, as real ones do, but never for a
client by which one confirms: whoever logs in there has seen, each time, what that is for.
"""

import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from cachetools import TTLCache
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from accord.terms.members import LoginProvider
from testbed.login_pages import ICON, STYLE, choose_person, refused
from testbed.login_people import LoginPerson, people
from testbed.login_tokens import TokenKey, text

STRONG: Final = "urn:noaber:demo:two-factor"
TOKEN_LIFE: Final = timedelta(minutes=60)
_COOKIE: Final = "verzonnen-inlogmiddel"
_CODE_SECONDS: Final = 60
_REMEMBERED_SECONDS: Final = 600
_FORM_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an application asked for."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str


@dataclass(slots=True)
class _Transaction:
    """Somebody at the login page."""

    wanted: _Wanted
    code: str


@dataclass(frozen=True, slots=True)
class _Granted:
    """A code that may be changed for a token, once."""

    wanted: _Wanted
    person: LoginPerson = field(repr=False)
    authenticated: datetime


class DemoLogin:
    """The provider: `app` serves it, `registered` is what a register of the region says about it.

    *clients* are the addresses that each may be sent back to; *confirming* those clients by which one confirms a choice.
    """

    def __init__(
        self,
        issuer: str,
        clients: Mapping[str, tuple[str, ...]],
        *,
        confirming: Collection[str] = (),
        clock: Callable[[], datetime] | None = None,
        seed: bytes | None = None,
    ) -> None:
        self.issuer = issuer
        self.key = TokenKey(seed)
        self._clients = dict(clients)
        self._confirming = frozenset(confirming)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._transactions: TTLCache[str, _Transaction] = TTLCache(1000, _REMEMBERED_SECONDS)
        self._granted: TTLCache[str, _Granted] = TTLCache(1000, _CODE_SECONDS)
        self._remembered: TTLCache[str, tuple[LoginPerson, datetime]] = TTLCache(1000, _REMEMBERED_SECONDS)
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/login", self._login, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/style.css", _style),
                Route("/icon.svg", _icon),
            ]
        )

    def registered(self, client_id: str, confirm_client_id: str = "") -> LoginProvider:
        """This provider as the signed register names it, with its keys."""
        return LoginProvider(self.issuer, client_id, json.dumps(self.key.jwks), confirm_client_id, levels=(STRONG,))

    def people(self) -> tuple[LoginPerson, ...]:
        """Who can log in."""
        return people(self._clock().date())

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "acr_values_supported": [STRONG],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse(self.key.jwks)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("redirect_uri", "") not in self._clients.get(asked.get("client_id", ""), ()):
            return HTMLResponse(refused(self.issuer), status_code=400)
        wanted = _Wanted(asked["client_id"], asked["redirect_uri"], asked.get("state", ""), asked.get("nonce", ""), asked.get("code_challenge", ""))
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256" or not wanted.challenge:
            return self._back(wanted, error="invalid_request")
        # An application picks its own parameters: whether somebody sees what they confirm is not for it to say.
        known = None if wanted.client_id in self._confirming else self._remembered.get(request.cookies.get(_COOKIE, ""))
        if known and asked.get("prompt") != "login" and self._young_enough(known[1], asked.get("max_age", "")):
            return self._grant(wanted, *known)
        if asked.get("prompt") == "none":
            return self._back(wanted, error="login_required")
        transaction = secrets.token_urlsafe(24)
        self._transactions[transaction] = _Transaction(wanted, f"{secrets.randbelow(1_000_000):06d}")
        return self._page(transaction)

    def _young_enough(self, authenticated: datetime, max_age: str) -> bool:
        return not max_age.isdecimal() or self._clock() - authenticated < timedelta(seconds=int(max_age))

    async def _login(self, request: Request) -> Response:
        form = await _form(request)
        transaction = form.get("transaction", "")
        known = self._transactions.get(transaction)
        if known is None:
            return HTMLResponse(refused(self.issuer), status_code=400)
        if form.get("do") == "cancel":
            del self._transactions[transaction]
            return self._back(known.wanted, error="access_denied")
        person = next((one for one in self.people() if one.key == form.get("person")), None)
        if person is None or not compare_digest(form.get("code", "").strip().encode(), known.code.encode()):
            return self._page(transaction, wrong=True)
        del self._transactions[transaction]
        now = self._clock()
        response = self._grant(known.wanted, person, now)
        remembered = secrets.token_urlsafe(24)
        self._remembered[remembered] = person, now
        response.set_cookie(_COOKIE, remembered, httponly=True, samesite="lax", max_age=_REMEMBERED_SECONDS)
        return response

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        granted = self._granted.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or granted is None:
            return _no("invalid_grant")
        wanted = granted.wanted
        challenge = text(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        same = (form.get("client_id"), form.get("redirect_uri")) == (wanted.client_id, wanted.redirect_uri)
        if not same or not compare_digest(challenge, wanted.challenge):
            return _no("invalid_grant")
        token = self.key.sign(self.claims(granted.person, wanted.client_id, wanted.nonce, granted.authenticated))
        answer = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 60, "id_token": token}
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    def claims(self, person: LoginPerson, client_id: str, nonce: str, authenticated: datetime) -> dict[str, Any]:
        """What an ID token for this person says."""
        now = self._clock()
        return person.claims | {
            "iss": self.issuer,
            "aud": client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "auth_time": int(authenticated.timestamp()),
            "acr": STRONG,
            "nonce": nonce,
        }

    def _grant(self, wanted: _Wanted, person: LoginPerson, authenticated: datetime) -> Response:
        code = secrets.token_urlsafe(24)
        self._granted[code] = _Granted(wanted, person, authenticated)
        return self._back(wanted, code=code)

    def _back(self, wanted: _Wanted, **said: str) -> Response:
        query = urlencode(said | {"state": wanted.state, "iss": self.issuer})
        return RedirectResponse(f"{wanted.redirect_uri}?{query}", status_code=303, headers={"cache-control": "no-store"})

    def _page(self, transaction: str, *, wrong: bool = False) -> Response:
        known = self._transactions[transaction]
        there = urlsplit(known.wanted.redirect_uri)
        policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {there.scheme}://{there.netloc}; frame-ancestors 'none'"
        page = choose_person(self.issuer, transaction, known.code, self.people(), confirms=known.wanted.client_id in self._confirming, wrong=wrong)
        headers = {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"}
        return HTMLResponse(page, status_code=422 if wrong else 200, headers=headers)


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            return {}
    return dict(parse_qsl(body.decode("ascii", "replace")))


def _no(error: str) -> Response:
    return JSONResponse({"error": error}, status_code=400, headers={"cache-control": "no-store"})


async def _style(_: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def _icon(_: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on loopback: `python -m testbed.login_provider PORT CLIENT_ID CONFIRM_CLIENT_ID REDIRECT_URI`.

    Prints the provider for the register, as one line of JSON.
    """
    import uvicorn  # noqa: PLC0415 - only who serves needs a server

    given = sys.argv[1:] if arguments is None else arguments
    port, client_id, confirm_client_id, redirect_uri = int(given[0]), given[1], given[2], given[3]
    clients = dict.fromkeys((client_id, confirm_client_id), (redirect_uri,))
    provider = DemoLogin(f"http://127.0.0.1:{port}", clients, confirming={confirm_client_id})
    known = provider.registered(client_id, confirm_client_id)
    print(json.dumps(asdict(known) | {"keys": json.loads(known.keys)}), flush=True)  # noqa: T201 - it talks to whoever started it
    uvicorn.run(provider.app, host="127.0.0.1", port=port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
