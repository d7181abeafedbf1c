"""Who asks at the same moment is let in first, and served then.

A server takes in one call every few turns of the event loop. While earlier questions are being served a turn takes
milliseconds: the last of twenty would be taken in 0.2 s late, and its time would begin to count only then.
"""

from dataclasses import dataclass
from math import inf

import anyio


@dataclass(slots=True)
class Arrivals:
    """When questions come in, in seconds.

    A question that comes within `together` after another waits until nobody came in for `quiet`. One that is being
    served gives way to those that come after it, up to `most` after its own arrival. Who is alone never waits.
    """

    together: float = 0.02
    quiet: float = 0.004
    most: float = 0.1
    latest: float = -inf

    async def come_in(self) -> "Arrived":
        """Come in, and wait for those who come at the same moment."""
        moment = anyio.current_time()
        in_company, self.latest = moment - self.latest < self.together, moment
        arrived = Arrived(self, moment, in_company)
        await arrived.give_way()
        return arrived


@dataclass(frozen=True, slots=True)
class Arrived:
    """A question that came in at a `moment` on the event loop's clock."""

    arrivals: Arrivals
    moment: float
    in_company: bool

    async def give_way(self) -> None:
        """Before a piece of work: let those in who are coming."""
        arrivals = self.arrivals
        if not self.in_company and arrivals.latest <= self.moment:
            return
        while (pause := min(arrivals.latest + arrivals.quiet, self.moment + arrivals.most) - anyio.current_time()) > 0:  # noqa: ASYNC110 - a pause of known length, made longer by who comes meanwhile
            await anyio.sleep(pause)
