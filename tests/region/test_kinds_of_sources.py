"""One patient, four kinds of sources as real processes: FHIR R4, FHIR STU3, a SQL database and a feed of HL7 v2, in one dossier."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from accord.terms.answers import Ending
from accord.terms.records import TYPE_BY_NAME
from node_agent.converting.stu3 import MAPPING as STU3_MAPPING
from node_agent.converting.stu3 import MEDIA_TYPE
from node_agent.sources.fed_schema import FEED_MAPPING
from node_agent.sources.fed_store import MESSAGE_TYPE
from node_agent.sources.sql_mapping import read_mapping
from testbed import gp_system
from testbed.demo_merged import MergedDossier, read_everything
from testbed.people import DINA, DINA_EGFR_NUMBER
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

R4, STU3, SQL, FED = "dinkelhorst", "reggerbrug", "brinkhof", "twickelaar"
KINDS = {R4: "fhir-server", STU3: "fhir-stu3", SQL: "sql", FED: "hl7-feed"}
_MADE = read_mapping(gp_system.MAPPING)
MAPPINGS = {STU3: STU3_MAPPING, SQL: f"{_MADE.name} {_MADE.version}", FED: FEED_MAPPING}


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=tuple(KINDS), people=60, seconds=20.0, patient=True) as running:
        yield running


@pytest.fixture(scope="module")
def merged(region: BlockingRegion) -> MergedDossier:
    return read_everything(region.fhir_url, DINA.bsn)


def provenance(merged: MergedDossier) -> list[dict[str, Any]]:
    """What the gateway wrote about who said what."""
    entries = json.loads(merged.raw)["entry"]
    return [one["resource"] for one in entries if one["resource"]["resourceType"] == "Provenance" and one["resource"]["id"].startswith("Noaber-")]


def has_original(entity: dict[str, Any]) -> bool:
    """Whether an entity names the place of an original."""
    return str(entity["what"]["reference"]).endswith("/$original")


def derivations(merged: MergedDossier, holder: str) -> list[dict[str, Any]]:
    """What that says of the records that a holder made of something else."""
    told = [one for one in provenance(merged) if f"-{holder}-" in one["id"]]
    return [entity for one in told for entity in one.get("entity", []) if entity["role"] == "derivation"]


def fetched(region: BlockingRegion, merged: MergedDossier, address: str) -> tuple[int, str, dict[str, str], bytes]:
    """What stands at an address below the FHIR base, for whoever reads Dina's dossier."""
    path = address[address.index("/fhir/") + len("/fhir/") :] if "/fhir/" in address else address
    headers = {"Noaber-Patient": merged.patient_id, "Accept": "application/fhir+json"}
    request = urllib.request.Request(f"{region.fhir_url}/{path}", headers=headers)  # noqa: S310 - a loopback address
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return answer.status, answer.headers["content-type"], {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as failure:
        failure.close()
        return failure.code, "", {}, b""


def test_bgz_questions_over_four_kinds_of_sources_merge_into_one_dossier(region: BlockingRegion, merged: MergedDossier) -> None:
    assert {holder.name.value: holder.source for holder in region.holders} == KINDS

    dossier = region.ask(DINA.bsn)
    assert {name: line.ending for name, line in dossier.holders.items()} == dict.fromkeys(KINDS, Ending.ANSWERED)
    titles = {holder.name.value: holder.title for holder in region.holders}
    for name, title in titles.items():
        own = {record.ref for record in dossier.of(name)}
        shown = [record for record in merged.records if title in record.origins]
        assert own, name
        # Each record that it told is there, under its own name or folded into another's.
        assert len(shown) == len(own), name


def test_every_record_in_the_merged_view_has_the_origins_of_who_said_it(merged: MergedDossier) -> None:
    for record in merged.records:
        holder = str(record.content["id"]).partition(".")[0]
        assert record.origins, record.ref
        assert holder in KINDS


def test_the_egfr_of_a_feed_and_of_an_r4_server_is_folded_once_with_two_origins(region: BlockingRegion, merged: MergedDossier) -> None:
    titles = {holder.name.value: holder.title for holder in region.holders}
    (egfr,) = [record for record in merged.records if DINA_EGFR_NUMBER.encode() in record.json]

    assert sorted(egfr.origins) == sorted((titles[R4], titles[FED]))


@pytest.mark.parametrize("holder", [STU3, SQL, FED])
def test_p13_what_was_derived_says_by_which_mapping_and_where_the_original_is(region: BlockingRegion, merged: MergedDossier, holder: str) -> None:
    made = derivations(merged, holder)
    said = {extension["valueString"] for entity in made for extension in entity["extension"] if "valueString" in extension}

    assert made
    assert said == {MAPPINGS[holder]}
    for entity in made:
        address = entity["what"]["reference"]
        if not has_original(entity):
            assert TYPE_BY_NAME[address.split("/")[-2]].is_companion
            continue
        status, _, headers, content = fetched(region, merged, address.removesuffix("/$original"))
        assert (status, headers.get("noaber-mapping")) == (200, MAPPINGS[holder])
        assert json.loads(content)["id"] == address.split("/")[-2]


def test_p13_nothing_of_an_r4_server_is_derived(region: BlockingRegion, merged: MergedDossier) -> None:
    dossier = region.ask(DINA.bsn, holders=[R4])

    assert derivations(merged, R4) == []
    assert fetched(region, merged, f"at/{R4}/{dossier.of(R4)[-1].ref}/$original")[0] == 404


def originals(region: BlockingRegion, merged: MergedDossier, holder: str) -> dict[str, tuple[str, bytes]]:
    """The original of everything that a holder derived, by reference."""
    found = {}
    for entity in filter(has_original, derivations(merged, holder)):
        address = entity["what"]["reference"]
        status, media_type, _, content = fetched(region, merged, address)
        assert status == 200, address
        found["/".join(address.split("/")[-3:-1])] = (media_type, content)
    return found


def test_p13_the_original_of_a_record_of_stu3_is_what_its_server_has(region: BlockingRegion, merged: MergedDossier) -> None:
    kept = {
        f"{one['resource']['resourceType']}/{one['resource']['id']}": one["resource"] for one in json.loads(region.files[STU3].records.read_bytes())["entry"]
    }
    found = originals(region, merged, STU3)

    assert "AllergyIntolerance" in {ref.partition("/")[0] for ref in found}
    for ref, (media_type, content) in found.items():
        assert media_type == MEDIA_TYPE
        assert json.loads(content) == kept[ref]


def test_p13_the_original_of_a_row_has_the_columns_that_the_mapping_names(region: BlockingRegion, merged: MergedDossier) -> None:
    by_type: dict[str, set[str]] = {}
    for table in _MADE.tables:
        by_type.setdefault(table.type, set()).update(table.columns)
    found = originals(region, merged, SQL)

    assert "Consent" in {ref.partition("/")[0] for ref in found}
    for ref, (media_type, content) in found.items():
        assert media_type == "application/json"
        assert set(json.loads(content)) <= by_type[ref.partition("/")[0]]


def test_p13_the_original_of_a_result_is_its_own_lines_of_a_message_and_names_nobody(region: BlockingRegion, merged: MergedDossier) -> None:
    found = originals(region, merged, FED)
    results = {ref: content for ref, (_, content) in found.items() if ref.startswith("Observation/")}

    assert {media_type for media_type, _ in found.values()} == {MESSAGE_TYPE}
    assert results
    for content in results.values():
        assert [line[:3] for line in content.decode().split("\r")] == ["MSH", "OBR", "OBX", ""]
        assert DINA.bsn.encode() not in content
