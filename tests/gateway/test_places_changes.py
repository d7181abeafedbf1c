"""What changed is told once and newest: of everybody at first, then of whoever changed, to a slow reader without a queue."""

from pathlib import Path
from typing import Any

import anyio
import grpc
import pytest

from accord.terms.answers import Standing
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import places_service_pb2 as pb
from gateway.places.ports import PlaceChange
from gateway.places_changes import Change, follow_changes
from gateway.presence import Presence
from tests.gateway.places_world import World

pytestmark = pytest.mark.anyio

A, B = HolderName("weefgetouw"), HolderName("havezate")
HOMES = {A.value: HolderKind.NURSING_HOME, B.value: HolderKind.NURSING_HOME}


def marked(presence: Presence, name: HolderName, places: int, letters: int = 0) -> None:
    """The holder gives a sign of life with these marks."""
    presence.note(name, Standing(1, serving=True, code=None, since_ms=0, data_as_of_ms=0, places_mark=places, letters_mark=letters))


async def test_everybody_is_told_first_and_then_whoever_changed(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    marked(region.presence, A, 3, 4)
    async with region.running(), region.asker() as asker, asker.changes() as changes:
        first = [await anext(changes), await anext(changes)]
        marked(region.presence, B, 1)
        second = await anext(changes)
        region.presence.lost(B)
        third = await anext(changes)

    assert first == [PlaceChange(A, 3, 4, reachable=True), PlaceChange(B, 0, 0, reachable=False)]
    assert (second, third) == (PlaceChange(B, 1, 0, reachable=True), PlaceChange(B, 1, 0, reachable=False))


async def test_p7_a_slow_reader_is_told_the_newest_marks_and_none_in_between() -> None:
    presence, told = Presence(), list[Change | None]()
    goes_on, has_one = anyio.Event(), anyio.Event()

    async def tell(change: Change | None) -> None:
        told.append(change)
        has_one.set()
        await goes_on.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow_changes, presence, lambda: (A,), tell)
        await has_one.wait()
        for mark in range(1, 1_000):
            marked(presence, A, mark)
        goes_on.set()
        while len(told) < 2:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    assert told == [Change(A, 0, 0, reachable=False), Change(A, 999, 0, reachable=True)]


class Ending:
    """A gateway that ends the call as a deadline does, after it said so many signs of life."""

    def __init__(self, signs: int) -> None:
        self._signs = signs

    def handler(self) -> grpc.GenericRpcHandler:
        """Its service."""
        answered = grpc.unary_stream_rpc_method_handler(self._changes, pb.ChangesRequest.FromString, pb.ChangesResponse.SerializeToString)
        return grpc.method_handlers_generic_handler("accord.wire.v1.PlacesService", {"Changes": answered})

    async def _changes(self, _request: pb.ChangesRequest, context: Any) -> None:
        for _ in range(self._signs):
            await context.write(pb.ChangesResponse())
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline-passed")


async def test_a_call_that_lasted_as_long_as_one_may_ends_in_order(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    async with region.running(lambda _: Ending(2)), region.asker() as asker, asker.changes() as changes:
        assert [change async for change in changes] == []


async def test_a_call_that_passed_its_deadline_without_a_word_is_a_failure(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    async with region.running(lambda _: Ending(0)), region.asker() as asker, asker.changes() as changes:
        with pytest.raises(Faulted) as failure:
            await anext(changes)

    assert failure.value.fault is Fault.DEADLINE_PASSED


async def test_p7_one_organisation_follows_a_few_times_and_no_more(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)

    async def follow(asker: Any, began: anyio.Event) -> None:
        async with asker.changes() as changes:
            await anext(changes)
            began.set()
            await anyio.sleep_forever()

    async with region.running(), region.asker() as asker, anyio.create_task_group() as tasks:
        for _ in range(4):
            began = anyio.Event()
            tasks.start_soon(follow, asker, began)
            await began.wait()
        with pytest.raises(Faulted) as failure:
            async with asker.changes() as changes:
                await anext(changes)
        tasks.cancel_scope.cancel()

    assert failure.value.fault is Fault.TOO_MANY_QUESTIONS
