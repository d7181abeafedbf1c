"""The dossiers that are open: each fills in a task of its own, belongs to one clinician, and is gone when nobody looks any more."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.terms.faults import Fault, Faulted, Unavailable
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.view import VIEW_BYTES, ClinicalView
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, Planned
from gateway.viewer.hearing import SET_ASIDE, Hearing
from gateway.viewer.ports import Asking, Question
from gateway.viewer.sessions import Owner, Session
from gateway.viewer.settings import IDLE, ViewerSettings
from gateway.viewer.shapes import Filter

_LOOK_AROUND_SECONDS: Final = 5.0
_log = structlog.get_logger("gateway.viewer")


@dataclass(slots=True, eq=False, repr=False)
class OpenDossier:
    """One dossier of one clinician: what was heard, and from whom.

    `failure` is set where it could not be opened, or broke off; `is_over` when nothing more comes. `filters` and `looked` are
    what the reader chose, and how far each page had come when it was last looked at, by page: here, so that no address need
    have them.
    """

    owner: Owner
    question: Question
    opened: datetime
    seen: datetime
    view: ClinicalView
    #: An emergency is limited in time (promise P12): from then on it is gone, however much it is looked at.
    ends: datetime | None = None
    hearing: Hearing = field(default_factory=Hearing)
    failure: Fault | None = None
    is_over: bool = False
    filters: dict[str, Filter] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    #: Set, and replaced by another, whenever something was added.
    changed: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def __post_init__(self) -> None:
        """What there is no place for is a gap of its holder."""
        self.hearing.left_out = self.view.left_out

    @property
    def planned(self) -> Planned | None:
        """The plan, once it is there."""
        return self.hearing.planned

    @property
    def completeness(self) -> Completeness | None:
        """The account, once everything was heard."""
        return self.hearing.completeness

    def add(self, event: DossierEvent) -> None:
        """Take in what happened. What there is no place for is counted at its holder, and the rest stands.

        Raises:
            BadInput: `broken-batch`.
        """
        self.hearing.take(event)
        match event:
            case HolderBatch():
                self.view.take(event)
            case HolderClosed() if event.ending in SET_ASIDE:
                self.view.withdraw(event.holder)
            case HolderClosed():
                self.view.settle(event.holder)
            case Completeness():
                self.view.finish()
        self.tell()

    def end(self, failure: Fault | None) -> None:
        """Nothing more comes."""
        self.failure, self.is_over = failure, True
        if failure is not None:
            self.hearing.fail(failure)
            self.view.finish()
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

    def open(self, session: Session, question: Question, *, lasts: timedelta | None = None) -> str:
        """Begin to ask, and give the token under which the dossier stands. Of one clinician the one longest unseen makes room.

        *lasts*: for no longer than this, however much it is looked at.

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
        view = ClinicalView(table(), now, most_bytes=min(VIEW_BYTES, self._settings.dossier_bytes))
        dossier = self._open[token] = OpenDossier(session.owner, question, now, now, view, None if lasts is None else now + lasts)
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
            dossier.view = ClinicalView(table(), dossier.opened, most_bytes=0)
            dossier.filters.clear()
            dossier.is_over = True
            dossier.tell()

    def close_all(self, owner: Owner) -> None:
        """Let go of everything of a clinician."""
        for token in self.tokens_of(owner):
            self.close(token)

    def forget_idle(self) -> None:
        """Let go of what nobody looked at for too long, and of emergencies that are over."""
        now = self._clock()
        for token in [token for token, one in self._open.items() if one.seen <= now - IDLE or (one.ends is not None and one.ends <= now)]:
            self.close(token)

    async def keep_tidy(self) -> None:
        """Forget what is idle, also while nobody comes. Runs until cancelled."""
        while True:
            await anyio.sleep(_LOOK_AROUND_SECONDS)
            self.forget_idle()

    async def _fill(self, dossier: OpenDossier) -> None:
        failure: Fault | None = None
        with dossier.scope:
            try:
                async with self._asking.open(dossier.question) as events:
                    async for event in events:
                        dossier.add(event)
                failure = None if dossier.completeness is not None else Fault.STREAM_CUT
            except Faulted as failed:
                failure = failed.fault
            except Exception as failed:  # noqa: BLE001 - one dossier must not take the others with it, nor tell of its patient
                _log.error("dossier broke off", kind=type(failed).__name__)
                failure = Fault.INTERNAL
        dossier.end(failure)
