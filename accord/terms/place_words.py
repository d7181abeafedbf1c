"""The words for places in Dutch and English, so that who asks and who answers read the same on their screens."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from accord.terms.capacity import CareKind, Certainty, Condition, Funding, Light, StopReason
from accord.terms.placing import DeclineReason, EndReason, WithdrawReason


@dataclass(frozen=True, slots=True)
class Words:
    """The same in two languages."""

    nl: str
    en: str

    def in_language(self, language: Literal["nl", "en"]) -> str:
        """The words in one of them."""
        return self.nl if language == "nl" else self.en


CARE_KINDS: Final[Mapping[CareKind, Words]] = {
    CareKind.HOSPITAL_BED: Words("Ziekenhuisbed", "Hospital bed"),
    CareKind.EMERGENCY_DEPARTMENT: Words("Spoedeisende hulp", "Emergency department"),
    CareKind.SHORT_STAY_LOW: Words("Eerstelijnsverblijf laag", "Short stay, low complexity"),
    CareKind.SHORT_STAY_HIGH: Words("Eerstelijnsverblijf hoog", "Short stay, high complexity"),
    CareKind.GERIATRIC_REHABILITATION: Words("Geriatrische revalidatie", "Geriatric rehabilitation"),
    CareKind.NURSING_HOME: Words("Verpleeghuis", "Nursing home"),
    CareKind.HOSPICE: Words("Hospice", "Hospice"),
    CareKind.DISTRICT_NURSING: Words("Wijkverpleging", "District nursing"),
    CareKind.SPECIALISED_HOME_CARE: Words("Specialistische verpleging thuis", "Specialised nursing at home"),
    CareKind.MENTAL_HEALTH_BED: Words("Bed in de ggz", "Mental health bed"),
    CareKind.OUT_OF_HOURS_GP: Words("Huisartsenpost", "Out-of-hours GP"),
}
CONDITIONS: Final[Mapping[Condition, Words]] = {
    Condition.ISOLATION: Words("isolatie", "isolation"),
    Condition.BARIATRIC: Words("bariatrisch", "bariatric"),
    Condition.WOUND_CARE: Words("wondzorg", "wound care"),
    Condition.DEMENTIA: Words("dementie", "dementia"),
    Condition.SECURED: Words("gesloten afdeling", "closed ward"),
    Condition.OXYGEN: Words("zuurstof", "oxygen"),
    Condition.DIALYSIS: Words("dialyse", "dialysis"),
    Condition.TUBE_FEEDING: Words("sondevoeding", "tube feeding"),
    Condition.INFUSION: Words("infuus", "infusion"),
    Condition.PARTNER: Words("partner mee", "partner comes along"),
}
FUNDING: Final[Mapping[Funding, Words]] = {
    Funding.ZVW: Words("Zvw", "Zvw (health insurance)"),
    Funding.WLZ: Words("Wlz", "Wlz (long-term care)"),
    Funding.WMO: Words("Wmo", "Wmo (social support)"),
}
LIGHTS: Final[Mapping[Light, Words]] = {
    Light.GREEN: Words("groen", "green"),
    Light.AMBER: Words("oranje", "amber"),
    Light.RED: Words("rood", "red"),
}
CERTAINTIES: Final[Mapping[Certainty, Words]] = {
    Certainty.CONFIRMED: Words("door een planner gezien", "seen by a planner"),
    Certainty.DERIVED: Words("uit een systeem", "from a system"),
}
STOP_REASONS: Final[Mapping[StopReason, Words]] = {
    StopReason.FULL: Words("vol", "full"),
    StopReason.STAFF: Words("te weinig personeel", "staff shortage"),
    StopReason.OUTBREAK: Words("uitbraak", "outbreak"),
    StopReason.MAINTENANCE: Words("onderhoud", "maintenance"),
    StopReason.CLOSED: Words("gesloten", "closed"),
    StopReason.OTHER: Words("andere reden", "other reason"),
}
DECLINE_REASONS: Final[Mapping[DeclineReason, Words]] = {
    DeclineReason.NO_PLACE: Words("geen plek", "no place"),
    DeclineReason.NO_STAFF: Words("te weinig personeel", "too few staff"),
    DeclineReason.TOO_COMPLEX: Words("zorg te zwaar voor ons", "care too complex for us"),
    DeclineReason.CONDITION: Words("voorwaarde niet mogelijk", "condition not possible"),
    DeclineReason.AREA: Words("buiten ons werkgebied", "outside our area"),
    DeclineReason.FUNDING: Words("indicatie of betaling past niet", "indication or funding does not fit"),
    DeclineReason.DATE: Words("niet op die datum", "not on that date"),
    DeclineReason.OTHER_CARE_FITS_BETTER: Words("andere zorg past beter", "other care fits better"),
    DeclineReason.MISSING_INFORMATION: Words("te weinig bekend om ja te zeggen", "too little known to say yes"),
    DeclineReason.OTHER: Words("andere reden", "other reason"),
}
END_REASONS: Final[Mapping[EndReason, Words]] = {
    EndReason.PLACED_ELSEWHERE: Words("ergens anders geplaatst", "placed elsewhere"),
    EndReason.CANCELLED: Words("ingetrokken", "cancelled"),
    EndReason.CONDITION_CHANGED: Words("toestand is veranderd", "condition changed"),
    EndReason.WISH_CHANGED: Words("wens is veranderd", "wish changed"),
    EndReason.DIED: Words("overleden", "died"),
    EndReason.OTHER: Words("andere reden", "other reason"),
}
WITHDRAW_REASONS: Final[Mapping[WithdrawReason, Words]] = {
    WithdrawReason.STAFF: Words("te weinig personeel", "staff shortage"),
    WithdrawReason.OUTBREAK: Words("uitbraak", "outbreak"),
    WithdrawReason.PLACE_NOT_FREE: Words("plek kwam niet vrij", "place did not come free"),
    WithdrawReason.MISTAKE: Words("vergissing", "mistake"),
    WithdrawReason.OTHER: Words("andere reden", "other reason"),
}

#: All of them, for a screen that shows a code of any kind.
WORDS: Final[Mapping[type[StrEnum], Mapping[Any, Words]]] = {
    CareKind: CARE_KINDS,
    Condition: CONDITIONS,
    Funding: FUNDING,
    Light: LIGHTS,
    Certainty: CERTAINTIES,
    StopReason: STOP_REASONS,
    DeclineReason: DECLINE_REASONS,
    EndReason: END_REASONS,
    WithdrawReason: WITHDRAW_REASONS,
}


def words_of(code: StrEnum) -> Words:
    """The words for a code of places."""
    return WORDS[type(code)][code]
