"""An ID token, checked strictly: its form, its signature by a key of the signed register, and every claim that counts."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from accord.rules.strictness import Number, strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from gateway.patient.identity import Identity, Represented

TOKEN_BYTES: Final = 16 * 1024
LEEWAY: Final = timedelta(seconds=30)
#: How long ago a login that was asked to be fresh may have been.
FRESH: Final = timedelta(seconds=120)
_LONGEST_LIFE: Final = timedelta(hours=12)
_HEADER: Final = frozenset({"alg", "kid", "typ"})
#: Which key an algorithm goes with: type and curve. RSA has no curve, and at least 2048 bits.
_KEY_OF: Final = {"EdDSA": ("OKP", "Ed25519"), "ES256": ("EC", "P-256"), "RS256": ("RSA", None), "PS256": ("RSA", None)}
_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. `fresh_since` is set when the login had to be a new one."""

    issuer: str
    audience: str
    nonce: str
    bsn_claim: str = "bsn"
    levels: frozenset[str] = frozenset()
    fresh_since: datetime | None = None


def read_keys(jwks: str) -> dict[str, Mapping[str, Any]]:
    """The signing keys of a JWK set, by id.

    Raises:
        BadInput: `invalid-setting`: no keys, a key without id, two of one id, or a private one.
    """
    keys: dict[str, Mapping[str, Any]] = {}
    try:
        for key in json.loads(jwks)["keys"]:
            if key.get("use", "sig") != "sig":
                continue
            if not isinstance(key["kid"], str) or key["kid"] in keys or "d" in key:
                raise BadInput(Fault.INVALID_SETTING, "login keys")
            keys[key["kid"]] = key
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(Fault.INVALID_SETTING, "login keys") from None
    if not keys:
        raise BadInput(Fault.INVALID_SETTING, "login keys")
    return keys


def identity_of(token: str, keys: Mapping[str, Mapping[str, Any]], expected: Expected, at: datetime) -> Identity:
    """Who logged in, as the provider signed it.

    Raises:
        BadInput: `token-invalid`, with the name of what is wrong and never its content.
    """
    claims = _verified(token, keys)
    _check_claims(claims, expected, at)
    represents = _represented(claims.get("represents"))
    bsn = claims.get(expected.bsn_claim)
    if bsn is None and represents is None:
        raise _wrong(expected.bsn_claim)
    return Identity(
        subject=_text(claims, "sub"),
        name=_text(claims, "name"),
        bsn=None if bsn is None else _bsn(bsn),
        born=_day(claims, "birth_date") if "birth_date" in claims else None,
        represents=represents,
        authenticated=_moment(claims, "auth_time"),
        expires=_moment(claims, "exp"),
        token=token,
    )


def _verified(token: str, keys: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(token) > TOKEN_BYTES or len(parts) != 3 or not token.isascii():
        raise _wrong("form")
    header = _object(parts[0])
    if not header.keys() <= _HEADER or header.get("typ", "JWT") != "JWT":
        raise _wrong("header")
    algorithm, key_id = header.get("alg"), header.get("kid")
    key = keys.get(key_id) if isinstance(key_id, str) else None
    kind = _KEY_OF.get(algorithm) if isinstance(algorithm, str) else None
    if key is None or kind is None or (key.get("kty"), key.get("crv")) != kind or key.get("alg", algorithm) != algorithm:
        raise _wrong("key")
    try:
        if algorithm == "EdDSA":
            Ed25519PublicKey.from_public_bytes(_bytes(key["x"])).verify(_bytes(parts[2]), f"{parts[0]}.{parts[1]}".encode())
        else:
            public = ECKey.import_key(dict(key)) if kind[0] == "EC" else RSAKey.import_key(dict(key))
            if isinstance(public, RSAKey) and public.public_key.key_size < _RSA_BITS:
                raise _wrong("key")
            jws.deserialize_compact(token, public, algorithms=[str(algorithm)])
    except (InvalidSignature, JoseError, ValueError, KeyError, TypeError):
        raise _wrong("signature") from None
    return _object(parts[1])


def _check_claims(claims: Mapping[str, Any], expected: Expected, at: datetime) -> None:
    if claims.get("iss") != expected.issuer:
        raise _wrong("iss")
    audience = claims.get("aud")
    if audience not in (expected.audience, [expected.audience]) or claims.get("azp", expected.audience) != expected.audience:
        raise _wrong("aud")
    issued, expires, authenticated = (_moment(claims, name) for name in ("iat", "exp", "auth_time"))
    if not issued - LEEWAY <= at < expires or expires - issued > _LONGEST_LIFE or authenticated > issued + LEEWAY:
        raise _wrong("exp")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _wrong("nonce")
    if expected.fresh_since is not None and not (expected.fresh_since - LEEWAY <= authenticated and at - authenticated <= FRESH + LEEWAY):
        raise _wrong("auth_time")
    if expected.levels and claims.get("acr") not in expected.levels:
        raise _wrong("acr")


def _represented(claim: object) -> Represented | None:
    if claim is None:
        return None
    if not isinstance(claim, dict):
        raise _wrong("represents")
    scope = claim.get("scope")
    if not isinstance(scope, Sequence) or isinstance(scope, str) or "look" not in scope:
        raise _wrong("represents.scope")
    return Represented(
        bsn=_bsn(claim.get("bsn")),
        name=_text(claim, "name"),
        until=_day(claim, "until"),
        choosing="choose" in scope,
        parental="parental" in scope,
        born=_day(claim, "birth_date") if "birth_date" in claim else None,
    )


def _object(part: str) -> Mapping[str, Any]:
    try:
        value = strict_json(_bytes(part), limit=TOKEN_BYTES)
    except BadInput:
        raise _wrong("form") from None
    if not isinstance(value, dict):
        raise _wrong("form")
    return value


def _bytes(part: str) -> bytes:
    try:
        value = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("form") from None
    if base64.urlsafe_b64encode(value).decode().rstrip("=") != part:  # one spelling only
        raise _wrong("form")
    return value


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, Number) or not value.isdecimal() or len(value) > 11:
        raise _wrong(name)
    return datetime.fromtimestamp(int(value), UTC)


def _day(claims: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(_text(claims, name))
    except ValueError:
        raise _wrong(name) from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or isinstance(value, Number) or not 0 < len(value) <= 200:
        raise _wrong(name)
    return value


def _bsn(value: object) -> Bsn:
    if not isinstance(value, str) or isinstance(value, Number):
        raise _wrong("bsn")
    try:
        return Bsn(value)
    except BadInput:
        raise _wrong("bsn") from None


def _wrong(what: str) -> BadInput:
    return BadInput(Fault.TOKEN_INVALID, what)
