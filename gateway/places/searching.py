"""One round of looking who has a place: what everybody said, in the order in which it is worth looking at, and who was not heard.

Every provider ends in one ending (promise P8), and whoever was not heard out is shown with a telephone number rather than
left out. Whoever was too late is asked once more, with more patience, while the others can be seen already.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from accord.rules.capacity.ranking import Group, Offering, Ranked, rank
from accord.terms.capacity import Need, PlacesQuestion, Spot, Wishes
from accord.terms.identifiers import HolderName
from gateway.places.ports import Accounted, HolderSaid, PutTo, TheRegion
from gateway.places.twice import MORE_PATIENCE, PATIENCE, Heard, ask_twice, with_later


@dataclass(frozen=True, slots=True)
class Found:
    """How a round stands. `ranked` are all openings in order, `said` how each provider ended, `account` the count of the first asking."""

    ranked: tuple[Ranked, ...] = ()
    said: tuple[HolderSaid, ...] = ()
    account: Accounted | None = None
    is_over: bool = False

    @property
    def unheard(self) -> tuple[HolderSaid, ...]:
        """Who may have a place and was not heard out: to be telephoned."""
        return tuple(one for one in self.said if one.ending.leaves_a_gap)

    @property
    def complete(self) -> bool:
        """Whether everybody who was asked was heard out, and nobody may be missing in the register here."""
        return self.is_over and self.account is not None and self.account.code is None and not self.unheard

    def said_of(self, ranked: Ranked) -> HolderSaid:
        """Who has this opening. Providers of two regions may have one name, so it is looked up by the opening itself."""
        named = (one for one in self.said if one.provider.name == ranked.provider and one.statement is not None)
        return next(one for one in named if one.statement is not None and any(opening is ranked.opening for opening in one.statement.openings))

    def put_to(self, ranked: Ranked) -> PutTo | None:
        """How the request is put to whose opening this is; none where that goes by telephone."""
        said = self.said_of(ranked)
        if said.statement is None or said.provider.ura is None or not said.statement.key:
            return None
        return PutTo(ranked.provider, said.provider.title, ranked.opening.service.id, ranked.opening.id, said.statement.key)


@dataclass(slots=True)
class Looking:
    """One round for one need. *near*: where the neighbourhood of the wishes lies, if that is known. *tell* hears how it stands, after every answer."""

    region: TheRegion
    need: Need
    wishes: Wishes
    clock: Callable[[], datetime]
    near: Spot | None = None
    tell: Callable[[Found], Awaitable[None]] | None = None
    _said: dict[tuple[str, HolderName], HolderSaid] = field(default_factory=dict)
    _account: Accounted | None = None

    async def look(self, *, patience: float = PATIENCE, more: float = MORE_PATIENCE) -> Found:
        """Ask everybody, then the late ones once more; how it stands at the end.

        Raises:
            Faulted: Nobody could be asked.
        """
        question = PlacesQuestion(frozenset({self.need.kind}), self.need.since)
        await ask_twice(self.region, question, self._take, patience=patience, more=more)
        return self._found(is_over=True)

    async def _take(self, event: Heard) -> None:
        if isinstance(event, Accounted):
            self._account = with_later(self._account, event)
        else:
            self._said[event.provider.region, event.provider.name] = event
        if self.tell is not None:
            await self.tell(self._found(is_over=False))

    def _found(self, *, is_over: bool) -> Found:
        stated = [(name, one.statement) for (_, name), one in self._said.items() if one.statement is not None]
        offerings = [Offering(name, opening) for name, statement in stated for opening in statement.openings]
        ranked = rank(self.need, self.wishes, offerings, self.clock(), self.near)
        return Found(ranked, tuple(self._said.values()), self._account, is_over)


def free(found: Found) -> tuple[Ranked, ...]:
    """What is known to be free and suits, in order."""
    return tuple(one for one in found.ranked if one.group is Group.FREE)
