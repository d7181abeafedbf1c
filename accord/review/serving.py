"""The review page of a running gateway or agent, over the journal that it writes."""

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_server_context
from accord.link.live_register import LiveRegister
from accord.link.serving import serve_app
from accord.review.entering import Sessions, make_review_site
from accord.review.journal_queue import JournalQueue
from accord.review.reviewers import Reviewers
from accord.review.settings import ReviewSettings
from accord.terms.identifiers import Ura


async def serve_review(
    settings: ReviewSettings, folder: Path, journal: Journal, name_of: Callable[[Ura], str], *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled; the address is told once requests are taken. Relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`, or `loopback-only` without a certificate.
        Unavailable: `journal-unavailable`: the index cannot be made.
    """
    reviewers = Reviewers(folder / settings.reviewers)
    tls = _tls(settings, folder)
    reader = JournalReader(journal.folder, folder / settings.index, lambda: journal.durable)
    try:
        site = make_review_site(JournalQueue(reader, journal, name_of), Sessions(reviewers), secure=tls is not None)
        serve = partial(serve_app, site, setting="review.listen", tls=tls)
        async with anyio.create_task_group() as tasks:
            task_status.started(await tasks.start(serve, address(settings.listen)))
    finally:
        reader.close()


def _tls(settings: ReviewSettings, folder: Path) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    return https_server_context(TlsFiles(folder / settings.certificate, folder / settings.key))


def name_in(live: LiveRegister) -> Callable[[Ura], str]:
    """The name of an organisation, as the newest register has it; empty when it does not."""

    def name_of(ura: Ura) -> str:
        member = live.newest.by_ura.get(ura)
        return member.title if member is not None else ""

    return name_of
