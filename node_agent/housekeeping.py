"""Keeping a house: whoever moves in is served, whoever moves out ends, and nobody's trouble is another's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.ops.desk import Desk
from accord.terms.faults import BadInput, Fault, Faulted
from node_agent.house import Found, Resident, Stamp, look, names_in
from node_agent.pausing import Pausing
from node_agent.settings import AgentSettings

_log = structlog.get_logger("noaber.house")

#: How often is looked who moved in or out, or changed settings.
LOOK_SECONDS: Final = 2.0
#: An organisation that cannot be served is tried again, at first soon and then once a minute.
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0


class Serve(Protocol):
    """What serves one organisation; `node_agent.composition.serve`."""

    async def __call__(self, settings: AgentSettings, folder: Path, *, pausing: Pausing, ready: Callable[[str], None], stopped: anyio.Event) -> None:
        """Serve until stopped."""


@dataclass(slots=True)
class _Living:
    """An organisation that is served, or tried again and again."""

    resident: Resident
    #: Anew for every time that it is served: who watches the last one is let go.
    pausing: Pausing = field(default_factory=Pausing)
    stopped: anyio.Event = field(default_factory=anyio.Event)
    #: It was tried once: it answers, or cannot.
    tried: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)
    answers: bool = False


class Housekeeping:
    """Keeps one house. *serve* serves an organisation; *say* is told who answers, *ops* who should."""

    def __init__(self, house: Path, serve: Serve, say: Callable[[str], None], *, look_seconds: float = LOOK_SECONDS, ops: Desk | None = None) -> None:
        self._house = house
        self._serve = serve
        self._say = say
        self._look_seconds = look_seconds
        self._ops = ops
        self._living: dict[str, _Living] = {}
        self._seen: Mapping[str, Stamp] | None = None
        self._told: dict[str, str] = {}

    def all_pausing(self) -> list[Pausing]:
        """The standing of everybody."""
        return [living.pausing for living in self._living.values()]

    async def keep(self, stopped: anyio.Event, *, settled: Callable[[], None] = lambda: None) -> None:
        """Keep the house until *stopped*; *settled* is called once everybody was tried.

        Raises:
            BadInput: The house cannot be read at the start.
        """
        names_in(self._house)
        async with anyio.create_task_group() as tasks:
            await self._look(tasks)
            for living in self._living.values():
                await living.tried.wait()
            settled()
            answering = sum(living.answers for living in self._living.values())
            self._say(f"ready {answering} of {len(self._seen or {})}")
            while not stopped.is_set():
                with anyio.move_on_after(self._look_seconds):
                    await stopped.wait()
                    break
                await self._look(tasks)
            for living in self._living.values():
                living.stopped.set()

    async def _look(self, tasks: TaskGroup) -> None:
        """Serve who moved in, end who moved out, and begin anew with changed settings; wrong ones change nothing."""
        try:
            seen = names_in(self._house)
            if seen == self._seen:
                return
            found = look(self._house, settled=self._living, served={name: living.resident for name, living in self._living.items()})
        except BadInput as failure:
            # A disk that is away for a moment is no reason to send everybody away.
            self._tell("", failure)
            return
        self._let_see(seen)
        self._seen = seen
        for name, refusal in found.refused.items():
            self._tell(name, refusal)
        for name in set(self._living) - set(seen):
            await self._end(name)
        for resident in _begin_with(found, self._living):
            before = self._living.get(resident.name)
            if before is not None:
                await self._end(resident.name)
            self._told.pop(resident.name, None)
            living = self._living[resident.name] = _Living(resident, _as_it_stood(before))
            tasks.start_soon(self._live, living)

    def _let_see(self, seen: Mapping[str, Stamp]) -> None:
        """Operators see everybody who should be served, whoever cannot be let in, too."""
        if self._ops is None:
            return
        for name in seen:
            self._ops.expect(name)
        for name in set(self._seen or {}) - set(seen):
            self._ops.gone(name)

    async def _end(self, name: str) -> None:
        living = self._living.pop(name)
        living.stopped.set()
        await living.gone.wait()

    async def _live(self, living: _Living) -> None:
        """Serve one organisation until it is stopped, again after any failure: nothing of it goes further than here."""
        resident, wait = living.resident, _FIRST_WAIT

        def ready(address: str) -> None:
            nonlocal wait
            wait, living.answers = _FIRST_WAIT, True
            self._told.pop(resident.name, None)
            living.tried.set()
            self._say(f"answers {resident.name} {address}")

        structlog.contextvars.bind_contextvars(organisation=resident.name)
        try:
            while not living.stopped.is_set():
                try:
                    await self._serve(resident.settings, resident.folder, pausing=living.pausing, ready=ready, stopped=living.stopped)
                except Exception as failure:  # noqa: BLE001 - whatever it is, the others go on
                    self._tell(resident.name, failure)
                living.answers, living.pausing = False, _as_it_stood(living)
                living.tried.set()
                with anyio.move_on_after(wait):
                    await living.stopped.wait()
                wait = min(wait * 2, _LONGEST_WAIT)
        finally:
            living.gone.set()

    def _tell(self, name: str, failure: Exception) -> None:
        """Say what is wrong with an organisation, once for the same thing."""
        coded = _coded(failure)
        # What is not known is named by its kind alone: its words could hold anything.
        what = str(coded) if coded is not None else type(failure).__name__
        if self._told.get(name) == what:
            return
        self._told[name] = what
        hint = coded.explanation.next_step if coded is not None else Fault.INTERNAL.value
        _log.error("an organisation is not served", organisation=name, failure=what, next=hint)


def _begin_with(found: Found, living: Mapping[str, _Living]) -> list[Resident]:
    """Who has to be served from now on: newcomers, and those whose settings changed in fact."""
    residents = found.residents.values()
    return [resident for resident in residents if resident.name not in living or living[resident.name].resident.settings != resident.settings]


def _as_it_stood(before: _Living | None) -> Pausing:
    """A new standing: whoever was paused stays so."""
    pausing = Pausing()
    if before is not None and before.pausing.paused:
        pausing.pause()
    return pausing


def _coded(failure: BaseException) -> Faulted | None:
    if isinstance(failure, Faulted):
        return failure
    if isinstance(failure, BaseExceptionGroup):
        return next((coded for coded in map(_coded, failure.exceptions) if coded is not None), None)
    return None
