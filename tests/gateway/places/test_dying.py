"""An asker that is killed at any moment loses nothing, says nothing twice, and has no place twice."""

import json
import os
import random
import signal
import sqlite3
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from anyio.abc import Process, SocketStream

from accord.audit.places_events import PlaceStep
from accord.audit.verifying import events_of, verify
from accord.rules.placing import provider as rules
from accord.rules.placing.asker import Alarm, At, Standing
from accord.terms.faults import Fault, Unavailable
from gateway.places import rows
from gateway.places.bureau import Seeker, opened
from gateway.places.kept import Kept
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.sealing import Seal, key_in
from tests.gateway.places.small_places import ASKER, ASKER_KEY, DINA, GERBEN, GIST, Clock, SmallProvider, SmallRegion, bundle_about, draft, offers_at_once

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

_PROJECT: Final = Path(__file__).resolve().parents[3]
#: Some installed package may bring folders of this name, too.
_START: Final = """
import runpy, sys, types
tests = sys.modules["tests"] = types.ModuleType("tests")
tests.__path__ = [sys.argv.pop(1)]
runpy.run_module("tests.gateway.places.dying_asker", run_name="__main__", alter_sys=True)
"""
_SEARCHES: Final = 12
_KILLS: Final = 12


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    """The region at the other end of the socket. With `calls` left it kills the asker in the middle of one, before or after the provider heard of it."""

    region: SmallRegion
    providers: list[SmallProvider]
    chance: random.Random
    pid: int = 0
    calls: int = 0

    async def answer(self, stream: SocketStream) -> None:
        """One call."""
        async with stream:
            asked = b""
            try:
                while not asked.endswith(b"\n"):
                    asked += await stream.receive()
                await stream.send(json.dumps(self._said(json.loads(asked))).encode() + b"\n")
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    def _said(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not asked["provider"]:
            keys = [b64encode(provider.put_to.key).decode() for provider in self.providers]
            return {"providers": len(self.providers), "keys": keys}
        self.calls -= 1
        if self.calls == 0 and self.chance.random() < 0.5:
            self._kill()
        there = next(provider for provider in self.providers if provider.name.value == asked["provider"])
        brought = there.letters(self.region.register, asked["heard"], asked["letters"])
        if self.calls == 0:
            self._kill()
        return {"letters": brought.envelopes, "heard": dict(brought.heard), "more": brought.more}

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@asynccontextmanager
async def _asker(folder: Path, socket: Path) -> AsyncIterator[Process]:
    command = [sys.executable, "-c", _START, str(_PROJECT / "tests"), str(folder), str(socket), str(_SEARCHES)]
    environment = {**os.environ, "PYTHONPATH": str(_PROJECT)}
    async with await anyio.open_process(command, cwd=_PROJECT, env=environment, stderr=None) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


def _kept(folder: Path) -> list[Kept]:
    with closing(sqlite3.connect(folder / "searches.db")) as connection:
        return rows.find_all(connection, Seal(key_in(folder / "places.key")))


async def test_killed_again_and_again_every_search_is_in_a_known_state_and_no_place_is_given_twice(tmp_path: Path) -> None:
    chance = random.Random(5)
    providers = [SmallProvider(number, places, now, offers_at_once) for number, places in enumerate((3, 2, 2), 1)]
    world = World(SmallRegion(now, *providers), providers, chance)
    folder, socket, acknowledged = tmp_path / "places", tmp_path / "region", set[str]()

    async with await anyio.create_unix_listener(socket) as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, world.answer)
        for number in range(_KILLS + 1):
            async with _asker(folder, socket) as process:
                world.pid = process.pid
                in_a_call = number % 2 == 0
                world.calls = chance.randrange(1, 8) if number < _KILLS and in_a_call else 0
                acknowledged |= await _heard(process, folder, chance.randrange(1, 6) if number < _KILLS and not in_a_call else 0)
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        tasks.cancel_scope.cancel()

    searches = {kept.request.id: kept for kept in _kept(folder)}
    given = Counter(search for provider in providers for search, leg in provider.legs.items() if leg.at is rules.At.GRANTED)
    assert acknowledged <= set(searches), "what was said to be kept is kept"
    assert all(count == 1 for count in given.values()), "no search has two places"
    assert {search for search, kept in searches.items() if kept.request.winner is not None} == set(given)
    assert all(provider.taken <= provider.counted for provider in providers)
    assert not verify(folder / "journal").breaks
    lines = Counter((line.request, line.what, line.holder) for _, line in events_of(folder / "journal") if isinstance(line, PlaceStep))
    for search, kept in searches.items():
        for leg in kept.request.legs:
            assert lines[search, "asked", kept.peers[leg.provider.value].ura.value] >= 1


async def _heard(process: Process, folder: Path, most: int) -> set[str]:
    """The searches of which it said that they were put to everybody: so many (0: all of them), or as many as it came to."""
    told = ""
    assert process.stdout is not None
    async for chunk in process.stdout:
        told += chunk.decode()
        if most and told.count("\n") >= most:
            break
        if "all" in told:
            with anyio.move_on_after(None if most else 60):
                while process.returncode is None and not _settled(_kept(folder)):  # noqa: ASYNC110 - another process settles it
                    await anyio.sleep(0.05)
            break
    return set(told.split("\n")[:-1]) - {"all"}


def _files(folder: Path) -> tuple[bytes, dict[str, int]]:
    """All that stands in them, and who else may read them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files), {path.name: path.stat().st_mode & 0o077 for path in files}


def _settled(found: list[Kept]) -> bool:
    return len(found) >= _SEARCHES and all(
        kept.request.standing is Standing.PLACED or (kept.request.alarm is Alarm.NOBODY_LEFT and all(leg.at is At.DECLINED for leg in kept.request.legs))
        for kept in found
    )


def test_two_processes_never_have_one_folder(tmp_path: Path) -> None:
    seeker, region = Seeker(ASKER, ASKER_KEY, lambda _: SmallRegion(now).register, now), SmallRegion(now)

    with opened(tmp_path, seeker, region, Neighbourhoods()), pytest.raises(Unavailable) as refused, opened(tmp_path, seeker, region, Neighbourhoods()):
        pass

    assert refused.value.fault is Fault.JOURNAL_IN_USE


async def test_p6_nothing_of_anybody_stands_in_plain_in_the_files(tmp_path: Path) -> None:
    clock = Clock()
    provider = SmallProvider(1, 1, clock, offers_at_once)
    region = SmallRegion(clock, provider)
    with opened(tmp_path, Seeker(ASKER, ASKER_KEY, lambda _: region.register, clock), region, Neighbourhoods()) as bureau:
        search = await bureau.searches.begin(draft(), GERBEN)
        await bureau.searches.put_to(search, (provider.put_to,), GERBEN)
        for _ in range(4):
            await bureau.courier.call(provider.ura)
        await bureau.searches.tell(search, provider.name, "Zij houdt van haar tuin.", GERBEN)
        await bureau.searches.hand_over(search, bundle_about(DINA, "kwetsbaar"), GERBEN)
        written, modes = _files(tmp_path)

    # Four digits alone stand in some digest now and then; as a word of a form they have quotes.
    secrets = (DINA.bsn, DINA.name, "Brinkhuis", DINA.contact, DINA.birth_date, GIST.words, GIST.reason, "tuin", "kwetsbaar", "nursing-home", '"7591"')
    assert provider.legs[search].who == DINA
    assert search.encode() in written, "what is looked for is really in the files"
    assert [secret for secret in secrets if secret.encode() in written] == []
    assert not any(modes.values()), modes
