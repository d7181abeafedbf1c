r"""The second line: nothing gets through that was not asked, decided, or about this person (P1, P4, P5).

On the raw bytes of every batch. The fast path is one search over the blob for a handful of marks and one partial
decode a record; whatever it cannot settle in favour of a record goes to the strict, slow path. One record about
another person ends the holder's whole answer.

What the fast path rests on: in an honest record every `Patient/` is part of a reference `"Patient/<own id>"`, the
owner is named by one `subject` or `patient` key, and no BSN is written outside Patient records. The search finds
every place where that could be otherwise, contained resources and extensions included: a `Patient/` that is not
an own reference, a member that says `"Patient"`, a BSN system, a patient key beyond the one that the decode saw, and
the escapes that could hide any of these (`\u` of an ASCII character, `\/`, percent). The records in which such a mark stands are read
strictly.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from accord.rules.identity import Identity, check_about, identity_of
from accord.rules.reading import category_of, check_record, read_record
from accord.rules.scope import falls_inside, wants_category, wants_type
from accord.terms.answers import Batch, Ending, Outcome
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, is_base_address
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES, TYPE_NAME
from accord.terms.vocabulary import CATEGORY_CODE, CATEGORY_ORDER, CareCategory
from gateway.batches import Head, Rows, Said, heads_of, said_by
from gateway.ports import HolderFailure

_MOST_OWN_PATIENTS: Final = 50


_PATIENT: Final = TYPE_NAME.index("Patient")
_IS_COMPANION: Final = (False, *(kind.is_companion for kind in RESOURCE_TYPES))
#: The category of a type, and -1 where the record's own category decides.
_CATEGORY: Final = (-1, *(-1 if kind.name in ("Observation", "Consent") else CATEGORY_CODE[kind.category] for kind in RESOURCE_TYPES))

_DOUBTFUL_MARKS: Final = (b"Patient/", b"Patient?", b'/Patient"', b'"Patient"', b"NamingSystem/bsn", b"2.16.840.1.113883.2.4.6.3")
_KEY_MARKS: Final = (b'"subject"', b'"patient"')
_CONTAINED_MARK: Final = b'"contained"'
#: Apart from the others: a search for two bytes is the fastest there is, beside longer marks it slows these down.
#: Percent-encoded, a letter of `Patient` or the slash begins with one of the last four.
_ESCAPES: Final = BytesAhoCorasick([b"\\u", b"\\/", b"%2", b"%5", b"%6", b"%7"], matchkind=MatchKind.LeftmostFirst)
#: Behind `\u`, what is no letter that a mark holds: such a character hides as little as when it stands there itself. Some
#: systems write every letter with an accent so. Half a surrogate pair is looked at.
_HARMLESS: Final = re.compile(rb"(?:00[89a-f]|0[1-9a-f][0-9a-f]|[1-9abcef][0-9a-f]{2})[0-9a-f]", re.IGNORECASE)
#: Sound records do not close so many levels in a row: whoever does may be nested without end.
_CLOSER_MARKS: Final = (b"]" * 12, b"}" * 12, b"}]" * 8, b"]}" * 8)

#: Category elements that one screening remembers, and the longest it does (bytes).
_CATEGORY_ITEMS: Final = 64
_CATEGORY_BYTES: Final = 1_024
_MAPPING: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,99}")


@dataclass(slots=True)
class Screening:
    """The screening of one holder's answer to one question. Feed it every outcome and every batch, in order.

    Attributes:
        patients: Logical ids of this person's Patient record(s) at the holder, as far as heard.
        by_category: Records let through, per category code.
        mapping: How the holder's derived records were made, by name and version; empty where none are.
        bases: The addresses under which the holder's own records are also known.
    """

    bsn: Bsn
    birth_date: date | None
    selection: Selection
    patients: frozenset[str] = frozenset()
    by_category: dict[int, int] = field(default_factory=dict)
    mapping: str = ""
    bases: tuple[str, ...] = ()
    _own: frozenset[str] = frozenset()
    _released: frozenset[int] = frozenset()
    _search: BytesAhoCorasick | None = None
    #: Per type code, what its category elements were found to mean. It dies with the question: there is text in it.
    _categories: dict[int, dict[bytes, int]] = field(default_factory=lambda: {code: {} for code, category in enumerate(_CATEGORY) if category < 0})

    def decided(self, outcome: Outcome) -> None:
        """Take in a decision of the holder: from now on records of these categories may come.

        Raises:
            BadInput: `broken-batch`, for a base that is no plain address, or a mapping that is no plain name.
        """
        self._released |= {CATEGORY_CODE[category] for category in outcome.released}
        # They become part of what is searched for: whatever is no plain address could hide another reference.
        if not all(map(is_base_address, outcome.bases)):
            raise BadInput(Fault.BROKEN_BATCH)
        self.bases = outcome.bases[:4] or self.bases
        # It is shown to people and stands in headers.
        if outcome.mapping and not _MAPPING.fullmatch(outcome.mapping):
            raise BadInput(Fault.BROKEN_BATCH)
        self.mapping = outcome.mapping or self.mapping

    def check(self, batch: Batch) -> int:
        """Let a batch through, or end the holder's answer. Returns the number of its records.

        Raises:
            HolderFailure: `rejected` or `identity-unverified`, with the fixed code.
        """
        try:
            return self._check(batch)
        except BadInput as cause:
            ending = Ending.IDENTITY_UNVERIFIED if cause.fault is Fault.IDENTITY_UNVERIFIED else Ending.REJECTED
            raise HolderFailure(ending, cause.fault) from None

    def shown(self) -> Counter[CareCategory]:
        """Records let through, per care category."""
        return Counter({CATEGORY_ORDER[code]: number for code, number in self.by_category.items()})

    def _check(self, batch: Batch) -> int:
        rows = Rows(batch)
        self._check_claims(rows)
        # Decoders skip what they do not look for; a reader of the whole would stumble over bytes that are no text.
        if not batch.blob.isascii():
            _check_text(batch.blob)
        first = self._take_patients(rows, batch.blob)
        if first < len(rows):
            self._check_others(rows, batch.blob, first)
        for kind, number in Counter(rows.kinds).items():
            self.by_category[kind >> 16] = self.by_category.get(kind >> 16, 0) + number
        return len(rows)

    def _check_claims(self, rows: Rows) -> None:
        """Every row must be of a type and category that were asked for and decided."""
        for type_code, category, companion in rows.claims:
            if not 0 < type_code < len(TYPE_NAME) or category >= len(CATEGORY_ORDER) or companion != _IS_COMPANION[type_code]:
                raise BadInput(Fault.BROKEN_BATCH)
            if category not in self._released:
                raise BadInput(Fault.NOT_DECIDED)
            asked = wants_type(self.selection, TYPE_NAME[type_code]) and wants_category(self.selection, CATEGORY_ORDER[category])
            if not (asked or type_code == _PATIENT or (companion and self.selection.includes)):
                raise BadInput(Fault.NOT_ASKED_FOR)

    def _take_patients(self, rows: Rows, blob: bytes) -> int:
        """Read the Patient records at the head of the batch; the rest of the answer must be about them."""
        number = 0
        while number < len(rows) and rows.kinds[number] & 0xFFFF == _PATIENT:
            if self._search is not None or len(self.patients) >= _MOST_OWN_PATIENTS:
                raise BadInput(Fault.BROKEN_BATCH)
            self._take_patient(rows.record(blob, number), rows.kinds[number] >> 16)
            number += 1
        if not self.patients:
            raise BadInput(Fault.IDENTITY_UNVERIFIED)
        self._own = frozenset(f"{base}Patient/{p}" for p in self.patients for base in ("", *(f"{b}/" for b in self.bases)))
        for index in range(number):
            # There are few of them, and everything else rests on them: always strictly.
            check_about(rows.record(blob, index), RESOURCE_TYPES[_PATIENT - 1], self._own, self.bsn)
        if number < len(rows) and self._search is None:
            marks = [f'"{reference}"'.encode() for reference in sorted(self._own)] + [*_KEY_MARKS, _CONTAINED_MARK, *_DOUBTFUL_MARKS, *_CLOSER_MARKS]
            # Leftmost-first: where an own reference begins, the bare `Patient/` inside it does not count.
            self._search = BytesAhoCorasick(marks, matchkind=MatchKind.LeftmostFirst)
        return number

    def _take_patient(self, text: bytes, category: int) -> None:
        record = read_record(text)
        kind = check_record(record)
        if kind.name != "Patient" or category != CATEGORY_CODE[CareCategory.PATIENT]:
            raise BadInput(Fault.BROKEN_BATCH)
        match identity_of(record, self.bsn, self.birth_date):
            case Identity.OTHER:
                raise BadInput(Fault.OTHER_PATIENT)
            case Identity.UNVERIFIED:
                raise BadInput(Fault.IDENTITY_UNVERIFIED)
            case Identity.SAME:
                self.patients |= {record.id}

    def _check_others(self, rows: Rows, blob: bytes, first: int) -> None:
        records = rows.views(blob, first)
        heads = heads_of(records)
        kinds = rows.kinds[first:]
        said = said_by(kinds, heads)
        different = Counter(said)
        # Of those that say the same, any one will do to learn from.
        examples: dict[Said, memoryview] = {}

        def example(one: Said) -> memoryview:
            if not examples:
                examples.update(zip(said, records, strict=True))
            return examples[one]

        doubted = {one for one in different if not self._settles(one, example)}
        doubtful = {index for index, one in enumerate(said, first) if one in doubted} if doubted else set()
        keys = sum(number * (bool(subject) + bool(patient)) for (_, (_, subject, patient), _), number in different.items())
        doubtful |= self._marked(rows, blob, first, keys, heads)
        for index in sorted(doubtful):
            self._check_strictly(bytes(records[index - first]), rows.kinds[index])
        if self.selection.looks_inside:
            for record, kind in zip(records, kinds, strict=True):
                self._check_inside(bytes(record), kind)

    def _settles(self, said: Said, record: Callable[[Said], memoryview]) -> bool:
        """Whether what a record says is what its row says, and its owner this person.

        Raises:
            BadInput: `broken-batch`, when it is of another category than its row says.
        """
        kind, (name, subject, patient), element = said
        expected, known_categories, companion = self._expected(kind)
        if known_categories is not None and name and known_categories.get(element, -1) != kind >> 16 and self._learn(kind, element, record(said)) != kind >> 16:
            raise BadInput(Fault.BROKEN_BATCH)
        if name != expected:
            return False
        if companion:
            return not (subject or patient)
        own = self._own
        return bool(subject or patient) and (not subject or subject in own) and (not patient or patient in own)

    def _marked(self, rows: Rows, blob: bytes, first: int, keys: int, heads: Sequence[Head]) -> set[int]:
        """The records in which something stands that the fast path cannot settle; *keys* are the patient keys it saw."""
        assert self._search is not None  # noqa: S101 - set with the first Patient record
        keys_from = len(self._own)
        contained = keys_from + len(_KEY_MARKS)
        matches = self._search.find_matches_as_indexes(blob)
        marks = list(map(itemgetter(0), matches))
        ends = rows.ends
        found = {bisect_right(ends, at) for mark, at, end in _ESCAPES.find_matches_as_indexes(blob) if mark or not _HARMLESS.match(blob, end)}
        if max(marks, default=0) > contained:
            found |= {bisect_right(ends, at) for mark, at, _ in matches if mark > contained}
        excess = sum(map(marks.count, range(keys_from, contained))) - keys
        # An escape may hide a key from the search that the decode saw: then the sum says nothing about any one record.
        if excess or found:
            key_offsets = [at for mark, at, _ in matches if keys_from <= mark < contained]
            # Contained resources have patient keys of their own.
            for at in (end for mark, _, end in matches if mark == contained):
                index = bisect_right(ends, at) - first
                if 0 <= index < len(heads):
                    excess -= _keys_in_contained(bytes(heads[index].contained), blob, at, key_offsets)
            if excess or found:
                # A patient key stands twice in some record, or is only a word there.
                numbers = Counter(bisect_right(ends, at) for at in key_offsets)
                found |= {index for index, number in numbers.items() if index >= first and number != heads[index - first].keys}
        return {index for index in found if index >= first}

    def _expected(self, kind: int) -> tuple[str, dict[bytes, int] | None, bool]:
        """The type's name, the known category elements where these decide (else the type's own is claimed), companion."""
        type_code, category = kind & 0xFFFF, kind >> 16
        varied = self._categories.get(type_code)
        if varied is None and _CATEGORY[type_code] != category:
            raise BadInput(Fault.BROKEN_BATCH)
        return TYPE_NAME[type_code], varied, _IS_COMPANION[type_code]

    def _learn(self, kind: int, element: bytes, record: memoryview) -> int:
        """What a category element means. It depends on nothing else in the record: next time the fast path knows."""
        type_code = kind & 0xFFFF
        category = CATEGORY_CODE[category_of(read_record(bytes(record)), RESOURCE_TYPES[type_code - 1])]
        if len(element) <= _CATEGORY_BYTES and len(self._categories[type_code]) < _CATEGORY_ITEMS:
            self._categories[type_code][element] = category
        return category

    def _check_strictly(self, text: bytes, claimed: int) -> None:
        type_code, category = claimed & 0xFFFF, claimed >> 16
        record = read_record(text)
        kind = check_record(record)
        if kind.name != TYPE_NAME[type_code] or CATEGORY_CODE[category_of(record, kind)] != category:
            raise BadInput(Fault.BROKEN_BATCH)
        check_about(text, kind, self._own, self.bsn)

    def _check_inside(self, text: bytes, claimed: int) -> None:
        type_code, category = claimed & 0xFFFF, claimed >> 16
        if not _IS_COMPANION[type_code] and not falls_inside(self.selection, read_record(text), RESOURCE_TYPES[type_code - 1], CATEGORY_ORDER[category]):
            raise BadInput(Fault.NOT_ASKED_FOR)


def _check_text(blob: bytes) -> None:
    try:
        blob.decode()
    except UnicodeDecodeError:
        raise BadInput(Fault.INVALID_ENCODING) from None


def _keys_in_contained(contained: bytes, blob: bytes, mark_end: int, key_offsets: Sequence[int]) -> int:
    """The patient keys inside the *contained* resources whose key ends at *mark_end*; none when that is another's key."""
    start = mark_end
    while blob[start : start + 1] in (b":", b" ", b"\n", b"\r", b"\t"):
        start += 1
    end = start + len(contained)
    if not contained or blob[start:end] != contained:
        return 0
    return bisect_left(key_offsets, end) - bisect_left(key_offsets, start)
