"""How many questions per second one organisation, and all of them together, may put to this gateway (promise P7)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura

#: More organisations than a region has. Whoever asks is of the register, so this is reached by no honest region.
_MOST_ORGANISATIONS: Final = 4_096


class TooManyQuestions(Unavailable):
    """Over the rate. `seconds` is after how long one more question fits: never less than one, as HTTP counts."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Fault.TOO_MANY_QUESTIONS)
        self.seconds = max(1, math.ceil(seconds))


@dataclass(frozen=True, slots=True)
class Rate:
    """So many questions per second, and so many at once after a silence (at least one)."""

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
    """Questions per second: of each organisation, and in total. *clock* never goes back; nothing in it waits.

    An organisation that asks too much uses up nothing of the others'.
    """

    def __init__(self, of_one: Rate, of_all: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._clock = clock
        self._all = _Bucket(of_all.burst, clock())
        self._each: OrderedDict[Ura, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Of how many organisations something is kept."""
        return len(self._each)

    def take(self, organisation: Ura) -> None:
        """Let one question of this organisation through.

        Raises:
            TooManyQuestions: `too-many-questions`, with the seconds to wait; nothing was taken.
        """
        at = self._clock()
        own = self._each.get(organisation) or self._new(at)
        own.fill(self._of_one, at)
        self._all.fill(self._of_all, at)
        if (seconds := max(own.wait(self._of_one), self._all.wait(self._of_all))) > 0:
            raise TooManyQuestions(seconds)
        own.tokens -= 1
        self._all.tokens -= 1
        self._each[organisation] = own
        self._each.move_to_end(organisation)

    def _new(self, at: float) -> _Bucket:
        """A full bucket. Buckets that are full again say nothing, and are forgotten, the longest unused first."""
        while self._each:
            organisation, bucket = next(iter(self._each.items()))
            bucket.fill(self._of_one, at)
            if bucket.tokens < self._of_one.burst:
                break
            del self._each[organisation]
        if len(self._each) >= _MOST_ORGANISATIONS:
            raise TooManyQuestions(1.0)
        return _Bucket(self._of_one.burst, at)
