"""The holder signs its last word: how it ended, how much it sent and to which question. Whoever relays it can change nothing.

The signature binds the question by its hash and the batches by their digest, so a last word fits one answer and no other.
"""

import struct
from dataclasses import replace
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.jose import is_weak, public_key, thumbprint
from accord.terms.answers import Closed
from accord.terms.members import KeyUse, MemberStatus, Part, RegionRegister

#: What is signed begins with this, so that no other signature by the same key can pass for a last word.
_CONTEXT: Final = b"noaber closed v1\0"
_NUMBERS: Final = struct.Struct(">5Q")


def closed_bytes(closed: Closed) -> bytes:
    """What is signed: all of it but the signature, each text and digest with its length before it."""
    counts = closed.counts
    texts = (
        closed.holder.value.encode("ascii"),
        closed.ending.value.encode("ascii"),
        b"" if closed.code is None else closed.code.value.encode("ascii"),
        closed.digest,
        closed.question_hash,
        b"more" if closed.more else b"",
    )
    numbers = _NUMBERS.pack(counts.records, counts.bytes, counts.batches, counts.unfit, counts.oversized)
    return _CONTEXT + numbers + b"".join(len(text).to_bytes(4, "big") + text for text in texts)


def sign_closed(closed: Closed, key: Ed25519PrivateKey) -> Closed:
    """The same last word, signed with an answer key of the holder."""
    return replace(closed, key_id=thumbprint(key.public_key().public_bytes_raw()), signature=key.sign(closed_bytes(closed)))


def closed_is_signed(closed: Closed, register: RegionRegister) -> bool:
    """Whether it is the last word of the very holder that it names, by an answer key of an active holder of the register."""
    member = register.by_ura.get(closed.holder)
    if member is None or member.status is not MemberStatus.ACTIVE or Part.DATA_HOLDER not in member.parts:
        return False
    key = member.key(closed.key_id, KeyUse.ANSWER)
    if key is None or is_weak(key.public):
        return False
    try:
        public_key(key.public).verify(closed.signature, closed_bytes(closed))
    except (InvalidSignature, ValueError, struct.error):
        return False
    return True
