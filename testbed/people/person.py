"""A person, and how an administration writes them down."""

from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people.names import FAMILY, GIVEN, PLACES, PREFIXES, STREETS, UNUSED_LETTERS
from testbed.people.wording import TERMINOLOGY, Json, hl7, profile


@dataclass(frozen=True, slots=True)
class Relative:
    """Who may be called, and whether they speak for the person."""

    given: str
    family: str
    code: str
    display: str
    telephone: str
    represents: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who lives in the region. Shown without the number."""

    bsn: str
    born: date
    gender: str
    given: str
    family: str
    street: str
    postcode: str
    place: str
    telephone: str
    relative: Relative | None = None
    deceased: str | None = None

    def __repr__(self) -> str:
        return "Person(…)"

    def age(self, at: datetime) -> int:
        """Whole years."""
        return at.year - self.born.year - ((at.month, at.day) < (self.born.month, self.born.day))


def person(bsn: str, born: date, gender: str, given: str, family: str, **more: str | Relative | None) -> Person:
    """A person named by hand; the rest is filled in from the number."""
    place, digits = PLACES[int(bsn) % len(PLACES)]
    fields: dict[str, str] = {
        "street": f"{STREETS[int(bsn) % len(STREETS)]} {int(bsn) % 97 + 1}",
        "postcode": f"{digits} {UNUSED_LETTERS[int(bsn) % 3]}",
        "place": place,
        "telephone": f"06-5550{int(bsn) % 10_000:04d}",
    }
    return Person(bsn, born, gender, given, family, **(fields | more))  # type: ignore[arg-type]


def draw_person(bsn: str, at: datetime, chance: Random) -> Person:
    """Somebody of the crowd: half the region is over 55, as those are who care is about."""
    gender = chance.choice(("female", "male"))
    years = chance.choices((6, 25, 48, 68, 83), weights=(10, 14, 22, 30, 24))[0]
    born = date(at.year - 1 - years + chance.randint(-5, 5), chance.randint(1, 12), chance.randint(1, 28))
    prefix = chance.choice(PREFIXES)
    family = f"{prefix} {chance.choice(FAMILY)}".strip()
    relative = None
    if at.year - born.year < 18:
        relative = Relative(chance.choice(GIVEN["female"]), family, "MTH", "moeder", f"06-5551{int(bsn) % 10_000:04d}", represents=True)
    elif chance.random() < 0.4:
        code, display = chance.choice((("DAUC", "dochter"), ("SONC", "zoon"), ("SPS", "partner"), ("NBOR", "buur")))
        relative = Relative(chance.choice(GIVEN[chance.choice(("female", "male"))]), chance.choice(FAMILY), code, display, f"06-5551{int(bsn) % 10_000:04d}")
    return person(bsn, born, gender, chance.choice(GIVEN[gender]), family, relative=relative)


def patient_record(who: Person, local_number: str) -> Json:
    """The Patient as an administration keeps it; `id` and `meta` are the administration's to add."""
    record: Json = {
        "resourceType": "Patient",
        "identifier": [
            {"use": "official", "system": BSN_SYSTEM, "value": who.bsn},
            {"use": "usual", "system": "urn:oid:2.999.2026.1", "value": local_number},
        ],
        "active": True,
        "name": [{"use": "official", "text": f"{who.given} {who.family}", "family": who.family, "given": [who.given]}],
        "telecom": [{"system": "phone", "value": who.telephone, "use": "mobile"}],
        "gender": who.gender,
        "birthDate": who.born.isoformat(),
        "address": [{"use": "home", "type": "both", "line": [who.street], "city": who.place, "postalCode": who.postcode, "country": "NL"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "nl", "display": "Nederlands"}]}}],
    }
    if who.deceased is not None:
        record["deceasedDateTime"] = who.deceased
    return record


def related_person(relative: Relative, patient: str) -> Json:
    """The contact person, as a representative where they are one."""
    relations = [hl7("v3-RoleCode", relative.code, relative.display)]
    if relative.represents:
        relations.append({"coding": [{"system": f"{TERMINOLOGY}/v3-RoleCode", "code": "RESPRSN", "display": "vertegenwoordiger"}]})
    return {
        "resourceType": "RelatedPerson",
        "meta": {"profile": [profile("ContactPerson")]},
        "active": True,
        "patient": {"reference": patient},
        "relationship": relations,
        "name": [{"use": "official", "text": f"{relative.given} {relative.family}", "family": relative.family, "given": [relative.given]}],
        "telecom": [{"system": "phone", "value": relative.telephone, "use": "mobile"}],
    }
