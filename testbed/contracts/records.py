"""Small records about a few people, for acceptance suites."""

import json
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM, passes_the_eleven_test


def some_bsn(number: int) -> str:
    """The *number*-th test BSN of the block 9999xxxxx."""
    passing = (digits for digits in (f"9999{rest:05}" for rest in range(100_000)) if passes_the_eleven_test(digits))
    return next(digits for place, digits in enumerate(passing) if place == number)


ANNA, BERT, CORA, NOBODY = (some_bsn(number) for number in range(4))


def resource(kind: str, logical_id: str, **members: Any) -> bytes:
    """A resource as a system might write it."""
    return json.dumps({"resourceType": kind, "id": logical_id, **members}, ensure_ascii=False).encode()


def patient(logical_id: str, *bsns: str, **members: Any) -> bytes:
    """A Patient with these BSNs."""
    identifiers = [{"system": BSN_SYSTEM, "value": bsn} for bsn in bsns]
    return resource("Patient", logical_id, birthDate="1941-03-02", **({"identifier": identifiers} if bsns else {}), **members)


def observation(logical_id: str, about: str, **members: Any) -> bytes:
    """An Observation about the Patient with this logical id."""
    return resource("Observation", logical_id, status="final", code={"text": "pulse"}, subject={"reference": f"Patient/{about}"}, **members)


def companions() -> list[bytes]:
    """Records that belong to no patient."""
    return [
        resource("Practitioner", "p1", name=[{"family": "De Vries"}]),
        resource("Organization", "o1", name="Praktijk"),
        resource("Medication", "m1", code={"text": "metoprolol"}),
        resource("Location", "l1", name="Kamer 2"),
    ]


#: One record each whose bytes would change if anybody read and wrote them again.
TOUCHY: Final = (
    b'{"resourceType":"Observation","id":"t1","subject":{"reference":"Patient/a"},"valueQuantity":{"value":37.50,"unit":"Cel"}}',
    b'{\n  "resourceType" : "Observation",\n  "id" : "t2",\n  "status" : "final",\n\t"subject" : {\n "reference" : "Patient/a" }\n}',
    '{"resourceType":"Observation","id":"t3","subject":{"reference":"Patient/a"},"valueString":"caf\u00e9 \U0001f9e1 \u6f22 \u0065\u0301"}'.encode(),
    rb'{"resourceType":"Observation","id":"t4","subject":{"reference":"Patient/a"},"valueString":"caf\u00e9 \"\/\\ \t"}',
    b'{"subject":{"reference":"Patient/a"},"status":"final","id":"t5","valueInteger":-0,"resourceType":"Observation"}',
    b'{"resourceType":"Observation","id":"t6","subject":{"reference":"Patient/a"},"valueQuantity":{"value":1.0E+2},"note":[{"text":""}]}',
)
