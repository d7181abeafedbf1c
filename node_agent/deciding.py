"""The decisions of one question: taken once and before any record is read, but for records that a choice tells from others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from accord.rules.choices import Choice, Meaning
from accord.rules.deciding import NO_POLICY_OF_ITS_OWN, Case, Decision
from accord.rules.grounds import Basis
from accord.rules.labels import Label
from accord.rules.question import Interval, Question, RecordTraits
from accord.rules.scope import wants_category
from accord.terms.identifiers import RecordRef
from accord.terms.parties import Asker
from accord.terms.policies import ANY_ROLE, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.queries import Selection
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory, PurposeOfUse

#: Types whose category depends on the record; every other type has one.
_SPREAD = {
    "Observation": frozenset(category for category in CareCategory if category.name.startswith("OBSERVATION_")),
    "Consent": frozenset({CareCategory.CONSENT, CareCategory.ADVANCE_DIRECTIVE}),
}
_NO_LABELS: Final[frozenset[Label]] = frozenset()
#: For whoever decides without a policy of the region: every role may see every category, and glass is never broken.
WITHOUT_A_MATRIX: Final = RegionPolicy(RoleMatrix("none", {(None, ANY_ROLE): frozenset(CareCategory)}))


@dataclass(frozen=True, slots=True)
class Decisions:
    """What may be released to whoever asks, and on which ground.

    `categories` are those of which may be released what no choice tells from the rest. `named` are single records that a
    choice names. `uneven` are the categories of which every record must be looked at: a choice speaks of types, labels,
    codes, a period, or of what refers to what.
    """

    case: Case
    categories: dict[CareCategory, Basis]
    named: frozenset[RecordRef]
    uneven: frozenset[CareCategory]
    _even: frozenset[CareCategory] = field(repr=False)

    @property
    def must_be_read(self) -> frozenset[RecordRef]:
        """Records whose own references decide on others: of `related`, which follows them."""
        return frozenset(ref for choice in self.case.speaking for ref in _related(choice))

    def is_uniform(self, category: CareCategory) -> bool:
        """Whether the records of a category that bear no security label are decided alike, whatever else they hold.

        Of these neither codes nor moment need to be known. Labels always do.
        """
        return category in self._even

    def basis_of(
        self,
        category: CareCategory,
        type_name: str,
        logical_id: str,
        *,
        labels: frozenset[Label] = _NO_LABELS,
        codes: frozenset[Label] | None = None,
        moment: Interval | None = None,
        authors: frozenset[str] | None = None,
        refers_to: frozenset[str] | None = None,
        referred_from: frozenset[str] | None = None,
    ) -> Basis | None:
        """Why this record may be released; none when it may not. What is not known fits no permit and every objection."""
        if not labels and category not in self.uneven and (not self.named or RecordRef(type_name, logical_id) not in self.named):
            return self.categories.get(category)
        record = RecordTraits(RecordRef(type_name, logical_id), labels, codes, moment, authors, refers_to, referred_from)
        decision = self.case.decide(category, record)
        return decision if isinstance(decision, Basis) else None

    def explain(self, category: CareCategory, record: RecordTraits | None = None) -> Decision:
        """The decision with its evidence, for the journal."""
        return self.case.explain(category, record)

    def beside(self, category: CareCategory, ref: RecordRef | None = None, *, labels: frozenset[Label] = _NO_LABELS) -> Basis | None:
        """Why a record of this category may go along with one that is released; none when it may not.

        Companions, and the Patient record that shows who the answer is about, need no choice and no row of the matrix of
        their own. An objection that names their category, their type, their name or their label still keeps them, and so
        does what the holder never shares.
        """
        case = self.case
        if case.refusal is not None or case.keeps_category(category):
            return None
        record = RecordTraits(ref or _NOBODY, labels)
        if labels and case.keeps_label(record):
            return None
        own = self.categories.get(category)
        if own is None and any(not c.permits and c.names_category() and not c.looks_at_records and c.is_about(category) for c in case.speaking):
            return None
        if (ref is not None or labels) and any(not c.permits and _names_companion(c) and c.is_about(category) and c.fits(record) for c in case.speaking):
            return None
        if own is not None:
            return own
        return next(iter(self.categories.values()), Basis.PATIENT_CONSENTED if any(c.permits and c.looks_at_records for c in case.speaking) else None)

    def may_show(self, selection: Selection) -> bool:
        """Whether anything that is asked for could be released, as far as can be known without looking.

        Without a Patient record that may be shown nothing can be, because nobody could tell whom it is about.
        """
        if self.beside(CareCategory.PATIENT) is None:
            return False
        return any(category in self.categories or self.case.might_release(category) for category in _wanted(selection))

    def releases_all(self, categories: Iterable[CareCategory], type_name: str, *, labelled: bool = False) -> bool:
        """Whether every record of these categories may be released, whatever its name; *type_name* is empty for any type.

        *labelled* says that it may bear security labels, and nobody can tell which.
        """
        if labelled:
            return False
        return all(category in self.categories and category not in self.uneven for category in categories) and all(
            isinstance(self.case.decide(category, RecordTraits(ref)), Basis)
            for ref in self.named
            if type_name in ("", ref.type)
            for category in categories_of(ref.type)
        )

    @property
    def may_be_located(self) -> bool:
        """Whether whoever asks may be told that something is kept."""
        return bool(self.categories) or any(map(self.case.might_release, CareCategory))


_NOBODY: Final = RecordRef("Patient", "-")


def decide_case(question: Question, choices: Iterable[Choice], region: RegionPolicy, policy: HolderPolicy = NO_POLICY_OF_ITS_OWN) -> Decisions:
    """Decide on every category, and note which records a choice tells from others."""
    case = Case(question, choices, region, policy)
    decided = {category: case.decide(category) for category in CareCategory}
    categories = {category: outcome for category, outcome in decided.items() if isinstance(outcome, Basis)}
    by_name = [choice for choice in case.speaking if choice.looks_at_records and _names_only(choice)]
    by_look = [choice for choice in case.speaking if choice.looks_at_records and not _names_only(choice)]
    uneven = frozenset(category for category in CareCategory if any(choice.is_about(category) for choice in by_look))
    named = frozenset(ref for choice in by_name for ref in _named(choice))
    even = frozenset(category for category in CareCategory if category not in uneven and not any(choice.is_about(category) for choice in by_name))
    return Decisions(case, categories, named, uneven, even)


def decide_all(asked_by: Asker, purpose: PurposeOfUse, choices: Iterable[Choice], at: datetime) -> Decisions:
    """Decide by the patient's choices alone, where there is no policy of the region."""
    return decide_case(Question(asked_by, purpose, at), choices, WITHOUT_A_MATRIX)


def _chain(choice: Choice) -> tuple[Choice, ...]:
    return (choice, *choice.ancestors)


def _names_only(choice: Choice) -> bool:
    """Whether a choice tells records apart by their names alone."""
    return all(
        one.record is not None and one.meaning is Meaning.INSTANCE and not (one.types or one.labels or one.codes or one.period)
        for one in _chain(choice)
        if one.looks_at_records
    )


def _named(choice: Choice) -> list[RecordRef]:
    return [one.record for one in _chain(choice) if one.record is not None]


def _related(choice: Choice) -> list[RecordRef]:
    return [one.record for one in _chain(choice) if one.record is not None and one.meaning is Meaning.RELATED]


def _names_companion(choice: Choice) -> bool:
    """Whether a choice speaks of records by what is known of a companion too: its type, its name, its labels."""
    return choice.looks_at_records and not any(
        one.codes or one.period or (one.record is not None and one.meaning is not Meaning.INSTANCE) for one in _chain(choice)
    )


def _wanted(selection: Selection) -> frozenset[CareCategory]:
    categories = frozenset(category for name in selection.types for category in categories_of(name)) if selection.types else frozenset(CareCategory)
    return frozenset(category for category in categories if wants_category(selection, category))


def categories_of(type_name: str) -> frozenset[CareCategory]:
    """The categories that records of a type can be of; none for an unknown type."""
    kind = TYPE_BY_NAME.get(type_name)
    if kind is None:
        return frozenset()
    return _SPREAD.get(type_name, frozenset({kind.category}))
