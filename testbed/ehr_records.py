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
TRANSFER: Final = "transfer-07"


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works there: `id` is the record's own, `number` and `role` are those of the pass; `list` is the title of their worklist."""

    id: str
    number: str
    role: str
    display: str
    name: str
    works_at: str
    list: str


SANNE: Final = Staff(
    DOCTOR,
    PROFESSIONAL["id"],
    PROFESSIONAL["role"],
    "Spoedeisende geneeskunde",
    PROFESSIONAL["name"],
    "spoedeisende hulp",
    "Spoedeisende hulp, vannacht",
)
#: Who looks for a place for whoever cannot go home yet.
GERBEN: Final = Staff(TRANSFER, "900000044", "30.000", "Verpleegkundige", "Gerben Nieuwe Haarman", "transferpunt", "Transferpunt, deze week")
STAFF: Final = {one.id: one for one in (SANNE, GERBEN)}


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


def practitioner(who: Staff = SANNE) -> dict[str, Any]:
    """Who is at work, as FHIR."""
    return {
        "resourceType": "Practitioner",
        "id": who.id,
        "active": True,
        "identifier": [{"system": UZI, "value": who.number}],
        "name": [{"use": "official", "text": who.name}],
    }


def roles(who: Staff = SANNE) -> dict[str, Any]:
    """In which role, as FHIR."""
    role = {
        "resourceType": "PractitionerRole",
        "id": f"{who.id}-role",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{who.id}"},
        "code": [{"coding": [{"system": ROLE_CODES, "code": who.role, "display": who.display}]}],
    }
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": role, "search": {"mode": "match"}}]}
