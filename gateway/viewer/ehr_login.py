"""SMART App Launch 2 as a client: off to the health record and back, with PKCE, state and nonce, and an ID token that is checked."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from accord.link.id_tokens import LEEWAY, TOKEN_BYTES, moment_in, verified
from accord.link.login_keys import keys_in, wrong
from accord.rules.strictness import Number
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import is_logical_id
from gateway.viewer.ehr import Ehr
from gateway.viewer.ehr_calls import EhrCalls

#: How long somebody may take at the health record.
PATIENCE: Final = timedelta(minutes=10)
_LONGEST_LIFE: Final = timedelta(hours=24)
_LAUNCH_CHARACTERS: Final = 2_048
_CODE_CHARACTERS: Final = 4_096
_TOKEN_CHARACTERS: Final = 16 * 1024
_MOST_AUDIENCES: Final = 8
#: Members of a header by which keys are known to others, and which mean nothing to us.
_NAMES_OF_KEYS: Final = frozenset({"x5t", "x5t#S256"})
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Goal(StrEnum):
    """What a login at the health record is for."""

    #: The health record opened the viewer, for the patient that is open there.
    LAUNCH = "launch"
    #: The viewer asks the health record for a patient.
    STANDALONE = "standalone"
    #: Only to prove anew who is at work.
    PROVE = "prove"
    #: To be at work here, with nobody's dossier.
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way: what must come back, and what only we know. `dossier` is where it goes on, where it is only to prove."""

    ehr: Ehr
    goal: Goal
    begun: datetime
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    dossier: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the health record answers, as it says it itself, and by which name it signs."""

    authorize: str
    token: str
    keys: str
    signs_as: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What a login gave: a token to read with (for a moment), the claims about who logged in, and which patient is meant (if one is)."""

    access: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    patient: str = field(repr=False)

    def second_factor_at(self, ehr: Ehr) -> datetime | None:
        """When they logged in by two factors; none where the health record does not say that they did."""
        methods = self.claims.get("amr")
        said = {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
        level = self.claims.get("acr")
        said |= {level} if isinstance(level, str) else set()
        if not said & ehr.two_factors or "auth_time" not in self.claims:
            return None
        return moment_in(self.claims, "auth_time")


async def discover(ehr: Ehr, calls: EhrCalls) -> Endpoints:
    """Where it answers.

    Raises:
        BadInput: `ehr-answer-invalid`: it points to where it is not believed, or is no SMART server of version 2.
        Unavailable: `ehr-unreachable`.
    """
    said = await calls.read(f"{ehr.base}/.well-known/smart-configuration")
    named = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    methods, signs_as = said.get("code_challenge_methods_supported"), said.get("issuer", ehr.issuer)
    # A health record that points elsewhere could hand codes, or clinicians, to somebody else.
    if not all(map(ehr.may_call, named)) or not ehr.may_call(signs_as) or not isinstance(methods, list) or "S256" not in methods:
        raise BadInput(Fault.EHR_ANSWER_INVALID, "smart-configuration")
    authorize, token, keys = map(str, named)
    return Endpoints(authorize, token, keys, str(signs_as))


def authorization_url(attempt: Attempt, endpoints: Endpoints, redirect_uri: str, launch: str = "") -> str:
    """Where to send the browser. *launch* is what the health record gave, in a launch of its own.

    Raises:
        BadInput: `launch-refused`: what it gave is no such thing.
    """
    ehr, wanted = attempt.ehr, {Goal.LAUNCH: "launch", Goal.STANDALONE: "launch/patient", Goal.PROVE: "", Goal.WORK: ""}[attempt.goal]
    if (attempt.goal is Goal.LAUNCH) != bool(launch) or len(launch) > _LAUNCH_CHARACTERS:
        raise BadInput(Fault.LAUNCH_REFUSED, "launch")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": ehr.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join((*([wanted] if wanted else []), *ehr.scopes)),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "aud": ehr.issuer,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if launch:
        asked["launch"] = launch
    if attempt.goal is Goal.PROVE:
        asked |= {"prompt": "login", "max_age": "0"}
    return f"{endpoints.authorize}{'&' if '?' in endpoints.authorize else '?'}{urlencode(asked)}"


async def finish(attempt: Attempt, endpoints: Endpoints, calls: EhrCalls, redirect_uri: str, code: str, at: datetime) -> Granted:
    """Change a code for what it stands for.

    Raises:
        BadInput: `launch-refused`, `token-invalid`, `ehr-answer-invalid`, `no-launched-patient`.
        Unavailable: `ehr-unreachable`.
    """
    if not 0 < len(code) <= _CODE_CHARACTERS:
        raise BadInput(Fault.LAUNCH_REFUSED, "code")
    ehr = attempt.ehr
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": attempt.verifier}
    login = None
    if ehr.secret:
        # RFC 6749, 2.3.1: both are encoded before they are put together.
        login = httpx2.BasicAuth(quote(ehr.client_id, safe=""), quote(ehr.secret, safe=""))
    elif ehr.assertion is not None:
        form |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": ehr.assertion(endpoints.token)}
    else:
        form["client_id"] = ehr.client_id
    answer = await calls.send(endpoints.token, form, login)
    access, id_token, patient = (answer.get(name) for name in ("access_token", "id_token", "patient"))
    if not _is_token(access, _TOKEN_CHARACTERS) or str(answer.get("token_type", "")).lower() != "bearer":
        raise BadInput(Fault.EHR_ANSWER_INVALID, "access_token")
    if not _is_token(id_token, TOKEN_BYTES):
        raise BadInput(Fault.TOKEN_INVALID, "id_token")
    claims = await _claims(str(id_token), attempt, endpoints, calls, at)
    if attempt.goal in (Goal.PROVE, Goal.WORK):
        return Granted(str(access), claims, "")
    if not isinstance(patient, str) or isinstance(patient, Number) or not is_logical_id(patient):
        raise BadInput(Fault.NO_LAUNCHED_PATIENT, "patient")
    return Granted(str(access), claims, patient)


async def _claims(token: str, attempt: Attempt, endpoints: Endpoints, calls: EhrCalls, at: datetime) -> Mapping[str, Any]:
    served = await calls.read(endpoints.keys)
    try:
        keys = keys_in(served)
    except BadInput:
        raise BadInput(Fault.EHR_ANSWER_INVALID, "keys") from None
    claims = verified(token, keys, also=_NAMES_OF_KEYS)
    if claims.get("iss") != endpoints.signs_as:
        raise wrong("iss")
    client, audience = attempt.ehr.client_id, claims.get("aud")
    several = isinstance(audience, list) and len(audience) <= _MOST_AUDIENCES and client in audience and (len(audience) == 1 or claims.get("azp") == client)
    if (audience != client and not several) or claims.get("azp", client) != client:
        raise wrong("aud")
    issued, expires = moment_in(claims, "iat"), moment_in(claims, "exp")
    if not issued - LEEWAY <= at < expires + LEEWAY or expires - issued > _LONGEST_LIFE:
        raise wrong("exp")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode(), attempt.nonce.encode()):
        raise wrong("nonce")
    if "auth_time" in claims and moment_in(claims, "auth_time") > at + LEEWAY:
        raise wrong("auth_time")
    if attempt.goal is Goal.PROVE and moment_in(claims, "auth_time") < attempt.begun - LEEWAY:
        raise wrong("auth_time")
    return claims


def _is_token(value: object, most: int) -> bool:
    return isinstance(value, str) and not isinstance(value, Number) and 0 < len(value) <= most and value.isascii() and value.isprintable() and " " not in value
