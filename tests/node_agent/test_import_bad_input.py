"""One bad record is refused with its own code; everything beside it is taken."""

import json
from pathlib import Path

import pytest

from node_agent.importing.delivery import ImportOptions
from node_agent.importing.reasons import Reason
from node_agent.importing.run import run_import
from testbed.contracts.records import ANNA, observation, patient, resource

DEEP = b'{"resourceType":"Observation","id":"d","x":' + b"[" * 80 + b"]" * 80 + b"}"
ENDLESS = b'{"resourceType":"Observation","id":"d","x":' + b"[" * 200_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"resourceType":"Observation","id":"1",}', Reason.MALFORMED_JSON),
        (b'{"resourceType":"Observation","id":"1","valueDecimal":NaN}', Reason.MALFORMED_JSON),
        (b"[1,2", Reason.MALFORMED_JSON),
        (b'{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/a","reference":"Patient/b"}}', Reason.DUPLICATE_KEY),
        (b'{"resourceType":"Observation","id":"1","status" :"final","status":"final"}', Reason.DUPLICATE_KEY),
        (b'{"resourceType":"Observation","id":"1","\\u0069d":"2"}', Reason.DUPLICATE_KEY),
        (b'{"resourceType":"Observation","id":"1","valueString":"\xff\xfe"}', Reason.INVALID_ENCODING),
        (b'{"resourceType":"Observation","id":"1","valueString":"\\ud800"}', Reason.INVALID_ENCODING),
        (b'\xef\xbb\xbf{"resourceType":"Observation","id":"1"}', Reason.INVALID_ENCODING),
        (DEEP, Reason.TOO_DEEP),
        (ENDLESS, Reason.TOO_DEEP),
        (b"[]", Reason.NOT_A_RESOURCE),
        (b"null", Reason.NOT_A_RESOURCE),
        (b'{"id":"1"}', Reason.NOT_A_RESOURCE),
        (b'{"resourceType":7,"id":"1"}', Reason.NOT_A_RESOURCE),
        (resource("Observatoin", "1"), Reason.UNKNOWN_TYPE),
        (resource("ValueSet", "1"), Reason.NEVER_RELEASED),
        (resource("CapabilityStatement", "1"), Reason.NEVER_RELEASED),
        (resource("ProcedureRequest", "1"), Reason.WRONG_FHIR_VERSION),
        (resource("NutritionIntake", "1"), Reason.WRONG_FHIR_VERSION),
        (observation("no/id", "a"), Reason.INVALID_ID),
        (b'{"resourceType":"Observation","id":7,"subject":{"reference":"Patient/a"}}', Reason.INVALID_ID),
        (resource("Observation", "1"), Reason.NAMES_NO_PATIENT),
        (resource("Observation", "1", subject={"reference": "Device/1"}), Reason.NAMES_NO_PATIENT),
        (resource("Observation", "1", subject={"reference": "urn:uuid:nobody"}), Reason.UNRESOLVED_REFERENCE),
        (observation("1", "a", note=[{"text": "x" * (17 * 2**20)}]), Reason.TOO_LARGE),
        (b'{"resourceType":"Bundle","type":"batch","entry":[],"entry":[]}', Reason.DUPLICATE_KEY),
        (b'{"resourceType":"Bundle","type":"batch","entry":7}', Reason.NOT_A_RESOURCE),
    ],
)
def test_a_bad_record_is_refused_by_itself(tmp_path: Path, text: bytes, reason: Reason) -> None:
    (tmp_path / "delivery.ndjson").write_bytes(b"\n".join([patient("a", ANNA), text, observation("2", "a")]))
    report = run_import([tmp_path / "delivery.ndjson"], tmp_path / "store.db")

    assert (report.new, dict(report.refused)) == (2, {reason: 1})
    assert report.refusals[0].line == 2


def test_a_bad_record_in_a_bundle_is_refused_by_itself(tmp_path: Path) -> None:
    entries = [patient("a", ANNA), b'{"resourceType":"Observation","id":"1","status":1,"status":2}', observation("2", "a"), b'{"id":"x","valueString":"\xff"}']
    text = b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(b'{"resource":' + entry + b"}" for entry in entries) + b"]}"
    (tmp_path / "bundle.json").write_bytes(text)
    report = run_import([tmp_path / "bundle.json"], tmp_path / "store.db")

    assert report.new == 2
    assert [(refusal.entry, refusal.reason) for refusal in report.refusals] == [(2, Reason.DUPLICATE_KEY), (4, Reason.INVALID_ENCODING)]


def test_a_line_that_has_no_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node_agent.importing.splitting.DOCUMENT_BYTES", 10_000)
    (tmp_path / "delivery.ndjson").write_bytes(b"x" * 35_000 + b"\n" + patient("a", ANNA))
    report = run_import([tmp_path / "delivery.ndjson"], tmp_path / "store.db")

    assert (report.new, dict(report.refused)) == (1, {Reason.TOO_LARGE: 1})


def test_every_reason_tells_what_to_do() -> None:
    for reason in Reason:
        assert reason.explanation.happened
        assert reason.explanation.next_step


def test_a_report_has_nothing_of_the_records(tmp_path: Path) -> None:
    secret = "Wilhelmina"
    (tmp_path / "delivery.ndjson").write_bytes(
        b"\n".join([patient(secret, name=[{"family": secret}]), resource(secret, secret), b'{"%b":' % secret.encode(), observation(secret, secret)])
    )
    report = run_import([tmp_path / "delivery.ndjson"], tmp_path / "store.db")

    assert sum(report.refused.values()) == 4
    assert secret not in json.dumps({**report.as_json(), "refusals": [{**one, "type": ""} for one in report.as_json()["refusals"]]})


STU3_PROFILE = {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-BodyWeight"]}


@pytest.mark.parametrize(
    ("records", "options", "refused"),
    [
        ([observation("1", "a", context={"reference": "Encounter/1"})], ImportOptions(), 1),
        ([resource("Condition", "1", subject={"reference": "Patient/a"}, clinicalStatus="active")], ImportOptions(), 1),
        ([observation("1", "a", meta=STU3_PROFILE)], ImportOptions(), 1),
        ([observation("1", "a", meta=STU3_PROFILE)], ImportOptions(zib_profiles_are_r4=True), 0),
        ([observation("1", "a", meta=STU3_PROFILE), observation("2", "a", encounter={"display": "visit"})], ImportOptions(), 0),
        ([observation("1", "a", meta=STU3_PROFILE), observation("2", "a", context={"display": "visit"})], ImportOptions(), 2),
        ([observation("1", "a"), observation("2", "a", context={"display": "visit"})], ImportOptions(), 2),
        ([observation("1", "a", meta={"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-BodyWeight"]})], ImportOptions(), 0),
    ],
)
def test_another_version_of_fhir_is_told_by_what_shows(tmp_path: Path, records: list[bytes], options: ImportOptions, refused: int) -> None:
    (tmp_path / "patient.json").write_bytes(patient("a", ANNA))
    entries = b",".join(b'{"resource":' + record + b"}" for record in records)
    (tmp_path / "x.json").write_bytes(b'{"resourceType":"Bundle","type":"searchset","entry":[' + entries + b"]}")
    report = run_import([tmp_path / "patient.json", tmp_path / "x.json"], tmp_path / "store.db", options)

    assert report.refused.get(Reason.WRONG_FHIR_VERSION, 0) == refused
    assert report.new == 1 + len(records) - refused
