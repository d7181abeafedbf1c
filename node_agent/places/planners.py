"""All that a provider's planners do, about its places and about the requests for them."""

from dataclasses import dataclass

from node_agent.places.answering import Answering
from node_agent.places.changes import Changes
from node_agent.places.counting import Counting


@dataclass(frozen=True)
class Planners(Counting, Answering):
    """A `Planning`."""

    changes: Changes

    async def changed(self, since: int) -> int:
        """Wait until anything changed after *since* (0: from now); returns the mark to wait from next."""
        return await self.changes.after(since)
