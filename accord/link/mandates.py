"""The mandate: a data user's organisation signs that its professional may ask about this one patient, for this purpose.

It holds for at most ten minutes, for one region, and only together with proofs by the key that it names: who copies a
mandate has nothing. A signature that was found right stays right, and is remembered; whether its organisation and its key
still stand in the register is asked again on every use, so that blocking an organisation works at once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Final

from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.claims import refused
from accord.link.jose import claims, sign, verify
from accord.link.mandate_claims import Wanted, mandate_of, written
from accord.link.salts import fresh_salt, patient_commitment
from accord.terms.evidence import Mandate
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.limits import TOKEN_CHARACTERS
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister, SigningKey

TYPE: Final = "mandate+jwt"
#: How far the clocks of two organisations may be apart.
SKEW: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MadeMandate:
    """A mandate as it travels, the salt that goes beside it, and what it says."""

    text: str = field(repr=False)
    salt: bytes = field(repr=False)
    mandate: Mandate


def make_mandate(wanted: Wanted, key: Ed25519PrivateKey, at: datetime) -> MadeMandate:
    """Sign a mandate with a mandate key of the issuer.

    Raises:
        BadInput: `token-invalid`, when nobody would believe it: too long a life, a weak key, a text that is empty or too long.
    """
    salt = fresh_salt()
    content = written(wanted, patient_commitment(salt, wanted.bsn), at)
    token = sign(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8"), key, TYPE)
    believed = _believed(token, lambda kid: SigningKey(kid, key.public_key().public_bytes_raw(), frozenset({KeyUse.MANDATE})))
    return MadeMandate(token, salt, believed.mandate)


def read_mandate(token: str, register: RegionRegister, at: datetime) -> Mandate:
    """What *token* says, when it holds now and its issuer stands in the register.

    Raises:
        BadInput: `evidence-missing`, when there is none; `token-invalid`; `mandate-expired`.
        Unavailable: `organisation-blocked`; `register-outdated`.
    """
    return Mandates(1).read(token, register, at)


@dataclass(frozen=True, slots=True)
class _Believed:
    """A mandate whose signature was right, and by which key."""

    mandate: Mandate
    key: SigningKey


class Mandates:
    """Reads mandates, and remembers which signatures were right: at most *most* of them. May be used by several threads."""

    def __init__(self, most: int = 4_096) -> None:
        self._known: LRUCache[bytes, _Believed] = LRUCache(most)
        self._lock = Lock()

    def read(self, token: str, register: RegionRegister, at: datetime) -> Mandate:
        """As `read_mandate`: only the check of the signature is spared.

        Raises:
            BadInput: `evidence-missing`, when there is none; `token-invalid`; `mandate-expired`.
            Unavailable: `organisation-blocked`; `register-outdated`.
        """
        if not token:
            raise BadInput(Fault.EVIDENCE_MISSING)
        if at >= register.expires:
            raise Unavailable(Fault.REGISTER_OUTDATED)
        if len(token) > TOKEN_CHARACTERS or not token.isascii():
            raise refused()
        digest = _digest(token)
        with self._lock:
            known = self._known.get(digest)
        believed = known or _believed(token, lambda kid: _key_of(register, kid))
        _check_standing(believed, register)
        _check_time(believed.mandate, at)
        if known is None:
            with self._lock:
                self._known[digest] = believed
        return believed.mandate


def _check_standing(believed: _Believed, register: RegionRegister) -> None:
    """Whether the issuer may issue, and by this key, as the register stands now."""
    mandate = believed.mandate
    issuer = register.by_ura.get(mandate.issuer)
    # The key must be the issuer's own: another member's key, however sound, signs nothing in its name.
    key = None if issuer is None else issuer.key(believed.key.id, KeyUse.MANDATE)
    if issuer is None or key is None or key.public != believed.key.public or mandate.audience != register.region:
        raise refused()
    check_active(issuer)
    if Part.DATA_USER not in issuer.parts:
        raise refused()


def check_active(member: Member) -> None:
    """Refuse who does not take part (any more).

    Raises:
        Unavailable: `organisation-blocked`.
    """
    if member.status is not MemberStatus.ACTIVE:
        raise Unavailable(Fault.ORGANISATION_BLOCKED)


def _check_time(mandate: Mandate, at: datetime) -> None:
    if not mandate.issued - SKEW <= at < mandate.expires + SKEW:
        raise BadInput(Fault.MANDATE_EXPIRED)


def _key_of(register: RegionRegister, kid: str) -> SigningKey | None:
    return next((key for member in register.members if (key := member.key(kid, KeyUse.MANDATE)) is not None), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode("ascii")).digest()


def _believed(token: str, key_of: Callable[[str], SigningKey | None]) -> _Believed:
    found: list[SigningKey] = []

    def public_of(kid: str) -> bytes | None:
        key = key_of(kid)
        if key is None:
            return None
        found.append(key)
        return key.public

    content = claims(verify(token, TYPE, public_of, most=TOKEN_CHARACTERS))
    try:
        return _Believed(mandate_of(content, _digest(token)), found[0])
    except (BadInput, ValueError):
        raise refused() from None
