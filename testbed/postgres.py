"""A PostgreSQL server of one's own, for as long as it is wanted: for tests and for a region with a real database in it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

#: Where Debian keeps the programs of a server, which are not for everybody's path.
_DEBIAN: Final = Path("/usr/lib/postgresql")
_SECONDS: Final = 120


class NoPostgres(Exception):
    """There is no PostgreSQL here that can be started; the text says why."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that listens on a unix socket in its folder. Everybody here may log in as anybody: it holds made-up people."""

    folder: Path

    def url(self, database: str) -> str:
        """The address of a database, without a user."""
        return f"postgresql:///{database}?host={self.folder}"

    def run(self, sql: str, *, database: str = "postgres") -> None:
        """Run statements as the owner of everything, each on its own."""
        with self.connection(database) as connection:
            connection.execute(sql)

    @contextmanager
    def connection(self, database: str, user: str = "postgres") -> Iterator[Any]:
        """A connection of psycopg, each statement of which stands by itself."""
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True) as connection:
            yield connection

    def make(self, database: str, reader: str) -> None:
        """Make a database, and a user who can only read what is in it, as docs/sql-source.md says."""
        self.run(f'CREATE DATABASE "{database}"')
        self.run(
            f"""
            DO $$ BEGIN CREATE ROLE "{reader}" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            ALTER ROLE "{reader}" SET default_transaction_read_only = on;
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO "{reader}";
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{reader}";
            ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{reader}";
            """,
            database=database,
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server, gone with everything in it when the context ends. It refuses to be root: root starts it as `postgres`.

    Raises:
        NoPostgres: It is not installed, or cannot be started here.
    """
    programs = _programs()
    if find_spec("psycopg") is None:
        raise NoPostgres("the driver psycopg is not installed (in a checkout: .venv/bin/pip install -e '.[postgres]')")
    as_somebody: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="noaber-pg-"))
    try:
        if os.geteuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                raise NoPostgres("there is no user postgres to start it as") from None
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_somebody = ["runuser", "-u", "postgres", "--"]
        data = folder / "data"
        _do(folder, *as_somebody, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=60 -c logging_collector=off"
        _do(folder, *as_somebody, str(programs / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-t", str(_SECONDS), "-o", options, "start")
        try:
            yield PostgresServer(folder)
        finally:
            _do(folder, *as_somebody, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    newest = max((path for path in _DEBIAN.glob("*/bin/pg_ctl")), key=lambda path: int(path.parent.parent.name), default=None)
    if newest is None:
        raise NoPostgres("PostgreSQL is not installed (Debian: apt install postgresql)")
    return newest.parent


def _do(folder: Path, *command: str) -> None:
    try:
        # A server keeps what it was started with: its output must not be a pipe that somebody waits for.
        subprocess.run(command, check=True, cwd=folder, timeout=_SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - programs of the system
    except (OSError, subprocess.SubprocessError):
        raise NoPostgres(f"{Path(command[-1] if len(command) < 2 else command[0]).name} did not end well") from None
