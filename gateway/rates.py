"""How many questions per second one organisation, and all of them together, may put to this gateway (promise P7)."""

import math
import time
from collections.abc import Callable
from typing import Final, Self

from accord.rules.rates import Rate, Rates
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura

#: More organisations than a region has. Whoever asks is of the register, so this is reached by no honest region.
_MOST_ORGANISATIONS: Final = 4_096


#: After a silence so many seconds' worth of questions may come at once, where nothing else is set.
AT_ONCE_SECONDS: Final = 3.0


class TooManyQuestions(Unavailable):
    """Over the rate. `seconds` is after how long one more question fits: never less than one, as HTTP counts."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Fault.TOO_MANY_QUESTIONS)
        self.seconds = max(1, math.ceil(seconds))


class QuestionRates:
    """Questions per second: of each organisation, and in total. *clock* never goes back; nothing in it waits."""

    def __init__(self, of_one: Rate, of_all: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = Rates(of_one, of_all, most=_MOST_ORGANISATIONS, clock=clock)

    @classmethod
    def per_second(cls, of_one: float, of_all: float, *, clock: Callable[[], float] = time.monotonic) -> Self:
        """So many a second, and after a silence those of `AT_ONCE_SECONDS`."""
        return cls(Rate(of_one, of_one * AT_ONCE_SECONDS), Rate(of_all, of_all * AT_ONCE_SECONDS), clock=clock)

    def take(self, organisation: Ura) -> None:
        """Let one question of this organisation through.

        Raises:
            TooManyQuestions: `too-many-questions`, with the seconds to wait; nothing was taken.
        """
        if (seconds := self._rates.take(organisation.value)) > 0:
            raise TooManyQuestions(seconds)
