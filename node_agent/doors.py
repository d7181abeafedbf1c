"""The doors that an agent without a port calls, as the office's desk tells them: a gateway that gets another replica is called there, too."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import msgspec
import structlog

from accord.link.addresses import address
from accord.link.desk_forms import DoorsForm, DoorsToldForm
from accord.link.live_register import replace_file
from accord.link.office_line import OfficeLine
from accord.terms.faults import BadInput, Fault, Faulted

#: Beside the settings: what was told last, for a start while the desk is away.
REMEMBERED: Final = "doors.json"

_log = structlog.get_logger("noaber.outbound")


@dataclass(slots=True)
class Doors:
    """What is called now: *first*, until the desk tells of any. *line* is made anew for each question, by the certificate of that moment."""

    first: tuple[str, ...]
    file: Path
    line: Callable[[], OfficeLine]
    every: float
    _told: tuple[str, ...] = ()
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self._told = remembered(self.file, self.first)

    @property
    def now(self) -> tuple[str, ...]:
        """Each once."""
        return self._told or self.first

    async def wait_changed(self) -> None:
        """Return when there are others."""
        await self._changed.wait()

    async def keep(self) -> None:
        """Until cancelled: ask now and then. A desk that is away, or tells of none, changes nothing.

        What is wrong is said once for each reason: the desk may be away for days, or be one of before there were doors.
        """
        said: Fault | None = None
        while True:
            try:
                told = (await self.line().ask("/v1/doors", DoorsForm(), DoorsToldForm)).doors
                self._take(_sound(told, self.first))
                wrong = None if all(_sound([door], self.first) for door in told) else Fault.INVALID_SETTING
                if wrong is not None and wrong is not said:
                    _log.warning("the desk told of a door that is none", code=wrong.value)
            except Faulted as failure:
                wrong = failure.fault
                if wrong is not said:
                    _log.info("the desk told of no doors", code=wrong.value, where=failure.where)
            said = wrong
            await anyio.sleep(self.every * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once

    def _take(self, told: tuple[str, ...]) -> None:
        if not told or told == self._told:
            return
        try:
            replace_file(self.file, msgspec.json.encode(DoorsToldForm(list(told))))
        except OSError:
            # It counts all the same; after a restart it is asked for again.
            _log.warning("what the desk told cannot be kept", code=Fault.INVALID_SETTING.value, where=self.file.name)
        was, self._told = self.now, told
        if set(was) != set(told):
            _log.info("other doors", number=len(told))
            changed, self._changed = self._changed, anyio.Event()
            changed.set()


def remembered(file: Path, first: Sequence[str]) -> tuple[str, ...]:
    """What the desk told last; nothing where it never told of any."""
    try:
        return _sound(msgspec.json.decode(file.read_bytes(), type=DoorsToldForm).doors, first)
    except (OSError, msgspec.DecodeError):
        return ()


def _sound(doors: Sequence[str], first: Sequence[str]) -> tuple[str, ...]:
    """Those that are addresses, each once. Of sockets on this machine a desk knows none but those that we were set to call."""
    sockets = {door for door in _targets(first) if door.startswith("unix:")}
    return tuple(door for door in _targets(doors) if not door.startswith("unix:") or door in sockets)


def _targets(doors: Sequence[str]) -> Iterator[str]:
    """Each once, in one spelling; what is no address is passed over."""
    seen: set[str] = set()
    for door in doors:
        with suppress(BadInput):
            target = address(door).target
            if target not in seen:
                seen.add(target)
                yield target
