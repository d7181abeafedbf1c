"""The index of pseudonyms: whom it finds, how it is kept fresh, and what it does when it cannot."""

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as some

from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, passes_the_eleven_test
from node_agent.locating import Index, Locating, build_index
from node_agent.ports import LocalPatient, SourceRecord, SourceUnavailable
from testbed.contracts.records import ANNA, BERT, NOBODY, patient
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import KEY, holder_over, question

pytestmark = pytest.mark.anyio


def _next_bsn(number: int) -> Bsn:
    """The first BSN from *number* on; every eleventh number or so is one."""
    return Bsn(next(digits for digits in map("{:09}".format, itertools.count(number)) if passes_the_eleven_test(digits)))


_BSNS = some.integers(1, 999_999_900).map(_next_bsn)


class Crowd(MemorySource):
    """A source that knows these people."""

    def __init__(self, people: list[Bsn]) -> None:
        super().__init__([])
        self.people = people

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """These people."""
        for bsn in self.people:
            yield bsn, LocalPatient(frozenset({"x"}))


@given(some.lists(_BSNS, max_size=200, unique_by=lambda bsn: bsn.value), some.lists(_BSNS, max_size=20))
async def test_everybody_is_found_and_nobody_else(known: list[Bsn], others: list[Bsn]) -> None:
    index = await build_index(Crowd(known), KEY)

    assert index.people == len(known)
    for bsn in (*known, *others):
        assert index.find(KEY.pseudonym(bsn)) == (bsn if bsn in known else None)
        assert index.find(PseudonymKey(bytes(32)).pseudonym(bsn)) is None


def test_an_empty_index_finds_nobody() -> None:
    assert Index([b""] * 256).find(KEY.pseudonym(Bsn(NOBODY))) is None


async def locate(locating: Locating, bsn: str, *, seconds: float | None = None) -> bool:
    """Is somebody known?"""
    query = question()
    return await locating.locate(KEY.pseudonym(Bsn(bsn)), admitted(query).asking, seconds=seconds)


@asynccontextmanager
async def keeping_fresh(locating: Locating) -> AsyncGenerator[None, None]:
    """Its index is made and kept fresh meanwhile."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(locating.keep_fresh)
        await locating.made.wait()
        yield
        tasks.cancel_scope.cancel()


async def test_a_copy_that_changed_is_indexed_anew_but_not_more_than_once_a_second() -> None:
    class Copy(MemorySource):
        as_of_ms = 1
        looked = 0

        @property
        def is_copy(self) -> bool:
            return True

        async def data_as_of_ms(self) -> int:
            self.looked += 1
            return self.as_of_ms

    now = 100.0
    source = Copy([patient("a", ANNA)])
    locating = Locating(holder_over(source), KEY, clock=lambda: now)
    async with keeping_fresh(locating):
        assert not await locate(locating, BERT)

        source.put(SourceRecord(patient("b", BERT)))
        source.as_of_ms = 2
        assert not await locate(locating, BERT)
        now += 1.0
        assert await locate(locating, BERT)

        looked = source.looked
        for _ in range(5):
            await locate(locating, NOBODY)
        assert source.looked == looked


async def test_whoever_asks_does_not_wait_for_a_large_index_to_be_made() -> None:
    class Copy(MemorySource):
        as_of_ms = 1

        @property
        def is_copy(self) -> bool:
            return True

        async def data_as_of_ms(self) -> int:
            return self.as_of_ms

        async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
            if self.as_of_ms > 1:
                await self.go_on.wait()
            async for person in super().everyone():
                yield person

    source = Copy([patient("a", ANNA)])
    source.go_on = anyio.Event()
    locating = Locating(holder_over(source), KEY)
    async with keeping_fresh(locating):
        source.put(SourceRecord(patient("b", BERT)))
        source.as_of_ms = 2
        with anyio.fail_after(50):
            # The last index still answers, and the new one is being made by nobody who asks.
            assert await locate(locating, ANNA, seconds=60.0)
            assert not await locate(locating, BERT, seconds=60.0)
        source.go_on.set()
        while locating.people < 2:
            await anyio.lowlevel.checkpoint()
        assert await locate(locating, BERT)


async def test_p8_an_index_that_could_not_be_renewed_says_no_more_than_none() -> None:
    class Failing(MemorySource):
        fails = False

        async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
            if self.fails:
                raise SourceUnavailable
            async for person in super().everyone():
                yield person

    now = 1_000.0
    source = Failing([patient("a", ANNA)])
    locating = Locating(holder_over(source), KEY, refresh_seconds=300.0, clock=lambda: now)
    await locating.refresh()
    source.fails = True
    with pytest.raises(Unavailable):
        await locating.refresh()
    now += 599.0
    assert await locate(locating, ANNA)
    assert not await locate(locating, NOBODY)

    now += 2.0
    for bsn in (ANNA, NOBODY):
        with pytest.raises(Unavailable) as failed:
            await locate(locating, bsn)
        assert failed.value.fault is Fault.SOURCE_UNAVAILABLE

    source.fails = False
    await locating.refresh()
    assert await locate(locating, ANNA)


async def test_p3_a_source_that_fails_leaves_the_old_index() -> None:
    class Failing(MemorySource):
        fails = False

        async def data_as_of_ms(self) -> int:
            if self.fails:
                raise SourceUnavailable
            return 0

    source = Failing([patient("a", ANNA)])
    locating = Locating(holder_over(source), KEY)
    source.fails = True
    with pytest.raises(Unavailable):
        await locating.refresh()
    assert not locating.made.is_set()

    source.fails = False
    await locating.refresh()
    source.fails = True
    with pytest.raises(Unavailable):
        await locating.refresh()

    assert await locate(locating, ANNA)
