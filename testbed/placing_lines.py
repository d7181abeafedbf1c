"""What the journals of both parties say of requests for places, judged: each step has its line, no step has two, and the two agree letter for letter.

A line is durable before its step is kept. So whoever dies in between leaves the line of a step that was not taken: it is taken
in the next life, with a line once more, or never. Only the last lines of a life can be such.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from accord.audit.events import Started
from accord.audit.places_events import PlaceStep
from accord.audit.verifying import events_of
from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import At as Gives
from accord.terms.placing import Asked, Chosen, Ended, FromAsker, Granted, HandedOver, Received, Withdrawn
from testbed.placing_audit import GIVEN, AtAsker, AtProvider, Verdict


def _tag(letter: type) -> str:
    return str(letter.__struct_config__.tag)  # type: ignore[attr-defined]  # every letter is a Struct


_ASKS: Final = frozenset(map(_tag, get_args(FromAsker)))
_GRANTED: Final = _tag(Granted)
_TAKEN_BACK: Final = frozenset({_tag(Withdrawn), _tag(Ended)})
#: The parts of one handover are one step of its asker, and so many of its provider.
_IN_PARTS: Final = _tag(HandedOver)
#: The letter by which a leg came to stand so, where it is not called as the state is.
_BY_LETTER: Final = {Has.SENT: _tag(Asked), Has.WAITING: _tag(Received), Has.CHOSEN: _tag(Chosen), Has.GIVEN_UP: _tag(Ended)}
#: One change has at most so many appends, each with a moment of its own.
_APPENDS: Final = 2

_Key = tuple[str, str, bool, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A line about a letter. `life`: how often the process had started; `shaky`: it died right after, so that the step may not have been taken."""

    provider: str
    request: str
    what: str
    letter: int
    life: int = 1
    shaky: bool = False

    @property
    def key(self) -> _Key:
        """Which letter it is about: of whom, about what, from which of the two, and its number."""
        return self.provider, self.request, self.what in _ASKS, self.letter

    @property
    def leg(self) -> tuple[str, str]:
        """Which leg it is about."""
        return self.provider, self.request


def lines_in(journal: Path, provider_of: Callable[[PlaceStep], str | None]) -> list[Line]:
    """The lines about letters, oldest first; *provider_of* names the provider, and none for a line that is not to be judged."""
    lives: list[list[PlaceStep]] = [[]]
    for _, event in events_of(journal):
        if isinstance(event, Started):
            lives.append([])
        elif isinstance(event, PlaceStep) and event.letter:
            lives[-1].append(event)
    found: list[Line] = []
    for life, steps in enumerate(lives):
        last = sorted({step.moment for step in steps})[-_APPENDS:] if steps is not lives[-1] else []
        named = ((step, provider_of(step)) for step in steps)
        found += [Line(provider, step.request, step.what, step.letter, life, step.moment in last) for step, provider in named if provider is not None]
    return found


def judge_lines(verdict: Verdict, at_provider: Sequence[Line], at_asker: Sequence[Line], given: Iterable[AtProvider], asked: Iterable[AtAsker]) -> None:
    """Add what is wrong in the lines of the providers and of one asker, beside what they have on disk."""
    sides = (("its provider", at_provider), ("its asker", at_asker))
    for whose, lines in sides:
        repeated = Counter((line.key, line.what, line.life) for line in lines)
        verdict.twice += [f"{_named(key)} ({what}) has {number} lines at {whose}" for (key, what, _), number in sorted(repeated.items()) if number > 1]
    there, here = _last(at_provider), _last(at_asker)
    _agree(verdict, there, here)
    has = {(leg.provider, leg.request): (_BY_LETTER.get(leg.at, leg.at.value), leg.at is Has.GRANTED) for leg in asked}
    gave = {(leg.provider, leg.request): (leg.at.value, leg.at in GIVEN) for leg in given}
    _beside_disk(verdict, "its provider", [line for line in there.values() if not line.shaky or line.key in here], gave)
    _beside_disk(verdict, "its asker", [line for line in here.values() if not line.shaky or line.key in there], has)


def _last(lines: Iterable[Line]) -> dict[_Key, Line]:
    """The line that counts of each letter, in the order of the journal: what was not kept before a death was said otherwise after it."""
    found: dict[_Key, Line] = {}
    for line in lines:
        found.pop(line.key, None)
        found[line.key] = line
    return found


def _agree(verdict: Verdict, there: Mapping[_Key, Line], here: Mapping[_Key, Line]) -> None:
    """What one of the two wrote down of a letter, the other wrote down too."""
    for key in sorted({*there, *here}):
        provider, asker = there.get(key), here.get(key)
        one = provider or asker
        if one is None or one.what == _IN_PARTS:
            continue
        if provider is None or asker is None:
            if not one.shaky:
                verdict.lost.append(f"{_named(key)} ({one.what}) has no line at {'its provider' if provider is None else 'its asker'}")
        elif provider.what != asker.what:
            verdict.lost.append(f"{_named(key)} is {provider.what} at its provider, and {asker.what} at its asker")


def _beside_disk(verdict: Verdict, whose: str, lines: Iterable[Line], legs: Mapping[tuple[str, str], tuple[str, bool]]) -> None:
    """Every state has its line, every grant exactly one, and no grant stands in the journal alone."""
    said: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    granted: set[tuple[str, str]] = set()
    for line in lines:
        said[line.leg].add(line.what)
        if line.what == _GRANTED:
            if line.leg in granted:
                verdict.twice.append(f"{line.request} was granted twice by {line.provider}, say the lines of {whose}")
            granted.add(line.leg)
        elif line.what in _TAKEN_BACK and Gives.ARRIVED.value not in said[line.leg]:
            granted.discard(line.leg)
    for leg, (what, holds) in sorted(legs.items()):
        if holds and Gives.ARRIVED.value in said[leg]:
            continue  # whoever stands at the door has the place, whatever was said before
        if what not in said[leg]:
            verdict.lost.append(f"{leg[1]} at {leg[0]} is {what}, without a line at {whose}")
        elif holds and leg not in granted:
            verdict.lost.append(f"{leg[1]} has a place at {leg[0]}, without a line at {whose}")
    alone = granted - {leg for leg, (_, holds) in legs.items() if holds}
    verdict.twice += [f"{request} has a place at {provider} in the lines of {whose} alone" for provider, request in sorted(alone)]


def _named(key: _Key) -> str:
    provider, request, asks, letter = key
    return f"letter {letter} {'to' if asks else 'of'} {provider} about {request}"
