"""What is read of an electronic health record after a launch: whose dossier, and who is at work. Then its token is forgotten.

Every answer is of another party: whatever has not the agreed shape counts as not said.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

import anyio

from accord.rules.consent_codes import PROFESSIONAL_SYSTEMS, ROLE_SYSTEMS
from accord.rules.reading import BSN_SYSTEMS
from accord.rules.strictness import Number
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn, is_logical_id
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.parties import Professional
from gateway.viewer.ehr import Ehr
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ehr_login import Granted

_FHIR: Final = "application/fhir+json"
_FULL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UZI: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_ROLE: Final = re.compile(r"[0-9]{2}\.[0-9]{3}", re.ASCII)
_MOST_ROLES: Final = 20


@dataclass(frozen=True, slots=True)
class Launched:
    """Whom a launch is about, and on whose behalf. No patient where it was only to prove who is at work.

    `name`: of the patient, as the health record writes it; empty where it has none.
    """

    bsn: Bsn | None
    birth_date: date | None = field(repr=False)
    professional: Professional
    name: str = field(default="", repr=False)


async def read_launch(ehr: Ehr, granted: Granted, calls: EhrCalls) -> Launched:
    """Read what is needed, at once.

    Raises:
        BadInput: `no-launched-patient`, `no-bsn`, `several-bsns`, `invalid-bsn`, `professional-unknown`, `ehr-answer-invalid`, `launch-refused`.
        Unavailable: `ehr-unreachable`.
    """
    reading = _Reading(ehr, granted, calls)
    patient = reading.patient if granted.patient else _nobody
    (bsn, born, patient_name), (identifier, name), role = await _together(patient, reading.practitioner, reading.role)
    return Launched(bsn, born, Professional(identifier, role, name), patient_name)


@dataclass(frozen=True, slots=True)
class _Reading:
    ehr: Ehr
    granted: Granted
    calls: EhrCalls

    async def patient(self) -> tuple[Bsn | None, date | None, str]:
        """The one BSN of the patient, when they were born, and what they are called."""
        wanted = self.granted.patient
        record = await self._record("Patient", wanted, Fault.NO_LAUNCHED_PATIENT)
        numbers = _values(record, BSN_SYSTEMS)
        if len(numbers) > 1:
            # Which of them is meant nobody can know here, and another would be another person.
            raise BadInput(Fault.SEVERAL_BSNS)
        if not numbers:
            raise BadInput(Fault.NO_BSN)
        return Bsn(numbers.pop()), _birth_date(record), _name(record)

    async def practitioner(self) -> tuple[str, str]:
        """UZI number and name of who is at work."""
        record = await self._record("Practitioner", self._practitioner_id(), Fault.PROFESSIONAL_UNKNOWN)
        numbers, name = _values(record, PROFESSIONAL_SYSTEMS), _name(record)
        if len(numbers) != 1 or not name or record.get("active") is False:
            raise BadInput(Fault.PROFESSIONAL_UNKNOWN, "identifier or name")
        number = numbers.pop()
        if not _UZI.fullmatch(number):
            raise BadInput(Fault.PROFESSIONAL_UNKNOWN, "identifier")
        return number, name

    async def role(self) -> str:
        """Their one role code."""
        if self.ehr.role_claim:
            claim = self.granted.claims.get(self.ehr.role_claim)
            roles = {str(claim)} if isinstance(claim, str) and _ROLE.fullmatch(claim) else set()
        else:
            found = urlencode({"practitioner": f"Practitioner/{self._practitioner_id()}", "_count": _MOST_ROLES})
            bundle = await self.calls.read(f"{self.ehr.base}/PractitionerRole?{found}", token=self.granted.access, accept=_FHIR)
            roles = set(_roles(bundle))
        if len(roles) != 1:
            # With several, a role would be claimed that they may not be in now.
            raise BadInput(Fault.PROFESSIONAL_UNKNOWN, "role")
        return roles.pop()

    def _practitioner_id(self) -> str:
        """Whom `fhirUser` names: a Practitioner of this very health record."""
        said = self.granted.claims.get("fhirUser")
        if not isinstance(said, str) or isinstance(said, Number):
            raise BadInput(Fault.PROFESSIONAL_UNKNOWN, "fhirUser")
        kind, slash, own = said.removeprefix(f"{self.ehr.base}/").partition("/")
        if kind != "Practitioner" or not slash or not is_logical_id(own):
            raise BadInput(Fault.PROFESSIONAL_UNKNOWN, "fhirUser")
        return own

    async def _record(self, kind: str, own: str, unknown: Fault) -> Mapping[str, Any]:
        record = await self.calls.read(f"{self.ehr.base}/{kind}/{own}", token=self.granted.access, accept=_FHIR)
        if (record.get("resourceType"), record.get("id")) != (kind, own):
            raise BadInput(unknown, "record")
        return record


async def _nobody() -> tuple[Bsn | None, date | None, str]:
    return None, None, ""


async def _together(*questions: Callable[[], Awaitable[Any]]) -> tuple[Any, ...]:
    """What all of them answer, asked at the same time; of several failures the first in their order."""
    answers: list[Any] = [None] * len(questions)

    async def one(place: int) -> None:
        try:
            answers[place] = await questions[place]()
        except Faulted as failure:
            answers[place] = failure

    async with anyio.create_task_group() as tasks:
        for place in range(len(questions)):
            tasks.start_soon(one, place)
    for answer in answers:
        if isinstance(answer, Faulted):
            raise answer
    return tuple(answers)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) and not isinstance(value, Number) else ""


def _values(record: Mapping[str, Any], systems: frozenset[str]) -> set[str]:
    """The values of a record's identifiers in these systems. One that holds no longer does not count."""
    held = (one for one in _objects(record.get("identifier")) if _text(one.get("system")) in systems and one.get("use") != "old")
    return {value for one in held if (value := _text(one.get("value")))}


def _birth_date(record: Mapping[str, Any]) -> date | None:
    """The whole date; a part of one is not said."""
    text = _text(record.get("birthDate"))
    try:
        return date.fromisoformat(text) if _FULL_DATE.fullmatch(text) else None
    except ValueError:
        return None


def _name(record: Mapping[str, Any]) -> str:
    """The name as the health record writes it; the official one first."""
    names = sorted(_objects(record.get("name")), key=lambda one: one.get("use") not in ("official", "usual"))
    for one in names:
        given = one.get("given")
        parts = [*(given if isinstance(given, list) else []), one.get("family")]
        text = " ".join((_text(one.get("text")) or " ".join(_text(part) for part in parts)).split())
        if text and len(text) <= FIELD_CHARACTERS and text.isprintable():
            return text
    return ""


def _roles(bundle: Mapping[str, Any]) -> Iterator[str]:
    if bundle.get("resourceType") != "Bundle":
        raise BadInput(Fault.EHR_ANSWER_INVALID, "PractitionerRole")
    for entry in _objects(bundle.get("entry")):
        record = entry.get("resource")
        if not isinstance(record, dict) or record.get("resourceType") != "PractitionerRole" or record.get("active") is False:
            continue
        for code in _objects(record.get("code")):
            for coding in _objects(code.get("coding")):
                role = _text(coding.get("code"))
                if _text(coding.get("system")) in ROLE_SYSTEMS and _ROLE.fullmatch(role):
                    yield role
