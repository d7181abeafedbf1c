"""So many at the same time: of each party, and of all together."""

from collections import Counter


class Places:
    """Places of which no party has them all, so that another always finds one. There is no queue."""

    __slots__ = ("_held", "_most", "_most_of_one")

    def __init__(self, most: int, *, of_one: int) -> None:
        self._most = most
        self._most_of_one = of_one
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many are taken."""
        return self._held.total()

    def take(self, party: str) -> bool:
        """Take one for this party; false when it has its part, or when there is none."""
        if self._held.get(party, 0) >= self._most_of_one or self.held >= self._most:
            return False
        self._held[party] += 1
        return True

    def give_back(self, party: str) -> None:
        """It is free again."""
        self._held[party] -= 1
        if not self._held[party]:
            del self._held[party]
