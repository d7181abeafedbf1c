"""Bytes are sacred (promise P13): every real record reaches the reader as its holder has it, splices apart."""

from pathlib import Path

import httpx2
import msgspec
import pytest

from accord.rules.reading import read_record
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, is_logical_id
from gateway.dossier.splicing import unsplice
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeHolder, patient

pytestmark = pytest.mark.anyio

ALFA = HolderName("alfa")


class _Entry(msgspec.Struct):
    resource: msgspec.Raw
    fullUrl: str = ""


class _Bundle(msgspec.Struct):
    entry: list[_Entry]


def real_records(folder: Path) -> dict[str, bytes]:
    """Every R4 instance that can stand alone, by type and id; the first of a name."""
    found: dict[str, bytes] = {}
    for path in sorted((folder / "dutch").rglob("*.json")):
        if "stu3" in str(path).lower():
            continue
        text = path.read_bytes()
        try:
            record = read_record(text)
        except BadInput:
            continue
        if record.kind is not None and record.kind.name != "Patient" and is_logical_id(record.id):
            found.setdefault(f"{record.resourceType}/{record.id}", text)
    return found


async def everything(client: httpx2.AsyncClient, **headers: str) -> dict[str, bytes]:
    answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id = answer.json()["entry"][0]["resource"]["id"]
    answer = await client.get(f"Patient/{logical_id}/$everything", headers=headers)
    entries = msgspec.json.decode(answer.content, type=_Bundle).entry
    return {entry.fullUrl: bytes(entry.resource) for entry in entries if "/Noaber-" not in entry.fullUrl and entry.fullUrl}


async def test_every_real_record_arrives_byte_for_byte(face: Opened, shared_data: Path) -> None:
    records = real_records(shared_data)
    async with face([FakeHolder("alfa", list(records.values()), [patient("p1")])]) as client:
        exact = await everything(client, prefer="noaber-bytes=exact")
        merged = await everything(client)

    assert len(records) > 200
    for name, text in records.items():
        whole = text.strip()
        assert exact[f"http://gateway.test/fhir/at/alfa/{name}"] == whole, name
        kind, _, logical_id = name.partition("/")
        shown = merged.get(f"http://gateway.test/fhir/{kind}/alfa.{logical_id}") or merged[f"http://gateway.test/fhir/at/alfa/{name}"]
        assert unsplice(shown, ALFA, "http://gateway.test/fhir") == whole, name
