"""Is somebody known here under this pseudonym, and may whoever asks be told?

The index lives in memory only: a pseudonym under the holder's key and the BSN that it stands for, 36 bytes a
person, so that 500,000 people take 18 MB.
"""

import hmac
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import anyio
import structlog
from anyio.lowlevel import checkpoint

from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Pseudonym
from node_agent.admitted import Asking
from node_agent.finding import NOBODY
from node_agent.holder import Holder
from node_agent.ports import Source, SourceFailure

_log = structlog.get_logger("noaber.agent")

_PSEUDONYM_BYTES: Final = 32
_ENTRY_BYTES: Final = _PSEUDONYM_BYTES + 4
_BUCKETS: Final = 256
_PAUSE_EVERY: Final = 200
_FIRST_RETRY_SECONDS: Final = 1.0
#: A copy tells cheaply whether it changed; it is asked no more often than this.
_LOOK_AGAIN_SECONDS: Final = 1.0
#: Whoever asks waits for a new index for so much of their time at most.
_PART_OF_THEIR_TIME: Final = 0.25
_LONGEST_WAIT_SECONDS: Final = 1.0
#: An index that is this many intervals old, and the time that it takes to make one, says nothing any more.
_INTERVALS_FRESH: Final = 2
#: A copy that keeps growing is indexed at most this part of the time.
_REST_PER_BUILD: Final = 10


class Index:
    """Pseudonym to BSN: entries sorted in 256 buckets by their first byte, and nothing made per person to keep."""

    __slots__ = ("_buckets", "people")

    def __init__(self, buckets: list[bytes]) -> None:
        self._buckets = buckets
        self.people = sum(len(bucket) for bucket in buckets) // _ENTRY_BYTES

    def find(self, pseudonym: Pseudonym) -> Bsn | None:
        """The person behind a pseudonym; none when there is nobody."""
        bucket = self._buckets[pseudonym.value[0]]
        place = bisect_left(
            range(len(bucket) // _ENTRY_BYTES), pseudonym.value, key=lambda at: bucket[at * _ENTRY_BYTES : at * _ENTRY_BYTES + _PSEUDONYM_BYTES]
        )
        entry = bucket[place * _ENTRY_BYTES : (place + 1) * _ENTRY_BYTES]
        if entry[:_PSEUDONYM_BYTES] != pseudonym.value:
            return None
        return Bsn(f"{int.from_bytes(entry[_PSEUDONYM_BYTES:], 'big'):09}")


async def build_index(source: Source, key: PseudonymKey) -> Index:
    """Everybody whom the source knows.

    Raises:
        SourceFailure: The source could not name everybody.
    """
    growing = [bytearray() for _ in range(_BUCKETS)]
    number = 0
    async for bsn, _ in source.everyone():
        pseudonym = key.pseudonym(bsn).value
        growing[pseudonym[0]] += pseudonym + int(bsn.value).to_bytes(4, "big")
        number += 1
        if number % _PAUSE_EVERY == 0:
            # Answers under way go on while the index is made.
            await checkpoint()
    buckets = []
    for bucket in growing:
        buckets.append(b"".join(sorted(bytes(bucket[at : at + _ENTRY_BYTES]) for at in range(0, len(bucket), _ENTRY_BYTES))))
        await checkpoint()
    return Index(buckets)


class Locating:
    """Answers `Locate` from an index that is made at start-up and kept up to date."""

    def __init__(self, holder: Holder, key: PseudonymKey, *, refresh_seconds: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._holder = holder
        self._key = key
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._index: Index | None = None
        self._as_of_ms = 0
        self._looked = 0.0
        self._took = 0.0
        self._fresh_until = 0.0
        self._refreshing = anyio.Lock()
        #: Set by whoever noticed that the copy changed, and by whoever made the index anew.
        self._wanted = anyio.Event()
        self._renewed = anyio.Event()
        #: Set once there is an index.
        self.made = anyio.Event()

    @property
    def people(self) -> int:
        """How many people the index knows; 0 while there is none."""
        return self._index.people if self._index else 0

    def check_key(self, key_check: bytes) -> None:
        """Refuse a question under another key: it would find nobody, and "nothing known" would not be true.

        Raises:
            BadInput: `wrong-key`.
        """
        if key_check and not hmac.compare_digest(key_check, self._key.check):
            raise BadInput(Fault.WRONG_KEY)

    async def locate(self, pseudonym: Pseudonym, asking: Asking, *, seconds: float | None = None) -> bool:
        """Whether somebody is known and whoever asks may be told. The same work for both kinds of no.

        *seconds* is the time that whoever asks has left.

        Raises:
            BudgetSpent, GlassUnbroken: Refused, whoever it is about.
            Unavailable: `paused`, `shadow`; `journal-unavailable`; `source-unavailable` while there is no index or only an old one, or the choices cannot be read.
        """
        if (withholds := self._holder.pausing.withholds) is not None:
            raise Unavailable(withholds)
        await self._look_again(_LONGEST_WAIT_SECONDS if seconds is None else min(_LONGEST_WAIT_SECONDS, seconds * _PART_OF_THEIR_TIME))
        if self._index is None or self._clock() > self._fresh_until:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, asking.query_id.value)
        known = self._index.find(pseudonym)
        bsn = self._theirs(known, asking)
        if bsn is None and known is not None:
            # The mandate is about somebody else: nothing is booked on whom the gateway named, and it costs as much.
            pseudonym = asking.nobody
        safeguards = self._holder.safeguards
        recording = safeguards.recording(asking)
        await safeguards.let_in(asking, pseudonym, recording, self._holder.now())
        try:
            decided = await self._holder.decide_anew(asking, bsn or NOBODY, pseudonym)
        except Unavailable:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, asking.query_id.value) from None
        located = decided.decisions.may_be_located and bsn is not None
        await recording.located(known=bsn is not None)
        return located

    def whom(self, pseudonym: Pseudonym, asking: Asking) -> Bsn | None:
        """The person behind a pseudonym when the mandate is about them, for who tells nobody; none when there is nobody.

        Raises:
            Unavailable: `source-unavailable`, while there is no index.
        """
        if self._index is None:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE)
        return self._theirs(self._index.find(pseudonym), asking)

    def knows(self, pseudonym: Pseudonym) -> bool:
        """Whether somebody is known here, for whoever need not be told more; also by an index that is not fresh.

        Raises:
            Unavailable: `source-unavailable`, while there is no index.
        """
        if self._index is None:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE)
        return self._index.find(pseudonym) is not None

    def _theirs(self, bsn: Bsn | None, asking: Asking) -> Bsn | None:
        """The person behind a pseudonym, when the mandate is about them; a mandate about somebody else finds nobody."""
        try:
            asking.check_patient(bsn or NOBODY)
        except BadInput:
            return None
        return bsn

    async def refresh(self) -> None:
        """Make the index anew; the old one answers until the new one stands.

        Raises:
            SourceFailure: The source could not name everybody: the old index stays.
        """
        async with self._refreshing:
            began = self._clock()
            # Who notices a change from here on wants the next index.
            self._wanted = anyio.Event()
            as_of_ms = await self._holder.source.data_as_of_ms()
            self._index = await build_index(self._holder.source, self._key)
            self._as_of_ms = as_of_ms
            now = self._clock()
            self._took = now - began
            self._fresh_until = now + _INTERVALS_FRESH * self._refresh_seconds + self._took
            self.made.set()
            renewed, self._renewed = self._renewed, anyio.Event()
            renewed.set()

    async def keep_fresh(self) -> None:
        """Until cancelled: make the index, and make it anew at every interval; sooner when the copy changed or while the source fails."""
        wait, told = _FIRST_RETRY_SECONDS, None
        while True:
            try:
                await self.refresh()
            except SourceFailure as failure:
                if told is not failure.fault:
                    _log.warning("the index could not be made", code=failure.fault.value, known=self.people)
                told = failure.fault
                wait = min(2 * wait, self._refresh_seconds) if wait < self._refresh_seconds else _FIRST_RETRY_SECONDS
                await anyio.sleep(wait)
            else:
                if told is not None:
                    _log.info("the index is made again", known=self.people)
                wait, told = self._refresh_seconds, None
                await self._rest(wait)

    async def _rest(self, wait: float) -> None:
        """Wait for the next interval, or for somebody who notices that the copy changed; after a long build, not at once."""
        rest = min(wait, _REST_PER_BUILD * self._took)
        await anyio.sleep(rest)
        with anyio.move_on_after(wait - rest):
            await self._wanted.wait()

    async def _look_again(self, seconds: float) -> None:
        """A copy that changed is indexed anew, by `keep_fresh`; whoever asks waits a moment for it.

        Looked at before the search, so that a yes and a no take as long.
        """
        if self._index is None or not self._holder.source.is_copy or self._clock() - self._looked < _LOOK_AGAIN_SECONDS:
            return
        self._looked = self._clock()
        try:
            as_of_ms = await self._holder.source.data_as_of_ms()
        except SourceFailure as failure:
            _log.warning("it could not be seen whether the copy changed", code=failure.fault.value)
            return
        if as_of_ms != self._as_of_ms:
            self._wanted.set()
            with anyio.move_on_after(seconds):
                while self._as_of_ms < as_of_ms:
                    await self._renewed.wait()
