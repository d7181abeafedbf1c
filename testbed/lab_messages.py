"""A laboratory's results as its own system sends them: HL7 v2 messages, one for each result.

What a message cannot say (who works there, reports, a visit, people whose registration is not in order) stays out, and is
imported as everybody's records are.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM, URA_SYSTEM
from node_agent.feeding.framing import framed
from testbed.people import KeptRecord
from testbed.people.findings import ORDER_NUMBERS
from testbed.people.wording import LOINC, UCUM

Json = dict[str, Any]

#: How the laboratory's system names itself, and its own numbers.
APPLICATION: Final = "LIS"
FACILITY: Final = "TWK"
#: The settings with which an agent reads these messages.
FEED: Final[Mapping[str, str | bool | list[str]]] = {
    "senders": [f"{APPLICATION}|{FACILITY}"],
    "number_authority": FACILITY,
    "order_lines": ORDER_NUMBERS,
    "reports": False,
}
#: A laboratory that begins a feed has its older results imported: of very many, only the first are sent.
_MOST: Final = 300
_LETTERS: Final = {"final": "F", "preliminary": "P", "corrected": "C"}
_GENDERS: Final = {"female": "F", "male": "M"}
_OF_RESULTS: Final = frozenset("resourceType id meta identifier status category code subject effectiveDateTime performer valueQuantity".split())
_OF_PEOPLE: Final = frozenset(
    "resourceType id meta identifier active name telecom gender birthDate address communication managingOrganization deceasedDateTime".split()
)


@dataclass(frozen=True, slots=True)
class Divided:
    """What is sent, framed and in order, and what is imported."""

    messages: bytes
    imported: tuple[KeptRecord, ...]


def divided(records: Iterable[KeptRecord]) -> Divided:
    """Divide what a laboratory keeps into what its system sends and the rest."""
    records = tuple(records)
    # Digits are read as text: 37.50 is sent as it stands.
    contents = {record.ref: json.loads(record.json, parse_float=str, parse_int=str) for record in records}
    people = {ref: pid for ref, content in contents.items() if content["resourceType"] == "Patient" and (pid := _person(content))}
    sent: dict[str, bytes] = {}
    for ref, content in contents.items():
        whose = people.get(str(content.get("subject", {}).get("reference", "")))
        if content["resourceType"] == "Observation" and whose and len(sent) < _MOST and (line := _result(content)):
            sent[ref] = framed(_message(len(sent) + 1, whose, *line))
    imported = [record for record in records if record.ref not in sent]
    by_result = {str(contents[ref]["subject"]["reference"]) for ref in sent}
    named = b"\n".join(record.json for record in imported if record.type != "Patient")
    # Whoever is known by results alone is known by the messages alone.
    unneeded = {ref for ref in by_result if b'"%b"' % ref.encode() not in named}
    return Divided(b"".join(sent.values()), tuple(record for record in imported if record.ref not in unneeded))


def _message(number: int, pid: str, obr: str, obx: str, at: str) -> bytes:
    header = f"MSH|^~\\&|{APPLICATION}|{FACILITY}|NOABER|AGENT|{at}||ORU^R01^ORU_R01|{FACILITY}-{number:06}|P|2.5||||||UNICODE UTF-8"
    return "".join(f"{line}\r" for line in (header, pid, obr, obx)).encode()


def _person(patient: Json) -> str:
    """PID; empty where the registration is not one that a message can say."""
    identifiers = patient.get("identifier", [])
    numbers = {one["system"]: one["value"] for one in identifiers}
    others = [system for system in numbers if system != BSN_SYSTEM]
    if not _OF_PEOPLE.issuperset(patient) or len(identifiers) != 2 or BSN_SYSTEM not in numbers or not others[0].startswith("urn:oid:"):
        return ""
    name, address, telephone = patient["name"][0], patient["address"][0], patient["telecom"][0]["value"]
    fields = [""] * 31
    fields[0], fields[1] = "PID", "1"
    fields[3] = "~".join(
        (
            f"{numbers[BSN_SYSTEM]}^^^NLMINBIZA&2.16.840.1.113883.2.4.6.3&ISO^NNNLD",
            f"{_text(numbers[others[0]])}^^^&{others[0].removeprefix('urn:oid:')}&ISO^PI",
            f"{patient['id']}^^^{FACILITY}^PI",
        )
    )
    fields[5] = f"{_text(name['family'])}^{_text(name['given'][0])}^^^^^L"
    fields[7] = str(patient.get("birthDate", "")).replace("-", "")
    fields[8] = _GENDERS.get(patient.get("gender", ""), "U")
    fields[11] = f"{_text(address['line'][0])}^^{_text(address['city'])}^^{address['postalCode']}^{address['country']}^H"
    fields[13] = f"{_text(telephone)}^PRN^CP"
    fields[29] = _moment(patient.get("deceasedDateTime", ""))
    return "|".join(fields).rstrip("|")


def _result(observation: Json) -> tuple[str, str, str] | None:
    """OBR, OBX and the moment; none for what is no result with an order number."""
    numbers, quantity = observation.get("identifier", []), observation.get("valueQuantity", {})
    codings, text = observation["code"]["coding"], observation["code"].get("text", "")
    line = re.fullmatch(r"([A-Z0-9-]+)\.([0-9]+)", numbers[0]["value"]) if len(numbers) == 1 and numbers[0]["system"] == ORDER_NUMBERS else None
    organisation = _organisation(observation.get("performer", []))
    if line is None or not _OF_RESULTS.issuperset(observation) or not organisation or observation["status"] not in _LETTERS:
        return None
    if len(codings) != 1 or codings[0]["system"] != LOINC or quantity.get("system") != UCUM:
        return None
    at, status = _moment(observation["effectiveDateTime"]), _LETTERS[observation["status"]]
    obr = [""] * 26
    obr[0], obr[1], obr[3], obr[4], obr[7], obr[22], obr[24], obr[25] = "OBR", "1", f"{line[1]}^{FACILITY}", "LAB^aanvraag^L", at, at, "LAB", status
    obx = [""] * 24
    obx[0], obx[1], obx[2], obx[4], obx[5] = "OBX", "1", "NM", line[2], str(quantity["value"])
    obx[3] = f"{codings[0]['code']}^{_text(codings[0]['display'])}^LN^^^^^^{_text(text)}"
    obx[6] = f"{quantity['code']}^{_text(quantity['unit'])}^UCUM"
    obx[11], obx[14], obx[21], obx[23] = status, at, f"{observation['id']}^{FACILITY}", organisation
    return "|".join(obr), "|".join(obx), at


def _organisation(performers: list[Json]) -> str:
    """OBX-23."""
    if len(performers) != 1:
        return ""
    name, reference = _text(performers[0].get("display", "")), str(performers[0].get("reference", ""))
    if reference.startswith("Organization/"):
        return f"{name}^^^^^{FACILITY}^^^^{reference.removeprefix('Organization/')}"
    identifier = performers[0].get("identifier", {})
    return f"{name}^^^^^URA&2.16.528.1.1007.3.3&ISO^^^^{identifier['value']}" if identifier.get("system") == URA_SYSTEM else ""


def _moment(text: str) -> str:
    """A FHIR moment as HL7 v2 writes it."""
    return re.sub(r"[-:T]", "", text[:19]) + text[19:].replace(":", "") if text else ""


def _text(text: str) -> str:
    """With the signs escaped that separate."""
    for sign, escaped in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\")):
        text = text.replace(sign, escaped)
    return text
