"""What the scripted holders send is packed as an agent packs it."""

import json

from accord.terms.limits import BATCH_BYTES, FIRST_BATCH_BYTES
from testbed.scripted_holder import batches_of

RECORDS = [
    json.dumps({"resourceType": "Condition", "id": str(number), "subject": {"reference": "Patient/1"}, "note": [{"text": "x" * 900}]}).encode()
    for number in range(450)
]


def test_the_first_batch_is_small_and_the_others_are_full() -> None:
    batches = batches_of(RECORDS)

    longest = max(map(len, RECORDS))
    assert FIRST_BATCH_BYTES <= len(batches[0].blob) < FIRST_BATCH_BYTES + longest
    assert len(batches) > 2
    assert all(BATCH_BYTES <= len(batch.blob) < BATCH_BYTES + longest for batch in batches[1:-1])


def test_nothing_is_lost_between_batches() -> None:
    assert b"".join(batch.blob for batch in batches_of(RECORDS)) == b"".join(RECORDS)
    assert b"".join(batch.blob for batch in batches_of(RECORDS, 2_000)) == b"".join(RECORDS)
    assert batches_of([]) == []
