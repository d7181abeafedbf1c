"""Where the next page begins: sealed, bound to one search and one data user, and kept nowhere.

It holds the last key that was shown, the holders that were missing by then (a holder that missed one page stays
missing, so that no page has a hole that another page hides), marks of all that took part on every page (a holder that
joined later has no records on the earlier ones), and when it ends. What it holds cannot be read by whoever carries it.
"""

import base64
import binascii
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.queries import SortKey

KEY_BYTES: Final = 64
_CHARACTERS: Final = 16_384
_BOUND_TO: Final = b"noaber cursor 1"
#: Of so many bytes each: a region is small, and an address should be short.
_MARK: Final = 4


@dataclass(frozen=True, slots=True)
class Missed:
    """A holder that was not heard out on an earlier page, and how that ended."""

    holder: HolderName
    ending: Ending
    code: Fault | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last record that was shown, by its key and its holder, who was missing, and who took part so far.

    `took_part` are marks; none in a cursor of a gateway that made none yet.
    """

    last: SortKey
    holder: HolderName
    missed: tuple[Missed, ...]
    expires_s: int
    took_part: bytes | None = None

    def knows(self, name: HolderName) -> bool:
        """Whether this holder took part on every page so far."""
        if self.took_part is None:
            return True
        mark = _mark(name)
        return any(self.took_part[at : at + _MARK] == mark for at in range(0, len(self.took_part), _MARK))


class _Sealed(msgspec.Struct, array_like=True):
    expires_s: int
    time_ms: int
    type_code: int
    content_hint: int
    id: str
    holder: str
    missed: list[tuple[str, str, str]]
    took_part: bytes | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sealed).decode


def random_key() -> bytes:
    """A key that ends with this process."""
    return secrets.token_bytes(KEY_BYTES)


class Cursors:
    """Seals and opens cursors under one key."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise BadInput(Fault.INVALID_SETTING, "cursor_key")
        self._cipher = AESSIV(key)

    def seal(self, cursor: Cursor, *, search: bytes, user: Ura) -> str:
        """The cursor as it may stand in a URL. `search` is a digest of everything that was asked."""
        last = cursor.last
        missed = [(gap.holder.value, gap.ending.value, "" if gap.code is None else gap.code.value) for gap in cursor.missed]
        content = _encode(_Sealed(cursor.expires_s, last.time_ms, last.type_code, last.content_hint, last.id, cursor.holder.value, missed, cursor.took_part))
        sealed = self._cipher.encrypt(content, [_BOUND_TO, search, user.value.encode()])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, text: str, *, search: bytes, user: Ura, now_s: float) -> Cursor:
        """The cursor that was sealed for this search and this data user.

        Raises:
            BadInput: `cursor-invalid`, or `cursor-expired` for one of ours that is too old.
        """
        try:
            cursor = self._open(text, search, user)
        except (InvalidTag, ValueError, OverflowError, binascii.Error, msgspec.DecodeError, BadInput):
            raise BadInput(Fault.CURSOR_INVALID) from None
        if now_s >= cursor.expires_s:
            raise BadInput(Fault.CURSOR_EXPIRED)
        return cursor

    def _open(self, text: str, search: bytes, user: Ura) -> Cursor:
        if not text.isascii() or len(text) > _CHARACTERS:
            raise BadInput(Fault.CURSOR_INVALID)
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii") != text:
            raise BadInput(Fault.CURSOR_INVALID)
        held = _decode(self._cipher.decrypt(sealed, [_BOUND_TO, search, user.value.encode()]))
        missed = tuple(Missed(HolderName(name), Ending(ending), Fault(code) if code else None) for name, ending, code in held.missed)
        return Cursor(SortKey(held.time_ms, held.type_code, held.content_hint, held.id), HolderName(held.holder), missed, held.expires_s, held.took_part)


def marks_of(names: Iterable[HolderName]) -> bytes:
    """Marks by which a cursor knows these holders again."""
    return b"".join(sorted(map(_mark, names)))


def _mark(name: HolderName) -> bytes:
    return sha256(name.value.encode("utf-8")).digest()[:_MARK]
