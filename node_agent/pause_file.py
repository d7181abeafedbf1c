"""A pause that outlives the process: a small file, made durable, that is there for as long as the agent is paused."""

import os
from pathlib import Path
from typing import Final

import msgspec

from accord.terms.faults import Fault, Unavailable
from node_agent.pausing import Pause

_NAME: Final = "paused.json"


class _Kept(msgspec.Struct, frozen=True):
    since_ms: int = 0
    reason: str = ""


class PauseFile:
    """Implements `node_agent.pausing.PauseKept` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME

    def read(self) -> Pause | None:
        """The pause that is in force; none when there is none. One that cannot be read is a pause, too (promise P3)."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return Pause(0)
        try:
            kept = msgspec.json.decode(content, type=_Kept)
        except msgspec.DecodeError:
            kept = _Kept()
        return Pause(max(0, kept.since_ms), kept.reason)

    def write(self, pause: Pause) -> None:
        """As the port promises."""
        beside = self._path.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(msgspec.json.encode(_Kept(pause.since_ms, pause.reason)))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            self._sync()
        except OSError:
            raise Unavailable(Fault.PAUSE_NOT_KEPT) from None

    def remove(self) -> None:
        """As the port promises."""
        try:
            self._path.unlink(missing_ok=True)
            self._sync()
        except OSError:
            raise Unavailable(Fault.PAUSE_NOT_KEPT) from None

    def _sync(self) -> None:
        """What became of the name is durable, too."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
