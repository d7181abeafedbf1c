"""Everything around the question: formats, methods, limits, a BSN in a URL, and errors that give nothing away."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx2
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from accord.terms.faults import CATALOGUE, BadInput, Fault, Unavailable
from accord.terms.queries import DossierQuery
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.api.outcomes import STATUS, failure_issue, status_of
from gateway.dossier.refusal_words import dutch_of
from gateway.ports import Completeness
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio


def region() -> list[FakeHolder]:
    return [FakeHolder("alfa", [observation("1", "p1")], [patient("p1")])]


async def found(client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    return await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"}, headers=headers)


def code_of(answer: httpx2.Response) -> str:
    OperationOutcome.model_validate_json(answer.content)
    code: str = answer.json()["issue"][0]["details"]["coding"][0]["code"]
    return code


@pytest.mark.parametrize(
    "path",
    [
        f"Patient?identifier={SYSTEM}|{BSN.value}",
        f"Patient?identifier=http%3A%2F%2Ffhir.nl%2Ffhir%2FNamingSystem%2Fbsn%7C{BSN.value}",
        f"Patient?identifier={BSN.value}",
        f"Patient?identifier=urn:oid:2.16.840.1.113883.2.4.6.3|{BSN.value}",
        f"Observation?patient.identifier={SYSTEM}|{BSN.value}",
        f"Observation?patient:identifier={SYSTEM}|{BSN.value}",
        f"Observation?patient={BSN.value}",
        f"Observation?subject=Patient/{BSN.value}",
        f"Patient/{BSN.value}",
        f"Patient/{BSN.value}/$everything",
        f"Observation/alfa.1?x={SYSTEM}|{BSN.value}",
    ],
)
async def test_a_bsn_in_a_url_is_refused_with_the_way_to_go(face: Opened, path: str) -> None:
    async with face(region()) as client:
        answer = await client.get(path, headers={"prefer": "handling=lenient", "accept-language": "en"})

    assert (answer.status_code, code_of(answer)) == (400, "bsn-in-url")
    assert "POST" in answer.json()["issue"][0]["details"]["text"]
    assert BSN.value not in answer.text


async def test_an_operator_may_allow_it(face: Opened) -> None:
    async with face(region(), allow_bsn_in_url=True) as client:
        answer = await client.get(f"Patient?identifier={SYSTEM}|{BSN.value}")

    assert answer.status_code == 200
    assert BSN.value not in answer.json()["link"][0]["url"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "metadata?_format=xml", {}, 406, "unsupported-format"),
        ("GET", "metadata", {"accept": "application/fhir+xml"}, 406, "unsupported-format"),
        ("GET", "metadata", {"accept": "application/fhir+json; fhirVersion=3.0"}, 406, "unsupported-format"),
        ("GET", "metadata", {"accept": "application/json;q=0"}, 406, "unsupported-format"),
        ("GET", "../elsewhere", {}, 404, "not-found"),
        ("GET", "Patient/a/b/c", {}, 404, "not-found"),
        ("DELETE", "Observation/alfa.1", {}, 405, "method-not-allowed"),
        ("PUT", "Observation/alfa.1", {}, 405, "method-not-allowed"),
        ("POST", "Observation", {}, 405, "method-not-allowed"),
        ("GET", "Patient/_search", {}, 405, "method-not-allowed"),
        ("GET", "metadata", {"host": "rebound.test"}, 404, "not-found"),
        ("GET", "Observation?patient=%ff", {}, 400, "invalid-encoding"),
        ("GET", "Observation?patient=%00", {}, 400, "invalid-parameter"),
        ("GET", "Observation?" + "&".join(f"a{i}=1" for i in range(200)), {}, 400, "invalid-parameter"),
        ("GET", "Observation/alfa.1", {"noaber-purpose": "ETREAT"}, 403, "emergency-not-offered"),
        ("GET", "Observation/alfa.1", {"noaber-purpose": "HMARKT"}, 400, "invalid-parameter"),
    ],
)
async def test_what_is_not_offered_gets_an_outcome(face: Opened, method: str, path: str, headers: Mapping[str, str], status: int, code: str) -> None:
    async with face(region()) as client:
        answer = await client.request(method, path, headers=headers)

    assert (answer.status_code, code_of(answer)) == (status, code)
    if status == 405:
        assert answer.headers["allow"] == ("POST" if path.endswith("_search") else "GET, HEAD")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/fhir+json", "application/json, text/plain;q=0.5", "application/fhir+json; fhirVersion=4.0", "text/html, */*;q=0.1"]
)
async def test_what_is_json_is_given(face: Opened, accept: str) -> None:
    async with face(region()) as client:
        answer = await client.get("metadata", headers={"accept": accept})
        by_parameter = await client.get("metadata?_format=application/fhir+json", headers={"accept": "text/html"})

    assert answer.headers["content-type"] == "application/fhir+json; fhirVersion=4.0"
    assert by_parameter.status_code == 200


async def test_a_body_that_is_too_large_or_no_form_is_refused(face: Opened) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    async with face(region(), body_bytes=1_000) as client:
        announced = await client.post("Patient/_search", content=b"x" * 2_000)
        streamed = await client.post("Patient/_search", content=endless())
        json_body = await client.post("Patient/_search", content=b"{}", headers={"content-type": "application/json"})

    assert [(answer.status_code, code_of(answer)) for answer in (announced, streamed)] == [(413, "too-large")] * 2
    assert (json_body.status_code, code_of(json_body)) == (415, "unsupported-format")


async def test_every_answer_has_an_id_and_is_kept_nowhere(face: Opened) -> None:
    async with face(region()) as client:
        sane = await found(client, **{"x-request-id": "order-7.a_b"})
        odd = await found(client, **{"x-request-id": "a b<script>"})
        failed = await client.get("nothing/at/all", headers={"x-request-id": "order-8"})

    assert sane.headers["x-request-id"] == "order-7.a_b"
    assert odd.headers["x-request-id"].isalnum()
    assert failed.json()["issue"][0]["diagnostics"] == "order-8"
    for answer in (sane, odd, failed):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


async def test_a_head_request_has_the_headers_and_no_body(face: Opened) -> None:
    async with face(region()) as client:
        logical_id = (await found(client)).json()["entry"][0]["resource"]["id"]
        for path in ("metadata", "Observation/alfa.1", f"Patient/{logical_id}/$everything", f"Observation?patient={logical_id}"):
            head = await client.head(path)

            assert (head.status_code, head.content) == (200, b""), path


async def test_more_questions_than_there_is_room_for_are_sent_away(face: Opened) -> None:
    door = FakeDoor([FakeHolder("alfa", [observation("1", "p1")], [patient("p1")], waits_for=anyio.Event())])
    waits = door.everyone[0].waits_for
    assert waits is not None
    answers: list[httpx2.Response] = []
    async with face(door, questions_at_once=1) as client:

        async def ask() -> None:
            answers.append(await found(client))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            while not door.asked:
                await anyio.lowlevel.checkpoint()
            refused = await found(client)
            metadata = await client.get("metadata")
            waits.set()

    assert (refused.status_code, code_of(refused), refused.headers["retry-after"]) == (503, "too-many-questions", "1")
    assert metadata.status_code == 200
    assert answers[0].status_code == 200


class _Broken(FakeDoor):
    async def open(self, query: DossierQuery, into: Any, *, lanes: Any = None) -> None:
        """Fail with content in the message."""
        into.close()
        for lane in (lanes or {}).values():
            lane.close()
        raise RuntimeError(f"could not read {query.bsn.value}")


async def test_what_should_not_fail_says_internal_and_nothing_more(face: Opened, caplog: pytest.LogCaptureFixture) -> None:
    async with face(_Broken(region())) as client:
        answer = await found(client, **{"accept-language": "en", "x-request-id": "order-9"})

    assert (answer.status_code, code_of(answer)) == (500, "internal")
    assert BSN.value not in answer.text + caplog.text
    assert "order-9" in caplog.text


async def test_an_error_is_in_dutch_for_whoever_asks_for_dutch_and_in_english_for_everybody_else(face: Opened) -> None:
    texts = {}
    async with face(region()) as client:
        for wish in ("nl", "nl-NL,nl;q=0.9,en;q=0.8", "en", "fr", ""):
            answer = await client.post("Patient/_search", data={"identifier": "1"}, headers={"accept-language": wish})
            texts[wish] = answer.json()["issue"][0]["details"]["text"]

    assert {wish for wish, text in texts.items() if text.startswith("Een parameter, header of element")} == {"nl", "nl-NL,nl;q=0.9,en;q=0.8"}
    explanation = CATALOGUE[Fault.INVALID_PARAMETER]
    assert {text for wish, text in texts.items() if not wish.startswith("nl")} == {f"{explanation.happened} {explanation.next_step}"}


async def test_words_come_in_the_language_that_is_asked_for(face: Opened) -> None:
    texts = {}
    async with face(region()) as client:
        for wish in ("nl", "en", "de, en;q=0.5, nl;q=0.1", "nl-NL,nl;q=0.9,en;q=0.8", "fr", ""):
            answer = await found(client, **{"accept-language": wish})
            texts[wish] = answer.json()["entry"][-1]["resource"]["issue"][-1]["details"]["text"]
    english = {wish for wish, text in texts.items() if text.startswith("Some data")}

    assert english == {"en", "de, en;q=0.5, nl;q=0.1"}


def test_every_fault_has_a_status_and_a_fhir_issue_type() -> None:
    known_types = set(
        "invalid structure required value invariant security login unknown expired forbidden suppressed processing not-supported duplicate multiple-matches "
        "not-found deleted too-long code-invalid extension too-costly business-rule conflict transient lock-error no-store exception timeout incomplete "
        "throttled informational".split()
    )
    for fault in Fault:
        failure = BadInput(fault) if STATUS.get(fault, 502) < 500 else Unavailable(fault)

        assert 400 <= status_of(failure) < 600
        assert failure_issue(failure, "nl", "id")["code"] in known_types


def test_whatever_is_refused_to_a_client_is_told_in_dutch_where_it_asks_for_that() -> None:
    told = {fault: failure_issue(BadInput(fault), "nl", "id")["details"]["text"] for fault in STATUS}

    assert [fault for fault, text in told.items() if text == dutch_of(Fault.SOURCE_WRITABLE)] == []
    assert len(set(told.values())) == len(told)


@pytest.mark.parametrize(
    "setting",
    [{"public_url": "gateway"}, {"public_url": "http://x/"}, {"language": "de"}, {"key": b"short"}, {"default_count": 0}, {"public_url": "ftp://x"}],
)
def test_a_setting_that_cannot_work_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        HttpSettings(**setting)


async def test_it_lives_and_dies_as_an_asgi_application_does() -> None:
    settings = HttpSettings(public_url="http://gateway.test")
    app = FhirApp(FakeDoor(region()), FakeCallers.of(settings), settings)
    said = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> Any:
        return next(said)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_the_answer_says_which_preferences_it_took_into_account(face: Opened) -> None:
    async with face(region()) as client:
        logical_id = (await found(client)).json()["entry"][0]["resource"]["id"]
        wished = {"prefer": 'handling="lenient", noaber-fold=none; respond-async, noaber-bytes=exact'}
        streamed = await client.get(f"Patient/{logical_id}/$everything", headers=wished)
        paged = await client.get(f"Observation?patient={logical_id}", headers={"prefer": "noaber-partial=refuse"})
        plain = await client.get(f"Observation?patient={logical_id}")
        failed = await client.get("Observation?patient=nobody", headers=wished)
        metadata = await client.get("metadata", headers=wished)

    assert streamed.headers["preference-applied"] == "handling=lenient, noaber-fold=none, noaber-bytes=exact"
    assert paged.headers["preference-applied"] == "noaber-partial=refuse"
    assert not any("preference-applied" in answer.headers for answer in (plain, failed, metadata))


class _BreaksLate(FakeDoor):
    async def open(self, query: DossierQuery, into: Any, *, lanes: Any = None) -> None:
        """Tell everything, but then fail before the account."""
        inner, told = anyio.create_memory_object_stream[Any](100)
        await super().open(query, inner, lanes=lanes)
        async with into, told:
            async for event in told:
                if not isinstance(event, Completeness):
                    await into.send(event)
            raise RuntimeError(query.bsn.value)


async def test_an_answer_that_has_begun_and_fails_is_closed_and_says_so(face: Opened, caplog: pytest.LogCaptureFixture) -> None:
    async with face(_BreaksLate(region()), key=b"k" * 64) as client, face(region(), key=b"k" * 64) as other:
        logical_id = (await found(other)).json()["entry"][0]["resource"]["id"]
        answer = await client.get(f"Patient/{logical_id}/$everything", params={"_pretty": "true"})
    bundle = answer.json()

    assert answer.status_code == 200
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Patient", "Observation", "Provenance", "OperationOutcome"]
    assert bundle["entry"][-1]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "internal"
    assert [tag["code"] for tag in bundle["meta"]["tag"]] == ["partial", "authored"]
    assert BSN.value not in caplog.text
    assert "RuntimeError" in caplog.text
