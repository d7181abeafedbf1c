"""Answers of a consent register, kept in memory for a minute at most, for exactly the question that they answer.

An answer is shared by nobody but whoever asks the same again: same person, asker, role, purpose and categories. It is
used no longer than its lease, counted on a clock that cannot be set, from the moment before it was asked for; a push that
says that a choice changed drops it at once, and evidence never goes back in time.
"""

import heapq
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Final

import anyio

from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import CareCategory
from node_agent.consents import LONGEST_LEASE, ConsentAnswer, ConsentQuestion, ConsentRegister

_MOST_KEPT: Final = 20_000
#: So often a question is put again when a push came while it was under way.
_MOST_TRIES: Final = 3
#: A lease is renewed when this part of it is left, so that a short failure of the register goes unnoticed.
_RENEWAL_PART: Final = 0.25
_LATEST_RENEWAL: Final = 10.0


def renewal_margin(lease: float) -> float:
    """How long before its end a lease is renewed."""
    return min(_LATEST_RENEWAL, max(lease, 0.0) * _RENEWAL_PART)


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    answer: ConsentAnswer
    renew_at: float
    until: float


class _UnderWay:
    """A question that is being put to the register."""

    __slots__ = ("bsn", "overtaken")

    def __init__(self, bsn: Bsn) -> None:
        self.bsn = bsn
        self.overtaken = False


class Leased:
    """A `ConsentRegister` that remembers what another one answered.

    *monotonic* tells seconds on a clock that nobody can set. At most *most* answers, and as many moments before which
    evidence is refused, are remembered.
    """

    def __init__(self, register: ConsentRegister, *, monotonic: Callable[[], float] = time.monotonic, most: int = _MOST_KEPT) -> None:
        self._register = register
        self._monotonic = monotonic
        self._most = most
        self._kept: OrderedDict[ConsentQuestion, _Kept] = OrderedDict()
        self._ends: list[tuple[float, int, ConsentQuestion]] = []
        self._number = count()
        #: The moment of the latest evidence by question (by its hash: nobody is remembered here), and of all that were forgotten.
        self._latest: OrderedDict[int, datetime] = OrderedDict()
        self._forgotten: datetime | None = None
        self._under_way: set[_UnderWay] = set()

    @property
    def name(self) -> str:
        """As that of the register."""
        return self._register.name

    @property
    def speaks_of(self) -> frozenset[CareCategory]:
        """As of the register."""
        return self._register.speaks_of

    @property
    def size(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """The answer that is kept while its lease runs; else the register's. `lease` is what is left of it.

        Near the end of a lease the register is asked anew, and the kept answer serves only when that fails.

        Raises:
            Unavailable: The register could not be asked, told something older than it did before, or changes too fast.
        """
        self.forget_expired()
        kept, now = self._kept.get(question), self._monotonic()
        if kept is not None and now < kept.renew_at:
            return replace(kept.answer, lease=kept.until - now)
        try:
            return await self._ask_anew(question)
        except Unavailable:
            return self._left(question)

    def drop(self, bsn: Bsn | None) -> None:
        """Forget at once what is kept about this person, or about everybody; what is being asked will not be kept."""
        for asking in self._under_way:
            asking.overtaken = asking.overtaken or bsn is None or asking.bsn == bsn
        if bsn is None:
            self._kept.clear()
            self._ends.clear()
            return
        for question in [question for question in self._kept if question.bsn == bsn]:
            del self._kept[question]

    def forget_expired(self) -> None:
        """Forget what may not be used any more."""
        now = self._monotonic()
        while self._ends and self._ends[0][0] <= now:
            _, _, question = heapq.heappop(self._ends)
            kept = self._kept.get(question)
            if kept is not None and kept.until <= now:
                del self._kept[question]

    async def keep_tidy(self, seconds: float = 15.0) -> None:
        """Until cancelled: forget what has expired although nobody asks any more."""
        while True:
            await anyio.sleep(seconds)
            self.forget_expired()

    async def _ask_anew(self, question: ConsentQuestion) -> ConsentAnswer:
        for _ in range(_MOST_TRIES):
            asked = self._monotonic()
            answer = await self._asked_once(question)
            if answer is None:
                continue  # it may be from before the change that was pushed
            if answer.unclear:
                if question in self._kept:
                    raise _unavailable()
                return replace(answer, lease=0.0)
            self._note(question, answer.observed)
            until = asked + min(answer.lease, LONGEST_LEASE)
            answer = replace(answer, lease=max(0.0, until - self._monotonic()))
            if answer.lease > 0:
                self._keep(question, answer, until)
            return answer
        raise _unavailable()

    async def _asked_once(self, question: ConsentQuestion) -> ConsentAnswer | None:
        """The register's answer; none when a push about this person came meanwhile."""
        asking = _UnderWay(question.bsn)
        self._under_way.add(asking)
        try:
            answer = await self._register.ask(question)
        finally:
            self._under_way.discard(asking)
        return None if asking.overtaken else answer

    def _left(self, question: ConsentQuestion) -> ConsentAnswer:
        kept, now = self._kept.get(question), self._monotonic()
        if kept is None or now >= kept.until:
            raise _unavailable()
        return replace(kept.answer, lease=kept.until - now)

    def _note(self, question: ConsentQuestion, observed: datetime) -> None:
        """Refuse evidence that is older than what was seen before.

        Raises:
            Unavailable: It is.
        """
        key = hash(question)
        latest = self._latest.get(key, self._forgotten)
        if latest is not None and observed < latest:
            raise _unavailable()
        self._latest[key] = observed
        self._latest.move_to_end(key)
        if len(self._latest) > self._most:
            _, oldest = self._latest.popitem(last=False)
            self._forgotten = oldest if self._forgotten is None else max(oldest, self._forgotten)

    def _keep(self, question: ConsentQuestion, answer: ConsentAnswer, until: float) -> None:
        self._kept[question] = _Kept(answer, until - renewal_margin(answer.lease), until)
        self._kept.move_to_end(question)
        heapq.heappush(self._ends, (until, next(self._number), question))
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        if len(self._ends) > 4 * self._most:
            self._ends = [(kept.until, next(self._number), question) for question, kept in self._kept.items()]
            heapq.heapify(self._ends)


def _unavailable() -> Unavailable:
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "consent register")
