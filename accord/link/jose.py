"""Signed texts: compact JWS by Ed25519, in the one form that we write and in no other.

JOSE lets a token say how it wants to be checked, and most attacks on it are that. Here nothing is up to the token: the
algorithm is EdDSA, the type is the one that the caller expects, the key is one that the caller knows under its id, and a
header that says anything more is refused. Text and bytes map onto each other in one way only, so that the digest of a
token names it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault

ALGORITHM: Final = "EdDSA"
#: A header of ours is about 100 bytes.
HEADER_CHARACTERS: Final = 512
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
#: Points of small order, the sign bit left out: under such a "public key" anybody can make signatures.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def sign(payload: bytes, key: Ed25519PrivateKey, typ: str) -> str:
    """The compact JWS over *payload*; its header holds `alg`, `kid` (the key's thumbprint) and `typ`, and nothing else."""
    header = f'{{"alg":"{ALGORITHM}","kid":"{thumbprint(key.public_key().public_bytes_raw())}","typ":"{typ}"}}'
    signed = f"{encoded(header.encode('ascii'))}.{encoded(payload)}"
    return f"{signed}.{encoded(key.sign(signed.encode('ascii')))}"


def verify(token: str, typ: str, key_of: Callable[[str], bytes | None], *, most: int) -> bytes:
    """The payload of *token*, when it is of this type and signed by the key that *key_of* knows under its `kid`.

    Raises:
        BadInput: `token-invalid`, whatever the cause: who sent it learns nothing from the answer.
    """
    if len(token) > most:
        raise _refused()
    parts = token.split(".", 3)
    if len(parts) != 3 or len(parts[0]) > HEADER_CHARACTERS:
        raise _refused()
    header, payload, signature = (decoded(part) for part in parts)
    public = key_of(_key_id(header, typ))
    if public is None or is_weak(public):
        raise _refused()
    try:
        public_key(public).verify(signature, token.rpartition(".")[0].encode("ascii"))
    except (InvalidSignature, ValueError):
        raise _refused() from None
    return payload


def claims(payload: bytes) -> dict[str, Any]:
    """The JSON object that a payload is; numbers are `accord.rules.strictness.Number`.

    Raises:
        BadInput: `token-invalid`, also for a member that occurs twice at any depth.
    """
    try:
        value = strict_json(payload)
    except BadInput:
        raise _refused() from None
    if not isinstance(value, dict):
        raise _refused()
    return value


@lru_cache(maxsize=1_024)
def public_key(public: bytes) -> Ed25519PublicKey:
    """The key that 32 bytes are; few keys sign nearly everything. Whether it `is_weak`, the caller must ask.

    Raises:
        ValueError: They are none.
    """
    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(maxsize=1_024)
def thumbprint(public: bytes) -> str:
    """The RFC 7638 thumbprint (SHA-256) of a public Ed25519 key of 32 bytes, by which the key is known."""
    return encoded(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{encoded(public)}"}}'.encode("ascii")).digest())


def is_weak(public: bytes) -> bool:
    """Whether 32 bytes are no key at all but a point of small order (all zeros is one), or are not 32 bytes."""
    return len(public) != 32 or public[:31] + bytes([public[31] & 0x7F]) in _SMALL_ORDER


def encoded(content: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding, in its canonical spelling only: no padding, no white space, no stray last bits.

    Raises:
        BadInput: `token-invalid`.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise _refused()
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encoded(content) != text:
        raise _refused()
    return content


def _key_id(header: bytes, typ: str) -> str:
    members = claims(header)
    if frozenset(members) != _HEADER_MEMBERS or not all(type(value) is str for value in members.values()):
        raise _refused()
    if members["alg"] != ALGORITHM or members["typ"] != typ:
        raise _refused()
    kid: str = members["kid"]
    return kid


def _refused() -> BadInput:
    return BadInput(Fault.TOKEN_INVALID)
