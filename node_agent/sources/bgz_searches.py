"""The searches of the national agreements, for servers that cannot be asked for all records of a type.

Sources: BgZ-MSZ 2.0 and 1.2.2 and MedMij BgZ 3.0 (STU3, zib2017), the profiles of zib2020 (R4), MP9 3.0 and the
planning-ahead guide of IKNL. Where records are told apart by a code, it is asked for in both generations, whichever
FHIR the server speaks. `:in` is never used, and nothing that a server may bring along is relied on: companions are read
by name, and whatever else comes is decided on like all the rest.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from accord.terms.vocabulary import CareCategory

_SNOMED: Final = "http://snomed.info/sct|"
_LOINC: Final = "http://loinc.org|"
_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/observation-category|"
_OLD_CATEGORIES: Final = "http://hl7.org/fhir/observation-category|"
_USE: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3|6"
_CONSENT_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/consentcategorycodes|"

Parameters = tuple[tuple[str, str], ...]


class Asked(NamedTuple):
    """One search of a type, beside the parameter that names the patient. `last` asks for the newest of each kind as well, by `$lastn`."""

    parameters: Parameters = ()
    last: bool = False


def _of(name: str, *values: str, system: str = _SNOMED) -> Parameters:
    return ((name, ",".join(value if "|" in value else system + value for value in values)),)


_VITAL: Final = ("85354-9", "29463-7", "8302-2", "8306-3", "8308-9", "8867-4", "9279-1", "8310-5", "59408-5")
_LABORATORY: Final = ("49581000146104", "275711006", "252275004", "68793005", "395124008", "314076009", "19851009", "405825005", "15220000")
#: Functional status, living situation, use of drugs, alcohol and tobacco.
_STATUS: Final = ("118228005", "384821006")
_SOCIAL: Final = ("365508006", "228366006", "228273003", "365980008")
#: What is written down when planning ahead: wishes, place of death, euthanasia, organ donation, what else is important.
_AHEAD: Final = ("153851000146100", "395091006", "340171000146104", "570801000146104", "247751003")

#: By type, whichever the generation; a type that is not here is asked for as a whole.
SEARCHES: Final[Mapping[str, tuple[Asked, ...]]] = {
    "Observation": (
        Asked(_of("category", *_STATUS), last=True),
        Asked(_of("code", *_SOCIAL), last=True),
        Asked(_of("code", *_VITAL, system=_LOINC), last=True),
        Asked(_of("category", *_LABORATORY, f"{_CATEGORIES}laboratory", f"{_OLD_CATEGORIES}laboratory"), last=True),
        Asked(_of("category", f"{_CATEGORIES}vital-signs", f"{_OLD_CATEGORIES}vital-signs")),
        Asked(_of("code", *_AHEAD)),
    ),
    "Consent": (
        Asked(_of("category", "11291000146105", "129125009")),
        Asked(_of("category", "11341000146107", f"{_CONSENT_CATEGORIES}acd")),
    ),
    "MedicationStatement": (Asked(_of("category", _USE, "422979000")),),
    "MedicationRequest": (Asked(_of("category", "16076005", "33633005")), Asked(_of("category", "395067002", "52711000146108"))),
    "MedicationDispense": (Asked(_of("category", "422037009", "373784005")),),
    "MedicationAdministration": (Asked(_of("category", "18629005")),),
    "Procedure": (Asked(_of("category", "387713003", "258174001")), Asked(_of("code", "713603004"))),
    "Immunization": (Asked((("status", "completed"),)),),
    "ProcedureRequest": (Asked((("status", "active"),)),),
    "ServiceRequest": (Asked((("status", "active"),)),),
    "DeviceRequest": (Asked((("status", "active"),)),),
    "Appointment": (Asked((("status", "booked,pending,proposed"),)),),
    "CareTeam": (Asked((("status", "active"),)),),
    "DocumentReference": (Asked((("status", "current"),)),),
}
_WHOLE: Final = (Asked(),)
#: Care categories of which these searches bring every record: by each code that makes it one (`accord.terms.records`).
COVERED: Final = frozenset({CareCategory.OBSERVATION_LABORATORY, CareCategory.OBSERVATION_VITAL_SIGNS})


def asked_of(kind: str, searches: str) -> tuple[Asked, ...]:
    """The searches for a type: one for all of it, or those of the agreements."""
    return SEARCHES.get(kind, _WHOLE) if searches == "bgz" else _WHOLE
