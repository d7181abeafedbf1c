"""On which evidence a question is put: the mandate of whoever asks, and the proof that they asked this very thing."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import Professional
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse


class TreatmentBasis(StrEnum):
    """How the data user shows that its professional treats the patient (WGBO 7:457: directly involved in the treatment)."""

    REGISTERED = "registered"
    """The patient is registered with this practice or in its care."""
    ADMITTED = "admitted"
    """The patient is admitted, or has an appointment."""
    REFERRED = "referred"
    """The patient was referred here."""
    PRESENT = "present"
    """The patient is here now, without appointment: emergency department, ambulance, out-of-hours post."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """Broken glass: why, in one of the region's reason codes and the professional's words, and when they last proved to be themselves.

    `words` may be empty: most reasons say enough.
    """

    reason: str
    words: str = field(repr=False)
    second_factor_at: datetime


@dataclass(frozen=True, slots=True)
class Who:
    """On whose behalf, for what purpose, and by which right a question is put. Everything of a mandate but the patient."""

    professional: Professional
    purpose: PurposeOfUse
    treatment: TreatmentBasis | None
    emergency: Emergency | None = None


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a data user's organisation signed: this professional may ask about this one patient, for this purpose.

    `patient` is SHA-256 over a salt and the BSN. `treatment` is none where no treatment relationship is claimed. `categories`
    narrows what may be asked (empty: all). `key` is the public Ed25519 key that signs the question proofs. `digest` is SHA-256
    of the mandate as it travels. `audience` is the region.
    """

    id: str
    issuer: Ura
    audience: str
    professional: Professional
    purpose: PurposeOfUse
    patient: bytes = field(repr=False)
    treatment: TreatmentBasis | None
    categories: frozenset[CareCategory]
    issued: datetime
    expires: datetime
    key: bytes = field(repr=False)
    digest: bytes
    emergency: Emergency | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The canonical query: what a professional asks for about the one patient of the mandate.

    A holder query must be this or less (`accord.rules.narrowing`). `holders` empty: all. `attachment` is the URL of an
    attachment, and then `record` the record that points to it; both empty otherwise.
    """

    purpose: PurposeOfUse
    selection: Selection
    holders: frozenset[HolderName] = frozenset()
    attachment: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True)
class QuestionProof:
    """What the key of the mandate signed for one question. `gateway` is through whom it travels, `mandate` the mandate's digest."""

    asked: Asked
    mandate: bytes
    gateway: Ura
    issued: datetime
    nonce: str
