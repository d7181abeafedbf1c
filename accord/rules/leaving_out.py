"""What a holder keeps, or may keep, and does not ask its own systems for: a property of the holder, and never of a patient."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from accord.terms.queries import Selection
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import CareCategory

#: So many records are read by name rather than looked for among all that is kept.
MOST_NAMED: Final = 200


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Types of R4, each with the care categories of it that are not asked for. None: whatever is kept is asked for."""

    parts: frozenset[tuple[str, CareCategory]] = frozenset()

    @classmethod
    def whole(cls, types: Iterable[str]) -> Self:
        """These types, whatever their records fall into."""
        return cls(frozenset((name, category) for name in types for category in categories_of_type(name)))

    @property
    def types(self) -> frozenset[str]:
        """The types of which something is left out."""
        return frozenset(name for name, _ in self.parts)

    def within(self, selection: Selection) -> frozenset[CareCategory]:
        """The care categories in which an answer to this question may lack something. What is asked by name is read by name."""
        if is_by_name(selection):
            return frozenset()
        return frozenset(
            category
            for name, category in self.parts
            if (not selection.types or name in selection.types) and (not selection.categories or category in selection.categories)
        )

    def holds_all_of(self, selection: Selection) -> bool:
        """Whether nothing that a question names is ever asked for, so that there is no answer to it."""
        names = selection.types
        if not names or "Patient" in names or is_by_name(selection):
            return False
        wanted = {(name, category) for name in names for category in categories_of_type(name) if not selection.categories or category in selection.categories}
        return bool(wanted) and wanted <= self.parts


def is_by_name(selection: Selection) -> bool:
    """Whether a question names its records, and few enough to read each."""
    names = selection.types - {"Patient"}
    return bool(names and selection.ids) and len(names) * len(selection.ids) <= MOST_NAMED


@dataclass(frozen=True, slots=True)
class Located:
    """What a holder says when it is asked whether it knows somebody. What it leaves out is the same for everybody."""

    located: bool
    left_out: LeftOut = LeftOut()
