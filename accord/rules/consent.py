"""What do the patient's choices say about this category, or this record, to this data user?

The national conflict rules (VWS generic function consent; DUTCH exchange facts, section 4): specific beats
general, one organisation beats a kind of organisation, a stated context beats none, a stated record beats none;
at equal weight the objection wins; silence is no.

The rules name no order *between* these dimensions. A permit therefore counts only when it is at least as
specific in every dimension as each objection it must overrule, and more specific in one: what cannot be compared
is equal, and the objection wins. An exception that a consent makes to itself beats what it is an exception to.

Emergency treatment is treatment (HL7 v3 ActReason: ETREAT below TREAT): a choice about treatment holds for it too,
and one about emergency treatment is the more specific.
"""

from collections.abc import Iterable
from datetime import datetime

from accord.rules.choices import Choice, Meaning, ProfessionalNumber, RoleCode
from accord.rules.grounds import Basis, Refusal
from accord.rules.labels import sensitive_among
from accord.rules.question import Question, RecordTraits
from accord.terms.identifiers import RecordRef
from accord.terms.parties import Asker
from accord.terms.vocabulary import CareCategory, PurposeOfUse

__all__ = ["Basis", "Choice", "Meaning", "ProfessionalNumber", "Refusal", "RoleCode", "decide", "what_choices_say"]


def what_choices_say(permits: Iterable[Choice], objections: Iterable[Choice]) -> Basis | Refusal:
    """Weigh the choices that speak of something: each objection needs a permit that beats it."""
    yes = tuple(permits)
    spoken = bool(yes)
    for objection in objections:
        spoken = True
        if objection.doubtful:
            return Refusal.CHOICE_NOT_UNDERSTOOD
        if not any(permit.beats(objection) for permit in yes):
            return Refusal.PATIENT_REFUSED
    return Basis.PATIENT_CONSENTED if spoken else Refusal.NO_CHOICE_ON_RECORD


def unnamed_label(permits: Iterable[Choice], record: RecordTraits) -> bool:
    """Whether a record is labelled as sensitive and no permit names that label, or the record."""
    yes = tuple(permits)
    return any(not any(permit.names(label, record) for permit in yes) for label in sensitive_among(record.labels))


def decide(
    asked_by: Asker,
    purpose: PurposeOfUse,
    category: CareCategory,
    choices: Iterable[Choice],
    *,
    at: datetime,
    record: RecordRef | None = None,
) -> Basis | Refusal:
    """What choices alone say of one category, or of one record of it: `accord.rules.deciding` decides with all the rest.

    Emergency may stand in for silence, never for an objection.
    """
    if not asked_by.treats_the_patient:
        return Refusal.NOT_TREATING
    question = Question(asked_by, purpose, at)
    traits = None if record is None else RecordTraits(record)
    speaking = [
        choice
        for choice in choices
        if choice.speaks_to(question) and choice.is_about(category) and (not choice.looks_at_records or (traits is not None and choice.fits(traits)))
    ]
    said = what_choices_say([c for c in speaking if c.permits], [c for c in speaking if not c.permits])
    if said is Refusal.NO_CHOICE_ON_RECORD and purpose is PurposeOfUse.EMERGENCY_TREATMENT:
        return Basis.EMERGENCY
    return said
