"""What is proven is what will be put: every kind of request, read here and answered by the gateway's own face."""

import itertools
from typing import Any, Final

import httpx2
import pytest

from accord.rules.narrowing import narrows, selection_narrows
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.connect.asking import Request, questions_of, understand
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio

BASE: Final = "http://gateway.test/fhir"
SETTINGS: Final = HttpSettings(public_url="http://gateway.test")
CALLERS: Final = FakeCallers.of(SETTINGS)
ID: Final = CALLERS.patient
FORM: Final = f"identifier={SYSTEM}%7C{BSN.value}"
DOCUMENT: Final = (
    b'{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/p1"},'
    b'"content":[{"attachment":{"contentType":"text/plain","url":"Binary/b1"}}]}'
)
JSON: Final = {"content-type": "application/fhir+json"}

#: Method, path with query, body, headers; every kind of request that the face takes.
REQUESTS: Final[dict[str, tuple[str, str, str, dict[str, str]]]] = {
    "patient by number": ("POST", "Patient/_search", FORM, {}),
    "patient by number and birth date": ("POST", "Patient/_search", f"{FORM}&birthdate=1950-01-02", {}),
    "patient at a holder": ("POST", "at/esdoorn/Patient/_search", FORM, {}),
    "patient by id": ("GET", f"Patient?_id={ID}", "", {}),
    "patient read": ("GET", f"Patient/{ID}", "", {}),
    "patient of a holder": ("GET", "Patient/esdoorn.p1", "", {}),
    "patient read at a holder": ("GET", "at/esdoorn/Patient/p1", "", {}),
    "everything": ("GET", f"Patient/{ID}/$everything", "", {}),
    "everything of some types": ("GET", f"Patient/{ID}/$everything?_type=Observation,Condition&_since=2020-01-01", "", {}),
    "everything with companions": ("GET", f"Patient/{ID}/$everything?_type=Observation,Practitioner", "", {}),
    "everything in pages": ("GET", f"Patient/{ID}/$everything?_count=1", "", {}),
    "everything by post": (
        "POST",
        f"Patient/{ID}/$everything",
        '{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Observation"}]}',
        JSON,
    ),
    "everything at a holder": ("GET", f"at/esdoorn/Patient/{ID}/$everything", "", {}),
    "everything by a holder's patient": ("GET", "at/esdoorn/Patient/p1/$everything", "", {}),
    "everything by a united id": ("GET", "Patient/esdoorn.p1/$everything", "", {}),
    "summary": ("GET", f"Patient/{ID}/$summary", "", {}),
    "summary by post": ("POST", f"Patient/{ID}/$summary", '{"resourceType":"Parameters"}', JSON),
    "summary of a profile": ("GET", f"Patient/{ID}/$summary?profile=http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips", "", {}),
    "summary by number": ("POST", "Patient/$summary", FORM, {}),
    "summary by number in parameters": (
        "POST",
        "Patient/$summary",
        f'{{"resourceType":"Parameters","parameter":[{{"name":"identifier","valueString":"{SYSTEM}|{BSN.value}"}}]}}',
        JSON,
    ),
    "summary by a holder's patient": ("GET", "Patient/esdoorn.p1/$summary", "", {}),
    "planning ahead": ("GET", f"Patient/{ID}/$planning-ahead", "", {}),
    "planning ahead by post": ("POST", f"Patient/{ID}/$planning-ahead", "_format=json", {}),
    "planning ahead by number": ("POST", "Patient/$planning-ahead", FORM, {}),
    "search": ("GET", f"Observation?patient={ID}", "", {}),
    "search by post": ("POST", "Observation/_search", f"patient.identifier={SYSTEM}%7C{BSN.value}&code=1988-5", {}),
    "search by subject": ("GET", f"Observation?subject=Patient/{ID}&status=final", "", {}),
    "search by code and date": ("GET", f"Observation?patient={ID}&code=http://loinc.org%7C1988-5&date=ge2020&date=lt2030&_sort=-date", "", {}),
    "search with includes": ("GET", f"Observation?patient={ID}&_include=*&_count=2", "", {}),
    "search with the patient": ("GET", f"Observation?patient={ID}&_include=Observation:patient&_include=Observation:performer", "", {}),
    "search of category": ("GET", f"Observation?patient={ID}&category=laboratory&_lastUpdated=ge2019", "", {}),
    "search by ids": ("GET", f"Observation?patient={ID}&_id=esdoorn.o1,linde.o2", "", {}),
    "search by ids at a holder": ("GET", f"at/esdoorn/Observation?patient={ID}&_id=o1", "", {}),
    "search by identifier": ("GET", f"Observation?patient={ID}&identifier=urn:x%7C7", "", {}),
    "search by a holder's patient": ("GET", "Observation?patient=Patient/esdoorn.p1", "", {}),
    "search by a full reference": ("GET", f"Observation?patient={BASE}/at/esdoorn/Patient/p1", "", {}),
    "search by a full opaque reference": ("GET", f"Observation?patient={BASE}/Patient/{ID}", "", {}),
    "search at a holder by its patient": ("GET", "at/esdoorn/Observation?patient=p1", "", {}),
    "search with leniency": ("GET", f"Observation?patient={ID}&unheard=of", "", {"prefer": "handling=lenient"}),
    "read": ("GET", "Observation/esdoorn.o1", "", {}),
    "read at a holder": ("GET", "at/esdoorn/Observation/o1", "", {}),
    "head": ("HEAD", "Observation/esdoorn.o1", "", {}),
    "attachment": ("GET", "Binary/esdoorn.b1?record=DocumentReference/esdoorn.d1", "", {}),
    "attachment at a holder": ("GET", "at/esdoorn/Binary/b1", "", {"noaber-record": "DocumentReference/d1"}),
}


def region() -> FakeDoor:
    files = {("Binary/b1", "DocumentReference/d1"): ("text/plain", b"a letter")}
    return FakeDoor(
        [
            FakeHolder("esdoorn", [observation("o1", "p1"), observation("o3", "p1", day="2024-01-01"), DOCUMENT], [patient("p1")], files=files),
            FakeHolder("linde", [observation("o2", "q1")], [patient("q1")]),
        ]
    )


def as_sent(request: httpx2.Request) -> Request:
    raw, _, query = request.url.raw_path.partition(b"?")
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in request.headers.raw}
    return Request(request.method, raw.decode(), query, request.content, headers)


async def put(door: FakeDoor, request: tuple[str, str, str, dict[str, str]]) -> tuple[httpx2.Response, Request, list[Asked]]:
    """The answer of the gateway to a request, the request as a proxy sees it, and what the gateway needed proofs of."""
    method, target, body, headers = request
    callers = FakeCallers(ID)
    form = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(door, callers, SETTINGS)), base_url="http://gateway.test") as client:
        sent = client.build_request(method, target if target.startswith("http") else f"/fhir/{target}", content=body.encode(), headers=form | headers)
        return await client.send(sent), as_sent(sent), callers.asked


def covers(proven: tuple[Asked, ...], needed: Asked) -> bool:
    """Whether one of the proofs covers what the gateway asks a proof of: put to each holder, it narrows what was proven."""
    return any(
        asked.purpose is needed.purpose
        and (asked.attachment, asked.record) == (needed.attachment, needed.record)
        and (not asked.holders or (needed.holders and needed.holders <= asked.holders))
        and selection_narrows(asked.selection, needed.selection)
        for asked in proven
    )


def put_to(door: FakeDoor) -> list[tuple[HolderQuery, HolderName]]:
    """The questions about the person as holders get them."""
    return [
        (HolderQuery(query.id, Ura("00000001"), query.bsn, query.birth_date, query.asked_by, query.purpose, query.selection), holder.card.name)
        for query in door.asked
        for holder in door.holders
        if not query.holders or holder.card.name in query.holders
    ]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_p1_what_is_proven_covers_every_question_that_the_gateway_puts(kind: str) -> None:
    door = region()
    answer, request, needed = await put(door, REQUESTS[kind])
    proven = questions_of(request, base=BASE, knows=lambda name: name == ID)

    assert answer.status_code == 200, answer.text
    assert needed
    assert 1 <= len(proven) <= 2
    assert all(covers(proven, one) for one in needed), (proven, needed)
    assert all(any(narrows(asked, query, holder) for asked in proven) for query, holder in put_to(door))


@pytest.mark.parametrize("kind", REQUESTS)
async def test_p1_no_more_is_proven_than_the_gateway_needs(kind: str) -> None:
    _, request, needed = await put(region(), REQUESTS[kind])

    assert set(questions_of(request, base=BASE, knows=lambda name: name == ID)) == set(needed)


async def test_p1_a_next_page_is_the_same_question() -> None:
    door = region()
    first, request, _ = await put(door, REQUESTS["search with includes"])
    link = next(link["url"] for link in first.json()["link"] if link["relation"] == "next")
    second, following, needed = await put(door, ("GET", link, "", {}))

    assert second.status_code == 200
    assert "_cursor=" in link
    proven = questions_of(following, base=BASE)
    assert proven == questions_of(request, base=BASE)
    assert all(covers(proven, one) for one in needed)


async def test_p1_the_attachment_that_is_fetched_is_the_one_that_is_proven() -> None:
    _, request, needed = await put(region(), REQUESTS["attachment"])
    (proven,) = questions_of(request, base=BASE)

    assert needed == [proven]
    assert (proven.attachment, proven.record, proven.selection) == ("Binary/b1", "DocumentReference/d1", EVERYTHING)


def read(method: str, path: str, query: bytes = b"", body: bytes = b"", **headers: str) -> Any:
    given = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    return understand(Request(method, path, query, body, given | headers), base=BASE, purpose=PurposeOfUse.TREATMENT, knows=lambda name: name == ID)


def test_the_person_is_known_by_number_by_id_or_not_at_all() -> None:
    assert read("POST", "/fhir/Patient/_search", body=FORM.encode()).bsn == BSN
    assert read("POST", "/fhir/Patient/$summary", body=FORM.encode()).bsn == BSN
    assert read("GET", f"/fhir/Patient/{ID}/$planning-ahead").patient_id == ID
    assert read("GET", "/fhir/Observation", f"patient={ID}".encode()).patient_id == ID
    assert read("GET", f"/fhir/at/esdoorn/Patient/{ID}/$everything").patient_id == ID
    nobody = read("GET", "/fhir/Observation/esdoorn.o1")
    assert (nobody.bsn, nobody.patient_id) == (None, "")


@pytest.mark.parametrize(
    "path", ["/fhir/metadata", "/fhir/OperationDefinition/noaber-summary", "/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"]
)
def test_what_is_about_nobody_needs_no_proof(path: str) -> None:
    assert not read("GET", path).is_about_a_person


@pytest.mark.parametrize(
    ("method", "path", "query", "fault"),
    [
        ("GET", "/fhir/Patient", FORM.encode(), Fault.BSN_IN_URL),
        ("GET", f"/fhir/Patient/{BSN.value}/$everything", b"", Fault.BSN_IN_URL),
        ("GET", "/fhir/Observation", f"patient={BSN.value}".encode(), Fault.BSN_IN_URL),
        ("GET", f"/fhir/Patient/{BSN.value}/$summary", b"", Fault.BSN_IN_URL),
        ("POST", "/fhir/Patient/$summary", FORM.encode(), Fault.BSN_IN_URL),
        ("POST", "/fhir/Patient/$planning-ahead", b"", Fault.NO_PATIENT),
        ("GET", "/fhir/Patient/$summary", b"", Fault.METHOD_NOT_ALLOWED),
        ("GET", f"/fhir/Patient/{ID}/$summary", b"_elements=id", Fault.UNKNOWN_PARAMETER),
        ("GET", f"/fhir/Patient/{ID}/$planning-ahead", b"profile=x", Fault.UNKNOWN_PARAMETER),
        ("GET", f"/fhir/Patient/{ID}/$summary", b"profile=http://example.org/other", Fault.INVALID_PARAMETER),
        ("GET", f"/fhir/at/esdoorn/Patient/{ID}/$summary", b"", Fault.NOT_FOUND),
        ("GET", "/fhir/Observation", b"", Fault.NO_PATIENT),
        ("GET", "/fhir/Observation", b"patient=a&subject=b", Fault.SEVERAL_PATIENTS),
        ("GET", "/fhir/Observation", b"patient=a&unheard=of", Fault.UNKNOWN_PARAMETER),
        ("GET", "/fhir/Nonsense", b"", Fault.NOT_FOUND),
        ("GET", "/patient", b"", Fault.NOT_FOUND),
        ("DELETE", "/fhir/Observation/esdoorn.o1", b"", Fault.METHOD_NOT_ALLOWED),
        ("GET", "/fhir/Binary/esdoorn.b1", b"", Fault.NOT_FOUND),
        ("GET", "/fhir/Binary/esdoorn.b1", b"record=DocumentReference/linde.d1", Fault.NOT_FOUND),
    ],
    # The opaque id is another in every process: it must not be in the name of a test.
    ids=itertools.count(),
)
def test_what_the_gateway_would_refuse_is_refused_before_anything_is_signed(method: str, path: str, query: bytes, fault: Fault) -> None:
    with pytest.raises(BadInput) as caught:
        read(method, path, query)

    assert caught.value.fault is fault
    assert BSN.value not in str(caught.value)


def test_nothing_of_a_request_is_in_its_repr() -> None:
    request = Request("POST", "/fhir/Patient/_search", b"", FORM.encode(), {"authorization": "Bearer secret"})

    assert BSN.value not in repr(request)
    assert "secret" not in repr(request)
    assert BSN.value not in repr(read("POST", "/fhir/Patient/_search", body=FORM.encode()))
