"""The whole region from one seed: for every holder the records it keeps and the choices it knows of."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from typing import Final

from testbed.holders import BY_NAME, HOLDERS, FictionalHolder
from testbed.people.choosing import choose
from testbed.people.desk import Desk, KeptRecord
from testbed.people.histories import write_down
from testbed.people.known import Known
from testbed.people.life import draw_life
from testbed.people.lookalikes import write_twins
from testbed.people.mishaps import write_untidy
from testbed.people.numbers import CROWD, numbers_in
from testbed.people.person import draw_person
from testbed.people.story import STORY_PEOPLE, write_story
from testbed.people.untidy import TWINS, UNTIDY_PEOPLE
from testbed.people.wording import AMSTERDAM, Json

#: Saturday 02:41, when Dina comes in.
DINAS_NIGHT: Final = datetime(2026, 11, 21, 2, 41, tzinfo=AMSTERDAM)


@dataclass(frozen=True, slots=True, repr=False)
class Region:
    """What was made. Names of holders are those of the register; all holders have an entry, if an empty one."""

    at: datetime
    holders: tuple[FictionalHolder, ...]
    people: tuple[Known, ...]
    kept: Mapping[str, tuple[KeptRecord, ...]]
    choices: Mapping[str, tuple[Json, ...]]

    def records_at(self, holder: str) -> Iterator[bytes]:
        """The records of one holder as FHIR R4 JSON, in the order in which they were written down.

        Raises:
            KeyError: No such holder.
        """
        return (record.json for record in self.kept[holder])

    def choices_at(self, holder: str) -> tuple[Json, ...]:
        """What people decided about sharing, as far as this holder was told.

        Raises:
            KeyError: No such holder.
        """
        return self.choices[holder]

    def digest(self) -> str:
        """SHA-256 over everything: equal for equal seeds, on every machine."""
        whole = hashlib.sha256()
        for name, records in self.kept.items():
            whole.update(f"{name} {len(records)} {self.choices[name]!r}".encode())
            for record in records:
                whole.update(record.json)
        return whole.hexdigest()


def generate(seed: int = 2026, people: int = 520, at: datetime = DINAS_NIGHT) -> Region:
    """Make the region. Its people are those with a name in tests and story, and a crowd up to *people* in all.

    Nothing depends on the clock, the machine or the order of a set; a person of the crowd stays the same
    when there are more people.

    Raises:
        ValueError: *at* has no zone, or there are not so many test numbers.
    """
    if at.tzinfo is None:
        raise ValueError("the moment of the region needs a time zone")
    desks = {holder.name.value: Desk(holder, at) for holder in HOLDERS}
    write_story(desks, at)
    write_untidy(desks, at)
    write_twins(desks, at)
    named = (*STORY_PEOPLE.values(), *UNTIDY_PEOPLE.values(), *TWINS.values())
    crowd = tuple(_write_crowd(desks, seed, people - len(named), at))
    return Region(
        at,
        HOLDERS,
        named + crowd,
        {name: tuple(desk.records) if BY_NAME[name].answers else () for name, desk in desks.items()},
        {name: tuple(desk.choices) for name, desk in desks.items()},
    )


def _write_crowd(desks: Mapping[str, Desk], seed: int, people: int, at: datetime) -> Iterator[Known]:
    numbers = tuple(islice(numbers_in(CROWD), max(people, 0)))
    if len(numbers) < people:
        raise ValueError(f"there are test numbers for a crowd of {len(numbers)} only")
    for turn, bsn in enumerate(numbers):
        chance = Random(seed * 1_000_003 + turn)
        who = draw_person(bsn, at, chance)
        life = draw_life(who, at, chance)
        choose([write_down(desks[name], life, chance) for name in life.holders], at, chance)
        yield Known(who.bsn, who.born.isoformat(), life.holders)
