r"""Is a record about this person and nobody else, and to which companions does it refer? One search over its bytes.

The quick look settles in favour of a record only what the strict rule (`accord.rules.identity.check_about`) would
settle so too; whatever else it meets is read strictly. It rests on this: in an honest record every `Patient/` is
part of a reference `"Patient/<own id>"`, one `subject` or `patient` key names the owner, and no BSN is written
outside Patient records. Escapes that could hide any of these (`\u`, `\/`) are among the marks.
"""

import re
from typing import Final

import msgspec
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from accord.rules.identity import check_about
from accord.rules.reading import Record, raw_member, references
from accord.rules.strictness import check_depth
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, Bsn, RecordRef, record_ref
from accord.terms.limits import JSON_DEPTH
from accord.terms.queries import Selection
from accord.terms.records import INCLUDES, RESOURCE_TYPES, ResourceType

#: Binary is fetched as an attachment, with its own decision; inline it would go around that.
COMPANION_TYPES: Final = tuple(kind.name for kind in RESOURCE_TYPES if kind.is_companion and kind.name != "Binary")

_DOUBTFUL: Final = (b"Patient/", b"Patient?", b'Patient"', b"NamingSystem/bsn", BSN_OID.removeprefix("urn:oid:").encode(), b"\\u", b"\\/")
_KEYS: Final = (b'"subject"', b'"patient"')
_QUICK_OWNERS: Final = frozenset({"subject", "patient"})
_AFTER_REFERENCE: Final = re.compile(rb'"reference"\s*:\s*\Z')
_PERCENT_ENCODED: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_LONGEST_REFERENCE: Final = 300
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")


class Belonging:
    """What belongs to one person at this holder, by the ids of the Patient records that were shown."""

    __slots__ = ("_bases", "_bsn", "_known", "_names", "_own", "_search", "_tokens")

    def __init__(self, bsn: Bsn, patient_ids: frozenset[str], bases: tuple[str, ...]) -> None:
        prefixes = ("", *(f"{base.rstrip('/')}/" for base in bases))
        self._bsn = bsn
        self._own = frozenset(f"{prefix}Patient/{logical_id}" for prefix in prefixes for logical_id in patient_ids)
        self._tokens = tuple(f'"{reference}"'.encode() for reference in sorted(self._own))
        self._bases = tuple(prefix.encode() for prefix in prefixes if prefix)
        companions = [f'"{prefix}{name}/'.encode() for prefix in prefixes for name in COMPANION_TYPES]
        # Leftmost-first: where an own reference begins, the bare `Patient/` inside it does not count.
        # The default takes four times as long to make, for every question, and is no faster on records.
        self._search = BytesAhoCorasick(
            [*self._tokens, *_DOUBTFUL, *_KEYS, *companions], matchkind=MatchKind.LeftmostFirst, implementation=Implementation.ContiguousNFA
        )
        self._known: dict[bytes, RecordRef] = {}

    def names_own(self, text: bytes) -> bool:
        """Whether a record refers to this person at all, for all that a quick look can tell."""
        text = text.replace(b"\\/", b"/")
        return any(token in text or token[:-1] + b"/_history/" in text for token in self._tokens)

    def companions_in(self, text: bytes) -> tuple[RecordRef, ...]:
        """The companions that a record refers to."""
        first = len(self._tokens) + len(_DOUBTFUL) + len(_KEYS)
        companions: list[RecordRef] = []
        for mark, at, end in self._search.find_matches_as_indexes(text):
            if mark >= first:
                self._note(text, at, end, companions)
        return tuple(companions)

    def check(self, text: bytes, record: Record, kind: ResourceType) -> tuple[RecordRef, ...]:
        """Refuse a record that is not about this person alone. Returns the companions that it refers to.

        Raises:
            BadInput: `other-patient`, or why the record cannot be read in one way only.
        """
        check_text(text)
        doubt = len(self._tokens)
        keys = doubt + len(_DOUBTFUL)
        first_companion = keys + len(_KEYS)
        # A server may take `Patient%2F9` for `Patient/9`.
        doubtful, owners = b"%" in text and _PERCENT_ENCODED.search(text) is not None, 0
        companions: list[RecordRef] = []
        for mark, at, end in self._search.find_matches_as_indexes(text):
            if mark >= first_companion:
                self._note(text, at, end, companions)
            elif mark >= keys:
                owners += 1
            elif mark >= doubt:
                doubtful = True
        if kind.is_companion:
            doubtful = doubtful or owners > 0 or any(token in text for token in self._tokens)
        else:
            # A second owner's key may be that of a contained record, and otherwise stands twice.
            doubtful = doubtful or not self._is_owned(record, kind) or (owners > 1 and owners - _owners_contained(text) != 1)
        if doubtful:
            check_about(text, kind, self._own, self._bsn)
        return tuple(companions)

    def _is_owned(self, record: Record, kind: ResourceType) -> bool:
        if kind.owner not in _QUICK_OWNERS:
            return False
        owner = raw_member(record, kind.owner)
        for token in self._tokens:  # noqa: SIM110 - for every record, and three times as fast
            if token in owner:
                return True
        return False

    def _note(self, text: bytes, at: int, end: int, companions: list[RecordRef]) -> None:
        close = text.find(b'"', end, at + _LONGEST_REFERENCE)
        written = text[at + 1 : close] if close > 0 else b""
        ref = self._known.get(written)
        if ref is None:
            ref = self._read(written) if _AFTER_REFERENCE.search(text, max(0, at - 64), at) else None
            if ref is None:
                return
            self._known[written] = ref
        if ref not in companions:
            companions.append(ref)

    def _read(self, written: bytes) -> RecordRef | None:
        base = next((base for base in self._bases if written.startswith(base)), b"")
        try:
            return record_ref(written[len(base) :].partition(b"/_history/")[0].decode("ascii"))
        except (BadInput, UnicodeDecodeError):
            return None


def check_text(text: bytes) -> None:
    """Refuse bytes that would break the text they are put into: not UTF-8, or nested too deeply.

    Raises:
        BadInput: `invalid-encoding` or `too-deep`.
    """
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            raise BadInput(Fault.INVALID_ENCODING) from None
    # A bracket is half a level at most. Of many, each turn takes away the innermost pairs: two levels at most.
    brackets = text.translate(None, _NOT_BRACKETS)
    for turn in range(JSON_DEPTH // 4):
        if len(brackets) <= 2 * (JSON_DEPTH - 2 * turn):
            return
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    check_depth(text)


class _Contained(msgspec.Struct, gc=False):
    contained: msgspec.Raw = msgspec.Raw(b"")


def _owners_contained(text: bytes) -> int:
    contained = bytes(_decode_contained(text).contained)
    return sum(contained.count(key) for key in _KEYS)


def elements_of(text: bytes, names: frozenset[str]) -> bytes:
    """The bytes of these elements of a record, one after another."""
    return b"\n".join(bytes(value) for name, value in _decode_elements(text).items() if name in names)


def targets_of(record: Record, bases: tuple[str, ...]) -> frozenset[str]:
    """What a provenance speaks of, as names at this holder: without the holder's own address, and of whatever version."""
    targets = set()
    for reference in references(raw_member(record, "target")):
        text = reference.decode("utf-8", "replace").replace("\\/", "/").partition("/_history/")[0]
        base = next((base for base in bases if text.startswith(f"{base}/")), "")
        targets.add(text[len(base) + 1 :] if base else text)
    return frozenset(targets)


def elements_followed(selection: Selection) -> dict[str, frozenset[str]] | None:
    """Per type, the elements whose references are followed; none when all are."""
    if "*" in selection.includes:
        return None
    followed: dict[str, frozenset[str]] = {}
    for pair in selection.includes:
        name, element = pair.partition(":")[0], INCLUDES.get(pair)
        if element is not None:
            followed[name] = followed.get(name, frozenset()) | {element}
    return followed


_decode_elements: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_contained: Final = msgspec.json.Decoder(_Contained).decode
