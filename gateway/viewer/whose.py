"""Whose dossier it is: what most holders say of the person, and who says it otherwise."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from accord.rules.moments import AMSTERDAM
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.trees import Tree, parts, text
from gateway.dossier.clinical.view import ClinicalView
from gateway.viewer.headings import Who
from gateway.viewer.hearing import Hearing
from gateway.viewer.speaking import Speech

#: More would push the page down: the section Person has them all.
_MOST_DIFFERENCES: Final = 3
_MOST_LETTERS: Final = 80
_CHILD_MONTHS: Final = 24


@dataclass(frozen=True, slots=True)
class _Stated:
    """What one holder says of the person."""

    holder: HolderName
    name: str
    family: str
    born: str
    sex: str
    deceased: str


def whose(view: ClinicalView, hearing: Hearing, bsn: Bsn, speech: Speech) -> Who | None:
    """The person, as most holders have them; none while nobody said. The number is the one that was asked about: no record has another."""
    stated = list(_stated(view))
    if not stated:
        return None
    family, born, sex = (_usual(stated, of) for of in (_family, _born, _sex))
    first = max(stated, key=lambda one: ((one.born == born) + (one.sex == sex) + (_family(one) == family), bool(one.name), len(one.name)))
    others = {one.holder for one in stated} - {first.holder}
    title = _title(hearing, first.holder)
    return Who(
        name=_short(first.name) or speech("who.unknown"),
        born=speech.day(born) if born else speech("who.unknown"),
        age=_age(born, speech),
        sex=_sex_words(sex, speech),
        bsn=bsn.value,
        according_to=speech("who.according_some", holders=title, n=len(others)) if others else speech("who.according", holders=title),
        differs=tuple(_differences(stated, hearing, speech, first, born, sex))[:_MOST_DIFFERENCES],
        deceased=next((_deceased(one.deceased, speech) for one in stated if one.deceased), ""),
    )


def stated_name(view: ClinicalView) -> str:
    """The name that most holders have; empty where nobody said one."""
    return _usual(list(_stated(view)), lambda one: one.name)


def _stated(view: ClinicalView) -> Iterator[_Stated]:
    for thread in view.threads(Section.PERSON):
        for line in thread.lines:
            if line.origin.type == "Patient" and not line.in_error:
                tree = view.tree(line)
                named = _name_of(tree)
                for holder in sorted(line.holders, key=lambda one: (one != line.holder, one.value)):
                    yield _Stated(holder, *named, text(tree, "birthDate")[:10], text(tree, "gender"), _death(tree))


def _name_of(tree: Tree) -> tuple[str, str]:
    """The whole name and the family name; the official one, else the first."""
    names = sorted(parts(tree, "name"), key=lambda one: text(one, "use") not in {"official", "usual"})
    for name in names:
        given = name.get("given")
        words = [one for one in (given if isinstance(given, list) else []) if isinstance(one, str)]
        family = text(name, "family")
        if whole := text(name, "text") or " ".join(filter(None, (*words, family))):
            return whole, family
    return "", ""


def _death(tree: Tree) -> str:
    if when := text(tree, "deceasedDateTime"):
        return when
    return "yes" if tree.get("deceasedBoolean") is True else ""


def _family(one: _Stated) -> str:
    return "".join(filter(str.isalpha, (one.family or one.name).casefold()))


def _born(one: _Stated) -> str:
    return one.born


def _sex(one: _Stated) -> str:
    return one.sex


def _usual(stated: list[_Stated], of: Callable[[_Stated], str]) -> str:
    """What most say; of what equally many say, the first in the alphabet, so that the order of arrival says nothing."""
    counted = Counter(value for one in stated if (value := of(one)))
    return min(counted, key=lambda value: (-counted[value], value), default="")


def _differences(stated: list[_Stated], hearing: Hearing, speech: Speech, first: _Stated, born: str, sex: str) -> Iterator[str]:
    seen: set[str] = set()
    for one in stated:
        told = []
        if _family(one) and _family(one) != _family(first):
            told.append(speech("who.differs_name", holder=_title(hearing, one.holder), value=_short(one.name)))
        if one.born and one.born != born:
            told.append(speech("who.differs_born", holder=_title(hearing, one.holder), value=speech.day(one.born)))
        if one.sex and one.sex != sex:
            told.append(speech("who.differs_sex", holder=_title(hearing, one.holder), value=_sex_words(one.sex, speech)))
        yield from (sentence for sentence in told if sentence not in seen)
        seen.update(told)


def _title(hearing: Hearing, name: HolderName) -> str:
    card = hearing.card(name)
    return card.title if card is not None else name.value


def _sex_words(sex: str, speech: Speech) -> str:
    return speech(f"who.{sex}") if sex in {"male", "female"} else speech("who.unknown")


def _deceased(death: str, speech: Speech) -> str:
    return speech("who.yes") if death == "yes" else speech.day(death)


def _age(born: str, speech: Speech) -> str:
    """Whole years; of a small child months. Empty where the day is not known."""
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return ""
    today = speech.now.astimezone(AMSTERDAM).date()
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months < 0:
        return ""
    return speech("who.age_months", n=months) if months < _CHILD_MONTHS else speech("who.age", n=months // 12)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[:_MOST_LETTERS]} …"
