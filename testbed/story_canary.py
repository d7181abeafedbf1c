"""Looks for what must not be there: content of a person in any file that the gateway or a read-through agent may write.

What is searched: everything in their folders, which are also their home and temporary folders, and every file that
these processes have open for writing, deleted ones included. What is searched for: the number and the name, as text
in UTF-8 and UTF-16, in base64 at each alignment, in hexadecimal, and all of these inside gzip.

A gateway and an agent let no other process of their user look into them, so only root sees what they have open. For
anybody else everything in the folders is searched all the same, and the processes that were not looked into are named.
"""

import gzip
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.region import BlockingRegion

_PIECE: Final = 4 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
#: `mode` in /proc: the file was opened for writing.
_WRITABLE: Final = os.O_WRONLY | os.O_RDWR


def disguises(words: Iterable[str]) -> set[bytes]:
    """The words in every form in which they might stand in a file."""
    found: set[bytes] = set()
    for text in words:
        plain = text.encode()
        found |= {plain, text.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode()}
        for shift in range(3):
            # Only what does not depend on the neighbours: base64 packs three bytes in four letters.
            packed = b64encode(b"\0" * shift + plain)
            found.add(packed[4 if shift else 0 : len(packed) - (4 if (shift + len(plain)) % 3 else 0)])
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """Files that may have been written, and the processes of which nobody but root may see what they have open."""

    files: tuple[Path, ...]
    closed: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How much was looked at, and what was not."""
        looked_at = f"{len(self.files)} files"
        if not self.closed:
            return looked_at
        return f"{looked_at}; not looked into: what {len(self.closed)} processes have open ({', '.join(self.closed)}), needs root"


def written_files(region: BlockingRegion) -> Written:
    """Every file that the gateway or a read-through agent may have written, as far as this user may look.

    Raises:
        PermissionError: Root may not look into a process: this machine keeps back what the check is about.
    """
    owners = ["gateway", *(name for name, files in region.files.items() if files.is_read_through or files.has_database)]
    # A care provider's own systems are where content belongs: its records, and the choices it keeps.
    sources = region.root / "sources"
    found: list[Path] = []
    closed: list[str] = []
    for owner in owners:
        folder = region.root / "gateway" if owner == "gateway" else region.files[owner].agent
        found += (path for path in folder.rglob("*") if path.is_file())
        running = region.process_of(owner)
        if running is None:
            continue
        try:
            found += (path for path in _open_for_writing(running.pid) if not path.readlink().is_relative_to(sources))
        except PermissionError:
            if os.geteuid() == 0:
                raise
            closed.append(owner)
    return Written(tuple(found), tuple(closed))


def _open_for_writing(pid: int) -> Iterator[Path]:
    """Files that a process has open for writing, where the system tells; pipes, sockets and devices are none.

    Raises:
        PermissionError: It may not be looked into.
    """
    folder = Path(f"/proc/{pid}/fd")
    if not folder.is_dir():
        return
    for descriptor in folder.iterdir():
        with suppress(FileNotFoundError, ValueError):  # it was closed in the meantime
            told = Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text(encoding="ascii")
            flags = int(next(line for line in told.splitlines() if line.startswith("flags:")).split()[1], 8)
            if flags & _WRITABLE and descriptor.is_file():
                yield descriptor


def scan(files: Iterable[Path], words: Iterable[str]) -> list[Path]:
    """The files in which a word is found, in whatever disguise."""
    wanted = disguises(words)
    return [path for path in files if _holds(path, wanted)]


def _holds(path: Path, wanted: set[bytes]) -> bool:
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
    if is_packed:
        with suppress(OSError, EOFError), gzip.open(path) as unpacked:
            if _found_in(iter(lambda: unpacked.read(_PIECE), b""), wanted):
                return True
    with path.open("rb") as file:
        return _found_in(iter(lambda: file.read(_PIECE), b""), wanted)


def _found_in(pieces: Iterator[bytes], wanted: set[bytes]) -> bool:
    longest = max(map(len, wanted))
    before = b""
    for piece in pieces:
        here = before + piece
        if any(word in here for word in wanted):
            return True
        before = here[-longest:]
    return False
