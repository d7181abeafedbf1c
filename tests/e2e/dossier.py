"""What every client of others must end with, and the region that they read it from."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people import DINA
from testbed.people import Region as Generated
from testbed.people.desk import KeptRecord

Json = dict[str, Any]

HOLDERS: Final = ("dinkelhorst", "twickelaar", "brinkhof", "marksveen")
IDENTIFIER: Final = f"{BSN_SYSTEM}|{DINA.bsn}"
#: Holders with an `Observation/1` of their own, and with an `Encounter/3` of their own.
OBSERVED: Final = ("dinkelhorst", "twickelaar")
VISITED: Final = ("dinkelhorst", "brinkhof")
#: The one that is dead, and so not heard.
NOT_HEARD: Final = "marksveen"
#: An observation that two holders have under the same id, each made during its own `Encounter/3`.
DURING: Final = "901"
#: The eGFR: the laboratory's own, and the hospital's copy of it.
SAID_TWICE: Final = frozenset({"Observation/dinkelhorst.2", "Observation/twickelaar.3"})


def with_encounters(generated: Generated) -> Generated:
    """Add at each visited holder an observation that was made during its `Encounter/3`."""
    kept = dict(generated.kept)
    for holder in VISITED:
        record = {
            "resourceType": "Observation",
            "id": DURING,
            "status": "final",
            "code": {"text": "Opname"},
            "subject": {"reference": f"Patient/{patient_id_at(generated, holder)}"},
            "encounter": {"reference": "Encounter/3"},
            "effectiveDateTime": "2026-11-20T20:00:00+01:00",
            "valueString": f"gezien bij {holder}",
        }
        kept[holder] = (*kept[holder], KeptRecord("Observation", DURING, json.dumps(record).encode()))
    return replace(generated, kept=kept)


def patient_id_at(generated: Generated, holder: str) -> str:
    """Dina's id at a holder."""
    return next(record.id for record in generated.kept[holder] if record.type == "Patient" and DINA.bsn.encode() in record.json)


def record_at(generated: Generated, holder: str, ref: str) -> Json:
    """A record as its holder keeps it."""
    found: Json = json.loads(next(record.json for record in generated.kept[holder] if record.ref == ref))
    return found


@dataclass(slots=True)
class Ending:
    """With what a client ended: records by `Type/id`, references as it resolved them, and the bodies as they came in."""

    patients: list[Json]
    everything: list[Json]
    outcomes: list[Json]
    paged: list[Json]
    pages: int
    resolved: dict[str, dict[str, Json]]
    bodies: list[str] = field(repr=False)


def check(ending: Ending, generated: Generated) -> None:
    """Whether a client has everything that it must have, under ids that do not collide."""
    (patient,) = ending.patients
    assert {link["other"]["reference"].partition("/fhir/")[2] for link in patient["link"]} == {
        f"at/{holder}/Patient/{patient_id_at(generated, holder)}" for holder in {*OBSERVED, *VISITED}
    }
    assert DINA.bsn not in patient["id"]
    for records in (ending.everything, ending.paged):
        refs = [f"{record['resourceType']}/{record['id']}" for record in records]
        assert len(refs) == len(set(refs))
        assert {f"Observation/{holder}.1" for holder in OBSERVED} <= set(refs)
    everything = {f"{record['resourceType']}/{record['id']}" for record in ending.everything}
    assert {f"Encounter/{holder}.3" for holder in VISITED} <= everything
    observations = {ref for ref in everything if ref.startswith("Observation/")}
    assert len(observations & SAID_TWICE) == 1
    # Everything of the type was paged through. What two holders state alike is folded where both are on one page.
    paged = {f"Observation/{record['id']}" for record in ending.paged if record["resourceType"] == "Observation"}
    assert paged | SAID_TWICE == observations | SAID_TWICE
    assert paged & SAID_TWICE
    assert ending.pages > 2
    check_references(ending, generated)
    check_who_was_not_heard(ending)
    assert any('"value":37.50' in body.replace(" ", "") for body in ending.bodies)


def check_references(ending: Ending, generated: Generated) -> None:
    """Whether each reference led to the record at the holder that said it."""
    assert set(ending.resolved) == {f"{holder}.{DURING}" for holder in VISITED} | {f"{holder}.1" for holder in OBSERVED}
    for logical_id, found in ending.resolved.items():
        holder = logical_id.partition(".")[0]
        own = patient_id_at(generated, holder)
        assert found["subject"]["id"] == f"{holder}.{own}"
        assert found["subject"]["identifier"] == record_at(generated, holder, f"Patient/{own}")["identifier"]
        if logical_id.endswith(f".{DURING}"):
            assert found["encounter"]["id"] == f"{holder}.3"
            assert found["encounter"]["period"] == record_at(generated, holder, "Encounter/3")["period"]


def check_who_was_not_heard(ending: Ending) -> None:
    """Whether the client can see who was not heard, by code and in words."""
    issues = [issue for outcome in ending.outcomes for issue in outcome["issue"] if issue["severity"] == "warning"]
    codes = {coding["code"] for issue in issues for coding in issue["details"]["coding"]}
    assert {NOT_HEARD, "unreachable", "holder-unreachable"} <= codes
    assert any("Huisartsenpost Marksveen" in issue["details"]["text"] for issue in issues)
