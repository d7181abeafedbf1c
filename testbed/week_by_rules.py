"""The week without any process: the two state machines of `accord.rules.placing` and lists in memory, to look at a hundred seeds in a minute.

What it finds of one seed is what the real parts must come to with it, too: they keep the same rules.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from accord.rules.placing import asker as asking
from accord.rules.placing import provider as giving
from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import OPEN
from accord.rules.placing.provider import At as Gives
from accord.terms.capacity import Stop
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName
from accord.terms.placing import Asked, DeclineReason, EndReason, FromAsker, FromProvider, Introduction, Terms
from testbed.holders import BY_NAME
from testbed.places import FictionalOpening
from testbed.placing_audit import AtAsker, AtProvider
from testbed.region_files import DATA_USER
from testbed.week import Came, Week
from testbed.week_walking import CaseSeen, Seen

_NOW: Final = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
_HELD_FOR: Final = timedelta(days=2)
_NOBODY: Final = Introduction("", "", "")
_ASKER: Final = BY_NAME[DATA_USER].ura


class RulesHands:
    """People whose every act is a function of the rules. See `testbed.week_walking.Hands`."""

    def __init__(self, week: Week) -> None:
        self._openings = week.openings
        self._counted: dict[str, int | None] = {name: each.places for name, each in week.openings.items()}
        self._stopped: set[str] = set()
        self._requests: dict[str, asking.Request] = {}
        self._legs: dict[tuple[str, str], giving.Leg] = {}
        self._letters: deque[tuple[str, str, FromAsker | FromProvider, bool]] = deque()

    # -- At the asker's

    async def seen(self, came: Came) -> Sequence[Seen]:
        """Those of the kind that take people, the emptiest first."""
        fits = [each for each in self._openings.values() if each.service.kind is came.need.kind and each.service.id not in self._stopped]
        found = [Seen(_holder_of(each), each.service.id, each.id, self._free(each.id)) for each in fits]
        return sorted(found, key=lambda one: (-(one.places or 0), one.opening))

    async def ask(self, came: Came, of: Sequence[Seen]) -> str:
        """Begin a request with these legs."""
        case = f"request-{came.number}"
        until = _NOW + _HELD_FOR
        request = asking.Request(case, came.need, came.gist, asking.Choosing.FIRST, _NOW, until, _NOBODY)
        legs = tuple(
            asking.Leg(
                HolderName(one.provider),
                BY_NAME[one.provider].title,
                one.service,
                Asked(one.service, one.opening, came.need, came.gist, until, BY_NAME[DATA_USER].title, "", b""),
                Has.SENT,
                _NOW,
            )
            for one in of
        )
        self._asker_says(case, asking.put_to(request, legs))
        return case

    async def case(self, case: str) -> CaseSeen:
        """How it stands."""
        request = self._requests[case]
        winner = request.winner.provider.value if request.winner else ""
        offers = tuple(leg.provider.value for leg in request.legs if leg.at is Has.OFFERED)
        return CaseSeen(winner, offers, tuple(leg.provider.value for leg in request.legs if leg.questioned), request.cancelled is not None)

    async def choose(self, case: str, provider: str) -> bool:
        """Take up an offer."""
        try:
            self._asker_says(case, asking.choose(self._requests[case], HolderName(provider), _NOW))
        except BadInput:
            return False
        return True

    async def tell(self, case: str, provider: str, words: str) -> bool:
        """Answer a question."""
        try:
            self._asker_says(case, asking.tell(self._requests[case], HolderName(provider), words, _NOW))
        except BadInput:
            return False
        return True

    async def cancel(self, case: str, reason: EndReason) -> bool:
        """End it."""
        try:
            self._asker_says(case, asking.cancel(self._requests[case], reason, _NOW))
        except BadInput:
            return False
        return True

    # -- At the providers'

    async def count(self, opening: FictionalOpening, places: int) -> None:
        """Free for whoever comes: what is promised and not there yet is beside it."""
        self._counted[opening.id] = places + self._taken(opening.id)

    async def stop(self, service: str, stop: Stop | None) -> None:
        """Not in the list any more, or again."""
        (self._stopped.discard if stop is None else self._stopped.add)(service)

    async def is_waiting(self, case: str, provider: str) -> bool:
        """Whether it is in the list, and open."""
        leg = self._legs.get((provider, case))
        return leg is not None and leg.at in OPEN

    async def offer(self, case: str, provider: str, terms: Terms) -> bool:
        """Hold a place."""
        leg = self._legs[provider, case]
        return self._provider_does(provider, lambda: giving.offer(leg, terms, _NOW + _HELD_FOR, _NOW, self._free(leg.asked.opening)))

    async def decline(self, case: str, provider: str, reason: DeclineReason) -> bool:
        """Say no."""
        leg = self._legs[provider, case]
        return self._provider_does(provider, lambda: giving.decline(leg, reason, "", _NOW))

    async def question(self, case: str, provider: str, words: str) -> bool:
        """Ask back."""
        leg = self._legs[provider, case]
        return self._provider_does(provider, lambda: giving.ask(leg, words, _NOW))

    async def arrive(self, case: str, provider: str) -> bool:
        """They are there."""
        leg = self._legs[provider, case]
        return self._provider_does(provider, lambda: giving.arrive(leg, _NOW))

    # -- Between them

    async def settle(self) -> None:
        """Bring every letter, and what is said because of it."""
        while self._letters:
            name, case, said, to_provider = self._letters.popleft()
            if not to_provider:
                self._asker_says(case, asking.hear(self._requests[case], HolderName(name), said, _NOW))  # type: ignore[arg-type]  # of a provider
            elif isinstance(said, Asked):
                self._provider_says(name, giving.begin(case, _ASKER, said, _NOW))
            else:
                leg = self._legs[name, case]
                free = self._free(leg.opening, but=leg) if leg.opening else None
                self._provider_says(name, giving.hear(leg, said, _NOW, free))  # type: ignore[arg-type]  # of an asker

    def at_providers(self) -> Iterator[AtProvider]:
        """For the audit: what each provider has."""
        for (name, case), leg in self._legs.items():
            yield AtProvider(name, case, leg.at, leg.opening, leg.offer.terms.amount if leg.offer else 0)

    def at_askers(self) -> Iterator[AtAsker]:
        """For the audit: what the asker has."""
        for case, request in self._requests.items():
            for leg in request.legs:
                yield AtAsker(leg.provider.value, case, leg.at)

    @property
    def counted(self) -> dict[str, int]:
        """What each opening was last counted at, with what was promised of it and what came of that: so many may be taken."""
        arrived = {
            name: sum(leg.offer.terms.amount for leg in self._legs.values() if leg.opening == name and leg.at is Gives.ARRIVED and leg.offer)
            for name in self._counted
        }
        return {name: (places or 0) + arrived[name] for name, places in self._counted.items()}

    def _free(self, opening: str, *, but: giving.Leg | None = None) -> int | None:
        counted = self._counted[opening]
        return None if counted is None else max(0, counted - self._taken(opening, but=but))

    def _taken(self, opening: str, *, but: giving.Leg | None = None) -> int:
        # Whoever arrived is counted by the next count, which the walk makes at once.
        return sum(leg.takes(_NOW, None) for leg in self._legs.values() if leg.opening == opening and leg is not but and leg.at is not Gives.ARRIVED)

    def _asker_says(self, case: str, step: asking.Step) -> None:
        self._requests[case] = step.request
        self._letters.extend((says.to.value, case, says.what, True) for says in step.says)

    def _provider_says(self, name: str, step: giving.Step) -> None:
        self._legs[name, step.leg.request] = step.leg
        self._letters.extend((name, step.leg.request, said, False) for said in step.says)

    def _provider_does(self, name: str, act: Callable[[], giving.Step]) -> bool:
        try:
            self._provider_says(name, act())
        except BadInput:
            return False
        return True


def _holder_of(opening: FictionalOpening) -> str:
    return opening.id.partition("-")[0]
