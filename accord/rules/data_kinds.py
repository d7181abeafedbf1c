"""Kinds of data as a patient speaks of them: each category of the region belongs to exactly one."""

from enum import StrEnum
from typing import Final

from accord.terms.vocabulary import CareCategory


class DataKind(StrEnum):
    """A kind of data about which a patient chooses. Codes stand in signed statements: append only."""

    MEDICATION = "medication"
    ALERTS = "alerts"
    ILLNESSES = "illnesses"
    RESULTS = "results"
    CARE = "care"
    PAPERS = "papers"
    WISHES = "wishes"
    """Wishes for the last phase of life: chosen about by themselves, never along with the rest."""


#: What a patient answers in one go; the wishes have a page of their own.
DAILY: Final[tuple[DataKind, ...]] = tuple(kind for kind in DataKind if kind is not DataKind.WISHES)

_C = CareCategory
CATEGORIES_OF: Final[dict[DataKind, frozenset[CareCategory]]] = {
    DataKind.MEDICATION: frozenset({_C.MEDICATION_REQUEST, _C.MEDICATION_USE}),
    DataKind.ALERTS: frozenset({_C.ALERT, _C.ALLERGY_INTOLERANCE}),
    DataKind.ILLNESSES: frozenset({_C.CONDITION, _C.ENCOUNTER, _C.EPISODE, _C.PROCEDURE, _C.OBSERVATION_PROCEDURE, _C.DEVICE, _C.IMMUNIZATION}),
    DataKind.RESULTS: frozenset({
        _C.DIAGNOSTIC_REPORT, _C.GENOMICS, _C.IMAGING, _C.OBSERVATION_EXAM, _C.OBSERVATION_IMAGING, _C.OBSERVATION_LABORATORY,
        _C.OBSERVATION_VITAL_SIGNS, _C.SPECIMEN,
    }),
    DataKind.CARE: frozenset({
        _C.CARE_PLANNING, _C.NUTRITION, _C.OBSERVATION_ACTIVITY, _C.OBSERVATION_SOCIAL_HISTORY, _C.OBSERVATION_SURVEY,
        _C.OBSERVATION_THERAPY, _C.REQUEST,
    }),
    DataKind.PAPERS: frozenset({_C.DOCUMENT, _C.FINANCIAL, _C.OTHER, _C.LOGGING, _C.SUBSCRIPTION}),
    DataKind.WISHES: frozenset({_C.ADVANCE_DIRECTIVE, _C.CONSENT}),
}  # fmt: skip

#: Goes along with the least that is shared (whose record it is, who wrote it); nobody is asked about it by itself.
BASICS: Final[frozenset[CareCategory]] = frozenset({_C.PATIENT, _C.PRACTITIONER, _C.CARE_SERVICE_ENTITIES, _C.DEFINITIONAL})

KIND_OF: Final[dict[CareCategory, DataKind]] = {category: kind for kind, categories in CATEGORIES_OF.items() for category in categories}


def kinds_in(categories: frozenset[CareCategory]) -> tuple[DataKind, ...]:
    """The kinds of data that these categories touch, in the order of `DataKind`; basics count for nothing."""
    touched = {KIND_OF[category] for category in categories if category in KIND_OF}
    return tuple(kind for kind in DataKind if kind in touched)
