"""Finding the strings of a JSON text that name records, without reading or writing the rest.

Two ways to the same answer. The quick one searches the bytes for what nearly every record looks like. Wherever that
could be mistaken (an escape in a key or a reference, a second `id`, an `id` that is not near the front) the sure one
walks over all strings and brackets. Both expect text that is JSON.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from accord.terms.faults import BadInput, Fault


class Name(NamedTuple):
    """A string that names a record, and where in the text its parts begin.

    `start` is where the value begins, `id_start` where the id in it begins, `end` the closing quote. For the
    record's own id the first two are the same, and `type` is empty.
    """

    start: int
    id_start: int
    end: int
    type: str
    id: str


_ID: Final = rb"[A-Za-z0-9.-]{1,64}"
# No look-behind: it would keep the search from skipping to the first literal. What is before is checked on a hit.
_REFERENCE: Final = re.compile(rb'"reference"[ \t\r\n]*:[ \t\r\n]*"([A-Z][A-Za-z]+)/(' + _ID + rb")(?:/_history/" + _ID + rb')?"')
_BINARY_URL: Final = re.compile(rb'"url"[ \t\r\n]*:[ \t\r\n]*"(Binary)/(' + _ID + rb")(?:/_history/" + _ID + rb')?"')
#: The record's own id where it stands first, or right after the type.
FIRST_ID: Final = re.compile(
    rb'[ \t\r\n]*\{[ \t\r\n]*(?:"resourceType"[ \t\r\n]*:[ \t\r\n]*"[A-Za-z]+"[ \t\r\n]*,[ \t\r\n]*)?"id"[ \t\r\n]*:[ \t\r\n]*"(' + _ID + rb')"'
)
_ANY_ID: Final = re.compile(rb'"id"[ \t\r\n]*:[ \t\r\n]*"(' + _ID + rb')"')
#: An escape that could stand for a character of a key, a type or an id.
TELLING_ESCAPE: Final = re.compile(rb"\\(?:/|u00[2-7])")

TOKEN: Final = re.compile(rb'"((?:[^"\\]++|\\.)*+)"([ \t\r\n]*:)?|[\[{]|[\]}]', re.DOTALL)
_CHARACTER: Final = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)
_NAMED: Final = re.compile(r"(?:([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64}))(?:/_history/[A-Za-z0-9.-]{1,64})?")
_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")


class _Head(msgspec.Struct, gc=False):
    id: str = ""


_read_head: Final = msgspec.json.Decoder(_Head).decode


def names_in(text: bytes) -> tuple[Name, list[Name]]:
    """The record's own id, and its relative references (`reference`, and the `url` of a Binary), in order.

    Raises:
        BadInput: `missing-id`, `invalid-id`, `duplicate-key` or `malformed-json`.
    """
    if b"\\" in text and TELLING_ESCAPE.search(text):
        return surely_named_in(text)
    span = own_id(text)
    if span is None:
        return surely_named_in(text)
    start, end = span
    names = [_name(match) for match in _REFERENCE.finditer(text) if text[match.start() - 1] != 0x5C]
    if b'"Binary/' in text:
        names.extend(_name(match) for match in _BINARY_URL.finditer(text) if text[match.start() - 1] != 0x5C)
        names.sort()
    return Name(start, start, end, "", text[start:end].decode()), names


def own_id(text: bytes) -> tuple[int, int] | None:
    """The span of the record's own id where it is beyond doubt; none where it must be looked for by the sure way.

    A member `id` that stands first, or right after the type, is the record's own. A second one, which other readers
    might prefer, is ruled out when no other member has that name, or when a partial decode, which prefers the last,
    finds the same value and no other member of that name has it. Further on in the text it is the record's own when it is
    the only member of that name and a partial decode finds it.
    """
    first = FIRST_ID.match(text)
    single = text.count(b'"id"') == 1
    match = first or (_ANY_ID.search(text) if single else None)
    if match is None:
        return None
    logical_id = match[1]
    if not (first and single):
        try:
            found = _read_head(text).id.encode()
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise BadInput(Fault.MALFORMED_JSON) from None
        if found != logical_id or not (single or _ANY_ID.findall(text).count(logical_id) == 1):
            return None
    return match.span(1)


def _name(match: re.Match[bytes]) -> Name:
    return Name(match.start(1), match.start(2), match.end() - 1, match[1].decode(), match[2].decode())


def surely_named_in(text: bytes) -> tuple[Name, list[Name]]:
    """What `names_in` says, by the way that cannot be mistaken.

    Raises:
        BadInput: As `names_in`.
    """
    own: Name | None = None
    names: list[Name] = []
    for depth, key, start, end in string_members(text):
        if key == "id" and depth == 1:
            if own is not None:
                raise BadInput(Fault.DUPLICATE_KEY)
            logical_id = unescaped(text[start:end])
            if not _LOGICAL_ID.fullmatch(logical_id):
                raise BadInput(Fault.INVALID_ID)
            own = Name(start, start, end, "", logical_id)
        elif key in ("reference", "url"):
            name = named_at(text, start, end)
            if name is not None and (key == "reference" or name.type == "Binary"):
                names.append(name)
    if own is None:
        raise BadInput(Fault.MISSING_ID)
    return own, names


def string_members(text: bytes) -> Iterator[tuple[int, str, int, int]]:
    """Depth, key, and the span between the quotes of every member whose value is a string."""
    depth = 0
    key = ""
    for match in TOKEN.finditer(text):
        if match[2] is not None:
            key = unescaped(match[1])
        elif match[1] is not None:
            if key:
                yield depth, key, match.start(1), match.end(1)
            key = ""
        else:
            # A member's value that is a number or a literal leaves no token: the next key takes its place.
            depth += 1 if match[0] in (b"{", b"[") else -1
            key = ""


def unescaped(raw: bytes) -> str:
    """The string that stands between two quotes.

    Raises:
        BadInput: `malformed-json`.
    """
    try:
        return str(json.loads(b'"' + raw + b'"', strict=False)) if b"\\" in raw else raw.decode()
    except ValueError:
        raise BadInput(Fault.MALFORMED_JSON) from None


def relative_name(reference: str) -> tuple[str, str] | None:
    """Type and id of a relative reference; none for anything else."""
    match = _NAMED.fullmatch(reference)
    return (match[1], match[2]) if match else None


def named_at(text: bytes, start: int, end: int) -> Name | None:
    """The name in a string's value, however its characters are written; none for anything else."""
    raw = text[start:end]
    match = _NAMED.fullmatch(unescaped(raw))
    if match is None:
        return None
    places = [character.start() for character in _CHARACTER.finditer(raw)]
    return Name(start, start + places[match.start(2)], end, match[1], match[2])
