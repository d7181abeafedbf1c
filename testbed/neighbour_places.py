"""The care providers of a neighbouring region and what they have free: as fictional as ours, and on the same map that nobody can travel."""

from datetime import timedelta
from typing import Final

from accord.terms.capacity import CareKind, Certainty, Condition, Funding, Service, Spot
from accord.terms.identifiers import HolderName, Ura
from accord.terms.vocabulary import HolderKind
from testbed.holders import FictionalHolder
from testbed.places import FictionalOpening

#: The name of the region, as its register has it, and as people know it; whom they telephone there.
REGION_NAME: Final = "berkelmarke"
TITLE: Final = "Regio Berkelmarke"
TELEPHONE: Final = "0545-5550200"
#: Where its gateway is run.
GATEWAY: Final = Ura("90002000")

_SPOTS: Final = {"Slingeveld": Spot(52.1930, 6.7720), "Berkelhorst": Spot(52.1620, 6.5210), "Eibermarke": Spot(52.1250, 6.6480)}


def _holder(name: str, ura: str, title: str, kind: HolderKind, telephone: str, place: str) -> FictionalHolder:
    return FictionalHolder(HolderName(name), Ura(ura), title, kind, telephone, place, answers=False)


#: They take part with their places; what else they keep is nobody's question here.
HOLDERS: Final = (
    _holder("slingeveld", "90002001", "Zorghuis Slingeveld", HolderKind.NURSING_HOME, "0545-5550201", "Slingeveld"),
    _holder("berkelhorst", "90002002", "Revalidatie Berkelhorst", HolderKind.REHABILITATION, "0545-5550202", "Berkelhorst"),
    _holder("koekoek", "90002003", "Hospice De Koekoek", HolderKind.HOSPICE, "0545-5550203", "Eibermarke"),
)
#: Who asks there.
USER: Final = _holder("eibermarke", "90002004", "Ziekenhuis Eibermarke", HolderKind.HOSPITAL, "0545-5550204", "Eibermarke")
_BY_NAME: Final = {holder.name.value: holder for holder in HOLDERS}


def _service(of: str, title: str, kind: CareKind, can: tuple[Condition, ...] = (), *, funding: Funding = Funding.ZVW) -> Service:
    about = _BY_NAME[of.partition("-")[0]]
    return Service(of, title, kind, "", frozenset(can), frozenset({"nl"}), frozenset({funding}), (), _SPOTS[about.place], about.place, about.telephone)


_WOUND: Final = (Condition.WOUND_CARE,)
_STAY: Final = CareKind.SHORT_STAY_HIGH
_TWELVE_MINUTES: Final = timedelta(minutes=12)

#: What each has as the region begins, by its name.
OPENINGS: Final[dict[str, tuple[FictionalOpening, ...]]] = {
    "slingeveld": (
        FictionalOpening(
            "slingeveld-herstel-1",
            _service("slingeveld-herstel", "Herstelafdeling De Weide", _STAY, _WOUND),
            places=2,
            age=_TWELVE_MINUTES,
            certainty=Certainty.CONFIRMED,
        ),
        FictionalOpening("slingeveld-wonen-1", _service("slingeveld-wonen", "Wonen met zorg", CareKind.NURSING_HOME, funding=Funding.WLZ), places=1),
    ),
    "berkelhorst": (
        FictionalOpening("berkelhorst-herstel-1", _service("berkelhorst-herstel", "Herstelverblijf", _STAY, _WOUND), places=0),
        FictionalOpening("berkelhorst-grz-1", _service("berkelhorst-grz", "Geriatrische revalidatie", CareKind.GERIATRIC_REHABILITATION, _WOUND), places=2),
    ),
    "koekoek": (FictionalOpening("koekoek-kamers-1", _service("koekoek-kamers", "Gastenkamers", CareKind.HOSPICE), places=1, certainty=Certainty.CONFIRMED),),
}
