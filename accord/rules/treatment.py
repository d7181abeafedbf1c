"""Is there a treatment relationship (WGBO 7:457), and is it shown in a way that this holder asks for?"""

from accord.rules.grounds import Refusal
from accord.rules.question import Question
from accord.terms.policies import HolderPolicy


def lacks_treatment(question: Question, policy: HolderPolicy) -> Refusal | None:
    """Why the treatment relationship is not enough; none when it is. An emergency needs one too."""
    if not question.asked_by.treats_the_patient:
        return Refusal.NOT_TREATING
    if policy.treatment and (question.treatment is None or question.treatment.value not in policy.treatment):
        return Refusal.TREATMENT_NOT_SHOWN
    return None
