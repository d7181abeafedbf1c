"""From one click in the health record to the dossier, and everything on the way that may be wrong."""

from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from starlette.responses import PlainTextResponse, Response

from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import PurposeOfUse
from gateway.viewer.paging import Page
from gateway.viewer.visits import Visit
from testbed.ehr_records import DOCTOR
from testbed.login_tokens import TokenKey
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import CLIENT, EHR, GP, VIEWER, Kit, running_viewer, says
from tests.gateway.viewer.fake_region import NIGHT

pytestmark = pytest.mark.anyio

SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
BACK = f"{VIEWER}/terug"


def refused_as(page: httpx2.Response, fault: Fault, kit: Kit) -> bool:
    """Whether it is the page of this failure, and nothing was opened."""
    return page.status_code in (400, 503) and says(page, f"Code voor de helpdesk: {fault}") and not kit.region.asked and not len(kit.dossiers)


async def test_one_click_opens_the_dossier_of_the_patient_that_is_open_in_the_record(kit: Kit) -> None:
    page = await kit.launch()

    assert page.status_code == 200
    assert page.url.path.startswith("/d/")
    (asked,) = kit.region.asked
    assert (asked.bsn, asked.birth_date) == (Bsn(DINA.bsn), date.fromisoformat(DINA.birth_date))
    assert (asked.who.professional, asked.who.purpose, asked.who.treatment, asked.who.emergency) == (GP, PurposeOfUse.TREATMENT, TreatmentBasis.PRESENT, None)
    # Launch, login, way back, dossier: no page in between on which somebody must do something.
    assert [httpx2.URL(url).path.split("/")[1] for url in kit.went] == ["launch", "authorize", "terug", "d"]


async def test_a_standalone_launch_asks_the_record_for_a_patient(kit: Kit) -> None:
    assert says(await kit.get("/login"), "Ziekenhuis Dinkelhorst")
    page = await kit.get("/login/0")
    transaction = page.text.partition('name="transaction" value="')[2].partition('"')[0]
    answer = await kit.browser.post(f"{EHR}/choose", data={"transaction": transaction, "patient": "pt-90b2e"})
    page = await kit.get(answer.headers["location"])

    assert page.url.path.startswith("/d/")
    assert [one.bsn for one in kit.region.asked] == [Bsn(BENNIE.bsn)]


async def test_whoever_looks_for_places_logs_in_without_a_patient() -> None:
    async with running_viewer(more=_with_places) as kit:
        await kit.start_shift()
        home = await kit.get("/plekken")
        page = await kit.get("/login/0/plekken")

    assert home.url.path == "/"
    assert says(home, "Inloggen voor plekken")
    assert (page.url.path, page.text) == ("/plekken", GP.name)
    assert not kit.region.asked
    assert "Patient" not in kit.ehr.asked


async def test_where_no_places_are_looked_for_nobody_logs_in_for_them(kit: Kit) -> None:
    assert (await kit.get("/login/0/plekken")).status_code == 404
    assert not says(await kit.get("/"), "Inloggen voor plekken")


def _with_places(_: object, __: object) -> tuple[str, tuple[Page, ...]]:
    """One page where those of places stand, which says who is at work."""

    async def show(visit: Visit) -> Response:
        return PlainTextResponse(visit.person.professional.name)

    return "", (Page("/plekken", show, inside=True),)


async def test_what_goes_to_the_record_is_pkce_and_the_audience_and_no_patient(kit: Kit) -> None:
    away = await kit.browser.get(kit.ehr.launch_of("pt-7f31c"))
    asked = dict(httpx2.URL(away.headers["location"]).params)

    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["aud"] == kit.ehr.issuer
    assert asked["redirect_uri"] == BACK
    assert asked["scope"].split()[:3] == ["launch", "openid", "fhirUser"]
    assert min(len(asked["state"]), len(asked["nonce"])) >= 32
    assert "code_verifier" not in asked


@pytest.mark.parametrize(
    "issuer",
    [
        "https://elsewhere.example/fhir",
        f"{EHR}/fhir/",
        f"{EHR}/fhir/../fhir",
        f"{EHR}:443/fhir",
        f"{EHR.upper()}/fhir",
        f"{EHR}/fhir?x",
        f"{EHR}/fhir#x",
        f"{EHR}.evil.example/fhir",
        f"{EHR}@evil.example/fhir",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_an_issuer_that_is_not_exactly_one_of_the_settings_is_never_called(kit: Kit, issuer: str) -> None:
    page = await kit.get(f"/launch?{httpx2.QueryParams(iss=issuer, launch='x')}")

    assert refused_as(page, Fault.EHR_UNKNOWN, kit)
    assert kit.network.called == []
    assert issuer == "" or issuer not in page.text


@pytest.mark.parametrize("query", [f"iss={EHR}/fhir", f"iss={EHR}/fhir&launch=", f"iss={EHR}/fhir&launch={'x' * 3000}", f"iss={EHR}/fhir&launch=a&launch=b"])
async def test_a_launch_without_a_sound_handle_goes_nowhere(kit: Kit, query: str) -> None:
    assert refused_as(await kit.get(f"/launch?{query}"), Fault.LAUNCH_REFUSED, kit)


async def test_a_way_back_works_once(kit: Kit) -> None:
    back = await kit.sent_back()
    assert (await kit.get(back)).url.path.startswith("/d/")
    again = await kit.get(back)

    assert says(again, "Code voor de helpdesk: launch-over")
    assert len(kit.region.asked) == 1


async def test_a_way_back_that_was_begun_in_another_browser_opens_nothing(kit: Kit) -> None:
    back = await kit.sent_back()
    kit.browser.cookies.clear()
    page = await kit.get(back)

    assert refused_as(page, Fault.LAUNCH_OVER, kit)
    assert "token" not in kit.ehr.asked


async def test_a_code_of_somebody_else_does_not_fit_the_own_state(kit: Kit) -> None:
    stolen = httpx2.URL(await kit.sent_back("pt-90b2e")).params["code"]
    own = httpx2.URL(await kit.sent_back())
    page = await kit.get(str(own.copy_set_param("code", stolen)))

    # It is bound to the verifier of the attempt that it came from.
    assert refused_as(page, Fault.LAUNCH_REFUSED, kit)


@pytest.mark.parametrize("change", ["state", "no-state", "error", "no-code", "iss", "long"])
async def test_a_way_back_that_is_not_as_it_was_begun_opens_nothing(kit: Kit, change: str) -> None:
    back = httpx2.URL(await kit.sent_back())
    changed = {
        "state": back.copy_set_param("state", "x" * 43),
        "no-state": back.copy_remove_param("state"),
        "error": back.copy_remove_param("code").copy_set_param("error", "access_denied").copy_set_param("error_description", "<b>call 06</b>"),
        "no-code": back.copy_remove_param("code"),
        "iss": back.copy_set_param("iss", "https://elsewhere.example"),
        "long": back.copy_set_param("code", "x" * 9000),
    }[change]
    page = await kit.get(str(changed))

    expected = Fault.LAUNCH_OVER if change in ("state", "no-state") else Fault.LAUNCH_REFUSED
    assert refused_as(page, expected, kit)
    assert "call 06" not in page.text
    assert "token" not in kit.ehr.asked


async def test_who_takes_too_long_at_the_record_begins_anew(kit: Kit) -> None:
    back = await kit.sent_back()
    kit.clock.pass_by(minutes=9)
    await kit.browser.get(f"{VIEWER}/")
    kit.clock.pass_by(minutes=2)

    assert refused_as(await kit.get(back), Fault.LAUNCH_OVER, kit)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": f"{EHR}/fhir/"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": []},
        {"azp": "another-client"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": int((NIGHT - timedelta(minutes=1)).timestamp())},
        {"iat": int((NIGHT + timedelta(hours=1)).timestamp())},
        {"exp": int((NIGHT + timedelta(days=300)).timestamp())},
        {"exp": "never"},
        {"auth_time": int((NIGHT + timedelta(hours=1)).timestamp())},
    ],
    ids=str,
)
async def test_an_id_token_that_says_something_else_than_agreed_opens_nothing(kit: Kit, claims: dict[str, Any]) -> None:
    kit.ehr.spoilt.claims = claims

    assert refused_as(await kit.launch(), Fault.TOKEN_INVALID, kit)


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256"}, {"kid": "another"}, {"typ": "at+jwt"}, {"crit": ["x"]}, {"jku": "https://evil.example"}],
    ids=str,
)
async def test_an_id_token_that_wants_to_be_checked_otherwise_opens_nothing(kit: Kit, header: dict[str, Any]) -> None:
    kit.ehr.spoilt.header = header

    assert refused_as(await kit.launch(), Fault.TOKEN_INVALID, kit)
    assert not any("evil" in url for url in kit.network.called)


@pytest.mark.parametrize(
    "claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "its-api"], "azp": CLIENT}, {"auth_time": None}, {"fhirUser": f"Practitioner/{DOCTOR}"}], ids=str
)
async def test_an_id_token_as_other_servers_write_it_opens_the_dossier(kit: Kit, claims: dict[str, Any]) -> None:
    kit.ehr.spoilt.claims, kit.ehr.spoilt.header = claims, {"x5t": "abc"}

    assert (await kit.launch()).url.path.startswith("/d/")
    assert len(kit.region.asked) == 1


async def test_an_id_token_of_another_key_opens_nothing(kit: Kit) -> None:
    kit.ehr.key, served = TokenKey(), kit.ehr.key.jwks
    kit.network.instead["/jwks"] = httpx2.MockTransport(lambda _: httpx2.Response(200, json=served))

    assert refused_as(await kit.launch(), Fault.TOKEN_INVALID, kit)


@pytest.mark.parametrize("token", [{"id_token": None}, {"id_token": 7}, {"id_token": "x" * 20_000}, {"id_token": "a.b"}], ids=["none", "number", "long", "two"])
async def test_an_answer_without_an_id_token_opens_nothing(kit: Kit, token: dict[str, Any]) -> None:
    kit.ehr.spoilt.token = token

    assert refused_as(await kit.launch(), Fault.TOKEN_INVALID, kit)


@pytest.mark.parametrize("token", [{"access_token": None}, {"access_token": "a\nb"}, {"access_token": ["a"]}, {"token_type": "mac"}], ids=str)
async def test_an_access_token_that_is_none_is_sent_nowhere(kit: Kit, token: dict[str, Any]) -> None:
    kit.ehr.spoilt.token = token

    assert refused_as(await kit.launch(), Fault.EHR_ANSWER_INVALID, kit)
    assert "Patient" not in kit.ehr.asked


@pytest.mark.parametrize("patient", [None, "", 7, "../Practitioner/x", "a/b", ["pt-7f31c"]], ids=str)
async def test_a_launch_without_a_patient_opens_nothing(kit: Kit, patient: object) -> None:
    kit.ehr.spoilt.token = {"patient": patient}

    assert refused_as(await kit.launch(), Fault.NO_LAUNCHED_PATIENT, kit)


async def test_the_records_token_is_not_kept(kit: Kit) -> None:
    kit.ehr.spoilt.token = {"access_token": "an-access-token-to-look-for"}
    kit.network.instead["/fhir/Patient/pt-7f31c"] = httpx2.MockTransport(lambda _: httpx2.Response(503))
    await kit.launch()
    kit.ehr.spoilt.token = {}
    kit.network.instead.clear()
    await kit.launch()
    session = kit.desk.sessions.find(kit.cookie)

    assert session is not None
    assert session.attempts == {}
    assert not [name for name in type(session).__slots__ if "token" in str(getattr(session, name)).lower()]
