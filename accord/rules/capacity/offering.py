"""Which kinds of care provider may have places of which kinds of care: who need not be asked at all.

In doubt a kind is in: a question too many costs a millisecond, and a question too few hides a place.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from accord.terms.capacity import CareKind
from accord.terms.vocabulary import HolderKind

#: By kind of provider. Who does not stand here has no places: a pharmacy, a laboratory.
OFFERED_BY: Final[Mapping[HolderKind, frozenset[CareKind]]] = MappingProxyType(
    {
        HolderKind.HOSPITAL: frozenset(
            {
                CareKind.HOSPITAL_BED,
                CareKind.EMERGENCY_DEPARTMENT,
                CareKind.SHORT_STAY_LOW,
                CareKind.SHORT_STAY_HIGH,
                CareKind.GERIATRIC_REHABILITATION,
                CareKind.SPECIALISED_HOME_CARE,
                # The psychiatric ward of a general hospital.
                CareKind.MENTAL_HEALTH_BED,
                CareKind.OUT_OF_HOURS_GP,
            }
        ),
        HolderKind.GP_PRACTICE: frozenset({CareKind.OUT_OF_HOURS_GP}),
        HolderKind.OUT_OF_HOURS_POST: frozenset({CareKind.OUT_OF_HOURS_GP}),
        HolderKind.MENTAL_HEALTH: frozenset({CareKind.MENTAL_HEALTH_BED}),
        HolderKind.HOME_CARE: frozenset(
            {
                CareKind.DISTRICT_NURSING,
                CareKind.SPECIALISED_HOME_CARE,
                CareKind.SHORT_STAY_LOW,
                CareKind.SHORT_STAY_HIGH,
            }
        ),
        HolderKind.NURSING_HOME: frozenset(
            {
                CareKind.NURSING_HOME,
                CareKind.SHORT_STAY_LOW,
                CareKind.SHORT_STAY_HIGH,
                CareKind.GERIATRIC_REHABILITATION,
                CareKind.HOSPICE,
                CareKind.DISTRICT_NURSING,
                CareKind.SPECIALISED_HOME_CARE,
            }
        ),
        HolderKind.REHABILITATION: frozenset({CareKind.GERIATRIC_REHABILITATION, CareKind.SHORT_STAY_LOW, CareKind.SHORT_STAY_HIGH}),
        # A short stay in the last phase of life is paid for as one of high complexity; a room that is empty may be lent to
        # somebody who recovers, with a therapist who comes to the house.
        HolderKind.HOSPICE: frozenset({CareKind.HOSPICE, CareKind.SHORT_STAY_HIGH, CareKind.GERIATRIC_REHABILITATION, CareKind.SPECIALISED_HOME_CARE}),
        HolderKind.DISABILITY: frozenset({CareKind.SHORT_STAY_LOW, CareKind.SHORT_STAY_HIGH, CareKind.NURSING_HOME}),
    }
)


def may_offer(kind: HolderKind, kinds: frozenset[CareKind]) -> bool:
    """Whether a provider of this kind may have places of one of *kinds*; none named: of any."""
    offered = OFFERED_BY.get(kind, frozenset())
    return bool(offered & kinds) if kinds else bool(offered)
