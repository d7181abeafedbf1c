"""Keys of login providers, and signatures by them: Ed25519, P-256 and RSA, each with its own algorithm and no other."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from accord.link.jose import is_weak
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import KEY

#: Which key an algorithm goes with: type and curve. RSA has no curve, and at least 2048 bits.
_KEY_OF: Final = {"EdDSA": ("OKP", "Ed25519"), "ES256": ("EC", "P-256"), "RS256": ("RSA", None), "PS256": ("RSA", None)}
_RSA_BITS: Final = 2048
_EC_BYTES: Final = 32


def read_keys(jwks: str) -> dict[str, Mapping[str, Any]]:
    """The signing keys of a JWK set, by id.

    Raises:
        BadInput: `invalid-setting`: no keys, a key without id, two of one id, or a private one.
    """
    try:
        return keys_in(json.loads(jwks))
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "login keys", then=KEY) from None


def keys_in(jwks: Any) -> dict[str, Mapping[str, Any]]:
    """The signing keys of a JWK set that was read, by id; as `read_keys`.

    Raises:
        BadInput: `invalid-setting`.
    """
    keys: dict[str, Mapping[str, Any]] = {}
    try:
        for key in jwks["keys"]:
            if key.get("use", "sig") != "sig":
                continue
            if not isinstance(key["kid"], str) or key["kid"] in keys or "d" in key:
                raise BadInput(Fault.INVALID_SETTING, "login keys", then=KEY)
            keys[key["kid"]] = key
    except (KeyError, TypeError, AttributeError):
        raise BadInput(Fault.INVALID_SETTING, "login keys", then=KEY) from None
    if not keys:
        raise BadInput(Fault.INVALID_SETTING, "login keys", then=KEY)
    return keys


def check_signature(algorithm: object, key: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    """Nothing, when the signature is by this key and the algorithm goes with it.

    Raises:
        BadInput: `token-invalid`.
    """
    kind = _KEY_OF.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None or (key.get("kty"), key.get("crv")) != kind or key.get("alg", algorithm) != algorithm:
        raise wrong("key")
    try:
        _check(str(algorithm), key, signed, signature)
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
        raise wrong("signature") from None


def _check(algorithm: str, key: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    if algorithm == "EdDSA":
        raw = one_spelling(key["x"])
        if is_weak(raw):
            raise wrong("key")
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
    elif algorithm == "ES256":
        if len(signature) != 2 * _EC_BYTES:
            raise wrong("signature")
        point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
        both = int.from_bytes(signature[:_EC_BYTES], "big"), int.from_bytes(signature[_EC_BYTES:], "big")
        point.verify(encode_dss_signature(*both), signed, ec.ECDSA(SHA256()))
    else:
        public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        if public.key_size < _RSA_BITS:
            raise wrong("key")
        pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
        public.verify(signature, signed, pss if algorithm == "PS256" else padding.PKCS1v15(), SHA256())


def _number(part: str) -> int:
    return int.from_bytes(one_spelling(part), "big")


def one_spelling(part: str) -> bytes:
    """The bytes of base64url, in the one way to spell them.

    Raises:
        BadInput: `token-invalid`.
    """
    try:
        value = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise wrong("form") from None
    if base64.urlsafe_b64encode(value).decode().rstrip("=") != part:  # one spelling only
        raise wrong("form")
    return value


def wrong(what: str) -> BadInput:
    """What is raised for a token with this wrong: its name, never its content."""
    return BadInput(Fault.TOKEN_INVALID, what)
