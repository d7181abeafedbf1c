"""What the health record of Ziekenhuis Dinkelhorst has on file for tonight: who came to the emergency department, and who is at work there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people import BENNIE, DINA
from testbed.people.wording import ROLE_CODES, UZI
from testbed.region_files import PROFESSIONAL

HOSPITAL: Final = "Ziekenhuis Dinkelhorst"
DOCTOR: Final = "seh-arts-31"


@dataclass(frozen=True, slots=True)
class EhrPatient:
    """A patient as the health record knows them; `id` is its own."""

    id: str
    given: str
    family: str
    birth_date: str
    bsns: tuple[str, ...] = field(repr=False)
    arrived: str
    complaint: str

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given} {self.family}"

    @property
    def record(self) -> Mapping[str, Any]:
        """As FHIR."""
        identifiers = [{"system": "urn:oid:2.16.528.1.1007.3.3.4711", "value": self.id}]
        identifiers += [{"use": "official", "system": BSN_SYSTEM, "value": bsn} for bsn in self.bsns]
        return {
            "resourceType": "Patient",
            "id": self.id,
            "identifier": identifiers,
            "name": [{"use": "official", "family": self.family, "given": [self.given]}],
            "birthDate": self.birth_date,
        }


TONIGHT: Final = (
    EhrPatient("pt-7f31c", "Dina", "Olde Wolbers-Nijkamp", DINA.birth_date, (DINA.bsn,), "02:31", "gevallen, pijn in de heup, verward"),
    EhrPatient("pt-90b2e", "Bennie", "Lutke Veldhuis", BENNIE.birth_date, (BENNIE.bsn,), "02:58", "buiten bewustzijn binnengebracht"),
)


def practitioner() -> dict[str, Any]:
    """Who is at work, as FHIR."""
    return {
        "resourceType": "Practitioner",
        "id": DOCTOR,
        "active": True,
        "identifier": [{"system": UZI, "value": PROFESSIONAL["id"]}],
        "name": [{"use": "official", "text": PROFESSIONAL["name"]}],
    }


def roles() -> dict[str, Any]:
    """In which role, as FHIR."""
    role = {
        "resourceType": "PractitionerRole",
        "id": f"{DOCTOR}-role",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{DOCTOR}"},
        "code": [{"coding": [{"system": ROLE_CODES, "code": PROFESSIONAL["role"], "display": "Spoedeisende geneeskunde"}]}],
    }
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": role, "search": {"mode": "match"}}]}
