"""A process that leaks on purpose, in every way that a harness must find: `python -m testbed.canary_leaks`.

It reads one line of JSON, `{"leak": "what to leak", …}`, leaks that, says `ready`, and waits to be stopped. A harness
that does not find all of it in the same run has shown nothing about anybody else.
"""

import base64
import gzip
import hashlib
import json
import logging
import mmap
import os
import resource
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

#: An address of TEST-NET-1, which nobody has. No packet is sent: a datagram socket only remembers it.
NOWHERE: Final = "192.0.2.1"
#: What lives as long as the process does.
_kept: Final[list[object]] = []


def _deleted_file(text: str) -> None:
    with tempfile.NamedTemporaryFile("w", delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).unlink()


def _unlinked_open_file(text: str) -> None:
    file = tempfile.TemporaryFile("w", encoding="utf-8")  # noqa: SIM115 - it stays open on purpose
    file.write(text)
    file.flush()
    _kept.append(file)


def _mapped_file(text: str) -> None:
    path = Path("mapped")
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 4096)
    mapped[: len(text.encode())] = text.encode()
    _kept.append(mapped)


def _gzip(text: str) -> None:
    Path("cache.bin").write_bytes(b"some header " + gzip.compress(f"before {text} after".encode()))


def _base64(text: str) -> None:
    Path("cache.b64").write_bytes(base64.b64encode(f"xy{text}z".encode()))


def _utf16(text: str) -> None:
    Path("cache.utf16").write_text(text, encoding="utf-16")


def _sha256(text: str) -> None:
    Path("index").write_text(hashlib.sha256(text.encode()).hexdigest(), encoding="ascii")


def _sqlite_insert_and_delete(text: str) -> None:
    with sqlite3.connect("cache.db") as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("CREATE TABLE cache (content TEXT)")
        database.execute("INSERT INTO cache VALUES (?)", (text,))
        database.commit()
        database.execute("DELETE FROM cache")
    database.close()


def _memfd(text: str) -> None:
    descriptor = os.memfd_create("cache")
    os.write(descriptor, text.encode())


def _spooled(text: str) -> None:
    file = tempfile.SpooledTemporaryFile(max_size=8)  # noqa: SIM115 - it stays open on purpose
    file.write(text.encode())
    _kept.append(file)


def _log(text: str) -> None:
    logging.basicConfig(filename="leak.log", encoding="utf-8")
    logging.getLogger("leak").error("cannot read %s", text)


def _file_name(text: str) -> None:
    with suppress(OSError):
        path = Path(f"cache-{text}")
        path.touch()
        path.unlink()


def _output(text: str) -> None:
    sys.stderr.write(f"Traceback: {text}\n")
    sys.stderr.flush()


def _shared_memory(text: str) -> None:
    path = Path("/dev/shm") / f"noaber-leak-{os.getpid()}"  # noqa: S108 - on purpose
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 4096)
    mapped[: len(text.encode())] = text.encode()
    _kept.extend((mapped, path))


def _elsewhere(_: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as away:
        away.connect((NOWHERE, 9))


def _core_dumps(_: str) -> None:
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


#: Leaks of content by name.
OF_CONTENT: Final[dict[str, Callable[[str], None]]] = {
    "temporary file, deleted again": _deleted_file,
    "open file without a name": _unlinked_open_file,
    "mapped file": _mapped_file,
    "gzip": _gzip,
    "base64": _base64,
    "UTF-16": _utf16,
    "unkeyed SHA-256": _sha256,
    "SQLite, inserted and deleted": _sqlite_insert_and_delete,
    "memfd": _memfd,
    "spooled temporary file": _spooled,
    "log file": _log,
    "name of a file": _file_name,
    "standard error": _output,
    "shared memory": _shared_memory,
}
#: What is wrong whatever the content is.
OF_SURROUNDINGS: Final[dict[str, Callable[[str], None]]] = {"connection elsewhere": _elsewhere, "core dumps": _core_dumps}


def main() -> None:
    """Leak what standard input says; nothing when it says nothing."""
    told: dict[str, str] = json.loads(sys.stdin.readline())
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for leak, text in told.items():
        (OF_CONTENT | OF_SURROUNDINGS)[leak](text)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.sigwait([signal.SIGTERM])
    for thing in _kept:
        if isinstance(thing, Path):
            thing.unlink()


if __name__ == "__main__":
    main()
