"""The care providers of the simulated region: fictional, and named after nothing that exists."""

from dataclasses import dataclass
from typing import Final, Literal

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind

SourceKind = Literal["fhir-server", "fhir-stu3", "embedded", "hl7-feed", "sql", "csv"]


@dataclass(frozen=True, slots=True)
class FictionalHolder:
    """A care provider of the testbed.

    `in_region` holds for those that take part from the start; `answers` for those that answer questions about a
    dossier (one that only offers capacity is registered and never asked); `in_story` for those of Dina's night.
    """

    name: HolderName
    ura: Ura
    title: str
    kind: HolderKind
    telephone: str
    place: str
    source: SourceKind = "embedded"
    in_region: bool = True
    answers: bool = True
    in_story: bool = False

    @property
    def registered(self) -> DataHolder:
        """The line that the register has about this holder."""
        return DataHolder(self.name, self.ura, self.title, self.kind, self.telephone)


def _holder(name: str, ura: str, title: str, kind: HolderKind, at: tuple[str, str], source: SourceKind = "embedded", **more: bool) -> FictionalHolder:
    telephone, place = at
    return FictionalHolder(HolderName(name), Ura(ura), title, kind, telephone, place, source, **more)


#: Those of Dina's night, in the order of the story's table.
STORY_HOLDERS: Final[tuple[FictionalHolder, ...]] = (
    _holder("dinkelhorst", "90001001", "Ziekenhuis Dinkelhorst", HolderKind.HOSPITAL, ("053-5550101", "Dinkelhorst"), "fhir-server", in_story=True),
    _holder("reggerbrug", "90001002", "Ziekenhuis Reggerbrug", HolderKind.HOSPITAL, ("074-5550102", "Reggerbrug"), "fhir-stu3", in_story=True),
    _holder("brinkhof", "90001003", "Huisartsen De Brinkhof", HolderKind.GP_PRACTICE, ("053-5550103", "Marksveen"), "sql", in_story=True),
    _holder("marksveen", "90001004", "Huisartsenpost Marksveen", HolderKind.OUT_OF_HOURS_POST, ("053-5550104", "Marksveen"), in_story=True),
    _holder("twickelaar", "90001005", "Lab Twickelaar", HolderKind.LABORATORY, ("074-5550105", "Reggerbrug"), "hl7-feed", in_story=True),
    _holder("vijzelmarke", "90001006", "Apotheek De Vijzelmarke", HolderKind.PHARMACY, ("053-5550106", "Marksveen"), "fhir-server", in_story=True),
    _holder("eschrand", "90001007", "GGZ De Eschrand", HolderKind.MENTAL_HEALTH, ("074-5550107", "Reggerbrug"), "fhir-server", in_story=True),
    _holder("wieke", "90001008", "Thuiszorg De Wieke", HolderKind.HOME_CARE, ("053-5550108", "Marksveen"), "fhir-stu3", in_story=True),
    _holder("weefgetouw", "90001009", "Zorghuis 't Weefgetouw", HolderKind.NURSING_HOME, ("053-5550109", "Dinkelhorst"), in_story=True),
    _holder("losserveld", "90001010", "Ambulance Losserveld", HolderKind.AMBULANCE, ("053-5550110", "Losserveld"), "fhir-server", in_story=True),
    _holder("reviant", "90001011", "Reviant Reggerbrug", HolderKind.REHABILITATION, ("074-5550111", "Reggerbrug"), "csv", answers=False, in_story=True),
    _holder("noaberhoes", "90001012", "Hospice 't Noaberhoes", HolderKind.HOSPICE, ("053-5550112", "Losserveld"), in_region=False, in_story=True),
)

#: The rest of the region: with them every kind of holder is there at least once.
OTHER_HOLDERS: Final[tuple[FictionalHolder, ...]] = (
    _holder("havezate", "90001021", "Verpleeghuis De Havezate", HolderKind.NURSING_HOME, ("074-5550121", "Holterloo")),
    _holder("hoeseken", "90001022", "Kraamzorg 't Hoeseken", HolderKind.MATERNITY, ("053-5550122", "Dinkelhorst")),
    _holder("spinnewiel", "90001023", "Gehandicaptenzorg Het Spinnewiel", HolderKind.DISABILITY, ("074-5550123", "Holterloo")),
    _holder("haarveld", "90001024", "Diagnostisch Centrum Haarveld", HolderKind.DIAGNOSTIC_CENTRE, ("053-5550124", "Haarveld")),
    _holder("noordmarke", "90001025", "GGD Noordmarke", HolderKind.PUBLIC_HEALTH, ("053-5550125", "Dinkelhorst")),
    _holder("opdenes", "90001026", "Fysiotherapie Op den Es", HolderKind.PARAMEDIC, ("053-5550126", "Marksveen")),
    _holder("holterloo", "90001027", "Huisartsenpraktijk Holterloo", HolderKind.GP_PRACTICE, ("074-5550127", "Holterloo")),
    _holder("waterveld", "90001028", "Huisartsen Het Waterveld", HolderKind.GP_PRACTICE, ("053-5550128", "Losserveld")),
    _holder("kruudhoes", "90001029", "Apotheek 't Kruudhoes", HolderKind.PHARMACY, ("074-5550129", "Holterloo")),
)

HOLDERS: Final[tuple[FictionalHolder, ...]] = STORY_HOLDERS + OTHER_HOLDERS
BY_NAME: Final[dict[str, FictionalHolder]] = {holder.name.value: holder for holder in HOLDERS}


def holders_of_kind(kind: HolderKind) -> tuple[FictionalHolder, ...]:
    """All holders of a kind that keep dossiers, the story's first."""
    return tuple(holder for holder in HOLDERS if holder.kind is kind and holder.answers)
