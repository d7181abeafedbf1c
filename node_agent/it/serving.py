"""The page for IT of a running agent, behind a login of its own, over the journal that it writes."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED, to_thread
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from accord.audit.content import Event
from accord.audit.journal import Journal
from accord.audit.recent import events_since
from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_server_context
from accord.link.serving import serve_app
from accord.review.entering import Sessions, behind_login, reviewer_by
from accord.review.reviewers import Reviewers
from node_agent.it.gathering import Gathered, Period, gather
from node_agent.it.page import Ledger, SituationIn, make_it_app
from node_agent.it.showing import Showing
from node_agent.it.situation import Watched
from node_agent.it_settings import ItSettings

_COOKIE: Final = "noaber-it"
#: What took so long to read is shown again for five times as long, and no longer than this: on a small journal, not at all.
_REUSED_PER_SECOND: Final = 5.0
_LONGEST_REUSE: Final = 15.0
#: A read itself may have taken so long.
_SLACK: Final = 30.0
_AT_A_TIME: Final = 200
_PAUSE: Final = 0.0005


async def serve_it(settings: ItSettings, folder: Path, journal: Journal, watched: Watched, *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED) -> None:
    """Serve until cancelled; the address is told once requests are taken. Relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`, or `loopback-only` without a certificate.
    """
    people = Reviewers(folder / settings.people, table="person", setting="it.people")
    tls = https_server_context(TlsFiles(folder / settings.certificate, folder / settings.key)) if settings.certificate else None
    site = make_it_site(journal.folder, journal, watched.situation, Sessions(people), secure=tls is not None)
    serve = partial(serve_app, site, setting="it.listen", tls=tls)
    async with anyio.create_task_group() as tasks:
        task_status.started(await tasks.start(serve, address(settings.listen)))


def make_it_site(folder: Path, ledger: Ledger, situation: SituationIn, sessions: Sessions, *, secure: bool) -> ASGIApp:
    """The page behind its login, over the journal in *folder*. *secure*: it is served over TLS."""
    reading = Reading(folder)
    person_of, showing = reviewer_by(sessions, _COOKIE), Showing()
    page = make_it_app(reading.gathered_in, situation, ledger, person_of)
    return behind_login(page, sessions, person_of, cookie=_COOKIE, login=showing.login, secure=secure)


class Reading:
    """Reads a journal through for every view: one view at a time, gently, and a long read serves those who ask just after it too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = anyio.Lock()
        self._last: Gathered | None = None
        self._reused_until = 0.0

    async def gathered_in(self, period: Period) -> Gathered:
        """What the journal says of a period, at most a moment old.

        Raises:
            Unavailable: The journal cannot be read.
        """
        async with self._one_at_a_time:
            if self._last is None or anyio.current_time() > self._reused_until or not _alike(self._last.period, period):
                begun = anyio.current_time()
                self._last = await to_thread.run_sync(partial(self._read, period))
                took = anyio.current_time() - begun
                self._reused_until = begun + took + min(_LONGEST_REUSE, took * _REUSED_PER_SECOND)
            return self._last

    def _read(self, period: Period) -> Gathered:
        return gather(_gently(events_since(self._folder, int(period.since.timestamp() * 1000))), period)


def _alike(one: Period, other: Period) -> bool:
    return all(abs((this - that).total_seconds()) <= _LONGEST_REUSE + _SLACK for this, that in ((one.since, other.since), (one.until, other.until)))


def _gently(events: Iterator[Event]) -> Iterator[Event]:
    """The same events; answers to the region, which are given by another thread, go first."""
    for number, event in enumerate(events):
        if number % _AT_A_TIME == 0:
            time.sleep(_PAUSE)
        yield event
