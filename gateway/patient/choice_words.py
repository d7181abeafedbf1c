"""A patient's choices in words: rows of a table, the questions of a form, the sentences of what changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accord.rules.data_kinds import DAILY, DataKind
from accord.rules.speaking import Acting
from accord.rules.stated import in_force
from accord.rules.statements import Answer, Cell, ChoiceLine, Side, Statement
from accord.terms.vocabulary import HolderKind
from gateway.pages.telling import AMSTERDAM, Words
from gateway.patient.changes import Change, Sight, Staying
from gateway.patient.ports import HolderChoices, KnownHolder
from gateway.patient.sessions import Subject

_WISHES = "wishes"
#: The answer of a form that answers one by one.
_EACH = "each"


class State(StrEnum):
    """What is on record about one subject."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    NONE = "none"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: whom it is about, what is on record, since when, and the code that opens it."""

    subject: str
    who: str
    state: State
    details: str
    since: str


@dataclass(frozen=True, slots=True)
class ChoiceTable:
    """All rows, and the holders that could not say. `others` are kinds that look and that the patient has nothing to do with yet.

    `elsewhere` are the holders with choices on record that came another way.
    """

    looks: tuple[Row, ...]
    others: tuple[Row, ...]
    keeps: tuple[Row, ...]
    wishes: Row
    silent: tuple[KnownHolder, ...]
    elsewhere: tuple[KnownHolder, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the form: its code, its words, and the answer on record."""

    code: str
    words: str
    answer: str


@dataclass(frozen=True, slots=True)
class SubjectForm:
    """The form about one subject. `overall` is the answer on record to the first question."""

    key: str
    who: str
    overall: str
    questions: tuple[Question, ...]


def read_subject(code: str) -> Subject | None:
    """What a row's code opens; none for a code that no row has."""
    if code == _WISHES:
        return Subject()
    side, _, kind = code.partition(":")
    if side not in tuple(Side) or kind not in tuple(HolderKind):
        return None
    return Subject(Side(side), HolderKind(kind))


def cells_of(subject: Subject) -> dict[str, Cell]:
    """The cells that a subject's questions are about, by code; for the wishes `*` is everybody."""
    if subject.side is None:
        return {"*": Cell(Side.LOOKS, None, DataKind.WISHES)} | {kind.value: Cell(Side.LOOKS, kind, DataKind.WISHES) for kind in HolderKind}
    return {data.value: Cell(subject.side, subject.provider, data) for data in DAILY}


def answers_of_form(subject: Subject, form: Mapping[str, str]) -> tuple[ChoiceLine, ...] | None:
    """The lines of a filled-in form; none when an answer is missing or is none that was offered."""
    cells, overall = cells_of(subject), form.get("overall", "")
    if overall == _EACH:
        answers = {code: form.get(f"each-{code}", "") for code in cells if code != "*"}
        if "*" in cells:
            answers["*"] = Answer.WITHDRAWN.value
    else:
        answers = dict.fromkeys(cells, overall)
        if "*" in cells:
            answers = dict.fromkeys(cells, Answer.WITHDRAWN.value) | {"*": overall}
    if not all(answer in tuple(Answer) for answer in answers.values()):
        return None
    return tuple(ChoiceLine(cells[code], Answer(answer)) for code, answer in answers.items())


def choice_rows(on_record: Sequence[HolderChoices], acting: Acting, words: Words, at: datetime) -> ChoiceTable:
    """What is on record, row by row."""
    kinds = {known.holder.kind for known in on_record}
    looks = {kind: _row(Subject(Side.LOOKS, kind), on_record, acting, words, at) for kind in HolderKind}
    near = tuple(row for kind, row in looks.items() if kind in kinds or row.state is not State.NONE)
    far = tuple(row for row in looks.values() if row not in near)
    keeps = tuple(_row(Subject(Side.KEEPS, kind), on_record, acting, words, at) for kind in HolderKind if kind in kinds)
    silent = tuple(known.holder for known in on_record if known.code is not None)
    elsewhere = tuple(known.holder for known in on_record if known.others)
    return ChoiceTable(near, far, keeps, _row(Subject(), on_record, acting, words, at), silent, elsewhere)


def subject_form(subject: Subject, on_record: Sequence[HolderChoices], acting: Acting, words: Words) -> SubjectForm:
    """The form, filled in with what this person answered before."""
    cells = cells_of(subject)
    mine = _own_answers(on_record, acting, cells)
    names = {code: words(f"provider.{code}") if subject.side is None else words(f"data.{code}") for code in cells if code != "*"}
    questions = tuple(Question(code, name, mine.get(code, Answer.WITHDRAWN).value) for code, name in names.items())
    given = {mine.get(code, Answer.WITHDRAWN) for code in names}
    overall = ""
    if subject.side is None and "*" in mine and given == {Answer.WITHDRAWN}:
        overall = mine["*"].value
    elif mine and subject.side is not None:
        overall = _EACH if len(given) > 1 else min(given).value
    elif given != {Answer.WITHDRAWN}:
        overall = _EACH
    key = subject.side.value if subject.side else _WISHES
    return SubjectForm(key, words(f"provider.{subject.provider}") if subject.provider else "", overall, questions)


def change_lines(changes: Sequence[Change], heard: Sequence[HolderChoices], words: Words) -> tuple[tuple[str, str], ...]:
    """Each change as the kind of change (`more`, `less`) and a sentence."""
    return tuple(("more" if change.after > change.before else "less", _sentence(change, len(heard), words)) for change in changes)


def staying_lines(stays: Staying, words: Words) -> tuple[str, ...]:
    """What stays in sight, in sentences."""
    told = (("always", stays.always), ("in_emergency", stays.in_emergency), ("elsewhere", stays.elsewhere))
    return tuple(words(f"stays.{key}", data=words.listing(words(f"stays.{one}") for one in what)) for key, what in told if what)


def undo_lines(before: Sequence[HolderChoices], statement: Statement, acting: Acting) -> tuple[ChoiceLine, ...]:
    """The lines that put back what this person had answered before."""
    cells = {str(index): line.cell for index, line in enumerate(statement.lines)}
    mine = _own_answers(before, acting, cells)
    lines = tuple(ChoiceLine(cell, mine.get(code, Answer.WITHDRAWN)) for code, cell in cells.items())
    return () if set(lines) == set(statement.lines) else lines


def _own_answers(on_record: Sequence[HolderChoices], acting: Acting, cells: Mapping[str, Cell]) -> dict[str, Answer]:
    """What this voice answered last, whichever holder keeps it; without a word of its own, what is in force."""
    found: dict[Cell, tuple[datetime, Answer]] = {}
    for known in on_record:
        for one in known.lines:
            ours = one.voice is acting.voice or not acting.needs_both
            if ours and (one.line.cell not in found or found[one.line.cell][0] < one.since):
                found[one.line.cell] = one.since, one.line.answer
    return {code: found[cell][1] for code, cell in cells.items() if cell in found}


def _row(subject: Subject, on_record: Sequence[HolderChoices], acting: Acting, words: Words, at: datetime) -> Row:
    cells = frozenset(cells_of(subject).values())
    day = at.astimezone(AMSTERDAM).date()
    concerned = [known for known in on_record if known.code is None and (subject.side is not Side.KEEPS or known.holder.kind is subject.provider)]
    at_each = [{line.cell: line.answer for line in in_force(known.lines, acting.born, day) if line.cell in cells} for known in concerned]
    moments = [one.since for known in concerned for one in known.lines if one.line.cell in cells]
    state, details = State.NONE, ""
    if any(answers != at_each[0] for answers in at_each):
        state = State.DIFFERS
    elif at_each and at_each[0]:
        state, details = _state(subject, at_each[0], words)
    who = words(f"provider.{subject.provider}") if subject.provider else words("choices.wishes_who")
    code = f"{subject.side}:{subject.provider}" if subject.side else _WISHES
    since = words.day_only(max(moments).astimezone(AMSTERDAM).date()) if moments and state is not State.NONE else ""
    return Row(code, who, state, details, since)


def _state(subject: Subject, answers: Mapping[Cell, Answer], words: Words) -> tuple[State, str]:
    everybody = Cell(Side.LOOKS, None, DataKind.WISHES)
    said = set(answers.values())
    complete = len(answers) == len(DAILY) if subject.side else set(answers) == {everybody}
    if complete and len(said) == 1:
        return (State.YES if said == {Answer.PERMITS} else State.NO), ""
    parts = []
    for answer in (Answer.PERMITS, Answer.OBJECTS):
        names = [
            words(f"provider.{cell.provider}") if subject.side is None and cell.provider else words("choices.everybody") if cell == everybody
            else words(f"data.{cell.data}")
            for cell, given in answers.items() if given is answer
        ]  # fmt: skip
        if names:
            parts.append(words(f"choices.partly_{answer}", what=words.listing(names)))
    return State.PARTLY, " ".join(parts)


def _sentence(change: Change, heard: int, words: Words) -> str:
    who = words.listing(words(f"provider.{user}") for user in change.users)
    many = "all" if change.for_all_users else "many" if len(change.users) > 1 else "one"
    key = {
        (Sight.ALWAYS, Sight.NOTHING): "no_more",
        (Sight.ALWAYS, Sight.IN_EMERGENCY): "only_emergency",
        (Sight.IN_EMERGENCY, Sight.NOTHING): "not_even_emergency",
        (Sight.NOTHING, Sight.IN_EMERGENCY): "now_emergency",
    }.get((change.before, change.after), "from_now")
    sentence = words(f"changes.{key}_{many}", who=who, data=words.listing(words(f"data.{data}") for data in change.data))
    sentence = sentence[0].upper() + sentence[1:]
    if len(change.holders) < heard:
        sentence += " " + words("changes.at_holders", holders=words.listing(holder.title for holder in change.holders))
    return sentence
