"""An organisation comes for its letters, and is told how far its own were taken in: both are signed."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.letters.believing import ANSWERERS, ASKERS, Expected, Signed, believed, check_fresh, digest_of, urn
from accord.link.jose import sign
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import KIB
from accord.terms.members import RegionRegister
from accord.wire.place_forms import to_form

COLLECT_CHARACTERS: Final = 64 * KIB
#: Of how many requests a call for letters says how far they were heard.
MOST_HEARD: Final = 400

_COLLECT: Final = "letters-collect+jwt"
_RECEIPT: Final = "letters-receipt+jwt"


class _CollectClaims(Signed, frozen=True, kw_only=True):
    nonce: str
    heard: dict[str, int]


class _ReceiptClaims(Signed, frozen=True, kw_only=True):
    collect: str
    heard: dict[str, int]


@dataclass(frozen=True, slots=True)
class Collected:
    """Who comes for its letters, and up to which number it has taken in those of each request."""

    asker: Ura
    heard: Mapping[str, int] = field(default_factory=dict)


def collect(asker: Ura, provider: Ura, heard: Mapping[str, int], key: Ed25519PrivateKey, at: datetime) -> str:
    """Sign that we come for our letters at *provider*, and how far we took them in: at most `MOST_HEARD` requests."""
    said = _CollectClaims(iss=urn(asker), aud=urn(provider), iat=int(at.timestamp()), nonce=secrets.token_urlsafe(16), heard=dict(heard))
    return sign(to_form(said), key, _COLLECT)


def read_collect(token: str, provider: Ura, register: RegionRegister, at: datetime) -> Collected:
    """Who comes for letters at *provider*, now. Coming twice does no harm: nothing is given that was not theirs.

    Raises:
        BadInput: `token-invalid`, `proof-expired`, `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    said, asker = believed(token, Expected(_COLLECT, ASKERS, COLLECT_CHARACTERS), _CollectClaims, register, at)
    if said.aud != urn(provider) or len(said.heard) > MOST_HEARD:
        raise BadInput(Fault.TOKEN_INVALID)
    check_fresh(said.iat, at)
    return Collected(asker, said.heard)


def receipt(provider: Ura, asker: Ura, collected: str, heard: Mapping[str, int], key: Ed25519PrivateKey, at: datetime) -> str:
    """Sign how far the letters that came with the call *collected* were taken in: nobody else may say that one arrived."""
    said = _ReceiptClaims(iss=urn(provider), aud=urn(asker), iat=int(at.timestamp()), collect=digest_of(collected), heard=dict(heard))
    return sign(to_form(said), key, _RECEIPT)


def read_receipt(token: str, provider: Ura, collected: str, register: RegionRegister, at: datetime) -> Mapping[str, int]:
    """How far *provider* took in our letters, as it says to the call *collected*.

    Raises:
        BadInput: `token-invalid`, `wrong-question`, `proof-expired`, `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    said, signer = believed(token, Expected(_RECEIPT, ANSWERERS, COLLECT_CHARACTERS), _ReceiptClaims, register, at)
    if signer != provider:
        raise BadInput(Fault.TOKEN_INVALID)
    if said.collect != digest_of(collected):
        raise BadInput(Fault.WRONG_QUESTION)
    check_fresh(said.iat, at)
    return said.heard
