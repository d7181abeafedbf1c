"""A look at a patient's data, as the patient is told of it."""

from dataclasses import dataclass, field
from datetime import datetime

from accord.terms.identifiers import Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse


@dataclass(frozen=True, slots=True)
class Look:
    """One question, as the holder's journal has it. `kind` is none where the organisation's was not known.

    `categories` and `basis` are what was shown and by which right; both empty when nothing was. `treatment` says how the
    treatment relationship was shown (a code of `TreatmentBasis`, or empty), `came_of_it` how it ended.
    """

    at: datetime
    ura: Ura
    organisation: str
    kind: HolderKind | None
    professional: str = field(repr=False)
    role: str
    categories: frozenset[CareCategory]
    basis: str
    purpose: PurposeOfUse
    treatment: str
    emergency: bool
    reason: str = field(repr=False)
    came_of_it: str
