"""A small health record that launches the viewer: a SMART authorization server, three kinds of FHIR records, and a worklist.

    python -m testbed.ehr PORT VIEWER_URL CLIENT_ID SECRET

What it signs is real, whom it knows is fictional. Tests change what it says through `spoilt`.
"""

import base64
import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

from cachetools import TTLCache
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.pages.forms import read_form
from testbed.ehr_answers import AtWork, Granted, Spoilt, Wanted, back_to, changed_by, page_of
from testbed.ehr_pages import ICON, STYLE, choose_patient, log_in_page, refused_page, worklist
from testbed.ehr_records import SANNE, STAFF, TONIGHT, TRANSFER, Staff, practitioner, roles
from testbed.login_tokens import TokenKey, text

TWO_FACTORS: Final = "mfa"
_COOKIE: Final = "verzonnen-epd"
_TOKEN_LIFE: Final = timedelta(minutes=10)
_SHIFT_SECONDS: Final = 12 * 3600
_FEW_SECONDS: Final = 600


class DemoEhr:
    """The health record: `app` serves it. *viewer* is what it may launch and send back to, *client* and *secret* how that proves itself."""

    def __init__(self, origin: str, viewer: str, client: str, secret: str, *, clock: Callable[[], datetime] | None = None) -> None:
        self.origin = origin
        self.issuer = f"{origin}/fhir"
        self.key = TokenKey()
        self.spoilt = Spoilt()
        #: Whatever was asked for, by path: for tests of what is read and how often.
        self.asked: list[str] = []
        self._viewer, self._client, self._secret = viewer, client, secret
        self._clock = clock or (lambda: datetime.now(UTC))
        self._at_work: TTLCache[str, AtWork] = TTLCache(1000, _SHIFT_SECONDS)
        self._launches: TTLCache[str, str] = TTLCache(1000, _FEW_SECONDS)
        self._waiting: TTLCache[str, Wanted | None] = TTLCache(1000, _FEW_SECONDS)
        self._granted: TTLCache[str, Granted] = TTLCache(1000, 60)
        self._access: TTLCache[str, tuple[str, Staff]] = TTLCache(1000, _FEW_SECONDS)
        self.app = Starlette(
            routes=[
                Route("/", self._worklist),
                Route("/login", self._log_in, methods=["POST"]),
                Route("/choose", self._choose, methods=["POST"]),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/style.css", _style),
                Route("/icon.svg", _icon),
                Route("/fhir/.well-known/smart-configuration", self._configuration),
                Route("/fhir/Patient/{id}", self._patient),
                Route("/fhir/Practitioner/{id}", self._practitioner),
                Route("/fhir/PractitionerRole", self._roles),
            ]
        )

    def launch_of(self, patient: str) -> str:
        """The address that opens the viewer for a patient, once more each time."""
        launch = secrets.token_urlsafe(24)
        self._launches[launch] = patient
        return f"{self._viewer}/launch?{urlencode({'iss': self.issuer, 'launch': launch})}"

    # -- For people

    async def _worklist(self, request: Request) -> Response:
        at_work = self._at_work.get(request.cookies.get(_COOKIE, ""))
        if at_work is None:
            return self._log_in_first(None)
        places = f"{self._viewer}/login/0/plekken" if at_work.who.id == TRANSFER else ""
        return page_of(worklist(at_work.who, ((one, self.launch_of(one.id)) for one in TONIGHT), places))

    def _log_in_first(self, wanted: Wanted | None) -> Response:
        transaction = secrets.token_urlsafe(24)
        self._waiting[transaction] = wanted
        return self._asking(log_in_page(transaction))

    async def _log_in(self, request: Request) -> Response:
        form = await read_form(request) or {}
        transaction = form.get("transaction", "")
        if transaction not in self._waiting:
            return page_of(refused_page(), 400)
        wanted, by = self._waiting.pop(transaction), AtWork(STAFF.get(form.get("who", ""), SANNE), self._clock())
        response = self._go_on(wanted, by) if wanted else RedirectResponse("/", status_code=303)
        here = secrets.token_urlsafe(24)
        self._at_work[here] = by
        response.set_cookie(_COOKIE, here, httponly=True, samesite="lax")
        return response

    async def _choose(self, request: Request) -> Response:
        form = await read_form(request) or {}
        wanted = self._waiting.pop(form.get("transaction", ""), None)
        by = self._at_work.get(request.cookies.get(_COOKIE, ""))
        if wanted is None or by is None or form.get("patient") not in {one.id for one in TONIGHT}:
            return page_of(refused_page(), 400)
        return self._grant(replace(wanted, patient=form["patient"]), by)

    # -- For applications

    async def _configuration(self, _: Request) -> Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/jwks",
            "grant_types_supported": ["authorization_code"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": ["openid", "fhirUser", "launch", "launch/patient", "patient/Patient.r", "user/Practitioner.r", "user/PractitionerRole.rs"],
            "capabilities": ["launch-ehr", "launch-standalone", "client-confidential-symmetric", "sso-openid-connect", "context-ehr-patient", "permission-v2"],
        }
        return self._json("configuration", said, self.spoilt.configuration)

    async def _authorize(self, request: Request) -> Response:
        self.asked.append("authorize")
        asked = dict(request.query_params)
        if (asked.get("client_id"), asked.get("redirect_uri")) != (self._client, f"{self._viewer}/terug"):
            return page_of(refused_page(), 400)
        scopes = frozenset(asked.get("scope", "").split())
        wanted = Wanted(asked["redirect_uri"], asked.get("state", ""), asked.get("nonce", ""), asked.get("code_challenge", ""), scopes)
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256" or not wanted.challenge or asked.get("aud") != self.issuer:
            return back_to(wanted, error="invalid_request")
        if "launch" in scopes:
            patient = self._launches.pop(asked.get("launch", ""), None)
            if patient is None:
                return back_to(wanted, error="invalid_request")
            wanted = replace(wanted, patient=patient)
        by = self._at_work.get(request.cookies.get(_COOKIE, ""))
        if by is None or asked.get("prompt") == "login":
            return self._log_in_first(wanted)
        return self._go_on(wanted, by)

    def _go_on(self, wanted: Wanted, by: AtWork) -> Response:
        if "launch/patient" in wanted.scopes and not wanted.patient:
            transaction = secrets.token_urlsafe(24)
            self._waiting[transaction] = wanted
            return self._asking(choose_patient(transaction, TONIGHT))
        return self._grant(wanted, by)

    def _grant(self, wanted: Wanted, by: AtWork) -> Response:
        code = secrets.token_urlsafe(24)
        self._granted[code] = Granted(wanted, by)
        return back_to(wanted, code=code)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        form = await read_form(request) or {}
        granted = self._granted.pop(form.get("code", ""), None)
        if not self._is_the_client(request) or form.get("grant_type") != "authorization_code" or granted is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        wanted, challenge = granted.wanted, text(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if form.get("redirect_uri") != wanted.redirect_uri or not compare_digest(challenge, wanted.challenge):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access, now = secrets.token_urlsafe(24), self._clock()
        self._access[access] = (wanted.patient, granted.by.who)
        claims = {
            "iss": self.issuer,
            "sub": granted.by.who.id,
            "aud": self._client,
            "iat": int(now.timestamp()),
            "exp": int((now + _TOKEN_LIFE).timestamp()),
            "auth_time": int(granted.by.since.timestamp()),
            "amr": ["pin", TWO_FACTORS],
            "nonce": wanted.nonce,
            "fhirUser": f"{self.issuer}/Practitioner/{granted.by.who.id}",
        }
        said: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": 600, "scope": " ".join(sorted(wanted.scopes))}
        said |= {"id_token": self.key.sign(changed_by(claims, self.spoilt.claims), **self.spoilt.header)} | (
            {"patient": wanted.patient} if wanted.patient else {}
        )
        return JSONResponse(changed_by(said, self.spoilt.token), headers={"cache-control": "no-store"})

    def _is_the_client(self, request: Request) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        client, _, secret = base64.b64decode(given or "Og==").decode("latin-1").partition(":")
        return kind.lower() == "basic" and unquote(client) == self._client and compare_digest(unquote(secret).encode(), self._secret.encode())

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse(self.key.jwks)

    async def _patient(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        record = next((one.record for one in TONIGHT if one.id == wanted), None)
        if record is None or self._allowed(request)[0] != wanted:
            return Response(status_code=403)
        return self._json("Patient", record, self.spoilt.patient)

    async def _practitioner(self, request: Request) -> Response:
        _, who = self._allowed(request)
        if who is None or request.path_params["id"] != who.id:
            return Response(status_code=403)
        return self._json("Practitioner", practitioner(who), self.spoilt.practitioner)

    async def _roles(self, request: Request) -> Response:
        _, who = self._allowed(request)
        if who is None or request.query_params.get("practitioner") != f"Practitioner/{who.id}":
            return Response(status_code=403)
        return self._json("PractitionerRole", roles(who), self.spoilt.roles)

    def _allowed(self, request: Request) -> tuple[str, Staff | None]:
        return self._access.get(request.headers.get("authorization", "").removeprefix("Bearer "), ("", None))

    def _json(self, what: str, said: Mapping[str, Any], changed: Mapping[str, Any]) -> Response:
        self.asked.append(what)
        return JSONResponse(changed_by(said, changed), media_type="application/fhir+json" if what[0].isupper() else "application/json")

    def _asking(self, page: str) -> Response:
        there = urlsplit(self._viewer)
        return page_of(page, form_to=f" {there.scheme}://{there.netloc}")


async def _style(_: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def _icon(_: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on loopback until ended. Prints its addresses as one line of JSON."""
    import uvicorn  # noqa: PLC0415 - only who serves needs a server

    given = sys.argv[1:] if arguments is None else arguments
    port, viewer, client, secret = int(given[0]), given[1], given[2], given[3]
    ehr = DemoEhr(f"http://127.0.0.1:{port}", viewer, client, secret)
    print(json.dumps({"ehr": ehr.origin, "issuer": ehr.issuer}), flush=True)  # noqa: T201 - it talks to whoever started it
    uvicorn.run(ehr.app, host="127.0.0.1", port=port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
