"""The adapter for STU3 servers passes the acceptance suite of sources, with records of STU3 that are read as R4."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.vocabulary import CareCategory
from node_agent.converting.stu3 import MAPPING, MEDIA_TYPE, Converter
from node_agent.ports import Derives, Source, SourceFailure, SourceIncapable
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from node_agent.sources.stu3_server import Stu3Server
from testbed.contracts.records import ANNA, TOUCHY, observation, patient, resource
from testbed.contracts.source import SourceContract, SourceOver, everything, known
from testbed.fhir_server import FhirFaults, fhir_server
from testbed.fhir_server_serving import RunningFhirServer

pytestmark = pytest.mark.anyio
STU3 = FhirFaults(fhir_version="3.0.2")


@asynccontextmanager
async def _running(records: list[bytes], faults: FhirFaults = STU3, **settings: Any) -> AsyncGenerator[tuple[RunningFhirServer, Stu3Server], None]:
    async with fhir_server(records, faults) as running, Stu3Server(FhirEndpoint(running.base, **settings)) as source:
        yield running, source


@asynccontextmanager
async def _over(records: list[bytes], faults: FhirFaults, *, search_by_get: bool) -> AsyncGenerator[Source, None]:
    async with _running(records, faults, search_by_get=search_by_get, trust_total=not faults.another_total) as (_, source):
        yield source


class _Stu3Contract(SourceContract):
    """Records of STU3, compared with what the conversion makes of them."""

    touchy = tuple(record.replace(b'"note":[{"text":""}]', b'"comment":"\\u00e9"') for record in TOUCHY)

    def as_read(self, record: bytes) -> bytes:
        """Converted."""
        return Converter().convert(record)


class TestOverAnObligingServer(_Stu3Contract):
    """Nothing is wrong with the server."""

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """By POST, in large pages."""
        return lambda records: _over(records, STU3, search_by_get=False)


class TestOverAWilfulServer(_Stu3Contract):
    """Everything that a server may do and still be right, and some of what it may not."""

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """By GET, in small pages with relative links, with companions and wrong totals, and XML for the careless."""
        faults = FhirFaults(
            max_page=50,
            relative_next=True,
            companions=True,
            another_total=True,
            no_post_search=True,
            careless_xml=True,
            binary_as_json=True,
            fhir_version="3.0.2",
        )
        return lambda records: _over(records, faults, search_by_get=True)


def _about(kind: str, logical_id: str, **members: Any) -> bytes:
    return resource(kind, logical_id, subject={"reference": "Patient/a"}, **members)


async def test_two_kinds_of_requests_are_asked_for_in_its_own_words_and_have_names_of_their_own() -> None:
    requests = [_about("ProcedureRequest", "7", status="active", intent="order"), _about("ReferralRequest", "7", status="active", intent="order")]
    procedure = _about("Procedure", "1", status="completed", basedOn=[{"reference": "ProcedureRequest/7"}, {"reference": "ReferralRequest/7"}])
    async with _running([patient("a", ANNA), *requests, procedure]) as (running, source):
        found = [json.loads(body) for body in await everything(source, await known(source, ANNA))]
        seen = {one.path for one in running.desk.witness.seen}
        by_name = await source.read([RecordRef("ServiceRequest", "7"), RecordRef("ServiceRequest", "referral-7"), RecordRef("ServiceRequest", "8")])

    assert {f"{one['resourceType']}/{one['id']}" for one in found} == {"ServiceRequest/7", "ServiceRequest/referral-7", "Procedure/1"}
    based_on = next(one["basedOn"] for one in found if one["resourceType"] == "Procedure")
    assert [one["reference"] for one in based_on] == ["ServiceRequest/7", "ServiceRequest/referral-7"]
    assert {"ProcedureRequest/_search", "ReferralRequest/_search"} <= seen
    assert not any("ServiceRequest" in path for path in seen)
    assert {str(ref) for ref in by_name} == {"ServiceRequest/7", "ServiceRequest/referral-7"}


async def test_references_below_an_address_of_its_own_are_told_as_r4_names_them() -> None:
    async with fhir_server([], STU3) as elsewhere, fhir_server([], STU3) as running:
        own = {"reference": f"{running.base}/ProcedureRequest/7"}
        foreign = {"reference": f"{elsewhere.base}/ProcedureRequest/7"}
        converted = json.loads(Converter((running.base,)).convert(_about("Procedure", "1", status="completed", basedOn=[own, foreign])))

    assert [one["reference"] for one in converted["basedOn"]] == [f"{running.base}/ServiceRequest/7", foreign["reference"]]


async def test_insurance_is_asked_for_by_its_beneficiary() -> None:
    insurance = resource("Coverage", "1", beneficiary={"reference": "Patient/a"})
    async with _running([patient("a", ANNA), insurance]) as (running, source):
        found = await everything(source, await known(source, ANNA))
        asked = [one for one in running.desk.witness.seen if one.path.startswith("Coverage")]

    assert len(found) == 1
    assert all("beneficiary" in one.parameters for one in asked)


@pytest.mark.parametrize("version", ["4.0.1", "1.0.2", ""])
async def test_a_server_of_another_generation_is_refused_and_never_guessed(version: str) -> None:
    async with _running([patient("a", ANNA)], FhirFaults(fhir_version=version)) as (_, source):
        with pytest.raises(SourceFailure) as refusal:
            await source.find(Bsn(ANNA))

    assert refusal.value.fault is Fault.WRONG_FHIR_VERSION


async def test_every_record_is_marked_as_derived_and_one_that_cannot_be_told_in_r4_as_unfit() -> None:
    newer = _about("Observation", "2", status="final", encounter={"reference": "Encounter/1"})
    async with _running([patient("a", ANNA), observation("1", "a"), newer]) as (_, source):
        who = await known(source, ANNA)
        async with aclosing(source.records_of(who, EVERYTHING)) as lists:
            records = [record async for some in lists for record in some]
        people = [record async for some in source.patients(who) for record in some]
        read = await source.read([RecordRef("Observation", "1"), RecordRef("Observation", "2")])

    assert {(record.derived, record.unfit) for record in records} == {(True, False), (True, True)}
    assert [(record.derived, record.unfit) for record in people] == [(True, False)]
    assert [read[RecordRef("Observation", name)].unfit for name in "12"] == [False, True]


async def test_a_type_that_cannot_be_converted_is_said_to_be_lacking() -> None:
    picture = _about("ImagingStudy", "1", uid="urn:oid:1.2.3")
    async with _running([patient("a", ANNA), observation("1", "a"), picture]) as (_, source):
        who = await known(source, ANNA)
        with pytest.raises(SourceIncapable):
            await everything(source, who)

        assert len(await everything(source, who, Selection(types=frozenset({"Observation"})))) == 1


@pytest.mark.parametrize(("kind", "name"), [("Observation", "1"), ("ServiceRequest", "7"), ("ServiceRequest", "referral-8")])
async def test_p13_the_original_of_a_record_is_what_the_server_has_byte_for_byte(kind: str, name: str) -> None:
    kept = {
        "1": TOUCHY[0].replace(b'"t1"', b'"1"'),
        "7": _about("ProcedureRequest", "7", status="active", intent="order"),
        "referral-8": _about("ReferralRequest", "8", status="active", intent="order"),
    }
    async with _running([patient("a", ANNA), *kept.values()]) as (_, source):
        assert isinstance(source, Derives)
        assert source.mapping == MAPPING
        original = await source.original(RecordRef(kind, name))
        assert original is not None

        assert original.content_type == MEDIA_TYPE
        assert original.content == kept[name]
        assert await source.original(RecordRef(kind, "nothing")) is None
        assert await source.original(RecordRef("ImagingStudy", "1")) is None


@pytest.mark.parametrize("generation", ["stu3", "r4"])
async def test_the_searches_of_the_agreements_ask_in_both_generations_and_say_what_they_leave_out(generation: str) -> None:
    def coded(system: str, code: str) -> list[dict[str, Any]]:
        return [{"coding": [{"system": system, "code": code}]}]

    snomed = "http://snomed.info/sct"
    wishes = [
        resource("Consent", name, status="active", patient={"reference": "Patient/a"}, category=coded(system, code))
        for name, system, code in (
            ("old", snomed, "11291000146105"),
            ("new", snomed, "129125009"),
            ("will", "http://terminology.hl7.org/CodeSystem/consentcategorycodes", "acd"),
            ("other", snomed, "1"),
        )
    ]
    agreed = [_about("MedicationRequest", code, status="active", intent="order", category=coded(snomed, code)[0]) for code in ("16076005", "33633005")]
    weight = observation("w", "a", category=coded("http://hl7.org/fhir/observation-category", "vital-signs"))
    records = [patient("a", ANNA), *wishes, *agreed, weight, _about("Condition", "c"), observation("other", "a")]
    server = Stu3Server if generation == "stu3" else FhirServer
    async with (
        fhir_server(records, FhirFaults(fhir_version="3.0.2" if generation == "stu3" else "4.0.1")) as running,
        server(FhirEndpoint(running.base, searches="bgz")) as source,
    ):
        who = await known(source, ANNA)
        found: list[str] = []

        async def take() -> None:
            async with aclosing(source.records_of(who, EVERYTHING)) as lists:
                async for some in lists:
                    found.extend(json.loads(record.fhir_json)["id"] for record in some)

        with pytest.raises(SourceIncapable):
            await take()
        problems = await everything(source, who, Selection(types=frozenset({"Condition"})))
        measured = frozenset({CareCategory.OBSERVATION_VITAL_SIGNS, CareCategory.OBSERVATION_LABORATORY})
        whole = await everything(source, who, Selection(categories=measured))
        with pytest.raises(SourceIncapable):
            await everything(source, who, Selection(categories=measured | {CareCategory.OBSERVATION_SOCIAL_HISTORY}))
        seen = running.desk.witness.seen

    assert sorted(found) == ["16076005", "33633005", "c", "new", "old", "w", "will"]
    assert len(problems) == 1
    # Of these two kinds all is asked for: nobody is told that something may be missing.
    assert [json.loads(record)["id"] for record in whole] == ["w"]
    assert any(one.path == "Observation/$lastn" for one in seen)
    assert not any(":in" in name for one in seen for name in one.parameters)


async def test_the_bytes_of_an_attachment_come_from_where_stu3_keeps_them() -> None:
    document = resource("Binary", "7", contentType="text/plain", content="aGFsbG8=")
    async with _running([patient("a", ANNA), document], FhirFaults(fhir_version="3.0.2", binary_as_json=True)) as (_, source):
        attachment = await source.attachment("Binary/7")
        assert attachment is not None
        content = b"".join([chunk async for chunk in attachment.chunks])

    assert content == b"hallo"


@pytest.mark.parametrize("url", ["ProcedureRequest/7", "ReferralRequest/7", "Sequence/7"])
async def test_a_record_of_an_older_type_is_no_attachment(url: str) -> None:
    async with _running([patient("a", ANNA), _about("ProcedureRequest", "7", status="active", intent="order")]) as (_, source):
        assert await source.attachment(url) is None
