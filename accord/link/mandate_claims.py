"""What stands in a mandate, claim by claim."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from accord.link.claims import binary, check_members, moment, nested, refused, seconds, text
from accord.link.jose import encoded, is_weak
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.parties import Professional
from accord.terms.vocabulary import CareCategory, PurposeOfUse

LONGEST: Final = timedelta(minutes=10)
#: What a professional writes about an emergency is no longer than this.
WORDS_CHARACTERS: Final = 4 * FIELD_CHARACTERS

_URA: Final = "ura:"
_REQUIRED: Final = frozenset({"iss", "aud", "iat", "exp", "jti", "purpose", "patient", "professional", "cnf"})
_OPTIONAL: Final = frozenset({"treatment", "categories", "emergency"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a mandate shall say. `key` is the public key that will sign the proofs; `categories` empty: all."""

    issuer: Ura
    region: str
    professional: Professional
    purpose: PurposeOfUse
    bsn: Bsn
    key: bytes = field(repr=False)
    treatment: TreatmentBasis | None = None
    categories: frozenset[CareCategory] = frozenset()
    emergency: Emergency | None = None
    lifetime: timedelta = LONGEST


def written(wanted: Wanted, patient: bytes, at: datetime) -> dict[str, Any]:
    """The claims of a new mandate; *patient* is the commitment to its patient."""
    who, emergency = wanted.professional, wanted.emergency
    content: dict[str, Any] = {
        "iss": f"{_URA}{wanted.issuer}",
        "aud": wanted.region,
        "iat": seconds(at),
        "exp": seconds(at + wanted.lifetime),
        "jti": secrets.token_urlsafe(16),
        "purpose": wanted.purpose.value,
        "patient": encoded(patient),
        "professional": {"id": who.identifier, "role": who.role, "name": who.name},
        "cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(wanted.key)}},
    }
    if wanted.treatment is not None:
        content["treatment"] = wanted.treatment.value
    if wanted.categories:
        content["categories"] = sorted(category.value for category in wanted.categories)
    if emergency is not None:
        content["emergency"] = {"reason": emergency.reason, "words": emergency.words, "second_factor_at": seconds(emergency.second_factor_at)}
    return content


def mandate_of(content: Mapping[str, Any], digest: bytes) -> Mandate:
    """What the claims say. Whether it holds is not asked here.

    Raises:
        BadInput: `token-invalid`, and other codes for an identifier that is none.
        ValueError: For a word that is not of the region's.
    """
    check_members(content, _REQUIRED, _OPTIONAL)
    issued, expires = moment(content, "iat"), moment(content, "exp")
    if not issued < expires <= issued + LONGEST:
        raise refused()
    return Mandate(
        id=text(content, "jti"),
        issuer=ura_of(text(content, "iss")),
        audience=text(content, "aud"),
        professional=_professional(nested(content, "professional")),
        purpose=PurposeOfUse(text(content, "purpose")),
        patient=binary(content, "patient", 32, 32),
        treatment=TreatmentBasis(text(content, "treatment")) if "treatment" in content else None,
        categories=_categories(content["categories"]) if "categories" in content else frozenset(),
        issued=issued,
        expires=expires,
        key=_confirmed(nested(content, "cnf")),
        digest=digest,
        emergency=_emergency(nested(content, "emergency")) if "emergency" in content else None,
    )


def ura_of(name: str) -> Ura:
    """The URA in `ura:<8 digits>`, as issuers and audiences are written.

    Raises:
        BadInput: `token-invalid`.
    """
    if not name.startswith(_URA):
        raise refused()
    try:
        return Ura(name.removeprefix(_URA))
    except BadInput:
        raise refused() from None


def _professional(content: Mapping[str, Any]) -> Professional:
    check_members(content, frozenset({"id", "role", "name"}))
    return Professional(text(content, "id"), text(content, "role"), text(content, "name"))


def _categories(items: Any) -> frozenset[CareCategory]:
    """None named would read as all of them, which is not what somebody meant who wrote an empty list."""
    if not isinstance(items, list) or not items or not all(type(item) is str for item in items):
        raise refused()
    return frozenset(CareCategory(item) for item in items)


def _confirmed(content: Mapping[str, Any]) -> bytes:
    check_members(content, frozenset({"jwk"}))
    jwk = nested(content, "jwk")
    check_members(jwk, frozenset({"kty", "crv", "x"}))
    if (jwk["kty"], jwk["crv"]) != ("OKP", "Ed25519"):
        raise refused()
    key = binary(jwk, "x", 32, 32)
    if is_weak(key):
        raise refused()
    return key


def _emergency(content: Mapping[str, Any]) -> Emergency:
    check_members(content, frozenset({"reason", "words", "second_factor_at"}))
    # Most reasons say enough; where nobody said more, no words are put into their mouth.
    words = "" if content["words"] == "" else text(content, "words", WORDS_CHARACTERS)
    return Emergency(text(content, "reason"), words, moment(content, "second_factor_at"))
