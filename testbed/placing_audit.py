"""The law of placing, judged from outside: what both parties have on disk, laid beside each other.

Neither side's own count is believed. What a provider gave is read at the provider, what somebody has is read at the asker,
and how many places there were is known by whoever set the region up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from accord.rules.placing.asker import TAKING
from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import At as Gives

#: A place of a provider is taken in these.
TAKES: Final = frozenset({Gives.OFFERED, Gives.GRANTED, Gives.ARRIVED})
#: A place of a provider is given in these.
GIVEN: Final = frozenset({Gives.GRANTED, Gives.ARRIVED})
#: Somebody waits for something that only a letter can bring.
_UNDER_WAY: Final = frozenset({Has.SENT, Has.CHOSEN})


@dataclass(frozen=True, slots=True)
class AtProvider:
    """One leg, as its provider has it on disk."""

    provider: str
    request: str
    at: Gives
    opening: str = ""
    amount: int = 1


@dataclass(frozen=True, slots=True)
class AtAsker:
    """One leg, as its asker has it on disk."""

    provider: str
    request: str
    at: Has


@dataclass(slots=True)
class Verdict:
    """What is wrong, in lines that name no person. `unknown`: nobody can say how it stands, or the two say different things."""

    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    requests: int = 0
    placed: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether the law was kept."""
        return not (self.twice or self.lost or self.unknown)


def audit(
    at_providers: Iterable[AtProvider],
    at_askers: Iterable[AtAsker],
    places: Mapping[str, int],
    *,
    requests: Iterable[str] = (),
    waiting: Mapping[str, int] | None = None,
) -> Verdict:
    """Judge what is on disk once nothing moves any more.

    *places*: how many each opening has, by its id. *requests*: those that were made, all of which the asker must still know.
    *waiting*: letters that lie ready, by whose they are; there must be none left.
    """
    given = {(leg.provider, leg.request): leg for leg in at_providers}
    asked = {(leg.provider, leg.request): leg for leg in at_askers}
    verdict = Verdict(requests=len({request for _, request in asked} | set(requests)))
    _count_places(verdict, given.values(), places)
    _count_requests(verdict, given.values(), asked.values())
    _compare(verdict, given, asked)
    verdict.lost += [f"{request} is not at its asker" for request in sorted(set(requests) - {request for _, request in asked})]
    verdict.unknown += [f"{number} letters of {who} were not brought" for who, number in sorted((waiting or {}).items()) if number]
    return verdict


def _count_places(verdict: Verdict, legs: Iterable[AtProvider], places: Mapping[str, int]) -> None:
    """Never more held and given than there are."""
    taken: Counter[str] = Counter()
    for leg in legs:
        if leg.at in TAKES:
            taken[leg.opening] += leg.amount
    verdict.twice += [
        f"{opening} has {places.get(opening, 0)} places, of which {number} are taken"
        for opening, number in sorted(taken.items())
        if number > places.get(opening, 0)
    ]


def _count_requests(verdict: Verdict, given: Iterable[AtProvider], asked: Iterable[AtAsker]) -> None:
    """Never two places for one request, whoever says so."""
    gave: defaultdict[str, set[str]] = defaultdict(set)
    has: defaultdict[str, set[str]] = defaultdict(set)
    for leg in given:
        if leg.at in GIVEN:
            gave[leg.request].add(leg.provider)
    for one in asked:
        if one.at in TAKING:
            has[one.request].add(one.provider)
    for said, by in ((gave, "the providers"), (has, "the asker")):
        verdict.twice += [f"{request} has a place at {' and '.join(sorted(names))}, say {by}" for request, names in sorted(said.items()) if len(names) > 1]
    verdict.placed = sum(len(names) == 1 for names in gave.values())


def _compare(verdict: Verdict, given: Mapping[tuple[str, str], AtProvider], asked: Mapping[tuple[str, str], AtAsker]) -> None:
    """What one of the two says, the other says too."""
    for (name, request), leg in sorted(asked.items()):
        other = given.get((name, request))
        if leg.at in _UNDER_WAY:
            verdict.unknown.append(f"{request} at {name} is {leg.at} at its asker, and {other.at if other else 'not known'} there")
        elif leg.at is Has.GRANTED and (other is None or other.at not in GIVEN):
            verdict.lost.append(f"{request} has a place at {name}, which says {other.at if other else 'nothing'}")
        elif leg.at is not Has.GRANTED and other is not None and other.at in GIVEN:
            verdict.lost.append(f"{name} gave {request} a place, and its asker says {leg.at}")
    verdict.lost += [f"{name} knows {request}, and nobody asked" for name, request in sorted(set(given) - set(asked))]
