"""The lazy merge of one page."""

from collections.abc import Mapping, Sequence

import anyio
import pytest
from anyio.abc import ObjectSendStream

from accord.terms.answers import Batch, Counts, Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from gateway.merging import Page, Place, merge_page, pieces
from gateway.ports import DossierEvent, HolderBatch, HolderClosed
from testbed.scripted_holder import batch_of
from tests.gateway.api.fake_region import observation, patient

pytestmark = pytest.mark.anyio

ALFA, BETA, GAMMA = HolderName("alfa"), HolderName("beta"), HolderName("gamma")
PLENTY_OF_SECONDS = 30.0


def batch(holder: HolderName, *records: bytes) -> HolderBatch:
    return HolderBatch(holder, batch_of(records), frozenset({"p"}))


def closed(holder: HolderName, *, more: bool = False, ending: Ending = Ending.ANSWERED) -> HolderClosed:
    return HolderClosed(holder, ending, Counts(), None, None, 1, 0, more=more)


async def merged(
    said: Mapping[HolderName, Sequence[DossierEvent]],
    *,
    count: int = 10,
    after: Place | None = None,
    silent: frozenset[HolderName] = frozenset(),
    seconds: float = PLENTY_OF_SECONDS,
) -> Page:
    """The page that these events make. A lane is closed after its events, unless its holder is silent."""
    streams = {name: anyio.create_memory_object_stream[DossierEvent](1) for name in said}

    async def say(name: HolderName, lane: ObjectSendStream[DossierEvent]) -> None:
        async with lane:
            for event in said[name]:
                await lane.send(event)
            if name in silent:
                await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        for name, (lane, _) in streams.items():
            tasks.start_soon(say, name, lane)
        page = await merge_page({name: stream[1] for name, stream in streams.items()}, count=count, after=after, first_frame_seconds=seconds)
        tasks.cancel_scope.cancel()
    for _, receiver in streams.values():
        receiver.close()
    return page


def ids(page: Page) -> list[str]:
    return [f"{piece.holder}.{piece.id}" for piece in page.records]


async def test_records_come_newest_first_over_all_holders() -> None:
    page = await merged(
        {
            ALFA: [batch(ALFA, patient("p"), observation("1", "p", day="2024-03-01")), batch(ALFA, observation("2", "p", day="2022-01-01")), closed(ALFA)],
            BETA: [batch(BETA, patient("p"), observation("1", "p", day="2023-05-05"), observation("9", "p", day="2021-01-01")), closed(BETA)],
        }
    )

    assert ids(page) == ["alfa.1", "beta.1", "alfa.2", "beta.9"]
    assert (page.more, page.missed, page.broken) == (frozenset(), frozenset(), {})
    assert [piece.id for piece in page.others[ALFA]] == ["p"]


async def test_equal_statements_of_two_holders_stand_next_to_each_other() -> None:
    page = await merged(
        {
            ALFA: [batch(ALFA, *sorted_by_rank(observation("a", "p"), observation("c", "p", value="1"))), closed(ALFA)],
            BETA: [batch(BETA, *sorted_by_rank(observation("b", "p"), observation("d", "p", value="1"))), closed(BETA)],
        }
    )

    hints = [piece.row.content_hint for piece in page.records]
    assert hints == sorted(hints)
    assert {frozenset(ids(page)[:2]), frozenset(ids(page)[2:])} == {frozenset({"alfa.a", "beta.b"}), frozenset({"alfa.c", "beta.d"})}


def sorted_by_rank(*records: bytes) -> list[bytes]:
    return sorted(records, key=lambda record: next(pieces(ALFA, batch_of([record]))).key.rank)


async def test_what_is_left_over_is_known_and_let_go() -> None:
    many = [observation(str(i), "p", day=f"2024-01-{31 - i:02d}") for i in range(1, 20)]
    page = await merged(
        {ALFA: [*(batch(ALFA, record) for record in many), closed(ALFA)], BETA: [closed(BETA, more=True, ending=Ending.NOTHING_SHOWN)]}, count=3
    )

    assert ids(page) == ["alfa.1", "alfa.2", "alfa.3"]
    assert page.more == {ALFA, BETA}
    assert page.closed.keys() == {ALFA, BETA}


async def test_the_next_page_begins_after_the_last_place_whatever_a_holder_sends_again() -> None:
    records = [observation(str(i), "p", day=f"2024-01-{31 - i:02d}") for i in range(1, 6)]
    said: dict[HolderName, Sequence[DossierEvent]] = {name: [batch(name, *records), closed(name)] for name in (ALFA, BETA)}
    first = await merged(said, count=3)
    second = await merged(said, count=10, after=first.records[-1].place)

    assert ids(first) + ids(second) == [f"{name}.{i}" for i in range(1, 6) for name in ("alfa", "beta")]


async def test_a_holder_without_a_first_frame_is_missed_and_delays_nobody_else() -> None:
    page = await merged({ALFA: [batch(ALFA, observation("1", "p")), closed(ALFA)], GAMMA: []}, silent=frozenset({GAMMA}), seconds=3.0)

    assert ids(page) == ["alfa.1"]
    assert page.missed == {GAMMA}


async def test_a_lane_that_ends_without_a_last_word_has_none() -> None:
    page = await merged({ALFA: [batch(ALFA, observation("1", "p"))]})

    assert ids(page) == ["alfa.1"]
    assert page.closed == {}


async def test_a_holder_that_does_not_keep_the_order_is_not_used_further() -> None:
    wrong: list[DossierEvent] = [batch(ALFA, observation("1", "p", day="2020-01-01")), batch(ALFA, observation("2", "p", day="2024-01-01")), closed(ALFA)]
    page = await merged({ALFA: wrong, BETA: [batch(BETA, observation("1", "p", day="2019-01-01")), closed(BETA)]})

    assert ids(page) == ["alfa.1", "beta.1"]
    assert page.broken == {ALFA: Fault.BROKEN_BATCH}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"resourceType":"Observation","id":"a\\"b","status":"final"}', Fault.INVALID_ID),
        (b'{"resourceType":"Observation","status":"final"}', Fault.INVALID_ID),
        (b'{"resourceType":"Observation","id":7}', Fault.MALFORMED_JSON),
        (b'{"resourceType":"Encounter","id":"1"}', Fault.BROKEN_BATCH),
    ],
)
async def test_a_record_that_is_not_what_its_row_says_ends_its_holder(text: bytes, fault: Fault) -> None:
    honest = batch_of([observation("1", "p")])
    # The row of an honest Observation beside other bytes.
    row = honest.columns[:28] + len(text).to_bytes(4, "little") + honest.columns[32:]
    page = await merged({ALFA: [HolderBatch(ALFA, Batch(row, text, honest.categories), frozenset()), closed(ALFA)]})

    assert page.records == ()
    assert page.broken == {ALFA: fault}
    with pytest.raises(BadInput, match=fault):
        list(pieces(ALFA, Batch(row, text, 0)))
