"""Runs an agent or a gateway whose journal is careless in one way: for tests that must notice, and nowhere else.

python tests/region/careless_party.py node_agent unsynced run --config agent.toml
"""

import importlib
import sys
import time
from functools import partial
from typing import Any, Final

from accord.audit.content import Event
from accord.audit.journal import Journal, LineNumber
from accord.audit.writing import Writer

#: Longer than a busy machine keeps what is sent meanwhile from being sent.
_LATE_SECONDS: Final = 0.5


class Unsynced(Writer):
    """Writes lines and says that they are durable, and never syncs."""

    def _sync(self, descriptor: int) -> None:
        """Nothing."""


class Late(Writer):
    """Syncs, on a disk that takes its time."""

    def _sync(self, descriptor: int) -> None:
        time.sleep(_LATE_SECONDS)
        super()._sync(descriptor)


class Hasty(Journal):
    """Has every line written and synced, and does not wait for that."""

    async def append(self, event: Event) -> LineNumber:
        """Give the line to the writer, and go on."""
        with self._turn:
            self._join(self._payloads((event,)))
        return LineNumber(0)


JOURNALS: Final[dict[str, Any]] = {"as-it-is": Journal, "unsynced": partial(Journal, writer_of=Unsynced), "hasty": partial(Hasty, writer_of=Late)}

#: Where a party makes its journal.
JOINED_IN: Final = {"node_agent": "node_agent.assembling", "gateway": "gateway.composition"}


def main() -> None:
    """Run a party with one of the journals."""
    party, journal, *arguments = sys.argv[1:]
    joined: Any = importlib.import_module(JOINED_IN[party])
    # A name that nobody uses there would make every test pass that wants nothing to be wrong.
    assert joined.Journal is Journal
    joined.Journal = JOURNALS[journal]
    sys.argv = [party, *arguments]
    importlib.import_module(f"{party}.cli").app()


if __name__ == "__main__":
    main()
