"""More of one person: dossiers of any size for tests and benches, made of what the person's holders keep already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Final

from testbed.people import DINA, KeptRecord
from testbed.people import Region as Generated

#: Whose records a holder is lent that keeps nothing about the person.
_LENDER: Final = "brinkhof"


def grown(sizes: Mapping[str, int], bsn: str = DINA.bsn) -> Callable[[Generated], Generated]:
    """A change after which each of these holders keeps at least so many bytes about the person, and may show them.

    The first of them are those that it kept before; the others are the same again under other ids.
    """

    def change(generated: Generated) -> Generated:
        kept, choices = dict(generated.kept), dict(generated.choices)
        lent = _about(generated.kept[_LENDER], bsn)
        for name, size in sizes.items():
            own = _about(generated.kept[name], bsn)
            # Ids are a holder's own: what is lent would meet others under the same.
            kept[name] = tuple(_again(own or lent, size)) if not own else (*kept[name], *_copies(own, size))
            choices[name] = (*(choice for choice in choices[name] if choice["bsn"] != bsn), {"bsn": bsn, "permits": True})
        return replace(generated, kept=kept, choices=choices)

    return change


def _about(records: tuple[KeptRecord, ...], bsn: str) -> list[KeptRecord]:
    """The person's Patient record, and what refers to it."""
    number = b'"%b"' % bsn.encode()
    patients = [record for record in records if record.type == "Patient" and number in record.json]
    marks = [b'"%b"' % patient.ref.encode() for patient in patients]
    return patients + [record for record in records if any(mark in record.json for mark in marks)]


def _again(own: list[KeptRecord], size: int) -> Iterator[KeptRecord]:
    yield from own
    yield from _copies(own, size)


def _copies(own: list[KeptRecord], size: int) -> Iterator[KeptRecord]:
    left = size - sum(len(record.json) for record in own)
    others = [record for record in own if record.type != "Patient"]
    for turn in count(1):
        for record in others:
            if left <= 0:
                return
            copy = _renamed(record, f"{record.id}-again{turn}")
            left -= len(copy.json)
            yield copy


def _renamed(record: KeptRecord, logical_id: str) -> KeptRecord:
    before, after = (b'"%b"' % name.encode() for name in (record.id, logical_id))
    # The first string that is the id stands behind `"id":`, in whatever way the administration writes it.
    at = record.json.index(b'"id"')
    return KeptRecord(record.type, logical_id, record.json[:at] + record.json[at:].replace(before, after, 1))
