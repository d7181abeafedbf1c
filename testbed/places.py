"""What the care providers of the simulated region have free, and where they are on a map that nobody can travel.

Moments are told as an age, so that a region that starts at any hour begins as the story's Monday does: one number was seen
four minutes ago, another 26 hours ago.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accord.terms.capacity import CareKind, Certainty, Condition, Funding, Light, Opening, Service, Spot
from testbed.holders import BY_NAME

#: The neighbourhoods by the digits of their postcode (`testbed.people.names`). The points are ours, as the places are.
SPOTS: Final[dict[str, Spot]] = {
    "7591": Spot(52.3810, 6.8120),
    "7592": Spot(52.3525, 6.9010),
    "7593": Spot(52.3330, 6.5640),
    "7594": Spot(52.2870, 6.9730),
    "7595": Spot(52.3020, 6.4550),
    "7596": Spot(52.4290, 6.7310),
}
_POSTCODE: Final = {"Marksveen": "7591", "Dinkelhorst": "7592", "Reggerbrug": "7593", "Losserveld": "7594", "Holterloo": "7595", "Haarveld": "7596"}
#: The name of each.
NAMES: Final = {postcode: place for place, postcode in _POSTCODE.items()}
#: A number counts for so long, unless its planner says otherwise.
COUNTS_FOR: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class FictionalOpening:
    """Some places of a service: `age` is how long ago somebody or something looked, `in_days` from which day on they are.

    What a system of the house tells has the id that its agent gives it: that of its service.
    """

    id: str
    service: Service
    places: int | None = None
    light: Light | None = None
    in_days: int | None = None
    age: timedelta = timedelta(minutes=30)
    certainty: Certainty = Certainty.DERIVED

    def at(self, now: datetime) -> Opening:
        """As it stands now."""
        observed = now - self.age
        since = None if self.in_days is None else now.date() + timedelta(days=self.in_days)
        return Opening(self.id, self.service, observed, observed + COUNTS_FOR, self.certainty, self.places, self.light, since)


def _service(
    of: str,
    title: str,
    kind: CareKind,
    *,
    funding: Funding = Funding.ZVW,
    can: tuple[Condition, ...] = (),
    area: tuple[str, ...] = (),
    specialty: str = "",
) -> Service:
    about = BY_NAME[of.partition("-")[0]]
    return Service(
        of,
        title,
        kind,
        specialty,
        frozenset(can),
        frozenset({"nl"}),
        frozenset({funding}),
        area,
        SPOTS[_POSTCODE[about.place]],
        about.place,
        about.telephone,
    )


_WOUND: Final = (Condition.WOUND_CARE,)
_DEMENTIA: Final = (Condition.DEMENTIA, Condition.PARTNER)
_FOUR_MINUTES: Final = timedelta(minutes=4)
_YESTERDAY: Final = timedelta(hours=26)
#: From the Monday of the story until its Thursday.
_THURSDAY: Final = 3

#: The four that may take Dina have room to practise in; which of them will, is the story.
_REHABILITATION: Final = CareKind.GERIATRIC_REHABILITATION
_STAY: Final = CareKind.SHORT_STAY_HIGH

_WEEFGETOUW: Final = (
    FictionalOpening(
        "weefgetouw-herstel-1",
        _service("weefgetouw-herstel", "Revalidatieafdeling De Spoel", _REHABILITATION, can=_WOUND),
        places=1,
        in_days=_THURSDAY,
        age=_FOUR_MINUTES,
        certainty=Certainty.CONFIRMED,
    ),
    FictionalOpening("weefgetouw-wonen-1", _service("weefgetouw-wonen", "Wonen met zorg", CareKind.NURSING_HOME, funding=Funding.WLZ, can=_DEMENTIA), places=0),
)
_HAVEZATE: Final = (
    FictionalOpening(
        "havezate-grz-1",
        _service("havezate-grz", "Geriatrische revalidatie", _REHABILITATION, can=_WOUND),
        places=2,
        age=_YESTERDAY,
        certainty=Certainty.CONFIRMED,
    ),
    FictionalOpening("havezate-herstel-1", _service("havezate-herstel", "Herstelafdeling De Havezate", _STAY, can=(*_WOUND, Condition.OXYGEN)), places=1),
    FictionalOpening(
        "havezate-wonen-1",
        _service("havezate-wonen", "Besloten wonen", CareKind.NURSING_HOME, funding=Funding.WLZ, can=(*_DEMENTIA, Condition.SECURED)),
        places=1,
    ),
)
_REVIANT: Final = (
    FictionalOpening("reviant-herstel", _service("reviant-herstel", "Herstelverblijf", _STAY, can=_WOUND), places=1, age=timedelta(minutes=35)),
    FictionalOpening(
        "reviant-grz",
        _service("reviant-grz", "Geriatrische revalidatie", _REHABILITATION, can=(*_WOUND, Condition.BARIATRIC)),
        places=3,
        age=timedelta(minutes=35),
    ),
    FictionalOpening("reviant-elv", _service("reviant-elv", "Eerstelijnsverblijf laag complex", CareKind.SHORT_STAY_LOW), places=1, age=timedelta(minutes=35)),
)
_NOABERHOES: Final = (
    FictionalOpening(
        "noaberhoes-kamers",
        _service("noaberhoes-kamers", "Gastenkamers", CareKind.HOSPICE, can=(Condition.OXYGEN, Condition.PARTNER)),
        places=1,
        certainty=Certainty.CONFIRMED,
    ),
    FictionalOpening(
        "noaberhoes-logeren",
        _service("noaberhoes-logeren", "Logeerkamer, therapeut komt aan huis", _REHABILITATION, can=(Condition.OXYGEN,)),
        places=1,
        certainty=Certainty.CONFIRMED,
    ),
)
_WIEKE: Final = (
    FictionalOpening(
        "wieke-marksveen-1",
        _service("wieke-marksveen", "Wijkteam Marksveen en Losserveld", CareKind.DISTRICT_NURSING, can=_WOUND, area=("7591", "7594", "7592")),
        places=3,
        in_days=_THURSDAY,
        certainty=Certainty.CONFIRMED,
    ),
    FictionalOpening(
        "wieke-mst-1",
        _service("wieke-mst", "Specialistisch team", CareKind.SPECIALISED_HOME_CARE, can=(Condition.INFUSION, *_WOUND), area=("759",)),
        places=4,
    ),
)
_DINKELHORST: Final = (
    FictionalOpening("dinkelhorst-seh-1", _service("dinkelhorst-seh", "Spoedeisende hulp", CareKind.EMERGENCY_DEPARTMENT), light=Light.AMBER),
    FictionalOpening("dinkelhorst-ort", _service("dinkelhorst-ort", "Verpleegafdeling orthopedie", CareKind.HOSPITAL_BED, specialty="orthopedie"), places=3),
    FictionalOpening("dinkelhorst-ger", _service("dinkelhorst-ger", "Verpleegafdeling geriatrie", CareKind.HOSPITAL_BED, specialty="geriatrie"), places=1),
)
_REGGERBRUG: Final = (
    FictionalOpening("reggerbrug-seh-1", _service("reggerbrug-seh", "Spoedeisende hulp", CareKind.EMERGENCY_DEPARTMENT), light=Light.GREEN),
    FictionalOpening(
        "reggerbrug-int-1", _service("reggerbrug-int", "Verpleegafdeling interne geneeskunde", CareKind.HOSPITAL_BED, specialty="interne geneeskunde"), places=2
    ),
)
_ESCHRAND: Final = (
    FictionalOpening(
        "eschrand-opname",
        _service("eschrand-opname", "Opnameafdeling", CareKind.MENTAL_HEALTH_BED, can=(Condition.SECURED,)),
        places=1,
        age=timedelta(hours=3),
    ),
)
_MARKSVEEN: Final = (FictionalOpening("marksveen-spreekuur-1", _service("marksveen-spreekuur", "Spreekuur", CareKind.OUT_OF_HOURS_GP), places=6),)

#: What everybody has as the story's Monday begins, by the holder's name.
OPENINGS: Final[dict[str, tuple[FictionalOpening, ...]]] = {
    "weefgetouw": _WEEFGETOUW,
    "havezate": _HAVEZATE,
    "reviant": _REVIANT,
    "noaberhoes": _NOABERHOES,
    "wieke": _WIEKE,
    "dinkelhorst": _DINKELHORST,
    "reggerbrug": _REGGERBRUG,
    "eschrand": _ESCHRAND,
    "marksveen": _MARKSVEEN,
}


def openings_of(holder: str, now: datetime) -> tuple[Opening, ...]:
    """What a holder has as the region begins; nothing of one that has no places."""
    return tuple(each.at(now) for each in OPENINGS.get(holder, ()))


def services_of(holder: str) -> tuple[Service, ...]:
    """What a holder does, each once."""
    return tuple(dict.fromkeys(each.service for each in OPENINGS.get(holder, ())))
