"""The merged view: every record under an id that no other holder's record has, by splices that can be taken back.

`<holder>.` goes before the record's own id and before the id of every relative reference. Where that would make an
id longer than FHIR allows, the record keeps its own id, and references to it become absolute. Such a record stands
under its holder's own base, where relative references would be taken for the holder's: all of its references become
absolute. Nothing is written again: a splice is an insertion, and all other bytes stay as they came (promise P13).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, is_logical_id
from gateway.dossier.scanning import FIRST_ID, TELLING_ESCAPE, Name, named_at, names_in, own_id, relative_name, string_members, unescaped

_LONGEST_ID: Final = 64
#: What is looked for in every record, in one pass.
_AT_ID, _AT_REFERENCE, _AT_ESCAPE, _AT_BINARY = range(4)
_find_marks: Final = BytesAhoCorasick([b'"id"', b'"reference"', b"\\", b"Binary/"]).find_matches_as_indexes
_BACKSLASH: Final = 0x5C
# Just behind `"reference"`: a short relative reference, and all that may need a splice of another kind.
_SHORT: Final = rb'[ \t\r\n]*:[ \t\r\n]*"[A-Z][A-Za-z]+/(?=[A-Za-z0-9.-]{1,%d}(?:/_history/[A-Za-z0-9.-]{1,64})?")'
_NEEDS_A_LOOK: Final = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"(?:[A-Z][A-Za-z]*/|https?:)')


class Splice(NamedTuple):
    """At `offset` of the holder's bytes, `length` bytes make place for `replacement`."""

    offset: int
    length: int
    replacement: bytes


class Spliced(NamedTuple):
    """A record as it stands in the merged view, and its id there."""

    content: bytes
    id: str


def splice(text: bytes, holder: HolderName, base: str) -> Spliced:
    """A holder's record as it stands in the merged view at *base* (without a slash at the end).

    Raises:
        BadInput: `missing-id`, `invalid-id`, `duplicate-key` or `malformed-json`. `invalid-id` also for the two
            records that could not be told from a splice: one with an id so long that it stays, which reads as an
            id of the merged view, and one that itself refers to such a record by its address at this gateway.
    """
    return _quickly_spliced(text, holder) or _surely_spliced(text, holder, base)


def splices(text: bytes, holder: HolderName, base: str) -> tuple[list[Splice], str]:
    """What `splice` puts into a record, in order, and the id that the record then has.

    Raises:
        BadInput: As `splice`.
    """
    own, names = names_in(text)
    prefix, home, away = _prefix(holder), _home(base), _away(holder, base)
    longest = _LONGEST_ID - len(prefix)
    stays = len(own.id) > longest
    if stays and _reads_as_union_id(own.id):
        raise BadInput(Fault.INVALID_ID)
    if _kept_ids_referred_to(text, away, longest) or (stays and _made_absolute(text, home, holder)):
        raise BadInput(Fault.INVALID_ID)
    found = []
    for name in names:
        if len(name.id) > longest:
            found.append(Splice(name.start, 0, away))
        else:
            found += [Splice(name.start, 0, home)] if stays else []
            found.append(Splice(name.id_start, 0, prefix))
    if not stays:
        found.append(Splice(own.start, 0, prefix))
    return sorted(found), union_id(holder, own.id)


def _surely_spliced(text: bytes, holder: HolderName, base: str) -> Spliced:
    found, united = splices(text, holder, base)
    out, at = [], 0
    for offset, _, replacement in found:
        out += [text[at:offset], replacement]
        at = offset
    return Spliced(b"".join((*out, text[at:])), united)


def _quickly_spliced(text: bytes, holder: HolderName) -> Spliced | None:
    """The same for a record in which nothing needs a second look; none for any other."""
    prefix, match_short = _quick(holder.value)
    cuts: list[int] = []
    ids, escapes = 0, False
    for mark, start, end in _find_marks(text):
        if mark == _AT_REFERENCE:
            if (match := match_short(text, end)) is not None:
                cuts.append(match.end())
            elif _NEEDS_A_LOOK.match(text, end):
                return None
            if text[start - 1] == _BACKSLASH:
                return None
        elif mark == _AT_ID:
            ids += 1
        elif mark == _AT_ESCAPE:
            escapes = True
        else:
            return None
    if escapes and TELLING_ESCAPE.search(text):
        return None
    first = FIRST_ID.match(text) if ids == 1 else None
    span = own_id(text) if first is None else first.span(1)
    if span is None or span[1] - span[0] + len(prefix) > _LONGEST_ID:
        return None
    cuts.append(span[0])
    cuts.sort()
    out: list[bytes] = []
    at = 0
    for cut in cuts:
        out += (text[at:cut], prefix)
        at = cut
    out.append(text[at:])
    return Spliced(b"".join(out), (prefix + text[span[0] : span[1]]).decode())


@lru_cache(maxsize=1024)
def _quick(holder: str) -> tuple[bytes, Callable[[bytes, int], re.Match[bytes] | None]]:
    prefix = f"{holder}.".encode()
    return prefix, re.compile(_SHORT % (_LONGEST_ID - len(prefix))).match


def unsplice(content: bytes, holder: HolderName, base: str) -> bytes:
    """The holder's own bytes again.

    Raises:
        BadInput: `invalid-id` for what `splice` cannot have made, and what reading it raises.
    """
    prefix, home, away = _prefix(holder), _home(base), _away(holder, base)
    longest = _LONGEST_ID - len(prefix)
    own, names = names_in(content)
    cuts = [(start, away) for start in _kept_ids_referred_to(content, away, longest)]
    if len(own.id) <= longest or own.id.encode().startswith(prefix):
        cuts.append((own.id_start, prefix))
    else:
        cuts += [cut for name in _made_absolute(content, home, holder) for cut in ((name.start - len(home), home), (name.id_start, prefix))]
    cuts += [(name.id_start, prefix) for name in names]
    out, at = [], 0
    for start, inserted in sorted(cuts):
        if not content.startswith(inserted, start):
            raise BadInput(Fault.INVALID_ID)
        out.append(content[at:start])
        at = start + len(inserted)
    return b"".join((*out, content[at:]))


def union_id(holder: HolderName, logical_id: str) -> str:
    """The id in the merged view of a holder's record."""
    united = f"{holder.value}.{logical_id}"
    return united if len(united) <= _LONGEST_ID else logical_id


def union_reference(holder: HolderName, kind: str, logical_id: str, base: str) -> str:
    """A reference, in the merged view, to a holder's record."""
    united = f"{holder.value}.{logical_id}"
    return f"{kind}/{united}" if len(united) <= _LONGEST_ID else f"{base}/at/{holder.value}/{kind}/{logical_id}"


def parse_union_id(text: str) -> tuple[HolderName, str]:
    """Whose record an id of the merged view is, and its id there.

    Raises:
        BadInput: `not-found`, for an id that is not made by a splice.
    """
    name, _, logical_id = text.partition(".")
    if not is_logical_id(text) or not is_logical_id(logical_id):
        raise BadInput(Fault.NOT_FOUND)
    try:
        return HolderName(name), logical_id
    except BadInput:
        raise BadInput(Fault.NOT_FOUND) from None


def _prefix(holder: HolderName) -> bytes:
    return f"{holder.value}.".encode()


def _away(holder: HolderName, base: str) -> bytes:
    return f"{base}/at/{holder.value}/".encode()


def _home(base: str) -> bytes:
    return f"{base}/".encode()


def _reads_as_union_id(logical_id: str) -> bool:
    try:
        parse_union_id(logical_id)
    except BadInput:
        return False
    return True


def _kept_ids_referred_to(text: bytes, away: bytes, longest: int) -> list[int]:
    """Where a reference begins that is, or reads as if it were, made absolute for the length of its id."""
    if away not in text:
        return []
    return [
        start
        for _, key, start, end in string_members(text)
        if key in ("reference", "url") and text.startswith(away, start, end) and _is_long(key, unescaped(text[start + len(away) : end]), longest)
    ]


def _made_absolute(text: bytes, home: bytes, holder: HolderName) -> list[Name]:
    """The references to this holder's records by their address in the merged view."""
    if home not in text:
        return []
    found = []
    for _, key, start, end in string_members(text):
        if key in ("reference", "url") and text.startswith(home, start, end):
            name = named_at(text, start + len(home), end)
            if name is not None and name.id.startswith(f"{holder.value}.") and (key == "reference" or name.type == "Binary"):
                found.append(name)
    return found


def _is_long(key: str, reference: str, longest: int) -> bool:
    name = relative_name(reference)
    return name is not None and len(name[1]) > longest and (key == "reference" or name[0] == "Binary")
