"""A practice's own system: the example's tables, filled with what the practice wrote down, in a file of SQLite or on a PostgreSQL server."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from testbed.postgres import PostgresServer

Row = tuple[str, dict[str, Any]]

_PACKED: Final = Path(__file__).with_name("gp_system_files")
#: Where schema, views and mapping are: with the examples in a checkout, beside this module in a wheel.
FILES: Final = _PACKED if _PACKED.is_dir() else Path(__file__).resolve().parents[1] / "examples" / "gp_system"
MAPPING: Final = FILES / "mapping.toml"

_SEXES: Final = {"male": "M", "female": "V", "other": "O"}
_CONTACTS: Final = {"AMB": "C", "HH": "V", "VR": "T"}
_SUBSTANCES: Final = {"medication": "M", "food": "V", "environment": "O", "biologic": "B"}
_ANSWERS: Final = {"permit": "J", "deny": "N"}
_SEVERITIES: Final = {"mild": "L", "moderate": "M", "severe": "E"}
_RUBRICS: Final = {"vital-signs": "V", "laboratory": "L", "social-history": "S"}
_LOINC: Final = "http://loinc.org"
_SNOMED: Final = "http://snomed.info/sct"
#: The parts of a measurement have numbers of their own, far from those of the measurements.
_PARTS_FROM: Final = 1_000_000


class NotOfAPractice(Exception):
    """A record that the tables have no place for; the text is its type and id."""


def fill_sqlite(path: Path, records: Iterable[bytes]) -> None:
    """Make the system in a file of SQLite.

    Raises:
        NotOfAPractice: A record has no place in it.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_script("schema.sql") + _script("views.sql"))
        for table, row in rows(records):
            marks = ", ".join(f":{column}" for column in row)
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 - tables of ours


def fill_postgres(server: PostgresServer, database: str, records: Iterable[bytes]) -> None:
    """Make the system in a database of a server, in which nothing is yet.

    Raises:
        NotOfAPractice: A record has no place in it.
    """
    with server.connection(database) as connection, connection.transaction():
        connection.execute(_script("schema.sql") + _script("views.sql"))
        for table, row in rows(records):
            marks = ", ".join(f"%({column})s" for column in row)
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 - tables of ours


def rows(records: Iterable[bytes]) -> Iterator[Row]:
    """Each record as the rows of the practice's tables, what is referred to first."""
    found = [row for record in records for row in _rows(json.loads(record, parse_float=str))]
    tables = [line.split()[2] for line in _script("schema.sql").splitlines() if line.startswith("CREATE TABLE")]
    seen: set[tuple[str, Any]] = set()
    for table in tables:
        for name, row in found:
            key = (name, row[f"{name}_id"])
            if name == table and key not in seen:
                seen.add(key)
                yield name, row


def _script(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def _rows(record: Mapping[str, Any]) -> list[Row]:
    make = _MAKERS.get(record["resourceType"])
    if make is None:
        raise NotOfAPractice(f"{record['resourceType']}/{record['id']}")
    own = {"gewijzigd": _wall_clock(record["meta"]["lastUpdated"])}
    return [(table, row | (own if table != "bepaling" else {})) for table, row in make(record, int(record["id"]))]


def _organisation(record: Mapping[str, Any], number: int) -> list[Row]:
    row = {"praktijk_id": number, "naam": record["name"], "ura": record["identifier"][0]["value"], "soort": record["type"][0]["coding"][0]["code"]}
    return [("praktijk", row | {"telefoon": record["telecom"][0]["value"], "plaats": record["address"][0]["city"]})]


def _nothing_new(_record: Mapping[str, Any], _number: int) -> list[Row]:
    """The row of another record says it too: that of the practice, of the staff, or of the episode."""
    return []


def _role(record: Mapping[str, Any], number: int) -> list[Row]:
    given, _, family = record["practitioner"]["display"].partition(" ")
    code = record["code"][0]["coding"][0]
    return [
        (
            "medewerker",
            {
                "medewerker_id": number,
                "praktijk_id": _id(record["organization"]),
                "voornaam": given,
                "achternaam": family,
                "rolcode": code["code"],
                "rol": code["display"],
                "uzi": None,
            },
        )
    ]


def _patient(record: Mapping[str, Any], number: int) -> list[Row]:
    numbers = {identifier["use"]: identifier["value"] for identifier in record["identifier"]}
    name, address = record["name"][0], record["address"][0]
    return [
        (
            "patient",
            {
                "patient_id": number,
                "praktijk_id": _id(record["managingOrganization"]),
                "bsn": numbers.get("official"),
                "patientnummer": numbers["usual"],
                "voornaam": name["given"][0],
                "achternaam": name["family"],
                "geslacht": _SEXES[record["gender"]],
                "geboortedatum": record.get("birthDate"),
                "overleden_op": _wall_clock(record.get("deceasedDateTime")),
                "straat": address["line"][0],
                "postcode": address["postalCode"],
                "plaats": address["city"],
                "telefoon": record["telecom"][0]["value"],
                "ingeschreven": "J" if record["active"] else "N",
            },
        )
    ]


def _relative(record: Mapping[str, Any], number: int) -> list[Row]:
    relation, name = record["relationship"][0]["coding"][0], record["name"][0]
    row = {"contactpersoon_id": number, "patient_id": _id(record["patient"]), "voornaam": name["given"][0], "achternaam": name["family"]}
    more = {"relatie": relation["code"], "relatie_naam": relation["display"], "telefoon": record["telecom"][0]["value"]}
    return [("contactpersoon", row | more | {"vertegenwoordiger": "J" if len(record["relationship"]) > 1 else "N"})]


def _condition(record: Mapping[str, Any], number: int) -> list[Row]:
    codes = _codes(record["code"])
    row = {"episode_id": number, "patient_id": _id(record["subject"]), "icpc": codes["http://hl7.org/fhir/sid/icpc-1-nl"], "snomed": codes[_SNOMED]}
    more = {"omschrijving": record["code"]["text"], "begonnen_op": record["onsetDateTime"], "status": "A", "medewerker_id": _id(record["recorder"])}
    return [("episode", row | more)]


def _encounter(record: Mapping[str, Any], number: int) -> list[Row]:
    row = {"contact_id": number, "patient_id": _id(record["subject"]), "soort": _CONTACTS[record["class"]["code"]], "omschrijving": record["class"]["display"]}
    period = {"begin_op": _wall_clock(record["period"]["start"]), "einde_op": _wall_clock(record["period"].get("end"))}
    return [("contact", row | period | {"medewerker_id": _id(record["participant"][0]["individual"])})]


def _measurement(record: Mapping[str, Any], number: int) -> list[Row]:
    rubric = _RUBRICS[record["category"][0]["coding"][0]["code"]]
    profile = record["meta"].get("profile", [""])[0].rpartition("nl-core-")[2] or None
    day, _, clock = (_wall_clock(record["effectiveDateTime"]) or "").partition(" ")
    own = {"patient_id": _id(record["subject"]), "datum": day, "tijd": clock or None}
    own["medewerker_id"] = _id(record["performer"][0]) if "performer" in record else None
    what, made = _kind_of(record["code"], rubric, profile)
    answer = record.get("valueCodeableConcept", {}).get("coding", [{}])[0]
    whole = {"meting_id": number, "hoofdmeting_id": None, "antwoord_snomed": answer.get("code"), "antwoord": answer.get("display")}
    found = [made, ("meting", own | whole | {"bepaling_id": what} | _amount(record))]
    for place, part in enumerate(record.get("component", ())):
        what, made = _kind_of(part["code"], rubric, None)
        of = {"meting_id": _PARTS_FROM + 2 * number + place, "hoofdmeting_id": number, "bepaling_id": what}
        found += [made, ("meting", own | of | _amount(part))]
    return found


def _kind_of(concept: Mapping[str, Any], rubric: str, profile: str | None) -> tuple[int, Row]:
    """What was measured, as a row of the list of measurements with a number that its codes always have."""
    codes = _codes(concept)
    nhg = next((code for system, code in codes.items() if "nhg" in system), None)
    loinc, snomed = codes.get(_LOINC), codes.get(_SNOMED)
    number = sum(ord(letter) * 31**place for place, letter in enumerate(f"{nhg} {loinc} {snomed}")) % 1_000_000_007
    named = next(coding["display"] for coding in concept["coding"] if "display" in coding)
    return number, (
        "bepaling",
        {"bepaling_id": number, "rubriek": rubric, "omschrijving": named, "nhg": nhg, "loinc": loinc, "snomed": snomed, "profiel": profile},
    )


def _amount(holder: Mapping[str, Any]) -> dict[str, Any]:
    quantity = holder.get("valueQuantity", {})
    value = quantity.get("value")
    return {"waarde": None if value is None else str(value), "eenheid": quantity.get("unit"), "eenheid_ucum": quantity.get("code")}


def _product(record: Mapping[str, Any], number: int) -> list[Row]:
    codes = _codes(record["code"])
    row = {"artikel_id": number, "prk": codes["urn:oid:2.16.840.1.113883.2.4.4.10"], "atc": codes["http://www.whocc.no/atc"], "naam": record["code"]["text"]}
    return [("artikel", row)]


def _agreement(record: Mapping[str, Any], number: int) -> list[Row]:
    dosage = record["dosageInstruction"][0]
    row = {"medicatie_id": number, "patient_id": _id(record["subject"]), "artikel_id": _id(record["medicationReference"])}
    numbers = {"mbh_nummer": record["extension"][1]["valueIdentifier"]["value"], "afspraak_nummer": record["identifier"][0]["value"]}
    how = {
        "voorschrift": dosage["text"],
        "per_keer": str(dosage["doseAndRate"][0]["doseQuantity"]["value"]),
        "keren_per_dag": dosage["timing"]["repeat"]["frequency"],
    }
    return [("medicatie", row | numbers | how | {"begonnen_op": record["authoredOn"], "gestopt_op": None, "medewerker_id": _id(record["requester"])})]


def _allergy(record: Mapping[str, Any], number: int) -> list[Row]:
    substance, reaction = record["code"]["coding"][0], record["reaction"][0]
    row = {"allergie_id": number, "patient_id": _id(record["patient"]), "snomed": substance["code"], "stof": substance["display"], "status": "A"}
    row |= {"soort": _SUBSTANCES[record["category"][0]], "ernst": record["criticality"][0].upper(), "vastgesteld_op": record["recordedDate"]}
    what = reaction["manifestation"][0]["coding"][0]
    row |= {"reactie_snomed": what["code"], "reactie": what["display"], "reactie_ernst": _SEVERITIES[reaction["severity"]]}
    return [("allergie", row | {"medewerker_id": _id(record["recorder"])})]


def _wish(record: Mapping[str, Any], number: int) -> list[Row]:
    limits = record["scope"]["coding"][0]["code"] == "treatment"
    what = record["provision"]["code"][0]["coding"][0]
    answer = _ANSWERS.get(record["provision"].get("type", ""), "M") if limits else None
    row = {"wens_id": number, "patient_id": _id(record["patient"]), "soort": "B" if limits else "W", "code": what["code"], "omschrijving": what["display"]}
    text = record.get("modifierExtension", [{}])[0].get("valueString")
    return [("wens", row | {"antwoord": answer, "toelichting": text, "besproken_op": record["dateTime"]})]


def _vaccination(record: Mapping[str, Any], number: int) -> list[Row]:
    vaccine = record["vaccineCode"]["coding"][0]
    row = {"vaccinatie_id": number, "patient_id": _id(record["patient"]), "atc": vaccine["code"], "naam": vaccine["display"]}
    return [("vaccinatie", row | {"gegeven_op": record["occurrenceDateTime"]})]


def _referral(record: Mapping[str, Any], number: int) -> list[Row]:
    what = record["code"]["coding"][0]
    row = {"verwijzing_id": number, "patient_id": _id(record["subject"]), "snomed": what["code"], "omschrijving": what["display"]}
    return [("verwijzing", row | {"verwezen_op": record["authoredOn"], "medewerker_id": _id(record["requester"])})]


def _team(record: Mapping[str, Any], number: int) -> list[Row]:
    first, second = (_id(one["member"]) for one in record["participant"][:2])
    row = {"zorgteam_id": number, "patient_id": _id(record["subject"]), "naam": record["name"], "begonnen_op": record["period"]["start"]}
    return [("zorgteam", row | {"huisarts_id": first, "poh_id": second})]


def _id(reference: Mapping[str, str]) -> int:
    return int(reference["reference"].rpartition("/")[2])


def _codes(concept: Mapping[str, Any]) -> dict[str, str]:
    return {coding["system"]: coding["code"] for coding in concept["coding"]}


def _wall_clock(moment: str | None) -> str | None:
    """Dutch wall-clock time without its zone, as such a system keeps it."""
    return None if moment is None else moment[:19].replace("T", " ")


_MAKERS: Final = {
    "Organization": _organisation,
    "Location": _nothing_new,
    "Practitioner": _nothing_new,
    "PractitionerRole": _role,
    "Patient": _patient,
    "RelatedPerson": _relative,
    "Condition": _condition,
    "EpisodeOfCare": _nothing_new,
    "Encounter": _encounter,
    "Observation": _measurement,
    "Medication": _product,
    "MedicationRequest": _agreement,
    "AllergyIntolerance": _allergy,
    "Consent": _wish,
    "Immunization": _vaccination,
    "ServiceRequest": _referral,
    "CareTeam": _team,
}
