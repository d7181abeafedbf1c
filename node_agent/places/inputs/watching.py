"""Watches the file of one export: it is taken when it has stood still for a while, and what cannot be read is refused as a whole.

Nothing is erased by a bad file, by one without rows, or by none: what was taken before grows old, and is unknown when its time is over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Final

import structlog
from anyio import to_thread

from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from node_agent.places.inputs.exports import MOST_BYTES, Export
from node_agent.places.inputs.steady import Steady
from node_agent.places.ports import Observed

#: A folder with more files than this is not an export's.
_MOST_FILES: Final = 10_000
#: An export that is away for so long is missed.
_MISSED_SECONDS: Final = 30.0
_MOST_TOLD: Final = 200

_log = structlog.get_logger("noaber.places")


@dataclass(frozen=True, slots=True)
class _Print:
    """By what a file shows that it changed."""

    path: Path
    inode: int
    bytes: int
    written_ns: int

    @property
    def written(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(self.written_ns / 1e9, UTC)


class Watching:
    """One export. *clock* never goes back; *now* is the time."""

    def __init__(self, export: Export, folder: Path, observed: Observed, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self.name = export.settings.name
        #: What is wrong with it, by its code and where; empty when nothing is.
        self.trouble = ""
        self._export = export
        self._path = folder / export.settings.path
        self._steady = Steady(observed)
        self._clock = clock
        self._now = now
        self._waits: _Print | None = None
        self._since = 0.0
        self._done: _Print | None = None
        self._digest = b""
        self._absent = ""
        self._missing_since: float | None = None

    async def look(self) -> None:
        """Look once. Whatever the file holds, nothing is raised; where it was not taken in, the next look tries again."""
        try:
            found = await to_thread.run_sync(self._found)
            if found is None:
                self._miss()
                return
            self._find_again()
            if found == self._done:
                return
            if found != self._waits:
                self._waits, self._since = found, self._clock()
                return
            if self._clock() - self._since >= self._export.settings.settle_seconds:
                await self._take(found)
        except Unavailable as failure:
            self._tell(failure)
        except BadInput as refusal:
            self._done = self._waits
            self._tell(refusal)

    async def _take(self, found: _Print) -> None:
        content = await to_thread.run_sync(self._content, found.path)
        if await to_thread.run_sync(self._found) != found:
            # It went on while it was read.
            self._waits = None
            return
        digest = sha256(content).digest()
        if not (self._export.settings.observed_at and digest == self._digest):
            understood = self._export.read(content, found.written, self._now())
            await self._steady.tell(understood.observation)
            self._absent = ", ".join(understood.absent)
        self._done, self._digest = found, digest
        if self._absent:
            # The rest of it counts; a planner has to know of this.
            self._tell(BadInput(Fault.EXPORT_INVALID, f"{self.name}: no rows about {self._absent}"[:_MOST_TOLD]))
            return
        if self.trouble:
            _log.info("an export is read again", export=self.name)
        self.trouble = ""

    def _miss(self) -> None:
        """There is no file: for a moment that is how some systems write one."""
        if self._missing_since is None:
            self._missing_since = self._clock()
        if self._clock() - self._missing_since >= _MISSED_SECONDS:
            self._tell(Unavailable(Fault.SOURCE_UNAVAILABLE, self.name))

    def _find_again(self) -> None:
        if self._missing_since is not None and self._clock() - self._missing_since >= _MISSED_SECONDS:
            self.trouble = ""
        self._missing_since = None

    def _found(self) -> _Print | None:
        """The file, or the newest of the folder; none where there is none."""
        try:
            if not self._path.is_dir():
                return _print_of(self._path)
            paths = sorted(self._path.glob(self._export.settings.pattern))[:_MOST_FILES]
            prints = [one for path in paths if (one := _print_of(path)) is not None]
        except OSError:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, self.name) from None
        return max(prints, key=lambda one: (one.written_ns, one.path.name), default=None)

    def _content(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, self.name) from None

    def _tell(self, failure: Faulted) -> None:
        """Once for each thing that is wrong."""
        told = str(failure)
        if told != self.trouble:
            _log.warning("an export is wrong", export=self.name, code=failure.fault.value, where=failure.where)
        self.trouble = told


def _print_of(path: Path) -> _Print | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return _Print(path, stat.st_ino, stat.st_size, stat.st_mtime_ns) if S_ISREG(stat.st_mode) else None
