"""The dossiers that are open: each fills in a task of its own, belongs to one clinician, and is gone when nobody looks any more."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.terms.faults import Fault, Faulted, Unavailable
from gateway.ports import Completeness, DossierEvent, HolderBatch, Planned
from gateway.viewer.ports import Asking, Question
from gateway.viewer.sessions import Owner, Session
from gateway.viewer.settings import IDLE, ViewerSettings

_LOOK_AROUND_SECONDS: Final = 5.0
_log = structlog.get_logger("gateway.viewer")


@dataclass(slots=True, eq=False, repr=False)
class OpenDossier:
    """One dossier of one clinician. `failure` is set where it could not be opened, or broke off; `is_over` when nothing more comes."""

    owner: Owner
    question: Question
    opened: datetime
    seen: datetime
    events: list[DossierEvent] = field(default_factory=list)
    bytes: int = 0
    failure: Fault | None = None
    is_over: bool = False
    #: Set, and replaced by another, whenever something was added.
    changed: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    @property
    def planned(self) -> Planned | None:
        """The plan, once it is there."""
        return next((event for event in self.events if isinstance(event, Planned)), None)

    @property
    def completeness(self) -> Completeness | None:
        """The account, once everything was heard."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Completeness) else None

    def add(self, event: DossierEvent, most_bytes: int) -> None:
        """Take in what happened.

        Raises:
            Unavailable: `over-limit`.
        """
        if isinstance(event, HolderBatch):
            self.bytes += len(event.batch.blob) + len(event.batch.columns)
            if self.bytes > most_bytes:
                raise Unavailable(Fault.OVER_LIMIT)
        self.events.append(event)
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self.changed.set()
        self.changed = anyio.Event()


class OpenDossiers:
    """All that are open, in the memory of this process only. Tokens say nothing, and open nothing for anybody else."""

    def __init__(self, asking: Asking, tasks: TaskGroup, settings: ViewerSettings, clock: Callable[[], datetime]) -> None:
        self._asking = asking
        self._tasks = tasks
        self._settings = settings
        self._clock = clock
        self._open: dict[str, OpenDossier] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, session: Session, question: Question) -> str:
        """Begin to ask, and give the token under which the dossier stands. Of one clinician the one longest unseen makes room.

        Raises:
            Unavailable: `too-many-questions`: as many are open as there may be.
        """
        self.forget_idle()
        own = sorted((token for token, one in self._open.items() if one.owner is session.owner), key=lambda token: self._open[token].seen)
        for token in own[: max(0, len(own) + 1 - self._settings.dossiers_of_one)]:
            self.close(token)
        if len(self._open) >= self._settings.most_dossiers:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        now, token = self._clock(), secrets.token_urlsafe(24)
        dossier = self._open[token] = OpenDossier(session.owner, question, now, now)
        self._tasks.start_soon(self._fill, dossier)
        return token

    def of(self, session: Session, token: str, *, keeps: bool = True) -> OpenDossier | None:
        """The dossier of this token, if it is this clinician's; being found keeps it, unless not *keeps*."""
        self.forget_idle()
        dossier = self._open.get(token)
        if dossier is None or dossier.owner is not session.owner:
            return None
        if keeps:
            dossier.seen = self._clock()
        return dossier

    def tokens_of(self, owner: Owner) -> tuple[str, ...]:
        """The tokens of what a clinician has open, the last opened first."""
        return tuple(token for token, one in reversed(self._open.items()) if one.owner is owner)

    def close(self, token: str) -> None:
        """Let go of one: what is under way is withdrawn, what is there forgotten."""
        dossier = self._open.pop(token, None)
        if dossier is not None:
            dossier.scope.cancel()
            dossier.events.clear()
            dossier.is_over = True
            dossier.tell()

    def close_all(self, owner: Owner) -> None:
        """Let go of everything of a clinician."""
        for token in self.tokens_of(owner):
            self.close(token)

    def forget_idle(self) -> None:
        """Let go of what nobody looked at for too long."""
        oldest = self._clock() - IDLE
        for token in [token for token, one in self._open.items() if one.seen <= oldest]:
            self.close(token)

    async def keep_tidy(self) -> None:
        """Forget what is idle, also while nobody comes. Runs until cancelled."""
        while True:
            await anyio.sleep(_LOOK_AROUND_SECONDS)
            self.forget_idle()

    async def _fill(self, dossier: OpenDossier) -> None:
        with dossier.scope:
            try:
                async with self._asking.open(dossier.question) as events:
                    async for event in events:
                        dossier.add(event, self._settings.dossier_bytes)
                if dossier.completeness is None:
                    dossier.failure = Fault.STREAM_CUT
            except Faulted as failure:
                dossier.failure = failure.fault
            except Exception as failure:  # noqa: BLE001 - one dossier must not take the others with it, nor tell of its patient
                _log.error("dossier broke off", kind=type(failure).__name__)
                dossier.failure = Fault.INTERNAL
        dossier.is_over = True
        dossier.tell()
