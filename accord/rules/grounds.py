"""On which ground something is released or withheld: two closed sets, and nothing outside them."""

from enum import StrEnum


class Basis(StrEnum):
    """Why something may be released."""

    PATIENT_CONSENTED = "patient-consented"
    """The patient's choices permit it."""
    EMERGENCY = "emergency"
    """The patient made no choice about it, and glass was broken as the region's policy says."""


class Refusal(StrEnum):
    """Why something may not be released. Never leaves the holder (promise P9)."""

    NOT_TREATING = "not-treating"
    """No treatment relationship is shown."""
    TREATMENT_NOT_SHOWN = "treatment-not-shown"
    """The treatment relationship is not shown in a way that this holder asks for."""
    EMERGENCY_NOT_OFFERED = "emergency-not-offered"
    """Glass is not broken in this region, not by this role, or not any more."""
    EMERGENCY_INCOMPLETE = "emergency-incomplete"
    """An emergency is claimed without a reason, or it has lasted too long."""
    KEPT_FROM_USER = "kept-from-user"
    """The holder gives nothing to data users of this kind."""
    KEPT_BY_HOLDER = "kept-by-holder"
    """The holder shares this category with nobody."""
    NOT_MANDATED = "not-mandated"
    """The mandate does not cover this category."""
    NOT_OF_THE_ROLE = "not-of-the-role"
    """The region's matrix does not give this category to the role."""
    LABEL_KEPT_BY_HOLDER = "label-kept-by-holder"
    """The record bears a security label that the holder shares with nobody."""
    NO_CHOICE_ON_RECORD = "no-choice-on-record"
    """The patient made no choice about it: silence is no."""
    PATIENT_REFUSED = "patient-refused"
    """The patient objects, and no permit is more specific than the objection."""
    CHOICE_NOT_UNDERSTOOD = "choice-not-understood"
    """The patient objects to something of which not everything was understood: it holds as widely as it could mean."""
    LABEL_NOT_PERMITTED = "label-not-permitted"
    """The record is labelled as sensitive, and no permit names that label, or the record."""
