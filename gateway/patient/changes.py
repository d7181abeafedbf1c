"""What changes by a choice and what stays, before it is made: the decisions of `accord.rules` before and after, compared and put together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from accord.rules.consent import Basis, Choice, decide
from accord.rules.data_kinds import CATEGORIES_OF, DAILY, DataKind
from accord.rules.speaking import Acting
from accord.rules.stated import choices_at, in_force, with_statement
from accord.rules.statements import Answer, Cell, ChoiceLine, Side
from accord.terms.identifiers import Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from gateway.pages.telling import AMSTERDAM
from gateway.patient.ports import HolderChoices, KnownHolder, RegionInfo

_NOBODY: Final = Ura("00000000")


class Sight(IntEnum):
    """How much a provider that treats the patient sees."""

    NOTHING = 0
    IN_EMERGENCY = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class Change:
    """For these kinds of provider and data, sight at these holders goes from one to another."""

    users: tuple[HolderKind, ...]
    data: tuple[DataKind, ...]
    before: Sight
    after: Sight
    holders: tuple[KnownHolder, ...]

    @property
    def for_all_users(self) -> bool:
        """Whether it holds for every kind of provider."""
        return len(self.users) == len(HolderKind)


class Stays(StrEnum):
    """What a no to everything that is asked about in one go does not speak of."""

    NAME = "name"
    ADDRESS = "address"
    KEEPERS = "keepers"
    WISHES = "wishes"


_STAYS: Final = {
    Stays.NAME: frozenset({CareCategory.PATIENT}),
    Stays.ADDRESS: frozenset({CareCategory.PATIENT}),
    Stays.KEEPERS: frozenset({CareCategory.PRACTITIONER, CareCategory.CARE_SERVICE_ENTITIES}),
    Stays.WISHES: CATEGORIES_OF[DataKind.WISHES],
}


@dataclass(frozen=True, slots=True)
class Staying:
    """What stays in sight: always, only in an emergency, and always if the patient said yes in a way that the pages do not know."""

    always: tuple[Stays, ...]
    in_emergency: tuple[Stays, ...]
    elsewhere: tuple[Stays, ...]


def what_changes(on_record: Sequence[HolderChoices], lines: Iterable[ChoiceLine], acting: Acting, region: RegionInfo, at: datetime) -> tuple[Change, ...]:
    """Every difference that these lines make at the holders that could say what is on record there."""
    said = tuple(lines)
    about = tuple(dict.fromkeys(line.cell.data for line in said))
    day = at.astimezone(AMSTERDAM).date()
    cells: dict[tuple[HolderKind, DataKind, Sight, Sight], list[KnownHolder]] = {}
    for known in on_record:
        if known.code is not None:
            continue
        kind = known.holder.kind
        before = choices_at(kind, in_force(known.lines, acting.born, day), about)
        after = choices_at(kind, in_force(with_statement(known.lines, said, acting.voice, at), acting.born, day), about)
        for data in about:
            categories = CATEGORIES_OF[data]
            category = min(categories)
            was, becomes = [choice for choice in before if choice.category == category], [choice for choice in after if choice.category == category]
            for user in HolderKind:
                old, new = _sight(user, categories, was, region, at), _sight(user, categories, becomes, region, at)
                if old is not new:
                    cells.setdefault((user, data, old, new), []).append(known.holder)
    return _put_together(cells)


def what_stays(on_record: Sequence[HolderChoices], lines: Iterable[ChoiceLine], acting: Acting, region: RegionInfo, at: datetime) -> Staying:
    """What stays in sight where these lines say no to all that is asked about in one go; nothing where they do not."""
    said = tuple(lines)
    day = at.astimezone(AMSTERDAM).date()
    objected = {line.cell for line in said if line.answer is Answer.OBJECTS}
    asked = {(cell.side, cell.provider) for cell in objected}
    refused = [(side, provider) for side, provider in asked if all(Cell(side, provider, data) in objected for data in DAILY)]
    found: dict[Stays, Sight] = {}
    elsewhere: dict[Stays, Sight] = {}
    for known in on_record:
        if known.code is not None:
            continue
        kind = known.holder.kind
        after = choices_at(kind, in_force(with_statement(known.lines, said, acting.voice, at), acting.born, day))
        users = {
            user for side, provider in refused for user in HolderKind
            if (provider in (None, user) if side is Side.LOOKS else provider in (None, kind))
        }  # fmt: skip
        for user in users:
            for what, categories in _STAYS.items():
                found[what] = max(found.get(what, Sight.NOTHING), _sight(user, categories, after, region, at))
                if known.others:
                    # What was said there another way we do not know: this is what a yes to everything would come to.
                    sight = _sight(user, categories, (*after, Choice(permits=True)), region, at)
                    elsewhere[what] = max(elsewhere.get(what, Sight.NOTHING), sight)
    return Staying(
        tuple(what for what in Stays if found.get(what) is Sight.ALWAYS),
        tuple(what for what in Stays if found.get(what) is Sight.IN_EMERGENCY),
        tuple(what for what in Stays if elsewhere.get(what) is Sight.ALWAYS and found[what] is not Sight.ALWAYS),
    )


def _sight(user: HolderKind, categories: frozenset[CareCategory], choices: Sequence[Choice], region: RegionInfo, at: datetime) -> Sight:
    may_see = region.shown_to.get(user)
    if may_see is not None and may_see.isdisjoint(categories):
        return Sight.NOTHING
    asker = Asker(DataUser(_NOBODY, "", user), Professional("", "", ""), treats_the_patient=True)
    # All categories of one kind of data are chosen about alike: one of them tells.
    category = min(categories)
    if isinstance(decide(asker, PurposeOfUse.TREATMENT, category, choices, at=at), Basis):
        return Sight.ALWAYS
    if region.emergency and isinstance(decide(asker, PurposeOfUse.EMERGENCY_TREATMENT, category, choices, at=at), Basis):
        return Sight.IN_EMERGENCY
    return Sight.NOTHING


def _put_together(cells: Mapping[tuple[HolderKind, DataKind, Sight, Sight], Sequence[KnownHolder]]) -> tuple[Change, ...]:
    """Fewest sentences: the same for several kinds of data is said once, and so for several kinds of provider."""
    by_data: dict[tuple[HolderKind, Sight, Sight, tuple[KnownHolder, ...]], list[DataKind]] = {}
    for (user, data, old, new), holders in cells.items():
        by_data.setdefault((user, old, new, tuple(holders)), []).append(data)
    by_user: dict[tuple[tuple[DataKind, ...], Sight, Sight, tuple[KnownHolder, ...]], list[HolderKind]] = {}
    for (user, old, new, heard), kinds in by_data.items():
        by_user.setdefault((tuple(kinds), old, new, heard), []).append(user)
    changes = [Change(tuple(users), kinds, old, new, heard) for (kinds, old, new, heard), users in by_user.items()]
    return tuple(sorted(changes, key=lambda change: (change.after - change.before, [user.value for user in change.users])))
