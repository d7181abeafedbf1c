"""May this holder release this category to this data user?

The national conflict rules (VWS generic function consent; DUTCH exchange facts, section 4): specific beats
general, one organisation beats a kind of organisation, a stated context beats none, a stated record beats none;
at equal weight the objection wins; silence is no.

The rules name no order *between* these dimensions. A permit therefore counts only when it is at least as
specific in every dimension as each objection it must overrule, and more specific in one: what cannot be compared
is equal, and the objection wins.

Emergency treatment is treatment (HL7 v3 ActReason: ETREAT below TREAT): a choice about treatment holds for it too,
and one about emergency treatment is the more specific.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse


class Basis(StrEnum):
    """Why a category may be released."""

    PATIENT_CONSENTED = "patient-consented"
    EMERGENCY = "emergency"


class Refusal(StrEnum):
    """Why a category may not be released. Never leaves the holder (promise P9)."""

    NOT_TREATING = "not-treating"
    PATIENT_REFUSED = "patient-refused"
    NO_CHOICE_ON_RECORD = "no-choice-on-record"


Decision = Basis | Refusal


@dataclass(frozen=True, slots=True)
class Choice:
    """What the patient decided. A member that is none stands for all of its kind.

    `begins` and `ends` bound its validity (ends excluded); a choice outside them does not exist.
    """

    permits: bool
    user: HolderKind | Ura | None = None
    category: CareCategory | None = None
    purpose: PurposeOfUse | None = None
    record: RecordRef | None = None
    begins: datetime | None = None
    ends: datetime | None = None

    def fits(self, asked_by: Asker, purpose: PurposeOfUse, category: CareCategory, record: RecordRef | None, at: datetime) -> bool:
        """Whether this choice speaks about such a release at this moment."""
        return (
            self.user in (None, asked_by.data_user.kind, asked_by.data_user.ura)
            and self.category in (None, category)
            and self.purpose in (None, PurposeOfUse.TREATMENT, purpose)
            and self.record in (None, record)
            and (self.begins is None or self.begins <= at)
            and (self.ends is None or at < self.ends)
        )

    @property
    def weight(self) -> tuple[int, bool, int, bool]:
        """How specific it is, dimension by dimension: user, category, context, record."""
        user = 2 if isinstance(self.user, Ura) else 1 if self.user is not None else 0
        context = 2 if self.purpose is PurposeOfUse.EMERGENCY_TREATMENT else 1 if self.purpose is not None else 0
        return user, self.category is not None, context, self.record is not None

    def beats(self, other: "Choice") -> bool:
        """At least as specific in every dimension, and more specific in one."""
        mine, theirs = self.weight, other.weight
        return mine != theirs and all(a >= b for a, b in zip(mine, theirs, strict=True))


def decide(
    asked_by: Asker,
    purpose: PurposeOfUse,
    category: CareCategory,
    choices: Iterable[Choice],
    *,
    at: datetime,
    record: RecordRef | None = None,
) -> Decision:
    """Decide on one category, or on one record of it.

    Emergency may stand in for silence, never for an objection.
    """
    if not asked_by.treats_the_patient:
        return Refusal.NOT_TREATING
    fitting = [choice for choice in choices if choice.fits(asked_by, purpose, category, record, at)]
    if not fitting:
        return Basis.EMERGENCY if purpose is PurposeOfUse.EMERGENCY_TREATMENT else Refusal.NO_CHOICE_ON_RECORD
    permits = [choice for choice in fitting if choice.permits]
    objections = [choice for choice in fitting if not choice.permits]
    if permits and all(any(permit.beats(objection) for permit in permits) for objection in objections):
        return Basis.PATIENT_CONSENTED
    return Refusal.PATIENT_REFUSED


def released_categories(asked_by: Asker, purpose: PurposeOfUse, choices: Iterable[Choice], *, at: datetime) -> dict[CareCategory, Basis]:
    """The categories that may be released as a whole, each with its ground; the others are withheld."""
    known = tuple(choices)
    decisions = {category: decide(asked_by, purpose, category, known, at=at) for category in CareCategory}
    return {category: decision for category, decision in decisions.items() if isinstance(decision, Basis)}
