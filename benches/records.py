"""Records to measure with: Synthea patients where they are at hand, else records of the testbed's people.

Every record is rewritten to be about one person, with relative references: what a FHIR server sends. A reference to a
record that does not come along becomes a logical one. What this does to the bytes is small, and the same for every
variant that is measured.

Each record carries a mark of seven bytes in its id, its references and an identifier. A copy of whole batches with
another mark is other records, that state something else, of the same size: that makes a dossier of any size.
"""

import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from accord.rules.reading import read_record
from accord.terms.identifiers import BSN_SYSTEM, Bsn

BSN: Final = Bsn("999984056")
PATIENT_ID: Final = "9b7a6c1e-5d0f-4a52-8f3e-0c9d2b1a7e64"
PATIENT: Final = json.dumps(
    {"resourceType": "Patient", "id": PATIENT_ID, "identifier": [{"system": BSN_SYSTEM, "value": BSN.value}], "birthDate": "1942-03-01"}
).encode()

_SYNTHEA: Final = "synthetic/smart-generated-sample-data-r4"
_FILES: Final = 25
_LARGEST: Final = 20_000
_MARK: Final = b"v00000-"
#: Types whose identifier is one and no list.
_ONE_IDENTIFIER: Final = frozenset({"Bundle", "Composition", "QuestionnaireResponse"})
_PEOPLE: Final = 120
_CHAPTER: Final = 60
_LONGEST_ID: Final = 50
_PATIENT_REFERENCE: Final = f"Patient/{PATIENT_ID}"


def records(number: int) -> list[bytes]:
    """So many records of one person, each with an id of its own, none of them a Patient or a companion."""
    found: list[bytes] = []
    kept: list[list[bytes]] = []
    for chapter in chapters():
        kept.append(chapter)
        found += chapter
        if len(found) >= number:
            return found[:number]
    for mark, again in _marks(kept):
        found += (remarked(record, mark) for record in again)
        if len(found) >= number:
            break
    return found[:number]


def chapters() -> Iterator[list[bytes]]:
    """Records that belong together, at most 60 in a list: they refer to each other only inside one."""
    folder = shared_data() / _SYNTHEA
    for number, entries in enumerate(_synthea(folder) if folder.is_dir() else _made()):
        if chapter := _about_our_person(entries, f"{number:03}-"):
            yield chapter


def remarked(content: bytes, mark: int) -> bytes:
    """Records with another mark, in the same number of bytes."""
    return content.replace(_MARK, b"v%05d-" % mark)


def deliveries(folder: Path, most: int) -> list[Path]:
    """Files as a care provider would deliver them: Synthea's own, at most so many, or our people's written to *folder*."""
    synthea = shared_data() / _SYNTHEA
    if synthea.is_dir():
        return sorted(synthea.glob("*.gz"))[:most]
    from testbed.people import generate

    paths = []
    for name, kept in islice(generate(people=_PEOPLE).kept.items(), most):
        entries = b",".join(b'{"resource":%b}' % record.json for record in kept)
        paths.append(folder / f"{name}.json.gz")
        paths[-1].write_bytes(gzip.compress(b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries))
    return paths


def shared_data() -> Path:
    """Where real data lies beside the project, if any."""
    return Path(os.environ.get("NOABER_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def _marks(kept: list[list[bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    mark = 0
    while True:
        mark += 1
        for chapter in kept:
            yield mark, chapter


#: Resources by the text with which others refer to them.
_Entries = Mapping[str, dict[str, Any]]


def _synthea(folder: Path) -> Iterator[_Entries]:
    for path in islice(sorted(folder.glob("*.gz")), _FILES):
        entries = json.loads(gzip.decompress(path.read_bytes()))["entry"]
        # In the order of visits, so that most references stay inside a chapter.
        for start in range(0, len(entries), _CHAPTER):
            yield {entry["fullUrl"]: entry["resource"] for entry in entries[start : start + _CHAPTER]}


def _made() -> Iterator[_Entries]:
    from testbed.people import generate

    for kept in generate(people=_PEOPLE).kept.values():
        contents = [json.loads(record.json) for record in kept]
        for start in range(0, len(contents), _CHAPTER):
            yield {f"{content['resourceType']}/{content['id']}": content for content in contents[start : start + _CHAPTER]}


def _about_our_person(entries: _Entries, label: str) -> list[bytes]:
    fit = {name: resource for name, resource in entries.items() if _fits(resource)}
    ids = {name: f"{_MARK.decode()}{label}{resource['id']}"[:_LONGEST_ID] for name, resource in fit.items()}
    patients = {name for name, resource in entries.items() if resource["resourceType"] == "Patient"}
    references = {name: f"{resource['resourceType']}/{ids[name]}" for name, resource in fit.items()} | dict.fromkeys(patients, _PATIENT_REFERENCE)
    return [json.dumps(_rewritten(resource, ids[name], references), separators=(",", ":")).encode() for name, resource in fit.items()]


def _fits(resource: dict[str, Any]) -> bool:
    text = json.dumps(resource).encode()
    kind = read_record(text).kind
    return kind is not None and not kind.is_companion and kind.owner in ("subject", "patient") and kind.owner in resource and len(text) < _LARGEST


def _rewritten(resource: dict[str, Any], logical_id: str, references: Mapping[str, str]) -> dict[str, Any]:
    kind = resource["resourceType"]
    identifier = {"system": "urn:noaber:bench", "value": logical_id}
    head = {
        "resourceType": kind,
        "id": logical_id,
        "identifier": identifier if kind in _ONE_IDENTIFIER else [identifier, *resource.get("identifier", [])],
    }
    return head | {name: _readdressed(value, name, references) for name, value in resource.items() if name not in head}


def _readdressed(value: Any, name: str, references: Mapping[str, str]) -> Any:
    """The same with every reference to the person, to a record of this chapter, or else to a number in a system."""
    if isinstance(value, list):
        return [_readdressed(item, name, references) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("reference")
    if name in ("subject", "patient") or (value.get("type") == "Patient" and "identifier" in value):
        return {"reference": _PATIENT_REFERENCE}
    if not isinstance(reference, str) or reference.startswith("#"):
        return {member: _readdressed(inner, member, references) for member, inner in value.items()}
    if reference in references or reference.startswith("Patient/"):
        return value | {"reference": references.get(reference, _PATIENT_REFERENCE)}
    rest = {member: inner for member, inner in value.items() if member not in ("reference", "type")}
    return rest | {"identifier": {"system": "urn:noaber:bench:others", "value": re.sub(r"^.*[:/]", "", reference)}}


def mark_of(holder: int, number: int) -> int:
    """The mark of a holder's so-many-th chapter: its own, but each tenth is also kept by the holder next to it."""
    return 50_000 + holder // 2 * 1_000 + number if number % 10 == 4 else holder * 1_000 + number
