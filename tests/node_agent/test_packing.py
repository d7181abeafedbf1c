"""What is packed can be taken apart again, and is bounded."""

from hypothesis import given
from hypothesis import strategies as some

from accord.rules.consent import Basis
from accord.terms.answers import Batch
from accord.terms.limits import BATCH_BYTES, BATCH_RECORDS, FIRST_BATCH_BYTES, MESSAGE_BYTES, RECORD_BYTES
from accord.terms.records import TYPE_NAME
from accord.terms.vocabulary import CATEGORY_BIT, CATEGORY_ORDER, CareCategory
from accord.wire.columns import rows
from accord.wire.hashing import StreamDigest
from node_agent.packing import Packer, ReleasedRecord

_U64 = some.integers(0, 2**64 - 1)
_RECORDS = some.builds(
    ReleasedRecord,
    fhir_json=some.binary(min_size=1, max_size=400) | some.integers(5_000, 20_000).map(lambda size: b"x" * size),
    id=some.just("1"),
    type_code=some.integers(1, 90),
    category=some.sampled_from(CareCategory),
    basis=some.sampled_from(Basis),
    flags=some.integers(0, 15),
    time_ms=some.integers(-(2**63), 2**63 - 1),
    identifier_hint=_U64,
    content_hint=_U64,
    companions=some.just(()),
)


def pack(packer: Packer, records: list[ReleasedRecord]) -> list[Batch]:
    """All batches of *records*."""
    batches: list[Batch] = []
    for number, record in enumerate(records, start=1):
        if (packer.add(record) or number == len(records)) and (taken := packer.take()) is not None:
            batch, names = taken
            assert names == [f"{TYPE_NAME[one.type_code]}/{one.id}" for one in records[number - len(names) : number]]
            packer.sent(batch, names)
            batches.append(batch)
    return batches


@given(some.lists(_RECORDS, max_size=60))
def test_what_is_packed_can_be_taken_apart_again(records: list[ReleasedRecord]) -> None:
    packer = Packer()
    batches = pack(packer, records)

    found = []
    digest = StreamDigest()
    for batch in batches:
        begin = 0
        digest.add(batch)
        assert batch.categories == sum({CATEGORY_BIT[CATEGORY_ORDER[row.category_code]] for row in rows(batch.columns)})
        for row in rows(batch.columns):
            found.append((batch.blob[begin : row.end], row.type_code, CATEGORY_ORDER[row.category_code], row.flags, row.time_ms, *row[:2]))
            begin = row.end
        assert begin == len(batch.blob)
    assert found == [(r.fhir_json, r.type_code, r.category, r.flags, r.time_ms, r.identifier_hint, r.content_hint) for r in records]
    counts = packer.counts(3, 4)
    assert (counts.records, counts.bytes, counts.batches) == (len(records), sum(len(r.fhir_json) for r in records), len(batches))
    assert (counts.unfit, counts.oversized) == (3, 4)
    assert packer.digest == digest.value()


def _record(size: int) -> ReleasedRecord:
    return ReleasedRecord(b"x" * size, "1", 1, CareCategory.PATIENT, Basis.PATIENT_CONSENTED, 0, 0, 0, 0, ())


def test_the_first_batch_is_small_so_that_something_shows_early() -> None:
    batches = pack(Packer(), [_record(1_000)] * 1_000)

    assert FIRST_BATCH_BYTES <= len(batches[0].blob) < FIRST_BATCH_BYTES + 1_000
    assert all(BATCH_BYTES <= len(batch.blob) < BATCH_BYTES + 1_000 for batch in batches[1:-1])


def test_no_batch_is_larger_than_a_message_or_longer_than_agreed() -> None:
    largest = pack(Packer(), [_record(FIRST_BATCH_BYTES), _record(BATCH_BYTES - 1), _record(RECORD_BYTES), _record(1)])
    longest = pack(Packer(), [_record(1)] * (2 * BATCH_RECORDS + 1))

    assert max(len(batch.blob) for batch in largest) <= MESSAGE_BYTES
    assert [len(list(rows(batch.columns))) for batch in longest] == [BATCH_RECORDS, BATCH_RECORDS, 1]


def test_nothing_packed_is_no_batch() -> None:
    assert Packer().take() is None
