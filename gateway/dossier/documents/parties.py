"""Whom a document is about, what made it and for whom: the three resources about people and parties that the gateway writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM, URA_SYSTEM, Bsn
from accord.terms.parties import DataUser
from gateway.dossier.clinical.trees import Tree, parts, text
from gateway.dossier.documents.narrative import clean
from gateway.dossier.provenance import AUTHORED

_ABSENT: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
_USES: Final = frozenset("usual official temp nickname anonymous old maiden".split())


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is about: the opaque id, the number and date of birth as asked, and the holders' own Patient records with what names each."""

    id: str
    bsn: Bsn
    birth_date: date | None
    patients: Sequence[tuple[str, Tree]]

    @property
    def written(self) -> dict[str, Any]:
        """The Patient. Names are repeated as the holders have them; a date of birth where it was asked with, or where all have the same.

        What nobody says is said to be unknown, as PatientUvIps wants it.
        """
        written: dict[str, Any] = {
            "resourceType": "Patient",
            "id": self.id,
            "meta": {"tag": [AUTHORED]},
            "identifier": [{"system": BSN_SYSTEM, "value": self.bsn.value}],
            "name": self._names() or [{"_text": _ABSENT}],
        }
        born = self.birth_date.isoformat() if self.birth_date is not None else self._stated_birth_date()
        written |= {"birthDate": born} if born else {"_birthDate": _ABSENT}
        links = [{"other": {"reference": reference}, "type": "seealso"} for reference, _ in self.patients]
        return written | ({"link": links} if links else {})

    def _names(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _, patient in self.patients:
            found += [name for one in parts(patient, "name") if (name := _name(one)) and name not in found]
        return found

    def _stated_birth_date(self) -> str:
        stated = {text(patient, "birthDate") for _, patient in self.patients} - {""}
        return next(iter(stated)) if len(stated) == 1 and _is_a_day(next(iter(stated))) else ""


def _name(one: Tree) -> dict[str, Any]:
    name: dict[str, Any] = {member: clean(text(one, member)) for member in ("text", "family") if text(one, member).strip()}
    for member in ("given", "prefix", "suffix"):
        if words := [clean(word) for word in _words(one.get(member))]:
            name[member] = words
    use = text(one, "use")
    return ({"use": use} if use in _USES else {}) | name if name.keys() & {"text", "family", "given"} else {}


def _words(value: object) -> Iterable[str]:
    return (word for word in value if isinstance(word, str) and word.strip()) if isinstance(value, list) else ()


def _is_a_day(written: str) -> bool:
    try:
        return date.fromisoformat(written).isoformat() == written
    except ValueError:
        return False


def author(logical_id: str) -> dict[str, Any]:
    """What made the document: no person read it."""
    return {
        "resourceType": "Device",
        "id": logical_id,
        "meta": {"tag": [AUTHORED]},
        "deviceName": [{"name": "Noaber virtual dossier", "type": "user-friendly-name"}],
    }


def custodian(logical_id: str, user: DataUser) -> dict[str, Any]:
    """For whom it was made: nobody else has it, and it is kept nowhere but there."""
    name = clean(user.name).strip() or user.ura.value
    return {
        "resourceType": "Organization",
        "id": logical_id,
        "meta": {"tag": [AUTHORED]},
        "identifier": [{"system": URA_SYSTEM, "value": user.ura.value}],
        "name": name,
    }
