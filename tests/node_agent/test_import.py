"""What import makes of a delivery: what is kept, what is spliced, what is refused and why."""

import gzip
import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from accord.terms.identifiers import BSN_SYSTEM, Bsn, RecordRef, passes_the_eleven_test
from accord.terms.queries import EVERYTHING
from node_agent.importing.delivery import ImportOptions
from node_agent.importing.reasons import Reason, Remark
from node_agent.importing.report import ImportReport
from node_agent.importing.run import original_of, run_import
from node_agent.ports import SourceUnavailable
from node_agent.sources.embedded import EmbeddedStore
from node_agent.sources.embedded_writing import StoreWriter
from testbed.contracts.records import ANNA, BERT, observation, patient, resource

pytestmark = pytest.mark.anyio


class Desk:
    """Hands in deliveries, and looks in the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store.db"

    def take(self, *records: bytes | dict[str, Any], name: str = "delivery.ndjson", **options: Any) -> ImportReport:
        """Import these, each on a line of its own."""
        lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
        path = self.folder / name
        path.write_bytes(b"\n".join(lines) + b"\n")
        return run_import([path], self.store, ImportOptions(**options))

    async def about(self, bsn: str) -> set[bytes]:
        """All records about a person."""
        source = EmbeddedStore(self.store)
        who = await source.find(Bsn(bsn))
        found = set() if who is None else {record.fhir_json async for some in source.records_of(who, EVERYTHING) for record in some}
        await source.close()
        return found

    async def read(self, name: str) -> bytes | None:
        """One record."""
        source = EmbeddedStore(self.store)
        kind, _, logical_id = name.partition("/")
        found = await source.read([RecordRef(kind, logical_id)])
        await source.close()
        return next((record.fhir_json for record in found.values()), None)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def test_importing_twice_changes_nothing(desk: Desk) -> None:
    records = [patient("a", ANNA), observation("1", "a"), resource("Practitioner", "p")]
    first, second = desk.take(*records), desk.take(*records)

    assert (first.new, first.unchanged, dict(first.refused)) == (3, 0, {})
    assert (second.new, second.unchanged, second.replaced, dict(second.refused)) == (0, 3, 0, {})


async def test_a_record_may_come_before_its_patient(desk: Desk) -> None:
    report = desk.take(observation("1", "a"), patient("a", ANNA))

    assert not report.refused
    assert await desk.about(ANNA) == {observation("1", "a")}


async def test_a_record_without_its_patient_is_refused_and_leaves_no_trace(desk: Desk) -> None:
    report = desk.take(observation("1", "a", valueString="a secret that nobody may keep"), patient("b", BERT))

    assert report.refused == {Reason.UNRESOLVED_REFERENCE: 1}
    assert report.refusals[0].file == "delivery.ndjson"
    assert report.refusals[0].line == 1
    assert b"nobody may keep" not in desk.store.read_bytes()


async def test_the_patient_may_have_come_in_an_earlier_delivery(desk: Desk) -> None:
    desk.take(patient("a", ANNA))

    assert desk.take(observation("1", "a")).new == 1


async def test_a_newer_version_replaces_and_an_older_one_is_refused(desk: Desk) -> None:
    def version(number: int) -> bytes:
        return observation("1", "a", meta={"versionId": str(number), "lastUpdated": f"2024-01-{number:02}T10:00:00+01:00"})

    desk.take(patient("a", ANNA), version(2))
    older, newer = desk.take(version(1)), desk.take(version(10))

    assert older.refused == {Reason.SUPERSEDED: 1}
    assert newer.replaced == 1
    assert await desk.about(ANNA) == {version(10)}


async def test_a_corrected_patient_is_no_longer_found_by_the_wrong_number(desk: Desk) -> None:
    desk.take(patient("a", ANNA), observation("1", "a"))
    desk.take(patient("a", BERT))

    assert await desk.about(ANNA) == set()
    assert await desk.about(BERT) == {observation("1", "a")}


async def test_a_record_that_moves_to_another_patient_is_there_and_nowhere_else(desk: Desk) -> None:
    desk.take(patient("a", ANNA), patient("b", BERT), observation("1", "a"))
    desk.take(observation("1", "b"))

    assert await desk.about(ANNA) == set()
    assert await desk.about(BERT) == {observation("1", "b")}


async def test_a_transaction_bundle_is_spliced_and_can_be_had_back(desk: Desk) -> None:
    who, note = "urn:uuid:8b1d8e0e-0f3a-4f0e-9d53-6a1f0c6f6d10", "urn:uuid:8b1d8e0e-0f3a-4f0e-9d53-6a1f0c6f6d11"
    person = {"resourceType": "Patient", "identifier": [{"system": BSN_SYSTEM, "value": ANNA}]}
    value = b'{ "resourceType" : "Observation", "status":"final","subject": {"reference" : "%b"}, "valueQuantity":{"value":37.50} }' % who.encode()
    text = json.dumps(bundle("transaction", {"fullUrl": note, "resource": 0}, {"fullUrl": who, "resource": person})).encode()
    (desk.folder / "bundle.json").write_bytes(text.replace(b'"resource": 0', b'"resource":' + value))
    report = run_import([desk.folder / "bundle.json"], desk.store)

    assert report.remarks == {Remark.ID_GIVEN: 2, Remark.REFERENCES_RESOLVED: 1}
    kept = await desk.read(f"Observation/{note.removeprefix('urn:uuid:')}")
    assert kept is not None
    assert b'{"reference" : "Patient/%b"}' % who.removeprefix("urn:uuid:").encode() in kept
    assert b"37.50" in kept
    assert await desk.about(ANNA) == {kept}
    assert original_of(desk.store, RecordRef("Observation", note.removeprefix("urn:uuid:"))) == value


async def test_what_is_spliced_says_so_and_what_is_not_does_not(desk: Desk) -> None:
    desk.take(patient("a", ANNA), observation("1", "a"), {"resourceType": "Observation", "subject": {"reference": "Patient/a"}})
    source = EmbeddedStore(desk.store)
    who = await source.find(Bsn(ANNA))
    assert who is not None
    marks = [record.spliced async for some in source.records_of(who, EVERYTHING) for record in some]
    await source.close()

    assert sorted(marks) == [False, True]


async def test_references_by_uuid_reach_over_bundles_of_one_delivery(desk: Desk) -> None:
    person = bundle("transaction", {"fullUrl": "urn:uuid:p-1", "resource": json.loads(patient("a", ANNA))})
    record = bundle("transaction", {"fullUrl": "urn:uuid:o-1", "resource": {"resourceType": "Observation", "subject": {"reference": "urn:uuid:p-1"}}})

    assert not desk.take(record, person).refused
    assert len(await desk.about(ANNA)) == 1


async def test_a_conditional_reference_finds_the_one_record_with_that_identifier(desk: Desk) -> None:
    number = {"system": "http://example.org/numbers", "value": "12|3+4"}
    wanted = observation("1", "a", performer=[{"reference": "Practitioner?identifier=http://example.org/numbers|12|3+4"}])
    report = desk.take(wanted, patient("a", ANNA), resource("Practitioner", "p", identifier=[number]))

    assert report.remarks == {Remark.REFERENCES_RESOLVED: 1}
    assert b'"Practitioner/p"' in (await desk.about(ANNA)).pop()


async def test_a_conditional_reference_to_two_records_or_none_stays_as_it_is(desk: Desk) -> None:
    number = {"system": "http://example.org/numbers", "value": "1"}
    twins = [resource("Practitioner", name, identifier=[number]) for name in ("p", "q")]
    wanted = observation("1", "a", performer=[{"reference": "Practitioner?identifier=http://example.org/numbers|1"}])
    report = desk.take(wanted, patient("a", ANNA), *twins)

    assert report.remarks == {Remark.REFERENCES_LEFT: 1}
    assert await desk.about(ANNA) == {wanted}


async def test_a_bsn_by_which_a_record_names_its_patient_counts(desk: Desk) -> None:
    by_number = resource("Task", "t", status="requested", **{"for": {"identifier": {"system": BSN_SYSTEM, "value": ANNA}}})
    inside = resource("Observation", "c", contained=[{**json.loads(patient("p", ANNA))}], subject={"reference": "#p"})
    stranger = resource("Task", "u", **{"for": {"identifier": {"system": BSN_SYSTEM, "value": BERT}}})
    report = desk.take(by_number, inside, stranger, patient("a", ANNA))

    assert report.refused == {Reason.UNRESOLVED_REFERENCE: 1}
    assert await desk.about(ANNA) == {by_number, inside}


async def test_references_below_the_own_base_are_own_and_others_are_not(desk: Desk) -> None:
    ours = resource("Observation", "1", subject={"reference": "https://ehr.example/fhir/Patient/a"})
    theirs = resource("Observation", "2", subject={"reference": "https://other.example/fhir/Patient/a"})
    report = desk.take(patient("a", ANNA), ours, theirs, bases=("https://ehr.example/fhir/",))

    assert report.refused == {Reason.UNRESOLVED_REFERENCE: 1}
    assert await desk.about(ANNA) == {ours}


async def test_a_record_of_two_patients_is_found_with_both_and_once_with_a_merged_one(desk: Desk) -> None:
    both = resource("Appointment", "1", participant=[{"actor": {"reference": f"Patient/{who}"}} for who in ("a", "b")])
    desk.take(patient("a", ANNA), patient("b", BERT), both)
    assert await desk.about(ANNA) == await desk.about(BERT) == {both}

    desk.take(patient("b", ANNA))
    source = EmbeddedStore(desk.store)
    who = await source.find(Bsn(ANNA))
    assert who is not None
    assert [record.fhir_json async for some in source.records_of(who, EVERYTHING) for record in some] == [both]
    await source.close()


async def test_a_chain_of_merged_patients_is_one_person_even_where_one_has_no_bsn(desk: Desk) -> None:
    def merged(into: str) -> dict[str, Any]:
        return {"link": [{"other": {"reference": f"Patient/{into}"}, "type": "replaced-by"}]}

    report = desk.take(observation("1", "c"), patient("c", **merged("b")), patient("b", **merged("a")), patient("a", ANNA))

    assert not report.refused
    assert await desk.about(ANNA) == {observation("1", "c")}


async def test_patients_without_a_bsn_are_refused_or_get_a_test_number(desk: Desk) -> None:
    records = [patient("x"), observation("1", "x"), patient("y", "123456789")]
    refused = desk.take(*records)
    assert refused.refused == {Reason.NO_BSN: 1, Reason.INVALID_BSN: 1, Reason.UNRESOLVED_REFERENCE: 1}

    report = desk.take(patient("x"), observation("1", "x"), test_bsns=True)
    assert report.remarks == {Remark.TEST_BSN_GIVEN: 1}
    source = EmbeddedStore(desk.store)
    [(bsn, who)] = [person async for person in source.everyone()]
    await source.close()
    assert bsn.value.startswith("9999")
    assert passes_the_eleven_test(bsn.value)
    assert who.ids == {"x"}
    assert await desk.about(bsn.value) == {observation("1", "x")}
    assert original_of(desk.store, RecordRef("Patient", "x")) == patient("x")
    assert desk.take(patient("x"), test_bsns=True).unchanged == 1


async def test_a_made_up_number_gives_way_to_the_person_whose_it_is(desk: Desk) -> None:
    desk.take(patient("x"), observation("1", "x"), test_bsns=True)
    source = EmbeddedStore(desk.store)
    [(taken, _)] = [person async for person in source.everyone()]
    await source.close()
    desk.take(patient("real", taken.value), observation("2", "real"))

    assert await desk.about(taken.value) == {observation("2", "real")}
    assert original_of(desk.store, RecordRef("Patient", "x")) == patient("x")


async def test_a_test_number_never_goes_into_somebody_elses_identifiers(desk: Desk) -> None:
    member = {"resourceType": "Organization", "id": "o", "identifier": [{"value": "1"}]}
    text = json.dumps({"resourceType": "Patient", "id": "x", "contained": [member], "identifier": [{"value": "2"}]}).encode()
    desk.take(text, test_bsns=True)
    kept = json.loads(await desk.read("Patient/x") or b"")

    assert kept["contained"] == [member]
    assert [one.get("system") for one in kept["identifier"]] == [BSN_SYSTEM, None]


async def test_open_dates_are_filled_in_or_refused(desk: Desk) -> None:
    text = observation("1", "a", effectiveDateTime="${DATE, T, D, -14}", issued="${DATE, T, M, +1}")
    assert desk.take(patient("a", ANNA), text).refused == {Reason.UNRESOLVED_PLACEHOLDER: 1}

    assert desk.take(text, resolve_dates=date(2024, 1, 31)).remarks == {Remark.DATES_RESOLVED: 1}
    kept = json.loads((await desk.about(ANNA)).pop())
    assert (kept["effectiveDateTime"], kept["issued"]) == ("2024-01-17", "2024-02-29")
    assert original_of(desk.store, RecordRef("Observation", "1")) == text


async def test_a_history_takes_the_newest_and_a_removal_stays_removed(desk: Desk) -> None:
    record = json.loads(observation("1", "a"))
    gone = {"request": {"method": "DELETE", "url": "Observation/2"}, "response": {"lastModified": "2024-05-01T10:00:00Z"}}
    old = json.loads(observation("2", "a", meta={"lastUpdated": "2024-04-01T10:00:00Z"}))
    newest = {"resource": {**record, "status": "amended"}, "request": {"method": "PUT", "url": "Observation/1"}}
    oldest = {"resource": record, "request": {"method": "POST", "url": "Observation"}}
    desk.take(patient("a", ANNA), json.dumps(old).encode())
    report = desk.take(bundle("history", newest, gone, {"resource": old}, oldest))
    again = desk.take(json.dumps(old).encode())

    assert (report.new, report.removed, dict(report.refused)) == (1, 1, {Reason.SUPERSEDED: 2})
    assert again.refused == {Reason.SUPERSEDED: 1}
    assert [json.loads(text)["status"] for text in await desk.about(ANNA)] == ["amended"]


async def test_packed_files_are_read_as_what_is_in_them(desk: Desk) -> None:
    delivery = desk.folder / "delivery"
    delivery.mkdir()
    (delivery / "Patient.ndjson.gz").write_bytes(gzip.compress(patient("a", ANNA)))
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/1.json", observation("1", "a"))
        archive.writestr("2.ndjson.gz", gzip.compress(observation("2", "a") + b"\n" + observation("3", "a")))
        archive.writestr("read-me.md", "no FHIR")
    (delivery / "more.zip").write_bytes(inside.getvalue())
    (delivery / "cut.json.gz").write_bytes(gzip.compress(observation("4", "a") * 50)[:-30])
    (delivery / "torn.zip").write_bytes(inside.getvalue()[:200])
    report = run_import([delivery], desk.store)

    assert report.refused == {Reason.UNSUPPORTED_FILE: 1, Reason.UNREADABLE_FILE: 2}
    assert await desk.about(ANNA) == {observation(number, "a") for number in "123"}


@pytest.mark.slow
async def test_a_zip_bomb_stops_at_its_bound(desk: Desk) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.ndjson", "w", force_zip64=True) as member:
        for _ in range(80):
            member.write(b" " * (2**20 - 1) + b"\n")
    (desk.folder / "bomb.zip").write_bytes(bomb.getvalue())

    assert run_import([desk.folder / "bomb.zip"], desk.store).refused == {Reason.TOO_LARGE: 1}


async def test_a_file_of_nothing_but_blank_lines_is_left_soon(desk: Desk) -> None:
    (desk.folder / "blank.ndjson").write_bytes(b"\n" * 50_000 + patient("a", ANNA))

    assert run_import([desk.folder / "blank.ndjson"], desk.store).refused == {Reason.UNSUPPORTED_FILE: 1}


async def test_ndjson_is_recognised_whatever_its_name(desk: Desk) -> None:
    assert desk.take(patient("a", ANNA), observation("1", "a"), name="lines.json").new == 2


async def test_two_deliveries_at_once_do_not_mix(desk: Desk) -> None:
    with StoreWriter(desk.store), pytest.raises(SourceUnavailable):
        desk.take(patient("a", ANNA))


async def test_the_store_is_as_of_when_it_is_told(desk: Desk) -> None:
    desk.take(patient("a", ANNA), as_of_ms=1_700_000_000_000)
    source = EmbeddedStore(desk.store)

    assert await source.data_as_of_ms() == 1_700_000_000_000
    assert source.is_copy
    await source.close()


async def test_a_file_that_is_no_store_is_left_alone(desk: Desk) -> None:
    desk.store.write_bytes(b"a letter to my aunt")
    with pytest.raises(SourceUnavailable):
        desk.take(patient("a", ANNA))

    assert desk.store.read_bytes() == b"a letter to my aunt"


async def test_nobody_else_may_read_the_store(desk: Desk) -> None:
    desk.take(patient("a", ANNA))

    assert desk.store.stat().st_mode & 0o077 == 0
