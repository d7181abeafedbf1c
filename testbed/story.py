"""The acceptance story as checks: every *must hold* on what arrives through public faces, one finding each.

Of steps 1, 2 and 5 also on the screen, in a real browser; where there is none, that cannot be told.

The step of the story whose parts do not exist yet is not told: 7. Steps 5 and 6, and who joins in step 3, have regions of their own.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from testbed import (
    story_developer,
    story_emergency,
    story_glass,
    story_it,
    story_joining,
    story_kitchen,
    story_place,
    story_screen,
    story_silence,
    story_transfer,
)
from testbed.plants import PLANTS, Plant
from testbed.region import BlockingRegion
from testbed.story_evidence import CannotBeTold, DoesNotHold, Night

PEOPLE: Final = 60
#: Checks one must-hold, which its docstring says; returns what was found, or raises.
Fact = Callable[[Night], str]
N = TypeVar("N", bound=Night | story_transfer.Transfer)


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one *must hold* holds; none when it cannot be told here, and why."""

    step: int
    fact: str
    must_hold: str
    holds: bool | None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """For one line of JSON."""
        return {"story": "dina", "step": self.step, "fact": self.fact, "must_hold": self.must_hold, "holds": self.holds, "why": self.why}

    def __str__(self) -> str:
        mark = {True: "holds", False: "FAILS", None: "-----"}[self.holds]
        return f"{mark}  {self.step}. {self.must_hold}" + (f"  [{self.why}]" if self.why else "")


@dataclass(frozen=True, slots=True)
class Unchecked:
    """How many *must holds* could not be checked here, why, and what to do about it."""

    number: int
    of: int
    why: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For the last line of JSON."""
        return {"story": "dina", "not_checked": self.number, "of": self.of, "why": list(self.why), "next": _TO_CHECK}

    def __str__(self) -> str:
        return f"Not checked: {self.number} of {self.of} ({'; '.join(self.why)}). {_TO_CHECK}"


STEPS: Final[dict[int, tuple[Callable[[Any], str], ...]]] = {
    1: (*story_emergency.FACTS, *story_screen.FACTS),
    # First on the screen: while an emergency lasts, holders write no second line of it.
    2: (*story_glass.FACTS, *story_silence.FACTS),
    3: story_it.FACTS,
    4: story_developer.FACTS,
    5: story_place.FACTS,
    6: story_kitchen.FACTS,
}
#: How telling it ends, beside 0: something does not hold; or nothing failed, and not everything that was asked for could be checked.
FAILS: Final = 1
NOT_CHECKED: Final = 3
_TO_CHECK: Final = "In a checkout `make .venv/.dev` installs all that is needed but Chromium: install the package chromium, or name one in NOABER_CHROMIUM."
_IT: Final = 3
#: Steps with a region of their own.
_PLACE: Final = 5
_KITCHEN: Final = 6


def tell(*, seed: int = 2026, plant: str | None = None, steps: Iterable[int] = STEPS, hapi: bool = False) -> Iterator[Finding]:
    """Run the night, with a planted wrong where one is named, and tell what was found. *hapi*: who joins has a real HAPI server.

    Raises:
        ProcessFailed: The region could not be started.
        KeyError: There is no such plant, or step.
    """
    planted = PLANTS[plant] if plant is not None else None
    of_places = planted is not None and planted.is_of_places
    told = [step for step in steps if not of_places or step == _PLACE]
    if set(told) - {_PLACE, _KITCHEN}:
        yield from _tell_the_night(seed, planted, [step for step in told if step not in (_PLACE, _KITCHEN)])
    if _IT in told and planted is None:
        yield from _tell_of_joining(seed, hapi=hapi)
    if _PLACE in told and (planted is None or of_places):
        yield from _tell_of_places(seed, planted)
    if _KITCHEN in told and planted is None:
        with story_kitchen.kitchen_table() as table:
            night = Night(table)
            for fact in STEPS[_KITCHEN]:
                yield _found(_KITCHEN, fact, night)


def unchecked(findings: Collection[Finding]) -> Unchecked | None:
    """What could not be checked of what was told; none when everything was."""
    reasons = [one.why for one in findings if one.holds is None]
    return Unchecked(len(reasons), len(findings), tuple(dict.fromkeys(reasons))) if reasons else None


def exit_code(findings: Collection[Finding]) -> int:
    """0 when everything that was asked for was checked, and holds."""
    if any(one.holds is False for one in findings):
        return FAILS
    return NOT_CHECKED if unchecked(findings) is not None or not findings else 0


def _tell_the_night(seed: int, planted: Plant | None, steps: Collection[int]) -> Iterator[Finding]:
    with BlockingRegion.start(seed=seed, people=PEOPLE, change=planted.change if planted else None, viewer=bool({1, 2} & set(steps))) as region:
        if planted is not None and planted.spoil is not None:
            planted.spoil(region)
        night = Night(region)
        with suppress(Exception):  # whatever is the matter with it, the check that needs it says so
            night.look()
        for step in steps:
            for fact in STEPS[step]:
                yield _found(step, fact, night)


def _tell_of_joining(seed: int, *, hapi: bool) -> Iterator[Finding]:
    """In a region of its own: who joins would change what the other steps compare."""
    with story_joining.somebody_joins(seed=seed, hapi=hapi) as newcomer:
        for fact in story_joining.FACTS:
            yield _found(_IT, fact, newcomer)


def _tell_of_places(seed: int, planted: Plant | None) -> Iterator[Finding]:
    before, after = (planted.before_places, planted.after_places) if planted is not None else (None, None)
    with story_transfer.transfer_point(seed=seed, before=before, after=after) as monday:
        for fact in story_place.FACTS:
            yield _found(_PLACE, fact, monday)


def _found(step: int, fact: Callable[[N], str], night: N) -> Finding:
    name, must_hold = fact.__name__.replace("_", "-"), (fact.__doc__ or "").strip().rstrip(".")
    try:
        return Finding(step, name, must_hold, True, fact(night))
    except CannotBeTold as reason:
        return Finding(step, name, must_hold, None, str(reason))
    except DoesNotHold as reason:
        return Finding(step, name, must_hold, False, str(reason))
    except Exception as failure:  # noqa: BLE001 - whatever went wrong: what could not be shown does not hold
        return Finding(step, name, must_hold, False, f"could not be checked: {type(failure).__name__}: {failure}")
