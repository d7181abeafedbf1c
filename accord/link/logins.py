"""Logins of patients, and of who acts for them: an ID token, checked strictly by whoever is given one.

Its form, its signature by a key of the signed register, and every claim that counts. Gateway and holders read it the same
way, and neither believes the other about it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

from accord.link.id_tokens import LEEWAY, TOKEN_BYTES, moment_in, object_of, text_in, verified
from accord.link.login_keys import read_keys, wrong
from accord.rules.speaking import Identity, Represented
from accord.rules.strictness import Number
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn
from accord.terms.members import LoginProvider

__all__ = ["LEEWAY", "TOKEN_BYTES", "Expected", "expected_of", "identity_of", "login_of", "read_keys"]

#: How long ago a login that was asked to be fresh may have been.
FRESH: Final = timedelta(seconds=120)
#: How long ago a login may have been by which one still looks.
LONGEST_LOGIN: Final = timedelta(minutes=60)
_LONGEST_LIFE: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. `fresh_since` is set when the login had to be a new one; `nonce` is none when any will do."""

    issuer: str
    audience: str
    nonce: str | None
    bsn_claim: str = "bsn"
    levels: tuple[str, ...] = ()
    fresh_since: datetime | None = None


def identity_of(token: str, keys: Mapping[str, Mapping[str, Any]], expected: Expected, at: datetime) -> Identity:
    """Who logged in, as the provider signed it.

    Raises:
        BadInput: `token-invalid`, with the name of what is wrong and never its content.
    """
    claims = verified(token, keys)
    _check_claims(claims, expected, at)
    represents = _represented(claims.get("represents"))
    bsn = claims.get(expected.bsn_claim)
    if bsn is None and represents is None:
        raise wrong(expected.bsn_claim)
    return Identity(
        subject=text_in(claims, "sub"),
        name=text_in(claims, "name"),
        bsn=None if bsn is None else _bsn(bsn),
        born=_day(claims, "birth_date") if "birth_date" in claims else None,
        represents=represents,
        authenticated=moment_in(claims, "auth_time"),
        expires=moment_in(claims, "exp"),
        token=token,
    )


def expected_of(provider: LoginProvider, confirms: str | None) -> Expected:
    """What a token of this provider must say: to confirm by, with *confirms* as its nonce, or (none) only to look by.

    A gateway picks the nonce of every login. What makes a login one that confirms is the client that it was for: the
    provider told so to whoever logged in.

    Raises:
        Unavailable: `login-required`: the provider has no client to confirm by.
    """
    if confirms is None:
        return Expected(provider.issuer, provider.client_id, None, provider.bsn_claim, provider.levels)
    if not provider.confirm_client_id:
        raise Unavailable(Fault.LOGIN_REQUIRED, "confirm_client_id")
    return Expected(provider.issuer, provider.confirm_client_id, confirms, provider.bsn_claim, provider.levels)


def login_of(token: str, logins: Iterable[LoginProvider], confirms: str | None, at: datetime) -> Identity:
    """Who logged in at one of these providers, at most an hour ago.

    *confirms* is the nonce of the statement that the login must have been made for; none for a login by which one looks.
    Neither kind of login is ever taken for the other.

    Raises:
        BadInput: `token-invalid`, with the name of what is wrong and never its content.
        Unavailable: `login-required`: the login is over, or too long ago, or one cannot choose by logins at this provider.
    """
    issuer = _claimed_issuer(token)
    provider = next((login for login in logins if login.issuer == issuer), None)
    if provider is None:
        raise wrong("iss")
    expected = expected_of(provider, confirms)
    try:
        identity = identity_of(token, read_keys(provider.keys), expected, at)
    except BadInput as failure:
        if failure.where == "exp":
            raise Unavailable(Fault.LOGIN_REQUIRED, "exp") from None
        raise failure if failure.fault is Fault.TOKEN_INVALID else wrong("key") from None
    if at - identity.authenticated > LONGEST_LOGIN:
        raise Unavailable(Fault.LOGIN_REQUIRED, "auth_time")
    return identity


def _claimed_issuer(token: str) -> object:
    """Who says to have signed it: only to choose by whose keys it is checked."""
    parts = token.split(".", 3)
    if len(token) > TOKEN_BYTES or len(parts) != 3 or not token.isascii():
        raise wrong("form")
    return object_of(parts[1]).get("iss")


def _check_claims(claims: Mapping[str, Any], expected: Expected, at: datetime) -> None:
    if claims.get("iss") != expected.issuer:
        raise wrong("iss")
    audience = claims.get("aud")
    if audience not in (expected.audience, [expected.audience]) or claims.get("azp", expected.audience) != expected.audience:
        raise wrong("aud")
    issued, expires, authenticated = (moment_in(claims, name) for name in ("iat", "exp", "auth_time"))
    if not issued - LEEWAY <= at < expires or expires - issued > _LONGEST_LIFE or authenticated > issued + LEEWAY:
        raise wrong("exp")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or (expected.nonce is not None and not compare_digest(nonce.encode(), expected.nonce.encode())):
        raise wrong("nonce")
    if expected.fresh_since is not None and not (expected.fresh_since - LEEWAY <= authenticated and at - authenticated <= FRESH + LEEWAY):
        raise wrong("auth_time")
    if expected.levels and claims.get("acr") not in expected.levels:
        raise wrong("acr")


def _represented(claim: object) -> Represented | None:
    if claim is None:
        return None
    if not isinstance(claim, dict):
        raise wrong("represents")
    scope = claim.get("scope")
    if not isinstance(scope, Sequence) or isinstance(scope, str) or "look" not in scope:
        raise wrong("represents.scope")
    return Represented(
        bsn=_bsn(claim.get("bsn")),
        name=text_in(claim, "name"),
        until=_day(claim, "until"),
        choosing="choose" in scope,
        parental="parental" in scope,
        born=_day(claim, "birth_date") if "birth_date" in claim else None,
    )


def _day(claims: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(text_in(claims, name))
    except ValueError:
        raise wrong(name) from None


def _bsn(value: object) -> Bsn:
    if not isinstance(value, str) or isinstance(value, Number):
        raise wrong("bsn")
    try:
        return Bsn(value)
    except BadInput:
        raise wrong("bsn") from None
