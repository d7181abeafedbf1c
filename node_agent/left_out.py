"""What a source may keep that nobody asks it for: what it says itself, or else what is expected of every source and is not among its types."""

from collections.abc import Collection
from typing import Final

from accord.rules.leaving_out import LeftOut
from accord.terms.faults import BadInput, Fault
from accord.terms.records import TYPE_BY_NAME
from node_agent.ports import LeavesOut, Source

#: Types of the BgZ, of planning ahead and of medication: whoever reads a dossier takes it that these were asked for.
EXPECTED: Final = frozenset(
    "AllergyIntolerance Appointment CarePlan Communication Condition Consent Coverage DeviceRequest DeviceUseStatement Encounter Flag Goal "
    "Immunization ImmunizationRecommendation MedicationAdministration MedicationDispense MedicationRequest MedicationStatement NutritionOrder "
    "Observation Procedure RelatedPerson ServiceRequest".split()
)


def beyond(types: Collection[str], not_kept: Collection[str] = ()) -> LeftOut:
    """What is expected, is not among these types, and of which nobody said that it is not kept."""
    return LeftOut.whole(EXPECTED.difference(types, not_kept))


async def left_out_of(source: Source) -> LeftOut:
    """What is left out at a source.

    Raises:
        SourceFailure: It could not be found out.
    """
    return await source.left_out() if isinstance(source, LeavesOut) else beyond(source.types)


def check_not_kept(not_kept: Collection[str], asked: Collection[str]) -> None:
    """Refuse types that are none, and those that are asked for as well.

    Raises:
        BadInput: `invalid-setting`.
    """
    for name in sorted(not_kept):
        if name not in TYPE_BY_NAME:
            raise BadInput(Fault.INVALID_SETTING, f"source.not_kept: {name} is no type that can be shared")
        if name in asked:
            raise BadInput(Fault.INVALID_SETTING, f"source.types and source.not_kept: {name} stands in both")
