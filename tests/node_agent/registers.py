"""Consent registers, questions to them and a clock that a test sets, for tests about consent."""

import heapq
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import anyio
import httpx2
from anyio.lowlevel import checkpoint

from accord.rules.choices import Choice
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.consents import LONGEST_LEASE, ConsentAnswer, ConsentQuestion, Deny, Permit, Word
from node_agent.sources.mitz_catalogue import read_catalogue
from node_agent.sources.mitz_endpoint import MitzEndpoint
from node_agent.sources.mitz_register import MitzRegister
from testbed.contracts.records import ANNA
from testbed.mitz_desk import Chosen, MitzDesk
from testbed.mitz_stub import mitz_app

HOLDER = Ura("90001001")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GP = Asker(DataUser(Ura("90001003"), "Huisartsen", HolderKind.GP_PRACTICE), Professional("000095254", "01.015", "Arts"), treats_the_patient=True)
CATALOGUE = read_catalogue()


def consent_question(bsn: str = ANNA, **more: Any) -> ConsentQuestion:
    """A GP asks a hospital about Anna, unless told otherwise."""
    return replace(ConsentQuestion(Bsn(bsn), HOLDER, HolderKind.HOSPITAL, GP, PurposeOfUse.TREATMENT), **more)


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = 1_000.0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._number = count()

    def now(self) -> float:
        """As `revoking.Clock` promises."""
        return self.moment

    def wall(self) -> datetime:
        """The same as a moment of the day."""
        return NOON + timedelta(seconds=self.moment)

    async def sleep_until(self, moment: float) -> None:
        """As `revoking.Clock` promises."""
        if moment <= self.moment:
            await checkpoint()
            return
        event = anyio.Event()
        heapq.heappush(self._sleepers, (moment, next(self._number), event))
        await event.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, as far as each next sleeper at a time."""
        end = self.moment + seconds
        await _settled()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, event = heapq.heappop(self._sleepers)
            self.moment = max(self.moment, moment)
            event.set()
            await _settled()
        self.moment = end


async def _settled() -> None:
    """Wait until nobody has anything to do. The turns first, because anyio looks only ten times a second."""
    for _ in range(40):
        await checkpoint()
    await anyio.wait_all_tasks_blocked()


class ScriptedRegister:
    """A `ConsentRegister` that says what a test has it say."""

    def __init__(self, *, clock: HandClock | None = None, lease: float = LONGEST_LEASE, speaks_of: frozenset[CareCategory] = frozenset(CareCategory)) -> None:
        self.name = "scripted"
        self.speaks_of = speaks_of
        self.permits: dict[object, bool] = {}
        self.word: Word | None = None
        self.choices: tuple[Choice, ...] = ()
        self.lease = lease
        self.observed: datetime | None = None
        self.down = False
        self.hold: anyio.Event | None = None
        self.asked = 0
        self._clock = clock or HandClock()

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """As the port promises; what counts is what was said when the question came in."""
        self.asked += 1
        permits = self.permits.get(question.bsn.value, False)
        word = self.word or (Permit() if permits else Deny())
        observed = self.observed or self._clock.wall()
        if self.hold is not None:
            await self.hold.wait()
        if self.down:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "scripted")
        return ConsentAnswer(dict.fromkeys(question.categories & self.speaks_of, word), self.choices, observed, self.lease, "scripted")


@asynccontextmanager
async def mitz(desk: MitzDesk, **more: Any) -> AsyncGenerator[MitzRegister, None]:
    """The adapter, before the simulated Mitz in this process."""
    register = MitzRegister(MitzEndpoint("http://127.0.0.1:9"), desk.catalogue, transport=httpx2.ASGITransport(mitz_app(desk)), **more)
    try:
        yield register
    finally:
        await register.close()


def choose(desk: MitzDesk, permits: bool | None, data: str = "GGC002", provider: str = "RPZAC001", bsn: str = ANNA, holder: str = "") -> Chosen:  # noqa: FBT001 - what is chosen
    """Put a choice on record at the simulated Mitz."""
    chosen = Chosen(bsn, data, provider, permits, holder)
    desk.choose(chosen)
    return chosen
