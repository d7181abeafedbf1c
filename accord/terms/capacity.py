"""The words of free places: what a provider can offer, what somebody needs, and how sure anybody is of either.

A *place* is a bed, a room, a visit or a slot that a provider can give to one person. An *opening* is some places of one kind,
from a day on. It says when it was observed and until when that holds: what is older is unknown, which is not the same as
none, and never the same as free. Nothing here names a patient.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from accord.terms.identifiers import HolderName


class CareKind(StrEnum):
    """A kind of care that has places.

    The words are ours; the Dutch ones beside them are those of the sector (indications under Zvw, Wlz and Wmo).
    """

    HOSPITAL_BED = "hospital-bed"
    """Klinisch bed; the specialty says whose."""
    EMERGENCY_DEPARTMENT = "emergency-department"
    """Spoedeisende hulp: a light rather than a number."""
    SHORT_STAY_LOW = "short-stay-low"
    """Eerstelijnsverblijf (ELV), laag complex."""
    SHORT_STAY_HIGH = "short-stay-high"
    """Eerstelijnsverblijf (ELV), hoog complex."""
    GERIATRIC_REHABILITATION = "geriatric-rehabilitation"
    """Geriatrische revalidatiezorg (GRZ)."""
    NURSING_HOME = "nursing-home"
    """Verpleeghuis (Wlz)."""
    HOSPICE = "hospice"
    DISTRICT_NURSING = "district-nursing"
    """Wijkverpleging: visits a week rather than a bed."""
    SPECIALISED_HOME_CARE = "specialised-home-care"
    """Medisch-specialistische verpleging thuis: infusion, drain, palliative pump."""
    MENTAL_HEALTH_BED = "mental-health-bed"
    """Bed in de geestelijke gezondheidszorg."""
    OUT_OF_HOURS_GP = "out-of-hours-gp"
    """Plekken bij de huisartsenpost."""


#: Kinds that come to the person: what counts is the area that is served, and places are visits a week.
AT_HOME: Final = frozenset({CareKind.DISTRICT_NURSING, CareKind.SPECIALISED_HOME_CARE})


class Condition(StrEnum):
    """Something that not every place can do, and that somebody may need."""

    ISOLATION = "isolation"
    BARIATRIC = "bariatric"
    WOUND_CARE = "wound-care"
    DEMENTIA = "dementia"
    SECURED = "secured"
    """A closed ward, with a decision on detention (Wzd, Wvggz)."""
    OXYGEN = "oxygen"
    DIALYSIS = "dialysis"
    TUBE_FEEDING = "tube-feeding"
    INFUSION = "infusion"
    PARTNER = "partner"
    """The partner comes along."""


class Funding(StrEnum):
    """By which Dutch law it is paid for; each asks for an indication of its own."""

    ZVW = "Zvw"
    WLZ = "Wlz"
    WMO = "Wmo"


class Light(StrEnum):
    """How it stands where a number would say too much: an emergency department counts no beds."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Certainty(StrEnum):
    """Who says so."""

    CONFIRMED = "confirmed"
    """A person looked and said it."""
    DERIVED = "derived"
    """A program took it from a system, which somebody may have forgotten to bring up to date."""


class StopReason(StrEnum):
    """Why a provider takes nobody at the moment."""

    FULL = "full"
    STAFF = "staff-shortage"
    OUTBREAK = "outbreak"
    MAINTENANCE = "maintenance"
    CLOSED = "closed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Stop:
    """A provider takes nobody: why, and until when it expects so (none: it cannot say)."""

    reason: StopReason
    expected_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the map in degrees (WGS 84). It says where a building stands or a neighbourhood lies, never where somebody lives.

    Raises:
        ValueError: It is no point of the earth.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90.0 <= self.latitude <= 90.0 and -180.0 <= self.longitude <= 180.0):
            raise ValueError


@dataclass(frozen=True, slots=True)
class Service:
    """What one team, ward or location of a provider does, whether or not it has places now.

    `area`: postcode areas (four digits, or fewer for all that begin so) that it serves; none: everywhere. `languages` are
    BCP 47 tags. `instant`: who fits may have a place without anybody answering first. `telephone`: of whoever decides on it.
    """

    id: str
    title: str
    kind: CareKind
    specialty: str = ""
    conditions: frozenset[Condition] = frozenset()
    languages: frozenset[str] = frozenset()
    funding: frozenset[Funding] = frozenset()
    area: tuple[str, ...] = ()
    spot: Spot | None = None
    place: str = ""
    telephone: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """Some places of a service, from a day on (`until` and not beyond, where there is an end).

    `places` is what is free: what was observed, less what is held or promised since; none where only a `light` is told.
    `observed_at` is when somebody or something looked, `valid_until` how long that counts.
    """

    id: str
    service: Service
    observed_at: datetime
    valid_until: datetime
    certainty: Certainty
    places: int | None = None
    light: Light | None = None
    since: date | None = None
    until: date | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody needs, without saying who, as a provider that is asked to take them in hears it.

    `since`: from which day; `until`: where it ends. `amount`: places, or visits a week for care at home. `near`: the
    neighbourhood (a postcode of four digits) where care at home is given; empty for other kinds: nobody needs to know.
    """

    kind: CareKind
    since: date
    amount: int = 1
    specialty: str = ""
    conditions: frozenset[Condition] = frozenset()
    languages: frozenset[str] = frozenset()
    funding: Funding | None = None
    near: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What patient and family would like. It stays with who asks: answers are ranked there.

    `near`: the neighbourhood to be near to (a postcode of four digits); `within_km`: no farther from it. `preferred`:
    providers, the most wanted first; `refused`: those they do not want.
    """

    near: str = ""
    within_km: float | None = None
    preferred: tuple[HolderName, ...] = ()
    refused: frozenset[HolderName] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class PlacesQuestion:
    """What a region is asked: who has places of these kinds (none: of any) on or after a day. That is all that leaves the asker.

    `tally`: what was asked of the provider lately is wanted too, in numbers.
    """

    kinds: frozenset[CareKind] = frozenset()
    since: date | None = None
    tally: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What a provider was asked for one kind of care, in the last `days`. None: too few to tell (`accord.rules.capacity.counting`)."""

    kind: CareKind
    days: int
    asked: int | None
    granted: int | None
    declined: tuple[tuple[str, int | None], ...] = ()
    """By reason (`accord.terms.placing.DeclineReason`)."""
    median_minutes: int | None = None
    """From the request to the provider's first answer."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a provider says about its places, when it was asked. `now` is by its own clock.

    `key`: X25519, 32 bytes, under which letters to it are sealed; none: it is asked by telephone. `places_mark` changes
    whenever its places do.
    """

    title: str
    telephone: str
    now: datetime
    openings: tuple[Opening, ...] = ()
    tallies: tuple[Tally, ...] = ()
    key: bytes = b""
    places_mark: int = 0
