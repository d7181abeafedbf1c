"""The ID tokens of the demo's login provider: signed with Ed25519, by a key that lives as long as the process."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class TokenKey:
    """A signing key, and what others need to check it. Given 32 bytes it is the same key each time."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed) if seed else Ed25519PrivateKey.generate()
        self._jwk = {"crv": "Ed25519", "kty": "OKP", "x": text(self._key.public_key().public_bytes_raw())}

    @property
    def id(self) -> str:
        """Its thumbprint (RFC 7638)."""
        return text(hashlib.sha256(json.dumps(self._jwk, sort_keys=True, separators=(",", ":")).encode()).digest())

    @property
    def jwks(self) -> dict[str, Any]:
        """The public part, as a JWK set."""
        return {"keys": [self._jwk | {"kid": self.id, "alg": "EdDSA", "use": "sig"}]}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A compact JWS. *header* adds to its header, or replaces: for tests with tokens that are wrong."""
        head = {"alg": "EdDSA", "kid": self.id, "typ": "JWT"} | header
        signed = f"{text(json.dumps(head).encode())}.{text(json.dumps(claims).encode())}"
        return f"{signed}.{text(self._key.sign(signed.encode()))}"


def text(value: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
