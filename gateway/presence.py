"""Who is connected, and when each holder was last heard. Separate from the register on purpose.

A holder known to be down still has its line in every dossier: it resolves at once as unreachable, with the time
since when, and a watch in the background finds out when it is back.
"""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog

from accord.terms.answers import Description, Standing
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName
from gateway.ports import HolderFailure, HolderRegister, Holders, RegisteredHolder

_log = structlog.get_logger("noaber.presence")

#: Of a holder that is there a sign of life comes every 5 s. In milliseconds: after two that are missing, it is silent.
_SILENT_MS = 12_000
#: Seconds between attempts to find a holder that is gone: short, for a holder that is back is used within 5 s.
_RETRY_SECONDS = 1.0
_DESCRIBE_SECONDS = 2.0


@dataclass(slots=True)
class Seen:
    """What is known of one holder's presence. Times in milliseconds since 1970, 0 for never."""

    connected: bool | None = None
    serving: bool = True
    code: Fault | None = None
    since_ms: int = 0
    last_heard_ms: int = 0
    description: Description | None = None
    data_as_of_ms: int = 0
    #: As in `Standing`.
    places_mark: int = 0
    letters_mark: int = 0


class Presence:
    """What the gateway knows of every holder's presence, kept up to date by `keep_watch`."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seen: dict[HolderName, Seen] = {}
        #: Set, and another one in its place, whenever a mark changes, or whether somebody can be reached.
        self.changed = anyio.Event()

    def of(self, name: HolderName) -> Seen:
        """What is known of a holder; nothing yet is neither present nor absent."""
        return self._seen.setdefault(name, Seen())

    def heard(self, name: HolderName) -> None:
        """The holder gave a sign of life."""
        seen = self.of(name)
        seen.last_heard_ms = int(self._clock() * 1000)
        if not seen.connected:
            seen.connected = True
            self._tell()

    def is_known_down(self, name: HolderName) -> bool:
        """Whether asking now would only cost time: its watch could not connect."""
        return self.of(name).connected is False

    def is_silent(self, name: HolderName) -> bool:
        """Whether it seems to be there and gave no sign of life for long: it is frozen, or cut off without a word."""
        seen = self.of(name)
        return bool(seen.connected) and int(self._clock() * 1000) - seen.last_heard_ms > _SILENT_MS

    async def keep_watch(self, holder: RegisteredHolder, holders: Holders) -> None:
        """Follow one holder's standing until cancelled."""
        seen = self.of(holder.name)
        while True:
            try:
                seen.description = await holders.describe(holder, seconds=_DESCRIBE_SECONDS)
                seen.data_as_of_ms = seen.description.data_as_of_ms
                self.heard(holder.name)
                async with holders.watch(holder) as standings:
                    async for standing in standings:
                        self.note(holder.name, standing)
            except HolderFailure as failure:
                self._lost(holder, failure)
            except Exception as failure:  # noqa: BLE001 - whatever one holder says, the watch over the others goes on
                _log.error("watch failed", holder=holder.card.ura.value, failure=type(failure).__name__)
            # Jitter, so that a gateway's restart does not bring all holders back in step.
            await anyio.sleep(_RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311 - no secret

    def note(self, name: HolderName, standing: Standing) -> None:
        """The holder told how it stands."""
        self.heard(name)
        seen = self.of(name)
        seen.serving, seen.code, seen.since_ms, seen.data_as_of_ms = standing.serving, standing.code, standing.since_ms, standing.data_as_of_ms
        if (seen.places_mark, seen.letters_mark) != (standing.places_mark, standing.letters_mark):
            seen.places_mark, seen.letters_mark = standing.places_mark, standing.letters_mark
            self._tell()

    def _lost(self, holder: RegisteredHolder, failure: HolderFailure) -> None:
        if failure.code is Fault.HOLDER_UNREACHABLE and not self.is_known_down(holder.name):
            self.lost(holder.name)
            _log.info("holder lost", holder=holder.card.ura.value, code=failure.code.value)

    def lost(self, name: HolderName) -> None:
        """The holder cannot be reached, from now on."""
        seen = self.of(name)
        seen.connected, seen.since_ms = False, int(self._clock() * 1000)
        self._tell()

    def _tell(self) -> None:
        told, self.changed = self.changed, anyio.Event()
        told.set()


async def watch_all(presence: Presence, register: HolderRegister, holders: Holders, changed: Callable[[], Awaitable[None]]) -> None:
    """Follow every active holder of the register until cancelled; each time that it *changed*, those of the new one."""
    while True:
        async with anyio.create_task_group() as tasks:
            for holder in _active(register):
                tasks.start_soon(presence.keep_watch, holder, holders)
            await changed()
            tasks.cancel_scope.cancel()


def _active(register: HolderRegister) -> list[RegisteredHolder]:
    try:
        return [holder for holder in register.holders if holder.active]
    except Unavailable:
        # It expired: until there is another one, nobody is a member.
        return []
