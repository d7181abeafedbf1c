"""Changing a few spans of a record so that the record as it came can be had back, byte for byte."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec


class Splice(NamedTuple):
    """At `offset` of the record as it came stood `original`; now `new` stands there."""

    offset: int
    original: bytes
    new: bytes


class SplicesOverlap(ValueError):
    """Two splices claim the same bytes, or one does not fit the record."""


def spliced(text: bytes, splices: Iterable[Splice]) -> bytes:
    """The record with its splices.

    Raises:
        SplicesOverlap: They do not fit it.
    """
    return _changed(text, _in_order(splices))


def as_it_came(text: bytes, splices: Iterable[Splice]) -> bytes:
    """The record before its splices: `as_it_came(spliced(text, splices), splices) == text`.

    Raises:
        SplicesOverlap: They are not those of this record.
    """
    moved = 0
    back: list[Splice] = []
    for offset, original, new in _in_order(splices):
        back.append(Splice(offset + moved, new, original))
        moved += len(new) - len(original)
    return _changed(text, back)


def _in_order(splices: Iterable[Splice]) -> list[Splice]:
    """By offset; what is put in stands before what is replaced there, and otherwise as it was given."""
    return sorted(splices, key=lambda splice: (splice.offset, bool(splice.original)))


def _changed(text: bytes, splices: Iterable[Splice]) -> bytes:
    pieces: list[bytes] = []
    done = 0
    for offset, original, new in splices:
        end = offset + len(original)
        if not done <= offset <= len(text) or text[offset:end] != original:
            raise SplicesOverlap
        pieces += text[done:offset], new
        done = end
    pieces.append(text[done:])
    return b"".join(pieces)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, bytes]]).decode


def pack(splices: Sequence[Splice]) -> bytes:
    """The splices as they are kept with the record."""
    return _encode([tuple(splice) for splice in splices])


def unpack(packed: bytes) -> list[Splice]:
    """The splices that were kept with a record."""
    return [Splice(*splice) for splice in _decode(packed)]
