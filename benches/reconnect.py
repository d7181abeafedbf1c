"""How fast are 200 agents without a port back after their gateway was killed, and how many connects does it see in a second?

A real gateway, and 200 agents' outbound parts in one process. Every connect that an agent tries is counted, those too that found
no gateway yet.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import anyio
import structlog
from grpc import aio

from accord.link.listening import Listening
from accord.link.pseudonyms import PseudonymKey
from accord.rules.places import Places
from accord.terms.identifiers import Ura
from benches.staging import Finding, Stage, Started, expect, tell
from node_agent.api.attending import Attending
from node_agent.api.servicer import SERVICE, HolderService, holder_calls
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from testbed.memory_source import MemorySource
from testbed.outbound import OutboundRegion, outbound_member
from testbed.plain import PlainDoor, PlainExchange, plain_safeguards
from testbed.region_files import key_of
from testbed.region_gateway import write_gateway

_AGENTS: Final = 200
_GOAL_SECONDS: Final = 30.0
_GOAL_CONNECTS: Final = 20
_SHARE: Final = 0.95
_WAIT_SECONDS: Final = 240.0
_APART_SECONDS: Final = 0.12


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=_AGENTS)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.agents, given.restarts = 12, 1
    # The agents are in this process: what they log is not the line of the bench.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with Stage() as stage:
        seconds, starts, most = anyio.run(_measure, stage, given.agents, given.restarts, backend_options={"use_uvloop": True})
    tell(
        "How fast are agents without a port back after their gateway was killed?",
        [
            Finding(
                f"until {_SHARE:.0%} of {given.agents} agents are back, the start of the gateway included, the slowest of {given.restarts}",
                f"{max(seconds):.1f} s",
                f"≤ {_GOAL_SECONDS:.0f} s",
                max(seconds) <= _GOAL_SECONDS,
            ),
            Finding("the most connects in any second", f"{most}", f"≤ {_GOAL_CONNECTS}", most <= _GOAL_CONNECTS),
        ],
        {
            "agents": given.agents,
            "seconds": [round(one, 1) for one in seconds],
            "gateway_start_seconds": [round(one, 1) for one in starts],
            "most_connects": most,
            "ratio": round(max(seconds) / max(starts), 2),
        },
    )


async def _measure(stage: Stage, number: int, restarts: int) -> tuple[list[float], list[float], int]:
    region = OutboundRegion(stage.folder, [outbound_member(f"h{index}", Ura(f"9100{index:04}")) for index in range(number)])
    program = write_gateway(stage.folder, region.office, (), seconds=8.0)
    (stage.folder / "s").mkdir()
    for name in region.members:
        (program.folder / "keys" / f"{name}.key").write_text(key_of(name), encoding="ascii")
    door = _door_of(stage.folder)
    gateway = _start(stage, program.folder)
    connects: list[float] = []
    async with anyio.create_task_group() as tasks:
        agents = [_agent(region, name, f"unix:{door}", connects) for name in region.members]
        for agent in agents:
            # Agents are started one by one; only after a gateway's end they come together.
            tasks.start_soon(agent.keep)
            await anyio.sleep(_APART_SECONDS)
        await _until_in(agents, [0] * number, 1.0)
        took, starts = [], []
        most = 0
        for _ in range(restarts):
            await anyio.sleep(2)
            stays = [agent.stays for agent in agents]
            connects.clear()
            begun = time.perf_counter()
            stage.kill(gateway)
            gateway = await anyio.to_thread.run_sync(_start, stage, program.folder)
            starts.append(time.perf_counter() - begun)
            await _until_in(agents, stays, _SHARE)
            took.append(time.perf_counter() - begun)
            await _until_in(agents, stays, 1.0)
            most = max(most, _most_in_a_second(connects))
        tasks.cancel_scope.cancel()
    return took, starts, most


def _start(stage: Stage, folder: Path) -> Started:
    return stage.start("gateway", "run", "--config", str(folder / "gateway.toml"))


def _door_of(folder: Path) -> str:
    return str(folder / "s" / "door")


def _agent(region: OutboundRegion, name: str, address: str, connects: list[float]) -> Attending:
    agent = region.agent(name, [address])
    ura = region.members[name].ura
    holder = Holder(ura, MemorySource([]), _Nobody(), Pausing(), plain_safeguards(ura))
    service = HolderService(holder, name, Locating(holder, PseudonymKey(bytes.fromhex(key_of(name)))), PlainDoor(), PlainExchange())
    calls = holder_calls(service, Listening(Places(200, of_one=150)))

    def connect(gateway: str) -> aio.Channel:
        connects.append(time.perf_counter())
        return agent.to.connect(gateway)

    return Attending(address, agent.to.own, {f"/{SERVICE}/{call}": handler for call, handler in calls.items()}, connect)


class _Nobody:
    """Nobody chose anything."""

    async def choices_of(self, _: object) -> tuple[()]:
        return ()

    async def close(self) -> None:
        """Nothing to let go of."""


async def _until_in(agents: list[Attending], stays: Iterable[int], share: float) -> None:
    before = list(stays)
    until = time.perf_counter() + _WAIT_SECONDS
    while sum(agent.stays > stay for agent, stay in zip(agents, before, strict=True)) < share * len(agents):
        expect(time.perf_counter() < until, "the agents did not come back")
        await anyio.sleep(0.05)


def _most_in_a_second(moments: list[float]) -> int:
    most = begin = 0
    ordered = sorted(moments)
    for end, moment in enumerate(ordered):
        while ordered[begin] < moment - 1.0:
            begin += 1
        most = max(most, end - begin + 1)
    return most


if __name__ == "__main__":
    main()
