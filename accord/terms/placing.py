"""The words of placing: one request to several providers, and what each party says to the other about it.

An *asker* asks for a place for somebody; each provider that is asked has a *leg* of that request. What the two say to each
other are *letters*, numbered by their sender for each leg, so that each is taken in once and in order, whoever dies meanwhile.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from accord.terms.capacity import Need


class DeclineReason(StrEnum):
    """Why a provider says no. The list is fixed, so that reasons can be counted."""

    NO_PLACE = "no-place"
    NO_STAFF = "no-staff"
    TOO_COMPLEX = "too-complex"
    CONDITION = "condition-not-possible"
    AREA = "outside-area"
    FUNDING = "indication-or-funding"
    DATE = "not-on-that-date"
    OTHER_CARE_FITS_BETTER = "other-care-fits-better"
    MISSING_INFORMATION = "information-missing"
    OTHER = "other"


class EndReason(StrEnum):
    """Why an asker no longer needs an answer, or a place that it was promised."""

    PLACED_ELSEWHERE = "placed-elsewhere"
    CANCELLED = "cancelled"
    CONDITION_CHANGED = "condition-changed"
    WISH_CHANGED = "wish-changed"
    DIED = "died"
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why a provider takes back what it promised. It is said aloud and counted; it never just lapses."""

    STAFF = "staff-shortage"
    OUTBREAK = "outbreak"
    PLACE_NOT_FREE = "place-did-not-come-free"
    MISTAKE = "mistake"
    OTHER = "other"


class Fit(StrEnum):
    """How much of what was asked an offer gives."""

    FULL = "full"
    PART = "part"
    """Three of the four visits, or from Thursday."""
    OTHER = "other"
    """Something else than was asked: a counter-proposal."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider offers: places, or visits a week, from a day on (none: as was asked), and what it wants to say beside it."""

    fit: Fit
    amount: int
    since: date | None = None
    until: date | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Gist:
    """What a provider is told before it says whether it is interested: enough to judge, not enough to know who.

    `age`: by ten years, `80` for 80 to 89. `words`: what the coordinator writes for it.
    """

    age: int | None = None
    reason: str = ""
    facts: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who it is about, for a provider that is interested. Its words are never shown in a representation."""

    bsn: str = field(repr=False)
    birth_date: str = field(repr=False)
    name: str = field(repr=False)
    contact: str = field(default="", repr=False)


# -- What an asker says. The tags are part of the wire.


class Asked(Struct, frozen=True, tag="asked"):
    """Can you take this person? `service` is whom it is for; `reply_by` when the asker looks further."""

    service: str
    opening: str
    need: Need
    gist: Gist
    reply_by: datetime
    asker: str
    telephone: str
    answer_key: bytes
    """X25519, 32 bytes: under which what is written back is sealed."""


class Reminded(Struct, frozen=True, tag="reminded"):
    """Nobody answered yet, and the time is nearly up."""


class Told(Struct, frozen=True, tag="told"):
    """An answer to a question, or something that changed."""

    words: str


class Introduced(Struct, frozen=True, tag="introduced"):
    """Who it is about. `referral` is a token by which the provider's own professionals may ask the region for the dossier."""

    who: Introduction
    referral: str = ""


class Chosen(Struct, frozen=True, tag="chosen"):
    """Offer *number* is taken up: give the place, or say that it is gone."""

    number: int


class Ended(Struct, frozen=True, tag="ended"):
    """No answer is needed any more, and whatever was held or promised is free again."""

    reason: EndReason


class HandedOver(Struct, frozen=True, tag="handed-over"):
    """A part of the handover: a FHIR Bundle in JSON, cut in pieces that fit; `digest` (SHA-256) is of the whole."""

    part: int
    parts: int
    digest: bytes
    content: bytes


# -- What a provider says


class Received(Struct, frozen=True, tag="received"):
    """It is in our list; nobody has answered yet."""


class Interested(Struct, frozen=True, tag="interested"):
    """We may take this person, and want to know who it is."""


class Questioned(Struct, frozen=True, tag="questioned"):
    """We have to know something first."""

    words: str


class Offered(Struct, frozen=True, tag="offered"):
    """We take this person, on these terms. The place is held until then, by our clock. A new offer replaces the one before."""

    number: int
    terms: Terms
    held_until: datetime


class Declined(Struct, frozen=True, tag="declined"):
    """No."""

    reason: DeclineReason
    words: str = ""


class Lapsed(Struct, frozen=True, tag="lapsed"):
    """Nobody took up offer *number* in time: the place is free for others."""

    number: int


class Granted(Struct, frozen=True, tag="granted"):
    """The place of offer *number* is given, and stays given until one of the two says otherwise."""

    number: int


class Gone(Struct, frozen=True, tag="gone"):
    """Offer *number* cannot be given any more."""

    number: int


class Withdrawn(Struct, frozen=True, tag="withdrawn"):
    """What we promised cannot be."""

    reason: WithdrawReason
    words: str = ""


class TakenIn(Struct, frozen=True, tag="taken-in"):
    """The handover was taken into our own record."""


class Arrived(Struct, frozen=True, tag="arrived"):
    """The person is here."""


FromAsker = Asked | Reminded | Told | Introduced | Chosen | Ended | HandedOver
FromProvider = Received | Interested | Questioned | Offered | Declined | Lapsed | Granted | Gone | Withdrawn | TakenIn | Arrived

#: Of a text that somebody writes to the other side, in characters.
WORDS_CHARACTERS: Final = 2_000
#: Providers that one request is put to at the same time.
MOST_LEGS: Final = 20
