"""Taking messages into the store: each is kept whole or refused by itself, and nobody is told before it is on the disk."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from accord.terms.faults import Fault, Faulted, Unavailable
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.acknowledging import Verdict, acknowledgements
from node_agent.feeding.drafts import Told
from node_agent.feeding.er7 import Message, read_message
from node_agent.feeding.keeping import Keeping
from node_agent.feeding.refusing import MessageRefused, StoreBusy
from node_agent.feeding.understanding import check_admitted, reading_of, understand
from node_agent.sources.fed_schema import prepare_store

_log = structlog.get_logger("noaber.agent")

#: So long is waited for an import that is under way, before the sender is asked to send again.
_PATIENCE_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(slots=True)
class _Given:
    """A message on its way through: what could be read of it, and what went wrong."""

    raw: bytes
    message: Message | None = None
    told: Told | None = None
    failure: Faulted | None = None


class Taking:
    """Takes messages into one store; calls at the same time wait for each other. `counts`: what became of how many.

    Raises:
        BadInput: `invalid-setting`.
        SourceUnavailable: The store cannot be written.
    """

    def __init__(self, store: Path, settings: FeedSettings) -> None:
        self._store = store
        self._settings = settings
        reading_of(settings, b"")  # what is wrong with the settings is said before a store is made
        self._reading = reading_of(settings, prepare_store(store))
        self._turn = threading.Lock()
        self.counts: Counter[str] = Counter()

    def take(self, messages: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Take messages; the acknowledgements of each, which may go out now. They are kept together, in one commit."""
        given = [self._read(raw) for raw in messages]
        with self._turn:
            self._keep(given)
        for one in given:
            self.counts[one.failure.fault.value if one.failure else "taken"] += 1
            if one.failure is not None:
                place = one.failure.where if isinstance(one.failure, MessageRefused) else ""
                _log.warning("a message was not taken", code=one.failure.fault.value, place=place)
        return [tuple(acknowledgements(one.raw, one.message, Verdict(one.failure))) for one in given]

    def _read(self, raw: bytes) -> _Given:
        given = _Given(raw)
        try:
            given.message = read_message(raw, charset=self._settings.charset)
            check_admitted(given.message, self._settings)
            given.told = understand(given.message, self._reading)
        except MessageRefused as refused:
            given.failure = refused
        except Exception as failure:  # noqa: BLE001 - whatever it is, its text may hold content, and the sender must be told something
            _log.error("a message could not be understood", kind=type(failure).__name__)
            given.failure = Unavailable(Fault.INTERNAL)
        return given

    def _keep(self, given: Sequence[_Given]) -> None:
        try:
            with self._opened() as keeping:
                for one in given:
                    if one.failure is not None:
                        keeping.note_refusal(one.failure.fault.value)
                    elif one.message is not None and one.told is not None and not keeping.knows(one.message):
                        try:
                            keeping.keep(one.message, one.told)
                        except MessageRefused as refused:
                            one.failure = refused
                            keeping.note_refusal(refused.fault.value)
                keeping.finish()
        except (StoreBusy, sqlite3.Error):
            for one in given:
                one.failure = one.failure or StoreBusy()
        except Exception as failure:  # noqa: BLE001 - as above
            if len(given) > 1:  # nothing of them was kept: one by one, the others are
                for one in given:
                    self._keep([one])
                return
            _log.error("a message could not be kept", kind=type(failure).__name__)
            given[0].failure = Unavailable(Fault.INTERNAL)

    def _opened(self) -> Keeping:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return Keeping(self._store)
            except StoreBusy:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_AGAIN_SECONDS)
