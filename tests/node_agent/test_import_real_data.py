"""Everything of the real data that can be imported is, byte for byte; what is refused is refused for the right reason."""

import json
from datetime import date
from pathlib import Path

import pytest

from accord.terms.identifiers import RecordRef
from node_agent.importing.delivery import ImportOptions
from node_agent.importing.reasons import Reason, Remark
from node_agent.importing.run import original_of, run_import
from node_agent.sources.embedded import EmbeddedStore
from testbed.contracts.records import ANNA, patient

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TODAY = date(2024, 6, 1)


@pytest.mark.parametrize(
    ("folder", "new", "refused"),
    [
        # Six Patients that show names only, nine records whose subject was left out, one about a patient who is not there.
        ("dutch/zib2020-r4", 255, {Reason.NAMES_NO_PATIENT: 9, Reason.NO_BSN: 6, Reason.UNRESOLVED_REFERENCE: 1}),
        # An Encounter and three QuestionnaireResponses without a subject.
        ("dutch/pzp-r4", 60, {Reason.NAMES_NO_PATIENT: 4}),
        # A Bundle and two Tasks in STU3, a Bundle in R4 without its Patient, and XML of Mitz.
        ("dutch/knooppunt", 0, {Reason.WRONG_FHIR_VERSION: 101, Reason.UNRESOLVED_REFERENCE: 99, Reason.UNSUPPORTED_FILE: 3}),
        ("dutch/medicationprocess-r4", 0, {Reason.UNSUPPORTED_FILE: 20}),
        # Two vaccinations are R4 already; their Patients are not.
        ("dutch/dva-mock-stu3", 0, {Reason.WRONG_FHIR_VERSION: 588, Reason.UNRESOLVED_REFERENCE: 2}),
    ],
)
def test_a_folder_of_dutch_data(shared_data: Path, tmp_path: Path, folder: str, new: int, refused: dict[Reason, int]) -> None:
    report = run_import([shared_data / folder], tmp_path / "store.db", ImportOptions(resolve_dates=TODAY))

    assert (report.new, dict(report.refused)) == (new, refused)


def test_a_bundle_whose_patient_is_there_comes_in_whole(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_bytes(patient("3df6fa1f-64c6-4d60-bf0a-6a002fc7c603", ANNA))
    bundle = shared_data / "dutch" / "knooppunt" / "bgz-example-r4.json"
    report = run_import([bundle, tmp_path / "patient.json"], tmp_path / "store.db")

    assert (report.new + report.unchanged, dict(report.refused)) == (100, {})
    assert report.remarks == {Remark.ID_GIVEN: 98}


async def test_dutch_records_are_kept_byte_for_byte(shared_data: Path, tmp_path: Path) -> None:
    folders = [shared_data / "dutch" / name for name in ("zib2020-r4", "pzp-r4")]
    run_import(folders, tmp_path / "store.db", ImportOptions(resolve_dates=TODAY))
    source = EmbeddedStore(tmp_path / "store.db")
    kept = 0
    for path in sorted(path for folder in folders for path in folder.rglob("*.json")):
        text = path.read_bytes().strip()
        content = json.loads(text)
        ref = RecordRef(content["resourceType"], content["id"])
        found = (await source.read([ref])).get(ref)
        if found is not None:
            kept += 1
            assert found.spliced == (b"${DATE" in text)
            assert (original_of(tmp_path / "store.db", ref) if found.spliced else found.fhir_json) == text
    await source.close()

    assert kept == 315


def test_american_patients_get_test_numbers_and_come_in_whole(shared_data: Path, tmp_path: Path) -> None:
    synthetic = shared_data / "synthetic"
    paths = [synthetic / "smart-sample-bulk", *sorted((synthetic / "synthea-hiv").iterdir())[:4]]
    paths += sorted((synthetic / "smart-generated-sample-data-r4").iterdir())[:25]
    report = run_import(paths, tmp_path / "store.db", ImportOptions(test_bsns=True))
    again = run_import(paths, tmp_path / "store.db", ImportOptions(test_bsns=True))

    # The logs of the bulk export are no records.
    assert report.refused == {Reason.NOT_A_RESOURCE: 8}
    assert report.remarks[Remark.TEST_BSN_GIVEN] == 1_157 + 4 + 25
    assert report.records > 20_000
    assert again.new == 0
    assert again.refused == report.refused
