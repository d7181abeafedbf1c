"""A proof is used once, whoever tries at the same time, however full the memory is, and whatever the clock does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Final

import anyio
import pytest
from anyio import to_thread
from hypothesis import given
from hypothesis import strategies as st

from accord.link.replaying import Kept, Pins, Replays
from accord.terms.faults import Fault, Faulted
from tests.accord.link.evidence_world import AT

MANDATE: Final = bytes(32)
LASTS: Final = timedelta(seconds=60)


def fault_of(attempt: Callable[[], None]) -> Fault | None:
    try:
        attempt()
    except Faulted as refused:
        return refused.fault
    return None


def use(replays: Replays, nonce: str, issued: datetime = AT, at: datetime | None = None, what: str = "query", mandate: bytes = MANDATE) -> Fault | None:
    return fault_of(lambda: replays.use(mandate, nonce, what, issued + LASTS, at or issued))


def test_a_proof_serves_once_for_each_kind_of_call_and_each_mandate() -> None:
    replays = Replays()

    assert [use(replays, "a"), use(replays, "a"), use(replays, "b")] == [None, Fault.PROOF_USED, None]
    assert [use(replays, "a", what="locate"), use(replays, "a", what="locate")] == [None, Fault.PROOF_USED]
    assert use(replays, "a", mandate=b"\1" * 32) is None


def test_of_eight_threads_that_use_one_proof_exactly_one_wins() -> None:
    for round_ in range(20):
        replays, start = Replays(), Barrier(8)

        def attempt(nonce: str, replays: Replays = replays, start: Barrier = start) -> Fault | None:
            start.wait()
            return use(replays, nonce)

        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(attempt, [f"n{round_}"] * 8))

        assert sorted(map(str, found)) == ["None"] + ["proof-used"] * 7


@pytest.mark.anyio
async def test_of_a_hundred_tasks_that_use_one_proof_exactly_one_wins() -> None:
    replays, found = Replays(), list[Fault | None]()

    async def attempt(in_thread: bool) -> None:  # noqa: FBT001 - `start_soon` takes no keywords
        found.append(await to_thread.run_sync(use, replays, "a") if in_thread else use(replays, "a"))

    async with anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(attempt, number % 2 == 0)

    assert (found.count(None), found.count(Fault.PROOF_USED)) == (1, 99)


def test_when_the_memory_is_full_the_next_is_refused_and_nothing_is_forgotten() -> None:
    replays = Replays(2)

    assert [use(replays, "a"), use(replays, "b"), use(replays, "c")] == [None, None, Fault.TOO_MANY_QUESTIONS]
    assert [use(replays, "a"), use(replays, "b")] == [Fault.PROOF_USED] * 2


def test_what_expired_makes_room() -> None:
    replays = Replays(1)
    later = AT + LASTS + timedelta(seconds=1)

    assert [use(replays, "a"), use(replays, "b", later)] == [None, None]


def test_a_clock_that_goes_back_lets_no_proof_be_used_twice() -> None:
    replays = Replays()
    tomorrow = AT + timedelta(days=1)

    assert use(replays, "a") is None
    assert use(replays, "b", tomorrow) is None  # drops a
    assert use(replays, "a", AT, AT) is Fault.PROOF_USED  # and the clock is set right again
    assert use(replays, "c", AT + timedelta(seconds=1)) is None  # others are not kept waiting for a day


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 200)), max_size=40))
def test_whatever_the_clock_does_no_proof_is_used_twice(moments: list[tuple[int, int]]) -> None:
    replays = Replays(4)
    used = [number for number, second in moments if use(replays, str(number), AT + timedelta(seconds=10 * number), AT + timedelta(seconds=second)) is None]

    assert len(used) == len(set(used))


def test_what_was_made_before_the_process_started_may_have_been_used_before() -> None:
    replays = Replays(since=AT + timedelta(milliseconds=700), lasts=LASTS)

    assert use(replays, "before", AT - timedelta(seconds=1)) is Fault.PROOF_USED
    assert use(replays, "in the same second", AT) is None


def test_entries_go_when_they_expire() -> None:
    kept = Kept(10)
    kept.put(b"a", b"", AT, AT)
    kept.put(b"b", b"", AT + LASTS, AT + timedelta(seconds=1))

    assert len(kept) == 1


def test_a_mandate_locates_one_pseudonym() -> None:
    pins = Pins(2)

    def pin(mandate: bytes, pseudonym: bytes) -> Fault | None:
        return fault_of(lambda: pins.pin(mandate, pseudonym, AT + LASTS, AT))

    assert [pin(b"m", b"p"), pin(b"m", b"p"), pin(b"m", b"q")] == [None, None, Fault.OTHER_PATIENT_MANDATED]
    assert [pin(b"n", b"q"), pin(b"o", b"q")] == [None, Fault.TOO_MANY_QUESTIONS]
