"""May glass be broken here and now: is it offered, by this role, with a reason and a second factor of just now?

What can be checked here is what the mandate and the region's policy say. Whether a professional opens their *own* record
cannot: a mandate does not carry the professional's BSN. It is refused where the holder happens to know the professional's
own pseudonym (`themselves`), and is otherwise left to the data user's system and to the review, which sees every emergency.

Whether an emergency opens anything is another rule's: it stands in for a choice that is missing, never for a refusal
(`accord.rules.consent`).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from accord.rules.budgets import Limits
from accord.terms.evidence import Emergency, Mandate
from accord.terms.faults import Fault
from accord.terms.policies import EmergencyPolicy
from accord.terms.vocabulary import PurposeOfUse

DAY: Final = 86_400.0
#: How far the clocks of a data user and a holder may be apart.
CLOCKS_APART: Final = timedelta(seconds=30)
_FEWEST_LETTERS: Final = 10
MOST_WORDS: Final = 500


class ReasonCode(StrEnum):
    """Why a patient's choice cannot be waited for. The region's closed set."""

    UNCONSCIOUS = "unconscious"
    LIFE_THREATENING = "life-threatening"
    CANNOT_BE_ASKED = "cannot-be-asked"
    OTHER = "other-needs-words"


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason as a person reads it, and whether it needs the professional's own words beside it."""

    nl: str
    en: str
    needs_words: bool = False


REASONS: Final[Mapping[ReasonCode, ReasonText]] = {
    ReasonCode.UNCONSCIOUS: ReasonText("De patiënt is buiten bewustzijn", "The patient is unconscious"),
    ReasonCode.LIFE_THREATENING: ReasonText("Levensgevaar: wachten kan niet", "Danger to life: it cannot wait"),
    ReasonCode.CANNOT_BE_ASKED: ReasonText("De patiënt kan nu niets gevraagd worden", "The patient cannot be asked now"),
    ReasonCode.OTHER: ReasonText("Een andere reden, in eigen woorden", "Another reason, in the professional's words", needs_words=True),
}


class Lacking(StrEnum):
    """What kept the glass whole. For the journal."""

    NOT_OFFERED = "not-offered"
    POLICY_ENDED = "policy-ended"
    NO_EMERGENCY = "no-emergency"
    MANDATE_ENDED = "mandate-ended"
    ROLE = "role"
    REASON = "reason"
    WORDS = "words"
    SECOND_FACTOR = "second-factor"
    ONESELF = "oneself"
    PROFESSIONAL_SPENT = "professional-spent"
    ORGANISATION_SPENT = "organisation-spent"


FAULT_OF: Final[Mapping[Lacking, Fault]] = {
    Lacking.NOT_OFFERED: Fault.EMERGENCY_NOT_OFFERED,
    Lacking.POLICY_ENDED: Fault.EMERGENCY_NOT_OFFERED,
    Lacking.NO_EMERGENCY: Fault.EMERGENCY_INCOMPLETE,
    Lacking.MANDATE_ENDED: Fault.MANDATE_EXPIRED,
    Lacking.ROLE: Fault.EMERGENCY_INCOMPLETE,
    Lacking.REASON: Fault.EMERGENCY_INCOMPLETE,
    Lacking.WORDS: Fault.EMERGENCY_INCOMPLETE,
    Lacking.SECOND_FACTOR: Fault.EMERGENCY_INCOMPLETE,
    Lacking.ONESELF: Fault.EMERGENCY_INCOMPLETE,
    Lacking.PROFESSIONAL_SPENT: Fault.EMERGENCY_SPENT,
    Lacking.ORGANISATION_SPENT: Fault.EMERGENCY_SPENT,
}


@dataclass(frozen=True, slots=True)
class Begun:
    """An emergency as it began here: when the second factor was given, and when it is over."""

    second_factor_at: datetime
    ends: datetime


def is_offered(policy: EmergencyPolicy | None, *, at: datetime) -> bool:
    """Whether glass may be broken at all: on every dossier, or on none."""
    return policy is not None and at < policy.ends


def lacking(
    policy: EmergencyPolicy | None, mandate: Mandate, *, at: datetime, earlier: Begun | None = None, themselves: bytes | None = None, patient: bytes = b""
) -> Lacking | None:
    """What is missing for an emergency under this mandate; none when it may be.

    *earlier* is the last emergency of this professional and this patient here. While it lasts, no second factor is asked for
    again; after its end a newer one is needed than it had. *themselves* is the professional's own pseudonym, where known.
    """
    if policy is None:
        return Lacking.NOT_OFFERED
    if at >= policy.ends:
        return Lacking.POLICY_ENDED
    emergency = mandate.emergency
    if emergency is None or mandate.purpose is not PurposeOfUse.EMERGENCY_TREATMENT:
        return Lacking.NO_EMERGENCY
    if not mandate.issued - CLOCKS_APART <= at < mandate.expires:
        return Lacking.MANDATE_ENDED
    if mandate.professional.role not in policy.roles:
        return Lacking.ROLE
    if themselves is not None and hmac.compare_digest(themselves, patient):
        return Lacking.ONESELF
    return lacking_of(emergency) or _lacking_factor(policy, emergency, at, earlier)


def lacking_of(emergency: Emergency) -> Lacking | None:
    """What is missing in what was said: a reason of the region, and words where it needs them."""
    try:
        reason = REASONS[ReasonCode(emergency.reason)]
    except ValueError:
        return Lacking.REASON
    words = emergency.words
    # One event stays one line: neither line ends nor marks that turn the direction of what is read.
    if len(words) > MOST_WORDS or not words.isprintable():
        return Lacking.WORDS
    # A program may fill in the code where nobody said anything.
    if reason.needs_words and (sum(map(str.isalpha, words)) < _FEWEST_LETTERS or _letters(words) == _letters(emergency.reason)):
        return Lacking.WORDS
    return None


def is_of_the_future(second_factor_at: datetime, at: datetime) -> bool:
    """Whether a second factor lies further ahead than clocks may be apart."""
    return second_factor_at > at + CLOCKS_APART


def ends_of(policy: EmergencyPolicy, *, first_used: datetime) -> datetime:
    """When an emergency that is used for the first time now is over: never later than the policy itself."""
    return min(first_used + timedelta(minutes=policy.minutes), policy.ends)


def limits_of(policy: EmergencyPolicy) -> Limits:
    """How many different patients in 24 hours."""
    return Limits(policy.per_professional, policy.per_organisation, None)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, unquote(text).casefold()))


def _lacking_factor(policy: EmergencyPolicy, emergency: Emergency, at: datetime, earlier: Begun | None) -> Lacking | None:
    given = emergency.second_factor_at
    if is_of_the_future(given, at):
        return Lacking.SECOND_FACTOR
    if earlier is not None and at < earlier.ends and given >= earlier.second_factor_at:
        return None
    is_fresh = at - timedelta(seconds=policy.factor_seconds) <= given
    is_newer = earlier is None or given > earlier.second_factor_at
    return None if is_fresh and is_newer else Lacking.SECOND_FACTOR
