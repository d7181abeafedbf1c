"""The source of the settings is opened here; only the adapter that is used is loaded."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import EXTRA, MADE_BY, ONE_OF_TWO, UNREADABLE
from node_agent.feed_settings import FeedSettings
from node_agent.left_out import check_not_kept
from node_agent.ports import Source
from node_agent.source_settings import SourceSettings

if TYPE_CHECKING:
    from node_agent.sources.fhir_endpoint import FhirEndpoint
    from node_agent.sources.fhir_rest import FhirServer


@asynccontextmanager
async def open_source(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    """The source of the settings, inside the block; relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`.
    """
    if settings.kind == "embedded":
        async with _embedded(settings, folder) as source:
            yield source
    elif settings.kind == "none":
        from node_agent.sources.none_at_all import NoSource  # noqa: PLC0415 - it is not loaded where it is not used

        yield NoSource()
    elif settings.kind == "sql":
        async with _sql(settings, folder) as source:
            yield source
    elif settings.kind == "python":
        async with _python(settings, folder) as source:
            yield source
    else:
        async with _fhir_server(settings, folder) as source:
            yield source


@asynccontextmanager
async def _embedded(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    from node_agent.sources.fed_store import FedStore  # noqa: PLC0415 - it is not loaded where it is not used

    check_there(folder / settings.path, "source.path", "noaber agent import")
    check_not_kept(settings.not_kept, settings.types)
    # A command or another process may feed it while it is open.
    store = FedStore(folder / settings.path, copy=settings.copy, types=frozenset(settings.types), not_kept=frozenset(settings.not_kept))
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _fhir_server(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    async with _server(settings, fhir_endpoint(settings, folder)) as server:
        yield server


def fhir_endpoint(settings: SourceSettings, folder: Path) -> "FhirEndpoint":
    """Where the FHIR server of the settings answers, and as whom it is asked.

    Raises:
        BadInput: `invalid-setting`.
    """
    from node_agent.sources.fhir_endpoint import FhirEndpoint, tls_of  # noqa: PLC0415 - as above
    from node_agent.sources.fhir_tokens import BackendClient  # noqa: PLC0415 - as above

    def named(path: str) -> Path | None:
        return folder / path if path else None

    backend = None
    if settings.client_id:
        key = _client_key(settings, folder)
        backend = BackendClient(settings.client_id, key, settings.key_id, settings.scope, settings.token_endpoint)
    return FhirEndpoint(
        settings.base,
        authorization=_authorization(settings),
        also_known_as=tuple(settings.also_known_as),
        types=frozenset(settings.types),
        not_kept=frozenset(settings.not_kept),
        search_by_get=settings.search_by_get,
        trust_total=settings.trust_total,
        concurrency=settings.concurrency,
        per_second=settings.per_second,
        slow_seconds=settings.slow_seconds,
        page_size=settings.page_size,
        connect_seconds=settings.connect_seconds,
        request_seconds=settings.request_seconds,
        patience=settings.patience,
        tls=tls_of(named(settings.ca_file), named(settings.certificate), named(settings.certificate_key)),
        backend=backend,
        searches=settings.searches,
    )


def _server(settings: SourceSettings, endpoint: "FhirEndpoint") -> "FhirServer":
    if settings.generation == "stu3":
        from node_agent.sources.stu3_server import Stu3Server  # noqa: PLC0415 - it is not loaded where it is not used

        return Stu3Server(endpoint)
    from node_agent.sources.fhir_rest import FhirServer  # noqa: PLC0415 - as above

    return FhirServer(endpoint)


def prepare_feed(feed: FeedSettings, source: SourceSettings, folder: Path) -> None:
    """Make the store that messages are fed into, if there is none, before anything opens it.

    Raises:
        BadInput: `invalid-setting`.
        SourceUnavailable: It cannot be written.
    """
    from node_agent.sources.fed_schema import prepare_store  # noqa: PLC0415 - it is not loaded where it is not used

    if source.kind != "embedded":
        raise BadInput(Fault.INVALID_SETTING, "feed.listen: only a source of kind embedded can be fed")
    if not feed.senders:
        raise BadInput(Fault.INVALID_SETTING, "feed.senders: name who may send, as application|facility")
    prepare_store(folder / source.path)


def _authorization(settings: SourceSettings) -> str:
    """The header that is the same for every request; empty where there is none."""
    from node_agent.sources.fhir_endpoint import basic, bearer  # noqa: PLC0415 - as above

    if settings.token and settings.user:
        raise BadInput(Fault.INVALID_SETTING, "source.token and source.user: one of them", then=ONE_OF_TWO)
    if settings.token:
        return bearer(settings.token)
    return basic(settings.user, settings.password) if settings.user else ""


def _client_key(settings: SourceSettings, folder: Path) -> str:
    """The key as it stands in the settings, or in the file that they name: it has several lines, so the settings cannot read it for us.

    Raises:
        BadInput: `invalid-setting`: both are given, or the file cannot be read.
    """
    if settings.client_key and settings.client_key_file:
        raise BadInput(Fault.INVALID_SETTING, "source.client_key and source.client_key_file: one of them", then=ONE_OF_TWO)
    if not settings.client_key_file:
        return settings.client_key
    try:
        return (folder / settings.client_key_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "source.client_key_file: there is no such file, or it cannot be read", then=UNREADABLE) from None


@asynccontextmanager
async def _sql(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    try:
        from node_agent.sources.sql_dialects import address_of  # noqa: PLC0415 - as above
        from node_agent.sources.sql_mapping import read_mapping  # noqa: PLC0415 - as above
        from node_agent.sources.sql_source import SqlSource  # noqa: PLC0415 - as above
    except ImportError:
        raise BadInput(
            Fault.INVALID_SETTING,
            "source.kind: a database needs the extra `sql`: requirements/run.lock has it, and pip install '.[agent,sql]' in a checkout",
            then=EXTRA,
        ) from None

    if not settings.mapping:
        raise BadInput(Fault.INVALID_SETTING, "source.mapping: name the file that says which column becomes which element")
    source = SqlSource(address_of(settings), read_mapping(folder / settings.mapping), folder)
    try:
        await source.begin()
        yield source
    finally:
        await source.close()


@asynccontextmanager
async def _python(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    """A source of somebody else's making: whoever may write the settings may choose what runs here."""
    module, _, name = settings.factory.partition(":")
    try:
        make = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "source.factory: write module:function, of a module that can be imported here") from None
    source: Source = make(settings, folder)
    try:
        yield source
    finally:
        await source.close()


def check_there(path: Path, setting: str, made_by: str) -> None:
    """Refuse to start without a file: an agent that is ready and then can answer nothing helps nobody.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not path.is_file():
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: there is no such file; `{made_by}` makes it", then=MADE_BY)
