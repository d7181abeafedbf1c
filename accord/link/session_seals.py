"""What travels inside a session of two organisations: sealed under keys that only the two ends know, in order, and once.

Whatever stands between them (a proxy that opens TLS) can cut or delay what passes. It cannot read it, change it, leave out
a part of it, or play it again: each message has its number, each piece of work and each direction its own key.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accord.terms.faults import BadInput, Fault

_TOKEN: Final = b"noaber work token v1\0"
_ORDER: Final = b"noaber work order v1\0"
_REPLY: Final = b"noaber work reply v1\0"
#: What `Seal.seal` adds to a message.
SEAL_BYTES: Final = 16


class Seal:
    """One direction of one piece of work. What is opened must have been sealed under the same key, as the same message in the row."""

    __slots__ = ("_count", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)
        self._count = 0

    def seal(self, message: bytes, kind: bytes = b"") -> bytes:
        """The next message, which is of this kind."""
        return self._key.encrypt(self._next(), message, kind)

    def open(self, sealed: bytes, kind: bytes = b"") -> bytes:
        """The next message.

        Raises:
            BadInput: `session-broken`: it is not what the other end sealed next, or is of another kind.
        """
        try:
            return self._key.decrypt(self._next(), sealed, kind)
        except (InvalidTag, ValueError):
            raise BadInput(Fault.SESSION_BROKEN) from None

    def _next(self) -> bytes:
        # Under one key no number is used twice: 2^96 messages are never sent.
        self._count += 1
        return self._count.to_bytes(12, "big")


@dataclass(frozen=True, slots=True)
class WorkSeals:
    """The seals of one piece of work, as either end has them, and the token that shows who claims it."""

    token: bytes = field(repr=False)
    order: Seal
    reply: Seal


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What both ends of one session know, and nobody else."""

    secret: bytes = field(repr=False)

    def work(self, number: int) -> WorkSeals:
        """The seals of the work of this number. To be made once at each end: a seal that is made again repeats itself."""
        of = _about(self.secret, number)
        return WorkSeals(of(_TOKEN), Seal(of(_ORDER)), Seal(of(_REPLY)))


def same_token(one: bytes, other: bytes) -> bool:
    """Whether two tokens are the same, without telling by the time it takes how much of them is."""
    return hmac.compare_digest(one, other)


def _about(secret: bytes, number: int) -> Callable[[bytes], bytes]:
    return lambda use: hmac.digest(secret, use + number.to_bytes(8, "big"), sha256)
