"""May this be released? Everything that must agree: treatment, mandate, matrix, holder's policy, patient's choices, labels.

The rights in force are the intersection of them all (promise P5). Each is asked in a fixed order and the first that
says no gives the refusal:

1. Is the patient treated, and is that shown as this holder asks? An emergency does not go around it.
2. Is a claimed emergency in order? One that is not is refused as a whole.
3. Does the holder give anything to data users of this kind?
4. The category: does the holder share it, does the mandate cover it, does the matrix give it to the role? An emergency
   goes around none of them.
5. The record's labels: does the holder keep one of them in?
6. The patient's choices. An emergency stands in for a missing choice, never for an objection.
7. A sensitive label needs a permit that names it, or the record. An emergency stands in for that missing permit too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from accord.rules.choices import Choice
from accord.rules.consent import unnamed_label, what_choices_say
from accord.rules.glass import is_emergency, lacks_emergency
from accord.rules.grounds import Basis, Refusal
from accord.rules.matrix import categories_of_role
from accord.rules.question import Question, RecordTraits
from accord.rules.treatment import lacks_treatment
from accord.terms.policies import HolderPolicy, RegionPolicy
from accord.terms.vocabulary import CareCategory

NO_POLICY_OF_ITS_OWN = HolderPolicy()


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and on which evidence, for the journal. It names no content: choices by number and by source."""

    outcome: Basis | Refusal
    matrix: str
    treatment: str
    legal_basis: str
    choices: tuple[int, ...]
    sources: tuple[str, ...]


class Case:
    """One question at one holder: everything that is the same for all its categories and records is weighed once.

    Attributes:
        question: What is asked.
        refusal: Why nothing at all may be released; none when something might.
        open: The categories that mandate, matrix and holder leave open.
        speaking: The choices that are in force and speak to this question.
    """

    __slots__ = ("_emergency", "_no", "_policy", "_region", "_yes", "open", "question", "refusal", "speaking")

    def __init__(self, question: Question, choices: Iterable[Choice], region: RegionPolicy, policy: HolderPolicy = NO_POLICY_OF_ITS_OWN) -> None:
        user = question.asked_by.data_user
        self.question = question
        self.refusal = (
            lacks_treatment(question, policy)
            or lacks_emergency(question, region.emergency)
            or (Refusal.KEPT_FROM_USER if user.kind in policy.not_with else None)
        )
        row = categories_of_role(region.matrix, user.kind, question.asked_by.professional.role)
        narrowed = row & question.mandated if question.mandated else row
        self.open = narrowed - policy.never if policy.never else narrowed
        self.speaking = [choice for choice in choices if choice.speaks_to(question)]
        self._yes = [choice for choice in self.speaking if choice.permits]
        self._no = [choice for choice in self.speaking if not choice.permits]
        self._region = region
        self._policy = policy
        self._emergency = is_emergency(question)

    def decide(self, category: CareCategory, record: RecordTraits | None = None) -> Basis | Refusal:
        """Decide on a record of a category; without one, on those records of it that no choice tells from the others."""
        if self.refusal is not None:
            return self.refusal
        if category not in self.open:
            return self._why_closed(category)
        if record is None:
            yes = [choice for choice in self._yes if not choice.looks_at_records and choice.is_about(category)]
            no = [choice for choice in self._no if not choice.looks_at_records and choice.is_about(category)]
        else:
            if record.labels and self._keeps(record):
                return Refusal.LABEL_KEPT_BY_HOLDER
            yes = [choice for choice in self._yes if choice.is_about(category) and choice.fits(record)]
            no = [choice for choice in self._no if choice.is_about(category) and choice.fits(record)]
        said = what_choices_say(yes, no)
        if said is Basis.PATIENT_CONSENTED:
            if record is None or not record.labels or not unnamed_label(yes, record):
                return said
            return Basis.EMERGENCY if self._emergency else Refusal.LABEL_NOT_PERMITTED
        if said is Refusal.NO_CHOICE_ON_RECORD and self._emergency:
            return Basis.EMERGENCY
        return said

    def explain(self, category: CareCategory, record: RecordTraits | None = None) -> Decision:
        """The same decision with the evidence that was used."""
        used = [
            choice
            for choice in self.speaking
            if choice.is_about(category) and (not choice.looks_at_records if record is None else choice.fits(record))
        ]  # fmt: skip
        outcome = self.decide(category, record)
        policy, treatment = self._region.emergency, self.question.treatment
        return Decision(
            outcome,
            self._region.matrix.version,
            treatment.value if treatment is not None else "",
            policy.legal_basis if policy is not None and outcome is Basis.EMERGENCY else "",
            tuple(choice.number for choice in used if choice.number),
            tuple(dict.fromkeys(choice.source for choice in used if choice.source)),
        )

    def keeps_label(self, record: RecordTraits) -> bool:
        """Whether a label keeps a record in that goes along with others: the holder's, or a sensitive one without a permit."""
        return bool(record.labels) and (self._keeps(record) or (not self._emergency and unnamed_label([c for c in self._yes if c.fits(record)], record)))

    def keeps_category(self, category: CareCategory) -> bool:
        """Whether the holder shares this category with nobody, not even beside something else."""
        return category in self._policy.never

    def might_release(self, category: CareCategory) -> bool:
        """Whether a record of this category could be released, as far as can be known without looking at it."""
        if isinstance(self.decide(category), Basis):
            return True
        if self.refusal is not None or category not in self.open:
            return False
        yes = [choice for choice in self._yes if choice.is_about(category)]
        no = [choice for choice in self._no if not choice.looks_at_records and choice.is_about(category)]
        return what_choices_say(yes, no) is Basis.PATIENT_CONSENTED

    def _keeps(self, record: RecordTraits) -> bool:
        return bool(self._policy.labels) and any(code in self._policy.labels for _, code in record.labels)

    def _why_closed(self, category: CareCategory) -> Refusal:
        if category in self._policy.never:
            return Refusal.KEPT_BY_HOLDER
        if self.question.mandated and category not in self.question.mandated:
            return Refusal.NOT_MANDATED
        return Refusal.NOT_OF_THE_ROLE
