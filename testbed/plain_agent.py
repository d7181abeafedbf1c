"""An agent WITHOUT TRUST: a reference that benches measure against. IT MUST NEVER ANSWER ABOUT A PATIENT.

It lets every question in: no mutual TLS, no mandates, no proofs, no region, and its last words are not signed. It keeps no
journal either, unless it is given a folder for one. The parts between its door and its source are those of the real agent,
so that what is measured here and there is alike. It listens on loopback and on unix sockets, and refuses any other address.

    python -m testbed.plain_agent --set listen.address=unix:/tmp/a.sock --set source.path=records.db --set choices.path=choices.db

The settings are those of `noaber agent`, as far as they make sense without trust: `holder`, `listen`, `source`, `choices` and
`locate`. A FHIR server is asked on this machine only, too.
"""

import argparse
import os
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio

from accord.audit.journal import Journal
from accord.link.addresses import loopback
from accord.link.pseudonyms import pseudonym_key
from accord.link.surroundings import collect_garbage_rarely
from accord.terms.identifiers import HolderName, Ura
from node_agent.api.servicer import HolderService
from node_agent.composition import look_after
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from node_agent.ports import Source
from node_agent.recording import Ledger
from node_agent.server import serving
from node_agent.settings import AgentSettings, read_settings
from node_agent.source_settings import SourceSettings
from node_agent.sources.choice_store import SqliteChoices
from node_agent.sources.embedded import EmbeddedStore
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.plain import PlainDoor, PlainExchange, plain_safeguards
from testbed.plain_gateway import ForgetfulLedger

_INDEX_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; says `ready …` with the address once questions can be asked."""
    parser = argparse.ArgumentParser(prog="testbed.plain_agent", description="An agent without trust, for benches. Never for patients.")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting of `noaber agent`")
    parser.add_argument("--journal", type=Path, help="write the lines of its answers here, durably, before anything of them leaves")
    given = parser.parse_args(arguments)
    settings = read_settings([], given.set).values
    with nullcontext(ForgetfulLedger()) if given.journal is None else Journal(given.journal, settings.holder.ura) as ledger:
        anyio.run(_run, settings, ledger, _say, backend_options={"use_uvloop": True})


async def _run(settings: AgentSettings, ledger: Ledger, ready: Callable[[str], None]) -> None:
    # Looked at before anything listens: it may not be reached from elsewhere.
    address = loopback(settings.listen.address)
    ura, name, key = Ura(settings.holder.ura), HolderName(settings.holder.name), pseudonym_key(settings.locate.key)
    os.umask(0o077)
    async with _source(settings.source) as source:
        choices = SqliteChoices(Path(settings.choices.path))
        pausing = Pausing()
        # Its lines are made, as everywhere, and dropped where nobody gave it a folder.
        safeguards = plain_safeguards(ura, kind=settings.holder.kind, ledger=ledger, pseudonym_of=key.pseudonym, mark=key.mark)
        holder = Holder(ura, source, choices, pausing, safeguards)
        locating = Locating(holder, key, refresh_seconds=settings.locate.refresh_seconds)
        service = HolderService(holder, settings.holder.title or name.value, locating, PlainDoor(), PlainExchange())
        collect_garbage_rarely()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(safeguards.revocations.keep_polling, choices.changes)
            tasks.start_soon(locating.keep_fresh)
            tasks.start_soon(look_after, source, pausing, settings.source.check_seconds)
            async with serving(service, pausing, address, concurrency=settings.listen.concurrency, grace=_GRACE_SECONDS) as served:
                with anyio.move_on_after(_INDEX_SECONDS):
                    await locating.made.wait()
                ready(f"ready {served}")
                with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                    async for _ in signals:
                        break
            tasks.cancel_scope.cancel()
        await choices.close()


@asynccontextmanager
async def _source(settings: SourceSettings) -> AsyncGenerator[Source, None]:
    if settings.kind == "embedded":
        store = EmbeddedStore(Path(settings.path), copy=settings.copy)
        try:
            yield store
        finally:
            await store.close()
        return
    loopback(urlsplit(settings.base).netloc)
    async with FhirServer(
        FhirEndpoint(
            settings.base,
            types=frozenset(settings.types),
            not_kept=frozenset(settings.not_kept),
            concurrency=settings.concurrency,
            page_size=settings.page_size,
        )
    ) as server:
        yield server


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program, and this is how it says that it is ready


if __name__ == "__main__":
    main()
