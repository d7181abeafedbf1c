"""The databases that can be a source: how each is opened for reading only, how that is verified, and how a statement is broken off."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import EXTRA
from node_agent.source_settings import SourceSettings
from node_agent.sources.sql_privileges import WAYS_TO_WRITE

#: A statement that waits this long for the pool has no turn; each of the pool's connections lives no longer than this.
_RECYCLE_SECONDS: Final = 1800
_CANCEL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SqlAddress:
    """Where the database is, as whom it is asked, and how much is asked of it. The password is not shown.

    `statement_seconds` and `lock_seconds` are the longest that a statement may take, and may wait for somebody else's lock.
    No more than `per_second` statements begin in a second (0: no limit), and fewer while they take longer than
    `slow_seconds` (0: never fewer).
    """

    url: str
    user: str = ""
    password: str = ""
    concurrency: int = 4
    connect_seconds: float = 3.0
    statement_seconds: float = 20.0
    lock_seconds: float = 3.0
    patience: float = 30.0
    per_second: float = 0.0
    slow_seconds: float = 0.0

    def __repr__(self) -> str:
        return "SqlAddress(…)"


class Dialect(Protocol):
    """What differs from one database to the next."""

    name: str
    engine: Engine

    def begin(self, connection: Connection) -> None:
        """Make the transaction that begins now one that only reads."""

    def ways_to_write(self, connection: Connection) -> Iterator[str]:
        """What this user could do beside reading; nothing, for a user that may be used."""

    def interrupt(self, raw: Any) -> None:
        """Break off what runs on this driver's connection; called from another thread."""

    def is_busy(self, failure: DBAPIError) -> bool:
        """Whether the database asked to be left alone."""

    def mistake(self, failure: DBAPIError) -> str:
        """What is wrong with a SQL text, in words of ours; empty when the text is not at fault."""


def address_of(settings: SourceSettings) -> SqlAddress:
    """The address that the settings give.

    Raises:
        BadInput: `invalid-setting`.
    """
    if settings.concurrency < 2:
        # A stream keeps one for as long as its reader takes, and what it refers to is asked for meanwhile.
        raise BadInput(Fault.INVALID_SETTING, "source.concurrency: a database needs 2 connections or more")
    return SqlAddress(
        settings.url,
        settings.user,
        settings.password,
        concurrency=settings.concurrency,
        connect_seconds=settings.connect_seconds,
        statement_seconds=settings.statement_seconds,
        lock_seconds=settings.lock_seconds,
        patience=settings.patience,
        per_second=settings.per_second,
        slow_seconds=settings.slow_seconds,
    )


def dialect_for(address: SqlAddress, folder: Path) -> Dialect:
    """The database of an address; the file of SQLite is relative to *folder*.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        url = make_url(address.url)
    except (ArgumentError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "source.url: write postgresql://host/database or sqlite:///file") from None
    if url.password is not None:
        raise BadInput(Fault.INVALID_SETTING, "source.url: the password belongs in source.password")
    match url.get_backend_name():
        case "postgresql":
            return PostgreSql(url, address)
        case "sqlite":
            return Sqlite(folder / (url.database or ""), address)
    raise BadInput(Fault.INVALID_SETTING, "source.url: write postgresql://host/database or sqlite:///file")


class Sqlite:
    """A file of SQLite, opened so that it cannot be written. Its statements are timed by whoever waits for them."""

    name = "SQLite"

    def __init__(self, path: Path, address: SqlAddress) -> None:
        import sqlite3  # noqa: PLC0415 - each database brings its own driver

        def connect() -> sqlite3.Connection:
            # The path is quoted as a URI: a question mark in a folder's name is no parameter.
            uri = f"{path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=address.lock_seconds, isolation_level=None)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA temp_store = MEMORY")
            return connection

        self.engine = create_engine("sqlite://", creator=connect, **_pool(address))

    def begin(self, connection: Connection) -> None:
        """The connection itself only reads; one moment for all statements of the transaction."""
        connection.exec_driver_sql("BEGIN")

    def ways_to_write(self, connection: Connection) -> Iterator[str]:
        """None: the file was opened for reading only."""
        if not connection.exec_driver_sql("PRAGMA query_only").scalar():
            yield "query_only is off"

    def interrupt(self, raw: Any) -> None:
        """Break off what runs."""
        raw.interrupt()

    def is_busy(self, failure: DBAPIError) -> bool:
        """Whether somebody else holds its lock."""
        return str(failure.orig).startswith("database is locked")

    def mistake(self, failure: DBAPIError) -> str:
        """SQLite says it in words; they quote the SQL text and nothing else."""
        said = str(failure.orig)
        for begin, meant in (
            ("no such table", "names a table that is not there"),
            ("no such column", "names a column that is not there"),
            ("no such function", "names a function that is not there"),
        ):
            if said.startswith(begin):
                return meant
        return "is not SQL that this database understands" if "syntax error" in said or "incomplete input" in said else ""


class PostgreSql:
    """A PostgreSQL server, through psycopg."""

    name = "PostgreSQL"
    _MISTAKES: Final = {
        "42P01": "names a table or view that is not there",
        "42703": "names a column that is not there",
        "42883": 'compares or calls what does not fit: say CAST(… AS text), or ids = "integer"',
        "42804": 'compares what does not fit: say CAST(… AS text), or ids = "integer"',
        "42501": "names what this user may not read: GRANT SELECT on it",
        "22P02": 'compares a number with a text: say CAST(… AS text), or ids = "integer"',
        "42601": "is not SQL that this database understands",
    }
    #: Too many connections, still starting up, out of memory; a lock that was not to be had in time.
    _BUSY: Final = frozenset({"53300", "57P03", "53200", "55P03"})

    def __init__(self, url: URL, address: SqlAddress) -> None:
        try:
            import psycopg  # noqa: F401, PLC0415 - an extra: not everybody has such a server
        except ImportError:
            raise BadInput(
                Fault.INVALID_SETTING,
                "source.url: PostgreSQL needs the extra `postgres`: requirements/run.lock has it, and pip install '.[agent,postgres]' in a checkout",
                then=EXTRA,
            ) from None
        url = url.set(drivername="postgresql+psycopg", username=address.user or url.username, password=address.password or None)
        if not (_is_here(url) or "sslmode" in url.query):
            # The records cross a network: to the right server, and unread.
            url = url.update_query_dict({"sslmode": "verify-full"})
        milliseconds, lock = int(address.statement_seconds * 1000), int(address.lock_seconds * 1000)
        options = f"-c statement_timeout={milliseconds} -c lock_timeout={lock} -c idle_in_transaction_session_timeout={int(address.patience * 2000)}"
        # As the check of a mapping reads strings: a backslash in one is no more than that.
        options += " -c standard_conforming_strings=on"
        more = {
            "options": options,
            "connect_timeout": max(2, int(address.connect_seconds)),
            "application_name": "noaber",
            # A server that is gone without a word is noticed by the network, not by a thread that waits for ever.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": milliseconds + 5000,
            # Nothing is left at the server, not even the text of a statement.
            "prepare_threshold": None,
        }
        self.engine = create_engine(url, connect_args=more, **_pool(address))

        @event.listens_for(self.engine, "connect")
        def read_only(raw: Any, _record: Any) -> None:
            raw.read_only = True

    def begin(self, connection: Connection) -> None:
        """Psycopg begins it READ ONLY; that it did is asked of the server itself."""
        if connection.exec_driver_sql("SHOW transaction_read_only").scalar() != "on":
            raise BadInput(Fault.SOURCE_WRITABLE, "the transaction is not READ ONLY")

    def ways_to_write(self, connection: Connection) -> Iterator[str]:
        """What the server says that this user, and every role it may become, could do."""
        for what, query in WAYS_TO_WRITE:
            found = connection.execute(text(query)).scalar()
            if found:
                yield f"{what}: {found}" if isinstance(found, str) else what

    def interrupt(self, raw: Any) -> None:
        """Ask the server to cancel the statement."""
        raw.cancel_safe(timeout=_CANCEL_SECONDS)

    def is_busy(self, failure: DBAPIError) -> bool:
        """Whether it said so, by its code."""
        return _state(failure) in self._BUSY

    def mistake(self, failure: DBAPIError) -> str:
        """By its code; its words might quote what stands in the database."""
        state = _state(failure)
        return self._MISTAKES.get(state, f"is refused by the database with SQLSTATE {state}" if state.startswith(("42", "22", "0A")) else "")


def _pool(address: SqlAddress) -> dict[str, Any]:
    """No more connections than `concurrency`, none that is dead, and no values in what an error says."""
    size = {"pool_size": address.concurrency, "max_overflow": 0, "pool_timeout": address.patience, "pool_recycle": _RECYCLE_SECONDS}
    return {"poolclass": QueuePool, "pool_pre_ping": True, "hide_parameters": True, **size}


def _state(failure: DBAPIError) -> str:
    return str(getattr(failure.orig, "sqlstate", None) or "")


def _is_here(url: URL) -> bool:
    host = url.host or str(url.query.get("host", ""))
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
