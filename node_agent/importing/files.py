"""What lies under the given paths: files, plain or packed, each as a stream with a bound on what it unpacks to."""

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final, cast

from accord.terms.limits import MIB
from node_agent.importing.reasons import Reason

#: One file unpacks to no more than this, and from the first 64 MiB on to no more than 200 times its packed size.
UNPACKED_BYTES: Final = 64 * 1024 * MIB
_FREE_BYTES: Final = 64 * MIB
_RATIO: Final = 200
_ZIP_MEMBERS: Final = 100_000
_UNREADABLE: Final = (OSError, EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class CannotRead(Exception):
    """A file ends here, with a reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file of the delivery: its name for the report, and its content; or why it has none.

    `path` is the file on disk, and `consumed` how many of its bytes were read: several members of a zip share them.
    """

    name: str
    stream: io.BufferedReader | None = None
    refused: Reason | None = None
    path: str = ""
    consumed: Callable[[], int] = int


class BoundedStream(io.RawIOBase):
    """A stream that fails when it unpacks to more than can be meant, and that knows one failure only: `CannotRead`."""

    def __init__(self, inner: IO[bytes], packed_bytes: int | None) -> None:
        self._inner = inner
        self._limit = UNPACKED_BYTES if packed_bytes is None else min(UNPACKED_BYTES, max(_FREE_BYTES, packed_bytes * _RATIO))
        self._seen = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no public name in 3.11
        """Read some bytes.

        Raises:
            CannotRead: `unreadable-file` or `too-large`.
        """
        try:
            content = self._inner.read(len(buffer))
        except _UNREADABLE:
            raise CannotRead(Reason.UNREADABLE_FILE) from None
        self._seen += len(content)
        if self._seen > self._limit:
            raise CannotRead(Reason.TOO_LARGE)
        buffer[: len(content)] = content
        return len(content)


def delivered(paths: Iterable[Path]) -> Generator[Delivered, None, None]:
    """Every file under *paths*; those named after Patients come first in their folder, so that less has to wait.

    A stream is good until the next file is asked for.
    """
    for path in paths:
        for file in _files(path):
            yield from _opened(file, str(file.relative_to(path)) if file != path else path.name)


def packed_bytes(paths: Iterable[Path]) -> int:
    """How much there is to read, as it lies on disk."""
    return sum(file.stat().st_size for path in paths for file in _files(path) if file.exists())


def _files(path: Path) -> Generator[Path, None, None]:
    if not path.is_dir():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        for name in sorted((name for name in names if not name.startswith(".")), key=_patients_first):
            yield Path(folder, name)


def _patients_first(name: str) -> tuple[bool, str]:
    return not Path(name).name.startswith("Patient"), name


def _opened(path: Path, name: str) -> Generator[Delivered, None, None]:
    with ExitStack() as open_files:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
                raise CannotRead(Reason.UNSUPPORTED_FILE)
            file = open_files.enter_context(path.open("rb"))
            if name.endswith(".zip"):
                for member in _members(open_files.enter_context(zipfile.ZipFile(file)), name):
                    yield replace(member, path=str(path), consumed=file.tell)
                return
            yield replace(_unpacked(name, file, found.st_size, open_files), path=str(path), consumed=file.tell)
        except CannotRead as failure:
            yield Delivered(name, refused=failure.reason)
        except _UNREADABLE:
            yield Delivered(name, refused=Reason.UNREADABLE_FILE)


def _members(archive: zipfile.ZipFile, name: str) -> Generator[Delivered, None, None]:
    members = [member for member in archive.infolist() if not member.is_dir() and not Path(member.filename).name.startswith(".")]
    if len(members) > _ZIP_MEMBERS:
        raise CannotRead(Reason.TOO_LARGE)
    for member in sorted(members, key=lambda member: _patients_first(member.filename)):
        inside = f"{name}!{member.filename}"
        with ExitStack() as open_files:
            try:
                if member.filename.endswith(".zip"):
                    raise CannotRead(Reason.UNSUPPORTED_FILE)  # a zip in a zip has no bound
                file = open_files.enter_context(archive.open(member))
                yield _unpacked(inside, file, member.compress_size, open_files, packed=True)
            except CannotRead as failure:
                yield Delivered(inside, refused=failure.reason)
            except _UNREADABLE:
                yield Delivered(inside, refused=Reason.UNREADABLE_FILE)


def _unpacked(name: str, file: IO[bytes], size: int, open_files: ExitStack, *, packed: bool = False) -> Delivered:
    if name.endswith(".gz"):
        file = cast("IO[bytes]", open_files.enter_context(gzip.GzipFile(fileobj=file)))
        name = name.removesuffix(".gz")
        packed = True
    suffix = name.rpartition("/")[2].rpartition("!")[2].rpartition(".")[2].lower()
    if suffix not in SUFFIXES:
        raise CannotRead(Reason.UNSUPPORTED_FILE)
    return Delivered(name, io.BufferedReader(BoundedStream(file, size if packed else None), 1 * MIB))


#: What a FHIR file is called.
SUFFIXES: Final = frozenset({"json", "ndjson", "jsonl"})
