"""The forms in which a planted text may stand where it must not: plain, encoded, packed or hashed without a key.

What is looked for in one pass: plain, hexadecimal, base64 at each of its three alignments, UTF-16, escaped for URLs,
JSON and e-mail, and MD5, SHA-1 and SHA-256. Whatever is packed (gzip, zlib, an entry of a zip) is unpacked where it
stands, and looked into again.
"""

import hashlib
import json
import re
import zlib
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_from_bytes, quote_plus

from ahocorasick_rs import BytesAhoCorasick

from accord.terms.limits import MIB

#: Where something packed may begin: gzip, zlib at its four levels, an entry of a zip.
_PACKED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04", re.DOTALL)
_UNPACKED_BYTES: Final = 64 * MIB
_STEP: Final = 64 * 1024
_DEEPEST: Final = 3
_ZIP_HEADER: Final = 30


@dataclass(frozen=True, slots=True, repr=False)
class Canary:
    """Something planted to be found again: random, and so long that nothing else is like it. Shown by name only."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        return f"Canary({self.name})"

    @property
    def text(self) -> str | None:
        """The content as text, when it is that."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """A canary was seen, in this form."""

    canary: str
    form: str


def forms_of(canary: Canary) -> dict[bytes, str]:
    """Every spelling of a canary, and what it is called."""
    found: dict[bytes, str] = {}
    for name, spelling in (*_text_forms(canary.text), *_byte_forms(canary.content), *_hashes(canary.content)):
        found.setdefault(spelling, name)
    return found


def _byte_forms(content: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", content
    yield "hex", content.hex().encode()
    yield "hex", content.hex().upper().encode()
    yield "url", quote_from_bytes(content, safe="").encode()
    for offset in range(3):
        packed = b64encode(bytes(offset) + content)
        # Only the letters that do not depend on the neighbours: one letter holds six bits.
        sure = packed[-(-offset * 8 // 6) : (offset + len(content)) * 8 // 6]
        yield f"base64+{offset}", sure
        yield f"base64+{offset}", sure.replace(b"+", b"-").replace(b"/", b"_")


def _text_forms(text: str | None) -> Iterator[tuple[str, bytes]]:
    if text is None:
        return
    yield "plain", text.encode()
    for order in ("le", "be"):
        yield "utf-16", text.encode(f"utf-16-{order}")
    yield "latin-1", text.encode("latin-1", "replace")
    for spelling in (quote(text, safe=""), quote_plus(text), quote(text)):
        yield "url", spelling.encode()
        yield "url", re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), spelling).encode()
    escaped = json.dumps(text)[1:-1]
    for spelling in (escaped, escaped.replace("/", "\\/"), re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)):
        yield "json", spelling.encode()
    yield "json", json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield "python", repr(text)[1:-1].encode()
    yield "python", repr(text.encode())[2:-1].encode()
    yield "quoted-printable", b2a_qp(text.encode()).replace(b"=\n", b"")


def _hashes(content: bytes) -> Iterator[tuple[str, bytes]]:
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, content, usedforsecurity=False)
        yield name, digest.digest()
        yield name, digest.hexdigest().encode()
        yield name, digest.hexdigest().upper().encode()
        yield name, b64encode(digest.digest()).rstrip(b"=")


class Scanner:
    """Looks for canaries in bytes."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        spellings = [(spelling, Sighting(canary.name, form)) for canary in canaries for spelling, form in forms_of(canary).items()]
        self._sightings = [sighting for _, sighting in spellings]
        self._automaton = BytesAhoCorasick([spelling for spelling, _ in spellings])

    def scan(self, content: bytes) -> set[Sighting]:
        """Every canary in these bytes, in whatever form, packed ones included."""
        return self._scan(content, 0)

    def _scan(self, content: bytes, depth: int) -> set[Sighting]:
        found = {self._sightings[index] for index, _, _ in self._automaton.find_matches_as_indexes(content, overlapping=True)}
        if depth < _DEEPEST:
            for unpacked in _unpacked(content):
                found |= {Sighting(seen.canary, f"packed {seen.form}".replace("packed packed", "packed")) for seen in self._scan(unpacked, depth + 1)}
        return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What is packed in these bytes, as far as it can be unpacked: a file may be cut off in the middle of it."""
    for place in _PACKED.finditer(content):
        begin, window = place.start(), 47  # gzip or zlib, whichever the header says
        if content.startswith(b"PK", begin):
            name, extra = (int.from_bytes(content[begin + at : begin + at + 2], "little") for at in (26, 28))
            begin, window = begin + _ZIP_HEADER + name + extra, -15
        unpacked = _unpack(content, begin, window)
        if unpacked:
            yield unpacked


def _unpack(content: bytes, begin: int, window: int) -> bytes:
    unpacked = bytearray()
    unpacker = zlib.decompressobj(window)
    at, step = begin, _STEP
    while at < len(content) and not unpacker.eof and len(unpacked) < _UNPACKED_BYTES:
        try:
            unpacked += unpacker.decompress(content[at : at + step], _UNPACKED_BYTES - len(unpacked))
        except zlib.error:
            if step == 1:
                break
            # What came before the damage is lost with the step: take that once more, byte by byte.
            unpacker, step = zlib.decompressobj(window), 1
            unpacker.decompress(content[begin:at])
        else:
            at += step
    return bytes(unpacked)
