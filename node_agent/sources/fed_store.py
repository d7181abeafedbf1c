"""An embedded store that messages are fed into: it can show what each of its records was made of."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from accord.rules.leaving_out import LeftOut
from accord.terms.identifiers import RecordRef
from node_agent.left_out import beyond
from node_agent.ports import Original, SourceRecord
from node_agent.sources.embedded import EmbeddedStore
from node_agent.sources.embedded_schema import open_for_reading
from node_agent.sources.fed_schema import FEED_MAPPING, former_versions, is_fed, original_of

#: By results, which every feed is for. Stays come only from who sends ADT as well: who has those names Encounter among the types.
TOLD_BY_MESSAGES: Final = frozenset({"DiagnosticReport", "Observation", "Specimen"})
#: As messages are called where they are shown.
MESSAGE_TYPE = "x-application/hl7-v2+er7"


def was_fed(path: Path) -> bool:
    """Whether messages were ever fed into the store at *path*.

    Raises:
        SourceUnavailable: There is no such store.
    """
    with closing(open_for_reading(path)) as connection:
        return is_fed(connection)


class FedStore(EmbeddedStore):
    """As `EmbeddedStore`; some of its records may be derived from messages. It is `Derives`.

    A store may be fed for the first time while it is open: that is noticed before any of its records is told. *types* are
    brought into it from elsewhere, by import; none named: by import come all, and into a store that is fed none. *not_kept*
    are types that the system behind it does not keep. What is in the store decides nothing here: it would tell what somebody has.

    Raises:
        SourceUnavailable: There is no such store.
    """

    def __init__(
        self, path: Path, *, name: str = "embedded store", copy: bool = True, types: frozenset[str] = frozenset(), not_kept: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(path, name=name, copy=copy)
        self._brought = types
        self._not_kept = not_kept
        self._is_fed = was_fed(path)

    @property
    def mapping(self) -> str:
        """How records are made of messages, by name and version; empty for a store that no message was fed into."""
        return FEED_MAPPING if self._is_fed else ""

    async def check(self) -> None:
        """As `EmbeddedStore.check`; and whether it is fed by now.

        Raises:
            SourceUnavailable: It cannot be read.
        """
        await super().check()
        self._is_fed = self._is_fed or await self._calls.call(is_fed)

    async def left_out(self) -> LeftOut:
        """Implements `node_agent.ports.LeavesOut`: messages tell of results, and of what the settings say, whatever their sender keeps.

        The file is not asked: every question waits for this. A store that is fed for the first time while it is open says so
        from the first record that is read of it, or from its next check.
        """
        if not (self._is_fed or self._brought):
            return LeftOut()
        return beyond(self._brought | (TOLD_BY_MESSAGES if self._is_fed else frozenset()), self._not_kept)

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """As `EmbeddedStore.read`: by it the Patient records are read, which go ahead of all others."""
        if not self._is_fed:
            self._is_fed = await self._calls.call(is_fed)
        return await super().read(refs)

    async def original(self, ref: RecordRef) -> Original | None:
        """What of its message a record was made from; nothing of what else the message tells.

        Raises:
            SourceUnavailable: It could not be read.
        """
        found = await self._calls.call(lambda connection: original_of(connection, ref))
        return None if found is None else Original(MESSAGE_TYPE, found[0], SourceRecord(found[1], derived=True))

    async def former_versions(self, ref: RecordRef) -> list[bytes]:
        """What was the current version once, or came too late to be it: the oldest first. Never released.

        Raises:
            SourceUnavailable: It could not be read.
        """
        return await self._calls.call(lambda connection: former_versions(connection, ref))
