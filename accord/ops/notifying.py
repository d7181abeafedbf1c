"""Tells systemd that a service is ready, alive and stopping: a few words to the socket that it names (sd_notify)."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio

#: systemd advises to say it twice as often as it is waited for.
_PART: Final = 0.5
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Notifier:
    """Says nothing where nobody listens. `seconds`: how long systemd waits for a sign of life; 0: it does not."""

    path: str = ""
    seconds: float = 0.0

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """As systemd says it to its services."""
        path, every = environment.get("NOTIFY_SOCKET", ""), environment.get("WATCHDOG_USEC", "")
        return cls(path if path[:1] in {"/", "@"} else "", int(every) / _MICROSECONDS if every.isdecimal() else 0.0)

    def ready(self) -> None:
        """Questions can be asked."""
        self._say("READY=1")

    def stopping(self) -> None:
        """It ends."""
        self._say("STOPPING=1")

    async def keep_watching(self) -> None:
        """Until cancelled, say that the loop turns: a loop that stands still is started anew by systemd."""
        while self.path and self.seconds:
            self._say("WATCHDOG=1")
            await anyio.sleep(self.seconds * _PART)

    def _say(self, words: str) -> None:
        if not self.path:
            return
        # A name that begins with @ is one without a file.
        where = f"\0{self.path[1:]}" if self.path.startswith("@") else self.path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as said:
                said.setblocking(False)
                said.sendto(words.encode("ascii"), where)
        except OSError:
            return  # it hears the next one, or starts us anew
