"""Records to measure with: Synthea patients where they are at hand, else records of the same size that we make.

Every record is rewritten to be about one person, with a relative reference to `Patient/<id>`: what a FHIR server
sends. What this does to the bytes is small and the same for every variant that is measured.
"""

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from accord.rules.reading import read_record
from accord.terms.identifiers import BSN_SYSTEM, Bsn

BSN: Final = Bsn("999984056")
PATIENT_ID: Final = "9b7a6c1e-5d0f-4a52-8f3e-0c9d2b1a7e64"
PATIENT: Final = json.dumps(
    {"resourceType": "Patient", "id": PATIENT_ID, "identifier": [{"system": BSN_SYSTEM, "value": BSN.value}], "birthDate": "1942-03-01"}
).encode()

_SYNTHEA = "synthetic/smart-generated-sample-data-r4"
_LARGEST = 20_000


def records(number: int) -> list[bytes]:
    """About *number* records of one person, none of them a Patient or a companion."""
    found = []
    for record in _endless(_synthea() or _made()):
        found.append(record.replace(b'"id":"', b'"id":"%d-' % (len(found) % 97), 1)[:_LARGEST])
        if len(found) == number:
            break
    return found


def _endless(pool: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from pool


def _synthea() -> list[bytes]:
    root = Path(os.environ.get("NOABER_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / _SYNTHEA
    if not root.is_dir():
        return []
    pool: list[bytes] = []
    for path in sorted(root.glob("*.gz"))[:25]:
        pool.extend(filter(None, map(_about_our_person, json.loads(gzip.decompress(path.read_bytes()))["entry"])))
    return pool


def _about_our_person(entry: dict[str, Any]) -> bytes:
    resource = entry["resource"]
    for member in ("subject", "patient"):
        if member in resource:
            resource[member] = {"reference": f"Patient/{PATIENT_ID}"}
            break
    else:
        return b""
    text = json.dumps(resource, separators=(",", ":"))
    # Other references stay as Synthea writes them (urn:uuid); contained resources also name the patient that way.
    text = re.sub(r'"(subject|patient)":\{"reference":"urn:uuid:[^"]+"\}', rf'"\1":{{"reference":"Patient/{PATIENT_ID}"}}', text)
    encoded = text.encode()
    kind = read_record(encoded).kind
    fits = kind is not None and not kind.is_companion and kind.owner in ("subject", "patient") and len(encoded) < _LARGEST
    return encoded if fits else b""


def _made() -> list[bytes]:
    from testbed.people import generate

    made = []
    for holder, kept in generate(people=120).kept.items():
        del holder
        for record in kept:
            content = json.loads(record.json)
            made.append(_about_our_person({"resource": content}))
    return [record for record in made if record]
