"""What choices mean: from the lines that a holder keeps to the choices that `accord.rules` decides by.

A provider that keeps and a provider that looks must both be given the word: an objection on either side wins. So an objection
to sharing speaks against every kind of data user by name, and no permission for one kind outweighs it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import pairwise
from typing import Final

from accord.rules.consent import Choice
from accord.rules.data_kinds import BASICS, CATEGORIES_OF, DataKind
from accord.rules.moments import AMSTERDAM
from accord.rules.speaking import CHILD_DECIDES_AT, CHILD_SPEAKS_AT, age, birthday
from accord.rules.statements import Answer, Cell, ChoiceLine, Side, Voice
from accord.terms.vocabulary import HolderKind

#: What a choice that was stated on the patient's pages names as where it comes from.
SOURCE: Final = "patient"
#: Of two answers of the same second the careful one counts, in whatever order they arrive.
_CAREFUL: Final = {Answer.PERMITS: 0, Answer.WITHDRAWN: 1, Answer.OBJECTS: 2}


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A choice as a holder keeps it: who said it, and since when it is confirmed."""

    line: ChoiceLine
    voice: Voice
    since: datetime


def with_statement(kept: Iterable[KeptLine], lines: Iterable[ChoiceLine], voice: Voice, moment: datetime) -> tuple[KeptLine, ...]:
    """What is on record after these lines: for each cell and voice the latest counts, and of the same second the careful one."""
    latest = {(one.line.cell, one.voice): one for one in kept}
    for line in lines:
        known = latest.get((line.cell, voice))
        if known is None or (known.since, _CAREFUL[known.line.answer]) < (moment, _CAREFUL[line.answer]):
            latest[line.cell, voice] = KeptLine(line, voice, moment)
    return tuple(latest.values())


def in_force(kept: Sequence[KeptLine], born: date | None, at: date) -> tuple[ChoiceLine, ...]:
    """The answers that count. A child's parents decide until it is 12; until it is 16 a yes needs both, a no needs one."""
    years = None if born is None else age(born, at)
    said: dict[Cell, dict[Voice, KeptLine]] = {}
    for one in kept:
        said.setdefault(one.line.cell, {})[one.voice] = one
    answers = {cell: _answer(voices, years) for cell, voices in said.items()}
    return tuple(ChoiceLine(cell, answer) for cell, answer in answers.items() if answer is not Answer.WITHDRAWN)


def _answer(voices: dict[Voice, KeptLine], years: int | None) -> Answer:
    if years is not None and years < CHILD_SPEAKS_AT:
        voices = {voice: one for voice, one in voices.items() if voice is not Voice.SELF}
    if not voices:
        return Answer.WITHDRAWN
    if years is not None and CHILD_SPEAKS_AT <= years < CHILD_DECIDES_AT:
        answers = [voices[voice].line.answer if voice in voices else Answer.WITHDRAWN for voice in (Voice.SELF, Voice.PARENT)]
        if Answer.OBJECTS in answers:
            return Answer.OBJECTS
        return Answer.PERMITS if answers == [Answer.PERMITS, Answer.PERMITS] else Answer.WITHDRAWN
    # One who decides alone speaks through the last word: their own, or that of who spoke for them.
    return max(voices.values(), key=lambda one: (one.since, _CAREFUL[one.line.answer])).line.answer


def choices_at(kind: HolderKind, lines: Iterable[ChoiceLine], about: Iterable[DataKind] = tuple(DataKind)) -> tuple[Choice, ...]:
    """The choices by which a holder of this kind decides about these kinds of data."""
    wanted = frozenset(about)
    found: list[Choice] = []
    answers: dict[Cell, Answer] = {}
    for line in lines:
        cell = line.cell
        answers[cell] = line.answer
        if cell.data in wanted and (cell.side is Side.LOOKS or cell.provider in (None, kind)):
            found.extend(_choices(cell, permits=line.answer is Answer.PERMITS))
    for user in (None, *HolderKind):
        # To whom nothing may be shown at all, it is not shown either whose records these are.
        if all(_objects(answers, user, data) for data in DataKind):
            found.extend(Choice(permits=False, user=user, category=category) for category in sorted(BASICS))
    return tuple(dict.fromkeys(found))


def choices_in_time(kind: HolderKind, kept: Sequence[KeptLine], born: date | None, at: datetime) -> tuple[Choice, ...]:
    """The choices by which a holder of this kind decides from *at* on, without asking again: a child's change on its birthdays."""
    today = at.astimezone(AMSTERDAM).date()
    turns = [day for years in (CHILD_SPEAKS_AT, CHILD_DECIDES_AT) if born is not None and (day := birthday(born, years)) > today]
    found: list[Choice] = []
    for first, after in pairwise((None, *turns, None)):
        choices = choices_at(kind, in_force(kept, born, first or today))
        found.extend(replace(choice, begins=_midnight(first), ends=_midnight(after), source=SOURCE) for choice in choices)
    return tuple(found)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, AMSTERDAM)


def _objects(answers: Mapping[Cell, Answer], user: HolderKind | None, data: DataKind) -> bool:
    """Whether nothing of this kind may be shown to these providers: their own answer counts before that for everybody."""
    own = answers.get(Cell(Side.LOOKS, user, data)) or answers.get(Cell(Side.LOOKS, None, data))
    return own is Answer.OBJECTS


def _choices(cell: Cell, *, permits: bool) -> Iterable[Choice]:
    categories = CATEGORIES_OF[cell.data]
    users: tuple[HolderKind | None, ...] = (cell.provider if cell.side is Side.LOOKS else None,)
    if not permits and cell.side is Side.KEEPS:
        users = tuple(HolderKind)
    if permits:
        # Whose record it is goes along with the least that is shown; a no about one kind of data says nothing of it.
        categories |= BASICS
    for user in users:
        for category in sorted(categories):
            yield Choice(permits=permits, user=user, category=category)
