"""What a patient chose: whom and what a choice speaks of, and how specific it is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from accord.rules.labels import Label, objection_speaks, permit_speaks, permits_label
from accord.rules.question import Interval, Question, RecordTraits
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

Weight = tuple[int, ...]
#: So deep are choices within choices followed; a consent is not read any deeper.
DEEPEST: Final = 8


class Meaning(StrEnum):
    """What a choice about a record is about (FHIR ConsentDataMeaning)."""

    INSTANCE = "instance"
    """The record itself."""
    RELATED = "related"
    """The record, and those that it refers to."""
    DEPENDENTS = "dependents"
    """The record, and those that refer to it."""
    AUTHORED_BY = "authoredby"
    """Records written by whom the record is of."""


@dataclass(frozen=True, slots=True)
class RoleCode:
    """Everybody in a role (RoleCodeNL)."""

    code: str


@dataclass(frozen=True, slots=True)
class ProfessionalNumber:
    """One professional, by number."""

    value: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What the patient decided. A member that is none or empty stands for all of its kind; of several, one is enough.

    `begins` and `ends` bound its validity (ends excluded); a choice outside them does not exist. `period` bounds the moment
    of the records it is about. A choice `within` another holds only where that other one holds too, and is an exception to
    it. A `doubtful` objection is one of which something was not understood: it is as wide as it could mean, and nothing
    overrules it. `source`, the `place` in it, and `number` say where it comes from.
    """

    permits: bool
    user: HolderKind | Ura | None = None
    category: CareCategory | frozenset[CareCategory] | None = None
    purpose: PurposeOfUse | None = None
    record: RecordRef | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    professional: RoleCode | ProfessionalNumber | None = None
    holder: HolderKind | Ura | None = None
    types: frozenset[str] = frozenset()
    labels: frozenset[Label] = frozenset()
    codes: frozenset[Label] = frozenset()
    period: Interval | None = None
    meaning: Meaning = Meaning.INSTANCE
    within: "Choice | None" = None
    doubtful: bool = False
    source: str = ""
    place: str = ""
    number: int = field(default=0, compare=False)
    weight: Weight = field(init=False, repr=False, compare=False)
    #: Whether it speaks of some records of a category and not of others.
    looks_at_records: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = self._own_weight()
        inside = self.within
        looks = bool(self.record or self.types or self.labels or self.codes or self.period)
        object.__setattr__(self, "weight", own if inside is None else tuple(map(max, own, inside.weight)))
        object.__setattr__(self, "looks_at_records", looks or (inside is not None and inside.looks_at_records))

    def _own_weight(self) -> Weight:
        """How specific it is, dimension by dimension: one organisation beats a kind, a stated thing beats none."""
        return (
            2 if isinstance(self.user, Ura) else 1 if self.user is not None else 0,
            2 if isinstance(self.professional, ProfessionalNumber) else 1 if self.professional is not None else 0,
            2 if isinstance(self.holder, Ura) else 1 if self.holder is not None else 0,
            1 if self.category is not None else 0,
            2 if self.purpose is PurposeOfUse.EMERGENCY_TREATMENT else 1 if self.purpose is not None else 0,
            0 if self.record is None else 2 if self.meaning is Meaning.INSTANCE else 1,
            1 if self.types else 0,
            1 if self.labels else 0,
            1 if self.codes else 0,
            1 if self.period is not None else 0,
        )

    @property
    def ancestors(self) -> "tuple[Choice, ...]":
        """The choices that this one is an exception to, the nearest first."""
        return () if self.within is None else (self.within, *self.within.ancestors)

    def beats(self, other: "Choice") -> bool:
        """Whether it overrules *other*: it is more specific, or an exception to it that states something of its own."""
        if other.doubtful:
            return False
        mine, theirs = self.weight, other.weight
        if mine != theirs and all(map(int.__ge__, mine, theirs)):
            return True
        return self.within is not None and any(self._own_weight()) and other in self.ancestors

    def speaks_to(self, question: Question) -> bool:
        """Whether it is in force and speaks of such a question, whatever the category and the record."""
        return self.holds_for(question, sure=self.permits)

    def holds_for(self, question: Question, *, sure: bool) -> bool:
        """The same, where what is not known is taken for a no (*sure*) or for a yes: also for what a choice stands within."""
        user, purpose = self.user, self.purpose
        data_user = question.asked_by.data_user
        if user is not None and user is not data_user.kind and user != data_user.ura:
            return False
        if purpose is not None and purpose is not question.purpose and purpose is not PurposeOfUse.TREATMENT:
            return False
        if (self.begins is not None and question.at < self.begins) or (self.ends is not None and self.ends <= question.at):
            return False
        if self.professional is not None and not self._is_of(question):
            return False
        if self.holder is not None and not self._is_at(question, sure=sure):
            return False
        return self.within is None or self.within.holds_for(question, sure=sure)

    def _is_of(self, question: Question) -> bool:
        professional = question.asked_by.professional
        if isinstance(self.professional, RoleCode):
            return self.professional.code == professional.role
        return self.professional is not None and self.professional.value == professional.identifier

    def _is_at(self, question: Question, *, sure: bool) -> bool:
        known = question.holder if isinstance(self.holder, Ura) else question.holder_kind
        return not sure if known is None else self.holder == known

    def is_about(self, category: CareCategory) -> bool:
        """Whether it speaks of records of this category, or of some of them."""
        own = self.category
        if own is not None and own is not category and not (isinstance(own, frozenset) and category in own):
            return False
        return self.within is None or self.within.is_about(category)

    def names_category(self) -> bool:
        """Whether it, or what it is an exception to, names categories."""
        return self.category is not None or (self.within is not None and self.within.names_category())

    def fits(self, record: RecordTraits) -> bool:
        """Whether it speaks of this record: a permit certainly, an objection possibly."""
        return not self.looks_at_records or self.covers(record, sure=self.permits)

    def covers(self, record: RecordTraits, *, sure: bool) -> bool:
        """The same, where what is not known is taken for a no (*sure*) or for a yes: also for what a choice stands within."""
        if self.types and record.ref.type not in self.types:
            return False
        if self.labels and not (permit_speaks if sure else objection_speaks)(self.labels, record.labels):
            return False
        if self.codes and not (not sure if record.codes is None else not self.codes.isdisjoint(record.codes)):
            return False
        if self.period is not None and not _in_period(self.period, record.moment, sure=sure):
            return False
        if self.record is not None and not _is_meant(self.record, self.meaning, record, sure=sure):
            return False
        return self.within is None or self.within.covers(record, sure=sure)

    def names(self, label: Label, record: RecordTraits) -> bool:
        """Whether this permit names a label that its record bears, or the record itself."""
        if self.record == record.ref and self.meaning is Meaning.INSTANCE:
            return True
        return any(permits_label(named, label) for named in self.labels) or (self.within is not None and self.within.names(label, record))


def _in_period(period: Interval, moment: Interval | None, *, sure: bool) -> bool:
    if moment is None:
        return not sure
    if sure:
        return period[0] <= moment[0] and moment[1] <= period[1]
    return moment[0] < period[1] and period[0] < moment[1]


def _is_meant(named: RecordRef, meaning: Meaning, record: RecordTraits, *, sure: bool) -> bool:
    """Whether a record is one of those meant. Where guides read `related` both ways, an objection holds for both.

    FHIR says that `related` follows the references of the named record; IHE PCF uses it for what refers to it.
    """
    if meaning is Meaning.AUTHORED_BY:
        return not sure if record.authors is None else str(named) in record.authors
    if named == record.ref:
        return True
    name = str(named)
    down = not sure if record.referred_from is None else name in record.referred_from
    up = not sure if record.refers_to is None else name in record.refers_to
    match meaning:
        case Meaning.RELATED:
            return down if sure else down or up
        case Meaning.DEPENDENTS:
            return up
        case _:
            return False
