"""A referral: an organisation signs that it refers one patient to one provider, to whom the place was given or offered.

It is proof for whoever keeps it, and no key to anything: the provider's professionals ask the region for the dossier under
a mandate of their own organisation, whose treatment basis (`referred`) their organisation attests, as for every referral on
paper; this is what it can show for that afterwards. No holder asks for it, and none is opened by it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from accord.letters.believing import moment_of, signer_key
from accord.link.jose import claims, decoded, encoded, sign, verify
from accord.link.mandate_claims import ura_of
from accord.link.mandates import SKEW
from accord.link.salts import fresh_salt, is_about, patient_commitment
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.limits import TOKEN_CHARACTERS
from accord.terms.members import KeyUse, Part, RegionRegister
from accord.wire.place_forms import from_form, to_form

_TYPE: Final = "referral+jwt"


class _Claims(Struct, frozen=True, kw_only=True):
    iss: str
    aud: str
    iat: int
    exp: int
    request: str
    patient: str
    """SHA-256 over salt and BSN (`accord.link.salts`), as in a mandate."""
    salt: str


@dataclass(frozen=True, slots=True)
class Referral:
    """Who refers to whom, for which request for a place, and until when that may be appealed to."""

    asker: Ura
    provider: Ura
    request: str
    issued: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Referred:
    """What a referral shall say."""

    asker: Ura
    provider: Ura
    request: str
    bsn: Bsn = field(repr=False)
    until: datetime


def refer(referred: Referred, key: Ed25519PrivateKey, at: datetime) -> str:
    """Sign a referral with a mandate key of the asker."""
    salt = fresh_salt()
    said = _Claims(
        iss=f"ura:{referred.asker}",
        aud=f"ura:{referred.provider}",
        iat=int(at.timestamp()),
        exp=int(referred.until.timestamp()),
        request=referred.request,
        patient=encoded(patient_commitment(salt, referred.bsn)),
        salt=encoded(salt),
    )
    return sign(to_form(said), key, _TYPE)


def read_referral(token: str, provider: Ura, bsn: Bsn, register: RegionRegister, at: datetime) -> Referral:
    """What a referral of this person to *provider* says, when it holds now.

    Raises:
        BadInput: `token-invalid`: of another person or provider too; `mandate-expired`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    if at >= register.expires:
        raise Unavailable(Fault.REGISTER_OUTDATED)
    if not token.isascii():
        raise BadInput(Fault.TOKEN_INVALID)
    signers: list[Ura] = []

    def key_of(kid: str) -> bytes | None:
        for member in register.members:
            if Part.DATA_USER in member.parts and (public := signer_key(register, member.ura, KeyUse.MANDATE, kid)) is not None:
                signers.append(member.ura)
                return public
        return None

    payload = verify(token, _TYPE, key_of, most=TOKEN_CHARACTERS)
    claims(payload)  # refuses what says a thing twice
    try:
        said = from_form(payload, _Claims)
        referral = Referral(ura_of(said.iss), ura_of(said.aud), said.request, moment_of(said.iat), moment_of(said.exp))
        about = is_about(decoded(said.patient), decoded(said.salt), bsn)
    except BadInput:
        raise BadInput(Fault.TOKEN_INVALID) from None
    if referral.asker != signers[0] or referral.provider != provider or not about:
        raise BadInput(Fault.TOKEN_INVALID)
    if not referral.issued - SKEW <= at < referral.expires + SKEW:
        raise BadInput(Fault.MANDATE_EXPIRED)
    return referral
