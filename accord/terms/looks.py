"""A look at a patient's data, as the patient is told of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from accord.terms.identifiers import Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

#: What came of it, where nobody looked into a record: one organisation told another who it is that needs a place, somebody
#: there saw that, a place was given, or a handover was read.
WHO_TOLD: Final = "who-told"
WHO_SEEN: Final = "who-seen"
PLACE_GIVEN: Final = "place-given"
HANDOVER_READ: Final = "handover-read"
OF_PLACES: Final = frozenset({WHO_TOLD, WHO_SEEN, PLACE_GIVEN, HANDOVER_READ})


@dataclass(frozen=True, slots=True)
class Look:
    """One question, as the holder's journal has it. `kind` is none where the organisation's was not known.

    `categories` and `basis` are what was shown and by which right; both empty when nothing was. `treatment` says how the
    treatment relationship was shown (a code of `TreatmentBasis`, or empty), `came_of_it` how it ended, or one of
    `OF_PLACES`: that is about a request for a place, of which no more is told than who did what.
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
