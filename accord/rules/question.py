"""What is decided about: the question of a professional, and what is known of one record."""

from dataclasses import dataclass, field
from datetime import datetime

from accord.rules.labels import Label
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker, DataUser
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

Interval = tuple[int, int]
"""A begin and the first moment after it, in milliseconds since 1970-01-01T00:00Z."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, what for and when, as far as it is verified.

    `treatment` is how the treatment relationship is shown; none where it is only attested. `mandated` are the categories
    of the mandate (empty: all). `holder` and `holder_kind` are who is asked; none where that is not known.
    """

    asked_by: Asker
    purpose: PurposeOfUse
    at: datetime
    treatment: TreatmentBasis | None = None
    mandated: frozenset[CareCategory] = frozenset()
    emergency: Emergency | None = None
    holder: Ura | None = None
    holder_kind: HolderKind | None = None


def question_under(mandate: Mandate, user: DataUser, at: datetime, holder: Ura | None = None, holder_kind: HolderKind | None = None) -> Question:
    """The question that a verified mandate of this data user stands for."""
    asked_by = Asker(user, mandate.professional, mandate.treatment is not None)
    return Question(asked_by, mandate.purpose, at, mandate.treatment, mandate.categories, mandate.emergency, holder, holder_kind)


@dataclass(frozen=True, slots=True)
class RecordTraits:
    """What is known of one record. Codes, moment and references are none where they are not known.

    What is not known fits no permit, and every objection. `moment` is none too for a record without one. References are
    as `Practitioner/1`: `authors` wrote it, it `refers_to` these, and is `referred_from` those.
    """

    ref: RecordRef
    labels: frozenset[Label] = frozenset()
    codes: frozenset[Label] | None = None
    moment: Interval | None = None
    authors: frozenset[str] | None = field(default=None)
    refers_to: frozenset[str] | None = field(default=None)
    referred_from: frozenset[str] | None = field(default=None)
