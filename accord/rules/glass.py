"""May glass be broken? Only where the region's policy says so, by whom it says, and not for longer (promise P12).

A question for emergency treatment that is not in order is refused as a whole, also where a choice would permit it: who
cries emergency must have one, or every choice about emergencies would be a choice about everybody who says the word.
"""

from datetime import timedelta

from accord.rules.emergency import CLOCKS_APART, is_of_the_future
from accord.rules.grounds import Refusal
from accord.rules.question import Question
from accord.terms.policies import EmergencyPolicy
from accord.terms.vocabulary import PurposeOfUse


def is_emergency(question: Question) -> bool:
    """Whether an emergency is claimed."""
    return question.purpose is PurposeOfUse.EMERGENCY_TREATMENT


def lacks_emergency(question: Question, policy: EmergencyPolicy | None) -> Refusal | None:
    """Why a claimed emergency is not in order; none when it is, or when none is claimed.

    Reason, words, the freshness of the second factor, and how often glass was broken are weighed where an emergency begins
    (`accord.rules.emergency`). This is the second line: whatever is forgotten there, it ends here.
    """
    if not is_emergency(question):
        return None
    if policy is None or question.asked_by.professional.role not in policy.roles or policy.ends <= question.at:
        return Refusal.EMERGENCY_NOT_OFFERED
    claimed = question.emergency
    if claimed is None or not claimed.reason:
        return Refusal.EMERGENCY_INCOMPLETE
    # It lasts so many minutes from its first use, and then the second factor was this fresh.
    longest = timedelta(minutes=policy.minutes, seconds=policy.factor_seconds) + CLOCKS_APART
    if is_of_the_future(claimed.second_factor_at, question.at) or question.at - claimed.second_factor_at >= longest:
        return Refusal.EMERGENCY_INCOMPLETE
    return None
