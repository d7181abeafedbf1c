"""What is read of the health record after a launch, and where it may lead: one person, one clinician, and nobody elsewhere."""

from typing import Any

import httpx2
import pytest

from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from gateway.viewer.ehr import Ehr
from testbed.ehr_records import DOCTOR
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import CLIENT, EHR, SECRET, VIEWER, Kit, Standing, failing, running_viewer, says

pytestmark = pytest.mark.anyio

SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
BACK = f"{VIEWER}/terug"


def refused_as(page: httpx2.Response, fault: Fault, kit: Kit) -> bool:
    """Whether it is the page of this failure, and nothing was opened."""
    return page.status_code in (400, 503) and says(page, f"Code voor de helpdesk: {fault}") and not kit.region.asked and not len(kit.dossiers)


@pytest.mark.parametrize(
    ("identifiers", "fault"),
    [
        (None, Fault.NO_BSN),
        ([], Fault.NO_BSN),
        ("999", Fault.NO_BSN),
        ([{"system": SYSTEM}], Fault.NO_BSN),
        ([{"system": SYSTEM, "value": 999984056}], Fault.NO_BSN),
        ([{"system": "urn:other", "value": DINA.bsn}], Fault.NO_BSN),
        ([{"system": SYSTEM, "value": "123456789"}], Fault.INVALID_BSN),
        ([{"system": SYSTEM, "value": DINA.bsn}, {"system": SYSTEM, "value": BENNIE.bsn}], Fault.SEVERAL_BSNS),
        ([{"system": SYSTEM, "value": DINA.bsn}, {"system": "urn:oid:2.16.840.1.113883.2.4.6.3", "value": BENNIE.bsn}], Fault.SEVERAL_BSNS),
    ],
)
async def test_a_patient_without_exactly_one_bsn_opens_nothing(kit: Kit, identifiers: object, fault: Fault) -> None:
    kit.ehr.spoilt.patient = {"identifier": identifiers}
    page = await kit.launch()

    assert refused_as(page, fault, kit)
    assert not any(number in page.text for number in (DINA.bsn, BENNIE.bsn, "123456789"))


async def test_a_number_that_holds_no_longer_is_no_second_number(kit: Kit) -> None:
    kit.ehr.spoilt.patient = {"identifier": [{"system": SYSTEM, "value": DINA.bsn}, {"system": SYSTEM, "value": BENNIE.bsn, "use": "old"}]}
    await kit.launch()

    assert [one.bsn for one in kit.region.asked] == [Bsn(DINA.bsn)]


@pytest.mark.parametrize("change", [{"id": "pt-90b2e"}, {"resourceType": "Person"}], ids=str)
async def test_another_record_than_the_one_that_was_launched_opens_nothing(kit: Kit, change: dict[str, Any]) -> None:
    kit.ehr.spoilt.patient = change

    assert refused_as(await kit.launch(), Fault.NO_LAUNCHED_PATIENT, kit)


@pytest.mark.parametrize("born", [None, "1942", "1942-03", "1942-13-40", 1942, "1942-W11-6"], ids=str)
async def test_a_birth_date_that_is_not_whole_is_not_said(kit: Kit, born: object) -> None:
    kit.ehr.spoilt.patient = {"birthDate": born}
    await kit.launch()

    assert [one.birth_date for one in kit.region.asked] == [None]


@pytest.mark.parametrize(
    "named", [None, "Dina", [], [7], [{"given": "Dina"}], [{"family": ["Nijkamp"]}], [{"text": "Di\nna\x00"}], [{"text": "x" * 4_000}]], ids=str
)
async def test_a_name_of_no_shape_is_not_said_and_the_dossier_opens(kit: Kit, named: object) -> None:
    kit.ehr.spoilt.patient = {"name": named}
    page = await kit.launch()

    assert page.status_code == 200
    assert [one.name for one in kit.region.asked] == [""]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("claims", {"fhirUser": None}),
        ("claims", {"fhirUser": f"https://elsewhere.example/fhir/Practitioner/{DOCTOR}"}),
        ("claims", {"fhirUser": f"Patient/{DOCTOR}"}),
        ("claims", {"fhirUser": f"Practitioner/../Patient/{DOCTOR}"}),
        ("claims", {"fhirUser": 7}),
        ("practitioner", {"identifier": None}),
        ("practitioner", {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi", "value": "abc"}]}),
        ("practitioner", {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi", "value": number} for number in ("900000031", "900000032")]}),
        ("practitioner", {"name": None}),
        ("practitioner", {"name": [{"text": "a\u202eb"}]}),
        ("practitioner", {"active": False}),
        ("practitioner", {"id": "another"}),
        ("roles", {"entry": []}),
        ("roles", {"entry": "none"}),
        ("roles", {"entry": [{"resource": {"resourceType": "PractitionerRole", "code": [{"coding": [{"system": "urn:x", "code": "01.071"}]}]}}]}),
    ],
)
async def test_who_is_at_work_must_be_known_by_number_name_and_one_role(kit: Kit, part: str, change: dict[str, Any]) -> None:
    setattr(kit.ehr.spoilt, part, change)
    page = await kit.launch()

    assert refused_as(page, Fault.PROFESSIONAL_UNKNOWN, kit)
    assert not any("elsewhere" in url for url in kit.network.called)


async def test_the_role_may_come_from_a_claim_instead() -> None:
    ehr = Ehr(f"{EHR}/fhir", CLIENT, secret=SECRET, role_claim="uzi_role")
    async with running_viewer(ehrs=[ehr]) as kit:
        await kit.start_shift()
        kit.ehr.spoilt.claims = {"uzi_role": "01.015"}
        await kit.launch()

        assert kit.region.asked[0].who.professional.role == "01.015"
        assert "PractitionerRole" not in kit.ehr.asked


@pytest.mark.parametrize(
    "change",
    [
        {"token_endpoint": "https://elsewhere.example/token"},
        {"authorization_endpoint": "https://elsewhere.example/authorize"},
        {"jwks_uri": "https://elsewhere.example/jwks"},
        {"token_endpoint": f"{EHR}@elsewhere.example/token"},
        {"token_endpoint": f"{EHR}.elsewhere.example/token"},
        {"token_endpoint": f"{EHR}:444/token"},
        {"token_endpoint": EHR.replace("https", "http") + "/token"},
        {"token_endpoint": None},
        {"token_endpoint": ["x"]},
        {"issuer": "https://elsewhere.example"},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": None},
    ],
    ids=str,
)
async def test_a_record_that_points_elsewhere_gets_no_code_and_no_clinician(kit: Kit, change: dict[str, Any]) -> None:
    kit.ehr.spoilt.configuration = change
    page = await kit.launch()

    assert refused_as(page, Fault.EHR_ANSWER_INVALID, kit)
    assert not any("elsewhere" in url for url in (*kit.network.called, *kit.went))


async def test_an_endpoint_elsewhere_is_believed_when_the_settings_name_it() -> None:
    ehr = Ehr(f"{EHR}/fhir", CLIENT, secret=SECRET, elsewhere=frozenset({"https://login.example/token"}))
    async with running_viewer(ehrs=[ehr]) as kit:
        kit.ehr.spoilt.configuration = {"token_endpoint": "https://login.example/token"}
        away = await kit.browser.get(kit.ehr.launch_of("pt-7f31c"))

        assert away.headers["location"].startswith(f"{EHR}/authorize?")


@pytest.mark.parametrize("path", ["/fhir/.well-known/smart-configuration", "/token", "/jwks", "/fhir/Patient/pt-7f31c", "/fhir/PractitionerRole"])
@pytest.mark.parametrize(("instead", "fault"), [(503, Fault.EHR_UNREACHABLE), (302, Fault.EHR_ANSWER_INVALID), (401, Fault.LAUNCH_REFUSED)])
async def test_a_record_that_fails_is_told_by_a_page_and_a_code(kit: Kit, path: str, instead: int, fault: Fault) -> None:
    kit.network.instead[path] = failing(instead)

    assert refused_as(await kit.launch(), fault, kit)


@pytest.mark.parametrize("path", ["/fhir/.well-known/smart-configuration", "/token", "/jwks", "/fhir/Patient/pt-7f31c"])
@pytest.mark.parametrize("body", [b"{" * 400_000, b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"["], ids=["huge", "list", "cut", "twice", "no-text", "open"])
async def test_an_answer_that_is_huge_or_no_object_is_refused(kit: Kit, path: str, body: bytes) -> None:
    kit.network.instead[path] = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))

    assert refused_as(await kit.launch(), Fault.EHR_ANSWER_INVALID, kit)


@pytest.mark.parametrize("path", ["/fhir/.well-known/smart-configuration", "/token", "/jwks", "/fhir/Practitioner/seh-arts-31"])
async def test_p7_a_record_that_says_nothing_is_not_waited_for_long(path: str) -> None:
    async with running_viewer(seconds=0.2) as kit:
        await kit.start_shift()
        kit.network.instead[path] = Standing()

        assert refused_as(await kit.launch(), Fault.EHR_UNREACHABLE, kit)
