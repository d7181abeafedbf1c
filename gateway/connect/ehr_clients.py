"""How the viewer proves to an electronic health record which client it is: a secret, or a statement signed by a key (RFC 7523)."""

import secrets
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from accord.link.secret_files import kept_private, read_secret
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import KEY, NOT_PRIVATE, UNREADABLE, WHOLE
from gateway.connect.settings import SmartSettings, ViewerPagesSettings
from gateway.viewer.ehr import SCOPES, Ehr

#: RFC 7523 and SMART want it short.
_ASSERTION_SECONDS: Final = 120
_RSA_BITS: Final = 2048
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384"}


def ehr_of(given: SmartSettings, folder: Path) -> Ehr:
    """A health record as the settings name it, with what is in the files that they name.

    Raises:
        BadInput: `invalid-setting`.
    """
    if given.client_secret_file and given.client_key:
        raise BadInput(Fault.INVALID_SETTING, "viewer.smart: client_secret_file or client_key, not both", then=WHOLE)
    try:
        treatment = TreatmentBasis(given.treatment) if given.treatment else None
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "viewer.smart: treatment", then=WHOLE) from None
    return Ehr(
        given.issuer,
        given.client_id,
        given.title,
        read_secret(folder / given.client_secret_file, "viewer.smart: client_secret_file") if given.client_secret_file else "",
        _assertion(given, folder) if given.client_key else None,
        given.scopes or SCOPES,
        treatment,
        given.role_claim,
        frozenset(given.two_factors),
        frozenset(given.allowed),
    )


def ehr_client(given: ViewerPagesSettings, folder: Path) -> httpx2.AsyncClient:
    """What health records are called with: no proxy of the environment, no redirects, by the system's authorities or those of the settings.

    Raises:
        BadInput: `invalid-setting`.
    """
    context = ssl.create_default_context()
    if given.authorities:
        try:
            context = ssl.create_default_context(cafile=str(folder / given.authorities))
        except (OSError, ValueError):
            raise BadInput(Fault.INVALID_SETTING, "viewer.authorities: cannot be read", then=UNREADABLE) from None
    return httpx2.AsyncClient(verify=context, trust_env=False, follow_redirects=False)


def _assertion(given: SmartSettings, folder: Path) -> Callable[[str], str]:
    pem = _private(folder / given.client_key)
    algorithm, key = _signing(pem)
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": given.client_key_id} if given.client_key_id else {})

    def signed(audience: str) -> str:
        now = int(time.time())
        claims = {
            "iss": given.client_id,
            "sub": given.client_id,
            "aud": audience,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    return signed


def _private(path: Path) -> bytes:
    try:
        if not kept_private(path):
            raise BadInput(Fault.INVALID_SETTING, "viewer.smart: client_key: only its owner may be able to read the file (chmod 600)", then=NOT_PRIVATE)
        return path.read_bytes()
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "viewer.smart: client_key: cannot be read", then=UNREADABLE) from None


def _signing(pem: bytes) -> tuple[str, ECKey | RSAKey]:
    """The algorithm that goes with a key, of those that every SMART server knows, and the key as joserfc wants it."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise BadInput(Fault.INVALID_SETTING, "viewer.smart: client_key: not a private key", then=KEY) from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name], ECKey.import_key(pem)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS:
        return "RS384", RSAKey.import_key(pem)
    raise BadInput(Fault.INVALID_SETTING, "viewer.smart: client_key: P-256, P-384, or RSA of at least 2048 bits", then=KEY)
