"""So much per second: of each party, and of all together."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many per second, and so many at once after a silence (at least one)."""

    per_second: float
    burst: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    moment: float

    def fill(self, rate: Rate, at: float) -> None:
        self.tokens = min(rate.burst, self.tokens + (at - self.moment) * rate.per_second)
        self.moment = at

    def wait(self, rate: Rate) -> float:
        """Seconds until there is a token; zero when there is one."""
        return max(0.0, (1.0 - self.tokens) / rate.per_second)


class Rates:
    """Tokens of each party, and of all. *clock* never goes back; nothing in it waits.

    A party that takes too much uses up nothing of the others'. Of *most* parties something is kept at the same time;
    whoever comes on top of that shares what is nobody's, which has the name "".
    """

    def __init__(self, of_one: Rate, of_all: Rate, *, most: int, clock: Callable[[], float]) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._most = most
        self._clock = clock
        self._all = _Bucket(of_all.burst, clock())
        self._each: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Of how many parties something is kept."""
        return len(self._each)

    def take(self, party: str) -> float:
        """Take one token of this party: 0.0, or after how many seconds there is one; then nothing was taken."""
        at = self._clock()
        own = self._bucket(party, at)
        own.fill(self._of_one, at)
        self._all.fill(self._of_all, at)
        if (seconds := max(own.wait(self._of_one), self._all.wait(self._of_all))) > 0:
            return seconds
        own.tokens -= 1
        self._all.tokens -= 1
        return 0.0

    def _bucket(self, party: str, at: float) -> _Bucket:
        """Theirs, or a full one. Buckets that are full again say nothing, and are forgotten, the longest unused first."""
        known = self._each.get(party)
        if known is None:
            while self._each:
                oldest, bucket = next(iter(self._each.items()))
                bucket.fill(self._of_one, at)
                if bucket.tokens < self._of_one.burst:
                    break
                del self._each[oldest]
            party = party if len(self._each) < self._most else ""
            known = self._each.setdefault(party, _Bucket(self._of_one.burst, at))
        self._each.move_to_end(party)
        return known
