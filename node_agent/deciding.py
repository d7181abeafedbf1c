"""The decisions of one question, taken once and before any record is read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accord.rules.consent import Basis, Choice, decide, released_categories
from accord.rules.scope import wants_category
from accord.terms.identifiers import RecordRef
from accord.terms.parties import Asker
from accord.terms.queries import Selection
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory, PurposeOfUse

#: Types whose category depends on the record; every other type has one.
_SPREAD = {
    "Observation": frozenset(category for category in CareCategory if category.name.startswith("OBSERVATION_")),
    "Consent": frozenset({CareCategory.CONSENT, CareCategory.ADVANCE_DIRECTIVE}),
}


@dataclass(frozen=True, slots=True)
class Decisions:
    """What may be released to whoever asks, and on which ground.

    `categories` are those that may be released as a whole. `named` are single records that a choice speaks of.
    """

    asked_by: Asker
    purpose: PurposeOfUse
    at: datetime
    choices: tuple[Choice, ...]
    categories: dict[CareCategory, Basis]
    named: frozenset[RecordRef]

    def basis_of(self, category: CareCategory, type_name: str, logical_id: str) -> Basis | None:
        """Why this record may be released; none when it may not."""
        if self.named:
            ref = RecordRef(type_name, logical_id)
            if ref in self.named:
                decision = decide(self.asked_by, self.purpose, category, self.choices, at=self.at, record=ref)
                return decision if isinstance(decision, Basis) else None
        return self.categories.get(category)

    def beside(self, category: CareCategory) -> Basis | None:
        """Why a record of this category may go along with one that is released; none when it may not.

        Companions, and the Patient record that shows who the answer is about, need no choice of their own. An
        objection that names their category still keeps them.
        """
        own = self.categories.get(category)
        if own is not None:
            return own
        if any(not c.permits and c.category is category and c.fits(self.asked_by, self.purpose, category, None, self.at) for c in self.choices):
            return None
        return next(iter(self.categories.values()), Basis.PATIENT_CONSENTED if self.named else None)

    def may_show(self, selection: Selection) -> bool:
        """Whether anything that is asked for could be released, as far as can be known without looking.

        Without a Patient record that may be shown nothing can be, because nobody could tell whom it is about.
        """
        if self.beside(CareCategory.PATIENT) is None:
            return False
        return self._permits_a_record() or any(category in self.categories for category in _wanted(selection))

    def releases_all(self, categories: Iterable[CareCategory], type_name: str) -> bool:
        """Whether every record of these categories may be released, whatever its name; *type_name* is empty for any type."""
        return all(category in self.categories for category in categories) and all(
            isinstance(decide(self.asked_by, self.purpose, category, self.choices, at=self.at, record=ref), Basis)
            for ref in self.named
            if type_name in ("", ref.type)
            for category in categories_of(ref.type)
        )

    @property
    def may_be_located(self) -> bool:
        """Whether whoever asks may be told that something is kept."""
        return bool(self.categories) or self._permits_a_record()

    def _permits_a_record(self) -> bool:
        return any(
            isinstance(decide(self.asked_by, self.purpose, category, self.choices, at=self.at, record=ref), Basis)
            for ref in self.named
            for category in categories_of(ref.type)
        )


def decide_all(asked_by: Asker, purpose: PurposeOfUse, choices: Iterable[Choice], at: datetime) -> Decisions:
    """Decide on every category, and note which records a choice names."""
    known = tuple(choices)
    named = frozenset(choice.record for choice in known if choice.record is not None)
    return Decisions(asked_by, purpose, at, known, released_categories(asked_by, purpose, known, at=at), named)


def _wanted(selection: Selection) -> frozenset[CareCategory]:
    categories = frozenset(category for name in selection.types for category in categories_of(name)) if selection.types else frozenset(CareCategory)
    return frozenset(category for category in categories if wants_category(selection, category))


def categories_of(type_name: str) -> frozenset[CareCategory]:
    """The categories that records of a type can be of; none for an unknown type."""
    kind = TYPE_BY_NAME.get(type_name)
    if kind is None:
        return frozenset()
    return _SPREAD.get(type_name, frozenset({kind.category}))
