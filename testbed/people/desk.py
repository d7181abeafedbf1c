"""One holder's own administration: its local ids, its staff, its way of writing, and the files it keeps."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accord.terms.identifiers import URA_SYSTEM
from accord.terms.vocabulary import VEKTIS_TYPES, HolderKind
from testbed.holders import FictionalHolder
from testbed.people.catalogue import Medicine
from testbed.people.names import FAMILY, GIVEN
from testbed.people.person import Person, patient_record
from testbed.people.spelling import SPELLING_OF, Spelling, spell
from testbed.people.wording import ATC, G_STANDAARD, ORGANISATION_TYPE, ROLE_CODES, UZI, Json, coding, concept, instant, profile

#: RoleCodeNL of the professionals of a kind of holder; a nurse where nothing is said.
_ROLES: Final[dict[HolderKind, tuple[str, str]]] = {
    HolderKind.HOSPITAL: ("01.016", "internist"),
    HolderKind.GP_PRACTICE: ("01.015", "huisarts"),
    HolderKind.OUT_OF_HOURS_POST: ("01.015", "huisarts"),
    HolderKind.PHARMACY: ("17.000", "apotheker"),
    HolderKind.MENTAL_HEALTH: ("01.035", "psychiater"),
    HolderKind.PARAMEDIC: ("04.000", "fysiotherapeut"),
}
#: Ids of this holder are so long that no prefix fits before them within FHIR's 64 characters.
_LONG_IDS: Final = frozenset({"haarveld"})


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record as a holder keeps it: where it stands, and its bytes."""

    type: str
    id: str
    json: bytes

    @property
    def ref(self) -> str:
        """For instance `Observation/1`."""
        return f"{self.type}/{self.id}"

    def __repr__(self) -> str:
        return f"KeptRecord({self.ref})"


def organisation_record(holder: FictionalHolder) -> Json:
    """An Organization: the same content in everybody's administration."""
    return {
        "resourceType": "Organization",
        "meta": {"profile": [profile("HealthcareProvider-Organization")]},
        "identifier": [{"system": URA_SYSTEM, "value": holder.ura.value}],
        "active": True,
        "type": [concept(ORGANISATION_TYPE, VEKTIS_TYPES[holder.kind][0], holder.title)],
        "name": holder.title,
        "telecom": [{"system": "phone", "value": holder.telephone, "use": "work"}],
        "address": [{"use": "work", "city": holder.place, "country": "NL"}],
    }


class Desk:
    """Writes records down under the holder's own ids, which begin at 1 for each type, as everybody's do."""

    def __init__(self, holder: FictionalHolder, at: datetime) -> None:
        self.holder = holder
        self.at = at
        self.records: list[KeptRecord] = []
        self.choices: list[Json] = []
        self._spelling = SPELLING_OF.get(holder.name.value, Spelling.COMPACT)
        self._counted: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self.organisation = self.of_holder(holder)
        self.location = self._write_location()
        self.professionals = tuple(self._write_professional(number) for number in range(3))

    def add(self, resource: Json, when: datetime | None = None) -> str:
        """Write a record down under the next free id of its type, and return `Type/id`."""
        kind = resource["resourceType"]
        self._counted[kind] += 1
        logical_id = str(self._counted[kind])
        if self.holder.name.value in _LONG_IDS:
            logical_id = f"{self.holder.name}-{kind.lower()}-".ljust(64 - 6, "0") + logical_id.zfill(6)
        meta = {"versionId": "1", "lastUpdated": instant(when or self.at)} | resource.get("meta", {})
        whole = {"resourceType": kind, "id": logical_id, "meta": meta} | {key: value for key, value in resource.items() if key not in {"resourceType", "meta"}}
        self.records.append(KeptRecord(kind, logical_id, spell(whole, self._spelling)))
        return f"{kind}/{logical_id}"

    def once(self, key: str, resource: Json) -> str:
        """A record that belongs to no patient: written down the first time, referred to from then on."""
        if key not in self._known:
            self._known[key] = self.add(resource)
        return self._known[key]

    def of_holder(self, holder: FictionalHolder) -> str:
        """The Organization of another holder, as this one keeps it."""
        return self.once(f"organisation {holder.name}", organisation_record(holder))

    def product(self, medicine: Medicine) -> str:
        """The Medication for a product."""
        codes = [coding(G_STANDAARD, medicine.product, medicine.name), coding(ATC, medicine.atc)]
        meta = {"profile": [profile("PharmaceuticalProduct")]}
        return self.once(f"product {medicine.product}", {"resourceType": "Medication", "meta": meta, "code": {"coding": codes, "text": medicine.name}})

    def open(self, who: Person, record: Json | None = None) -> "File":
        """Register a person, as *record* where the usual one is not meant, and begin their file."""
        number = f"{self.holder.ura.value[-3:]}{self._counted['Patient'] + 1:06d}"
        patient: Json = {"meta": {"profile": [profile("Patient")]}} | (record or patient_record(who, number))
        patient["managingOrganization"] = {"reference": self.organisation}
        return File(self, who, self.add(patient))

    def _write_location(self) -> str:
        telecom = [{"system": "phone", "value": self.holder.telephone, "use": "work"}]
        address = {"use": "work", "city": self.holder.place, "country": "NL"}
        return self.add(
            {
                "resourceType": "Location",
                "status": "active",
                "name": self.holder.title,
                "telecom": telecom,
                "address": address,
                "managingOrganization": {"reference": self.organisation},
            }
        )

    def _write_professional(self, number: int) -> str:
        """A Practitioner and the PractitionerRole in which they work here; the latter is referred to."""
        code, display = _ROLES.get(self.holder.kind, ("30.000", "verpleegkundige"))
        turn = int(self.holder.ura.value) + 7 * number
        given, family = GIVEN["female" if turn % 2 else "male"][turn % 25], FAMILY[turn % len(FAMILY)]
        practitioner = self.add(
            {
                "resourceType": "Practitioner",
                "meta": {"profile": [profile("HealthProfessional-Practitioner")]},
                "identifier": [{"system": UZI, "value": f"9{turn:08d}"[:9]}],
                "name": [{"use": "official", "text": f"{given} {family}", "family": family, "given": [given]}],
            }
        )
        return self.add(
            {
                "resourceType": "PractitionerRole",
                "meta": {"profile": [profile("HealthProfessional-PractitionerRole")]},
                "practitioner": {"reference": practitioner, "display": f"{given} {family}"},
                "organization": {"reference": self.organisation},
                "code": [concept(ROLE_CODES, code, display)],
            }
        )


@dataclass(frozen=True, slots=True)
class File:
    """A person's file at one desk. `patient` is the reference to the holder's own Patient record."""

    desk: Desk
    who: Person
    patient: str

    @property
    def subject(self) -> Json:
        """The reference that ties a record to this person."""
        return {"reference": self.patient}

    def professional(self, turn: int = 0) -> Json:
        """One of the holder's professionals."""
        return {"reference": self.desk.professionals[turn % len(self.desk.professionals)]}

    def add(self, resource: Json, when: datetime) -> str:
        """Put a record in the file, and return `Type/id`."""
        return self.desk.add(resource, when)

    def choose(self, *, permits: bool, **choice: str | None) -> None:
        """Note what the person decided about sharing; what is not named is all."""
        keys = ("user_kind", "user_ura", "category", "purpose", "record")
        line: Json = {"bsn": self.who.bsn} | {key: choice.get(key) for key in keys} | {"permits": permits}
        self.desk.choices.append(line | {"from": choice.get("since"), "until": choice.get("until")})
