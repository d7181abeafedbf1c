"""What was used once is not used again: proofs of questions, and the one pseudonym that a mandate located.

Memory is bounded, and nothing is forgotten to make room: when it is full, who comes next is refused. An entry is dropped
when what it stands for has expired. The clock may be set back after that, and the expired would be fresh again, so we keep
up to which expiry entries were dropped, and believe nothing that expires before. A process that starts remembers
nothing: what was made before it started may have been used before, and is refused too.
"""

import heapq
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from accord.terms.faults import BadInput, Fault, Unavailable

_INSTANT: Final = timedelta(microseconds=1)


class Kept:
    """Values by key until they expire: the first one put stays. May be used by several threads."""

    def __init__(self, most: int, dropped_until: datetime | None = None) -> None:
        self._most = most
        self._values: dict[bytes, bytes] = {}
        self._expiries: list[tuple[datetime, bytes]] = []
        self._dropped_until = dropped_until
        self._lock = Lock()

    def put(self, key: bytes, value: bytes, expires: datetime, at: datetime) -> bytes | None:
        """Put *value* unless there is one under *key*: then that one is returned and stays. None: it was put.

        Raises:
            BadInput: `proof-used`, when one that expired then may have been here and was dropped.
            Unavailable: `too-many-questions`, when there is no room.
        """
        with self._lock:
            self._drop(at)
            there = self._values.get(key)
            if there is not None:
                return there
            if self._dropped_until is not None and expires <= self._dropped_until:
                raise BadInput(Fault.PROOF_USED)
            if len(self._values) >= self._most:
                raise Unavailable(Fault.TOO_MANY_QUESTIONS)
            self._values[key] = value
            heapq.heappush(self._expiries, (expires, key))
            return None

    def __len__(self) -> int:
        return len(self._values)

    def _drop(self, at: datetime) -> None:
        while self._expiries and self._expiries[0][0] < at:
            expires, key = heapq.heappop(self._expiries)
            del self._values[key]
            if self._dropped_until is None or expires > self._dropped_until:
                self._dropped_until = expires


class Replays:
    """Which proofs were used for what.

    *since* is when this process started, and *lasts* how long a proof is fresh: a proof that was made before is refused.
    """

    def __init__(self, most: int = 50_000, *, since: datetime | None = None, lasts: timedelta = timedelta(0)) -> None:
        # The moment in a proof is in whole seconds: one of the second in which we started may be of after it.
        until = None if since is None else since.replace(microsecond=0) + lasts - _INSTANT
        self._used = Kept(most, until)

    def use(self, mandate: bytes, nonce: str, what: str, expires: datetime, at: datetime) -> None:
        """Use a proof for one kind of call (*what*): of all that try at the same time, one succeeds.

        *expires* is the last moment at which the proof would be accepted.

        Raises:
            BadInput: `proof-used`.
            Unavailable: `too-many-questions`, when no more can be remembered.
        """
        if self._used.put(b"\0".join((mandate, what.encode(), nonce.encode())), b"", expires, at) is not None:
            raise BadInput(Fault.PROOF_USED)


class Pins:
    """Which one pseudonym a mandate locates: a mandate is about one patient, so it has one at this holder."""

    def __init__(self, most: int = 20_000) -> None:
        self._pinned = Kept(most)

    def pin(self, mandate: bytes, pseudonym: bytes, expires: datetime, at: datetime) -> None:
        """Hold the mandate to this pseudonym from the first time on.

        Raises:
            BadInput: `other-patient-mandated`, when it is another one; `proof-used`, when it can no longer be known.
            Unavailable: `too-many-questions`, when no more can be remembered.
        """
        there = self._pinned.put(mandate, pseudonym, expires, at)
        if there is not None and there != pseudonym:
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)
