"""An agent that is killed in the middle of a batch of letters: nothing is lost, nothing is there twice, and no place is given twice."""

import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final

import anyio
import pytest
from grpc import aio

from accord.audit.places_events import PlaceStep
from accord.audit.verifying import events_of, verify
from accord.rules.placing.provider import At
from accord.terms.capacity import CareKind
from accord.terms.placing import Chosen, Granted, Offered, Received
from tests.node_agent.places_agent import Gate, PlacesAgent, right_now

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROUNDS: Final = 60 if os.environ.get("NOABER_LONG") == "1" else 6
PLACES: Final = 9 * ROUNDS
A_ROUND: Final = 24
REQUESTS: Final = A_ROUND * ROUNDS
_AT_ONCE: Final = 4


class Courier:
    """An asker with an outbox: what the provider did not sign for is brought again, whatever happened to it meanwhile."""

    def __init__(self, agent: PlacesAgent, sealing: bytes) -> None:
        self.agent = agent
        self.sealing = sealing
        self.outbox: dict[tuple[str, int], str] = {}
        self.answered: set[tuple[str, int]] = set()

    def lay(self, request: str, letter: object) -> None:
        """Write a letter that is brought until it is signed for."""
        envelope = self.agent.asker.envelope(self.sealing, request, letter, right_now())  # type: ignore[arg-type]  # a letter
        self.outbox[request, self.agent.asker.sent[request]] = envelope

    async def go(self, gate: Gate) -> None:
        """Bring some, in their order; choose whatever is offered."""
        brought = [self.outbox[one] for one in sorted(self.outbox)[:_AT_ONCE]]
        for request, seq in (await gate.bring(brought)).items():
            for number in range(1, seq + 1):
                self.outbox.pop((request, number), None)
        for request, told in self.agent.asker.told.items():
            for letter in told:
                if isinstance(letter, Offered) and (request, letter.number) not in self.answered:
                    self.answered.add((request, letter.number))
                    self.lay(request, Chosen(letter.number))


def name_of(number: int) -> str:
    return f"r{number:05}"


def states(agent: PlacesAgent) -> Counter[str]:
    with closing(sqlite3.connect(agent.folder / "places.db")) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM leg"))


async def test_p2_a_killed_agent_loses_no_letter_doubles_none_and_gives_no_place_twice(tmp_path: Path) -> None:
    chance = random.Random(7)
    agent = PlacesAgent.made(tmp_path)
    async with agent.store() as places:
        await places.planning.count("snel", PLACES, "gea")
        sealing = places.desk.reading.steps.key.public
    courier = Courier(agent, sealing)
    in_a_batch = 0
    with agent.running() as kill_and_start:
        for round_number in range(ROUNDS):
            for number in range(A_ROUND):
                courier.lay(name_of(round_number * A_ROUND + number), agent.asker.asked("snel", kind=CareKind.GERIATRIC_REHABILITATION))
            async with agent.called() as gate, anyio.create_task_group() as tasks:

                async def bring_until_it_is_gone(gate: Gate = gate) -> None:
                    while True:
                        try:
                            await courier.go(gate)
                        except aio.AioRpcError:
                            return

                tasks.start_soon(bring_until_it_is_gone)
                # The moment of the kill is what is tried, and nothing waits for it.
                await anyio.sleep(chance.uniform(0.0, 0.05))
                in_a_batch += bool(courier.outbox)
                await anyio.to_thread.run_sync(kill_and_start)
        async with agent.called() as gate:
            while courier.outbox or len(agent.asker.told) < REQUESTS:
                await courier.go(gate)
            await courier.go(gate)

    granted = [request for request, told in agent.asker.told.items() if any(isinstance(letter, Granted) for letter in told)]
    orders = {tuple(type(letter) for letter in told) for told in agent.asker.told.values()}
    lines = [event for _, event in events_of(agent.folder / "journal") if isinstance(event, PlaceStep)]

    assert len(granted) == PLACES
    assert orders == {(Received,), (Received, Offered, Granted)}
    assert states(agent) == {At.GRANTED: PLACES, At.ASKED: REQUESTS - PLACES}
    # No step without its line. A line may be there without its step: the process died between the two, and said nothing.
    assert {line.request for line in lines if line.what == "granted"} >= set(granted)
    assert {line.request for line in lines if line.what == "asked"} == {name_of(number) for number in range(REQUESTS)}
    assert verify(agent.folder / "journal").breaks == []
    assert in_a_batch > 0
