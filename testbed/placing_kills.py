"""Kills processes while places are asked for, and judges afterwards: given twice, lost, or in no known state.

    python -m testbed.placing_kills --runs 200              small worlds, each with its own seed
    python -m testbed.placing_kills --requests 1000         one crowd: ten providers with ten places each

What is judged is what both sides have on disk, laid beside each other by `testbed.placing_audit`.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Final

from testbed.places_crowd import crowd
from testbed.placing_audit import Verdict
from testbed.placing_ends import ASKER
from testbed.placing_world import PlacingWorld
from testbed.region_places import CONNECT, GATEWAY

#: Every request is in a known state after this, whoever died.
KNOWN_SECONDS: Final = 60.0
_ASKERS: Final = 4
_MANY_ASKERS: Final = 12
_GIVE_UP_SECONDS: Final = 300.0


@dataclass(slots=True)
class Account:
    """What came of it."""

    runs: int = 0
    requests: int = 0
    placed: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the law was kept."""
        return not (self.twice or self.lost or self.unknown)

    def take(self, verdict: Verdict, seconds: float) -> None:
        """Take in what was found."""
        self.requests, self.placed = verdict.requests, verdict.placed
        self.twice += verdict.twice
        self.lost += verdict.lost
        self.unknown += verdict.unknown
        self.slowest_seconds = max(self.slowest_seconds, round(seconds, 2))


def small_runs(world: PlacingWorld, seeds: Sequence[int], *, told: bool = False) -> Account:
    """One run after another; each has places of its own, and kills by its seed. It ends with the first that is not sound."""
    account = Account()
    for seed in seeds:
        verdict, seconds = one_run(world, seed, account.kills)
        account.runs += 1
        account.take(verdict, seconds)
        if told and account.runs % 10 == 0:
            print(f"{account.runs} runs, {account.requests} requests, {account.placed} placed", file=sys.stderr, flush=True)  # noqa: T201 - progress
        if not account.is_sound:
            break
    return account


def one_run(world: PlacingWorld, seed: int, kills: dict[str, int]) -> tuple[Verdict, float]:
    """A few places, more requests than places, and one to three deaths meanwhile."""
    chance, run = random.Random(seed), f"run-{seed}"
    names = list(world.crowd.places)
    world.open(run, {name: chance.randint(0, 2) for name in names})
    asked = [chance.sample(names, chance.randint(1, len(names))) for _ in range(chance.randint(3, 8))]
    deaths = [(world.victim(chance), chance.uniform(0.0, 0.25), chance.uniform(0.0, 0.3)) for _ in range(chance.randint(1, 3))]
    until = time.monotonic() + KNOWN_SECONDS
    with ThreadPoolExecutor(_ASKERS) as askers:
        waiting = [askers.submit(world.ask_until, providers, run, until) for providers in asked]
        for victim, before, away in deaths:
            time.sleep(before)
            world.kill(victim)
            _count(kills, victim)
            time.sleep(away)
            world.start_again(victim)
        for one in waiting:
            one.result()
    return world.settled(KNOWN_SECONDS)


def many(world: PlacingWorld, requests: int, seed: int, *, of_each: int = 3, kills: int = 0) -> Account:
    """All at once, each to some providers, while one process after another dies; so many *kills* at least."""
    chance, account = random.Random(seed), Account(runs=1)
    names = list(world.crowd.places)
    asked = [chance.sample(names, of_each) for _ in range(requests)]
    until = time.monotonic() + _GIVE_UP_SECONDS
    with ThreadPoolExecutor(_MANY_ASKERS) as askers:
        waiting = [askers.submit(world.ask_until, providers, "", until) for providers in asked]
        while not all(one.done() for one in waiting) or sum(account.kills.values()) < kills:
            time.sleep(chance.uniform(0.1, 1.0))
            victim = world.victim(chance)
            world.kill(victim)
            _count(account.kills, victim)
            time.sleep(chance.uniform(0.0, 0.3))
            world.start_again(victim)
        for one in waiting:
            one.result()
    account.take(*world.settled(KNOWN_SECONDS))
    return account


def _count(kills: dict[str, int], victim: str) -> None:
    kind = victim if victim in (GATEWAY, CONNECT, ASKER) else "agent"
    kills[kind] = kills.get(kind, 0) + 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill, judge, and print what was found in one line; the exit code tells whether the law was kept."""
    parser = argparse.ArgumentParser(prog="testbed.placing_kills")
    parser.add_argument("--runs", type=int, default=0, help="small worlds, one after another")
    parser.add_argument("--requests", type=int, default=0, help="of one crowd, all at once")
    parser.add_argument("--providers", type=int, default=10)
    parser.add_argument("--places", type=int, default=10, help="of each provider of the crowd")
    parser.add_argument("--kills", type=int, default=20, help="at least so many while the crowd asks")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    sound = True
    if given.runs or not given.requests:
        with PlacingWorld.start(crowd(3, places=0, instant=True), through_connect=True) as world:
            account = small_runs(world, range(given.seed, given.seed + (given.runs or 200)), told=True)
        print(json.dumps(asdict(account)), flush=True)  # noqa: T201 - a command's answer
        sound = account.is_sound
    if given.requests:
        with PlacingWorld.start(crowd(given.providers, places=given.places, instant=True), through_connect=True) as world:
            account = many(world, given.requests, given.seed, kills=given.kills)
        print(json.dumps(asdict(account)), flush=True)  # noqa: T201 - as above
        sound = sound and account.is_sound
    sys.exit(not sound)


if __name__ == "__main__":
    main()
