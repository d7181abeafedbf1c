"""Which patient a mandate is about, said so that only who knows the BSN can tell.

A mandate travels through parties that may learn of the question before they may learn of the person, so it names the
patient by SHA-256 over a random salt and the BSN. Whoever has the BSN and the salt can check it; the salt is no part of
the mandate.

To a holder the salt travels sealed: XOR with HMAC-SHA256 over the BSN under the mandate's digest. `Locate` carries a
pseudonym and no BSN, and a holder that does not know the person should not be handed what names them: it has nothing to
open the seal with, while a holder that finds the person in its own index opens it with the BSN that stands there. XOR is
sound because the pad is as long as the salt and is used for one salt only: a mandate has one salt, and another mandate
has another digest. Opened with a wrong BSN, what comes out is another salt, under which the commitment does not match.

What this does not do: there are only 9.1 · 10⁷ BSNs. Who has the mandate and the salt, sealed or not, and sets out to do
so can try them all. A holder can do that to a pseudonym too, with the key that it shares, so the seal gives it no more than
it has; others never see either (both travel over mutual TLS, and neither is ever written down).
"""

import hmac
import secrets
from hashlib import sha256
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn

SALT_BYTES: Final = 32
_LABEL: Final = b"noaber salt v1\0"


def fresh_salt() -> bytes:
    """A salt for one mandate."""
    return secrets.token_bytes(SALT_BYTES)


def patient_commitment(salt: bytes, bsn: Bsn) -> bytes:
    """By which 32 bytes a mandate names a patient.

    Raises:
        BadInput: `token-invalid`, for a salt of another length.
    """
    return sha256(_checked(salt) + bsn.value.encode("ascii")).digest()


def seal_salt(salt: bytes, bsn: Bsn, mandate_digest: bytes) -> bytes:
    """The salt as it travels to a holder.

    Raises:
        BadInput: `token-invalid`, for a salt of another length.
    """
    pad = hmac.digest(mandate_digest, _LABEL + bsn.value.encode("ascii"), sha256)
    return bytes(left ^ right for left, right in zip(_checked(salt), pad, strict=True))


def open_salt(sealed: bytes, bsn: Bsn, mandate_digest: bytes) -> bytes:
    """The salt again, when *bsn* is the one that it was sealed under; otherwise 32 bytes that fit nothing.

    Raises:
        BadInput: `token-invalid`, for a sealed salt of another length.
    """
    return seal_salt(sealed, bsn, mandate_digest)


def is_about(commitment: bytes, salt: bytes, bsn: Bsn) -> bool:
    """Whether a mandate that names its patient by *commitment* is about this person; the comparison takes constant time.

    Raises:
        BadInput: `token-invalid`, for a salt of another length.
    """
    return hmac.compare_digest(commitment, patient_commitment(salt, bsn))


def _checked(salt: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise BadInput(Fault.TOKEN_INVALID)
    return salt
