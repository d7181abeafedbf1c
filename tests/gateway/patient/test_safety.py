"""What an attacker, a thief of a session, or somebody whose right has ended gets from the pages: nothing."""

import re

import httpx2
import pytest

from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn
from accord.terms.members import LoginProvider
from gateway.patient.login import Login, LoginSettings
from gateway.patient.sessions import make_sessions
from testbed.people import BENNIE, DINA
from tests.gateway.patient.conftest import CLIENT, ISSUER, PAGES, Kit
from tests.gateway.patient.fake_region import Clock

pytestmark = pytest.mark.anyio

#: Other people's numbers and other ways in which somebody could be named.
OTHERS = (BENNIE.bsn, "999970306", "bennie", "brinkhof.1", "../" + BENNIE.bsn, "%2e%2e")
VIEWS = ("/", "/overzicht", "/keuzes", "/keuzes/kiezen", "/keuzes/wijziging", "/keuzes/resultaat", "/inzage", "/afdrukken", "/hulp")


def without_tokens(text: str) -> str:
    return re.sub(r'value="[^"]*"', "", text)


async def test_b1_walking_others_ids_gives_the_same_not_found_every_time(kit: Kit) -> None:
    answers = set()
    for other in OTHERS:
        await kit.enter("dina")  # who asks so often for what is not there is put out
        for url in (
            f"/overzicht/{other}",
            f"/patient/{other}",
            f"/inzage?patient={other}",
            f"/keuzes?bsn={other}",
            f"/keuzes/{other}",
            f"/inzage?page={other}",
        ):
            page = await kit.get(url, headers={"x-patient": other, "x-forwarded-user": other})
            answers.add((page.status_code, without_tokens(page.text)))

    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert set(kit.region.asked) == {Bsn(DINA.bsn)}


async def test_b1_who_walks_on_is_put_out(kit: Kit) -> None:
    await kit.enter("dina")
    for number in range(25):
        await kit.get(f"/patient/{number}")

    assert (await kit.get("/overzicht")).headers["location"] == "/uitgelogd"


async def test_b1_extra_form_fields_reach_nobody_else(kit: Kit) -> None:
    await kit.enter("dina")
    await kit.get("/keuzes")
    for name in ("patient", "bsn", "sub", "holder"):
        await kit.post("/keuzes", subject="looks:home-care", **{name: BENNIE.bsn})
        await kit.post("/keuzes/kiezen", overall="objects", **{name: BENNIE.bsn})
    for subject in ("looks:bank", "keeps", "", BENNIE.bsn, "wishes:x"):
        assert (await kit.post("/keuzes", subject=subject)).status_code == 404
    await kit.post("/inzage", days="30", patient=BENNIE.bsn)

    assert set(kit.region.asked) == {Bsn(DINA.bsn)}


async def test_b14_a_mandate_that_has_ended_opens_nothing(kit: Kit) -> None:
    page = await kit.enter("ria-gisteren")

    assert page.status_code == 403
    assert "U mag dit niet meer" in page.text
    assert kit.region.asked == []


async def test_b14_a_mandate_is_checked_at_each_request_and_not_at_login(kit: Kit) -> None:
    """Ria is inside when her last day ends; her token would live for another half hour."""
    kit.clock.pass_by(days=364, hours=12, minutes=20)  # 23:35 in Twente; her mandate is made a year long from a fixed day
    ria = next(one for one in kit.provider.people() if one.key == "ria")
    ria.claims["represents"]["until"] = "2027-11-20"
    kit.provider.people = lambda: (ria,)  # type: ignore[method-assign]
    await kit.enter("ria")
    kit.clock.pass_by(minutes=14)
    assert (await kit.get("/inzage")).status_code == 200
    asked = len(kit.region.asked)
    kit.clock.pass_by(minutes=12)
    page = await kit.get("/inzage")

    assert page.status_code == 403
    assert "U mag dit niet meer" in page.text
    assert "Ten Esker" not in page.text
    assert len(kit.region.asked) == asked
    assert (await kit.get("/overzicht")).status_code == 303


async def test_b14_a_parents_access_ends_at_the_moment_the_child_is_sixteen(kit: Kit) -> None:
    mother = next(one for one in kit.provider.people() if one.key == "ouder-13")
    mother.claims["represents"]["birth_date"] = "2010-11-22"
    kit.provider.people = lambda: (mother,)  # type: ignore[method-assign]
    kit.clock.pass_by(hours=12, minutes=40)  # 23:55 on the last day of being fifteen
    assert (await kit.enter("ouder-13")).status_code == 200
    kit.clock.pass_by(minutes=6)
    page = await kit.get("/inzage")

    assert page.status_code == 403
    assert "Uw kind beslist nu zelf" in page.text


async def test_b14_a_child_of_eight_is_sent_to_its_parents(kit: Kit) -> None:
    page = await kit.enter("kind-8")

    assert page.status_code == 403
    assert "Je bent nog te jong" in page.text


async def test_who_may_only_look_cannot_choose(kit: Kit) -> None:
    await kit.enter("ria-kijkt")
    page = await kit.get("/keuzes")
    assert 'name="subject"' not in page.text
    assert (await kit.post("/keuzes", subject="looks:home-care")).status_code == 403
    await kit.post("/keuzes/kiezen", overall="objects")
    answer = await kit.post("/keuzes/wijziging")

    assert "login.example" not in answer.headers.get("location", "")
    assert kit.region.delivered == []


@pytest.mark.parametrize(
    "path", ["/inloggen", "/taal", "/uitloggen", "/blijven", "/keuzes", "/keuzes/kiezen", "/keuzes/wijziging", "/keuzes/resultaat", "/inzage"]
)
async def test_no_form_works_without_the_token_of_its_session(kit: Kit, path: str) -> None:
    await kit.enter()
    for token in ("", "x", "é"):
        answer = await kit.browser.post(f"{PAGES}{path}", data={"csrf": token, "language": "en"})

        assert answer.status_code == 403
    await kit.get("/overzicht")
    foreign = await kit.browser.post(
        f"{PAGES}{path}", data={"csrf": kit.last.split('name="csrf" value="')[1].partition('"')[0]}, headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403


async def test_a_form_that_is_no_form_is_refused(kit: Kit) -> None:
    await kit.enter()
    for content, kind in (
        (b"{}", "application/json"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"x=" + b"y" * 20_000, "application/x-www-form-urlencoded"),
    ):
        answer = await kit.browser.post(f"{PAGES}/keuzes", content=content, headers={"content-type": kind})

        assert answer.status_code == 403


async def test_a_session_ends_after_fifteen_idle_minutes(kit: Kit) -> None:
    await kit.enter()
    kit.clock.pass_by(minutes=14, seconds=59)
    assert (await kit.get("/overzicht")).status_code == 200
    kit.clock.pass_by(minutes=15)
    answer = await kit.get("/overzicht")

    assert answer.headers["location"] == "/uitgelogd"


async def test_a_session_ends_after_an_hour_however_busy(kit: Kit) -> None:
    await kit.enter()
    for _ in range(5):
        kit.clock.pass_by(minutes=11)
        assert (await kit.get("/hulp")).status_code == 200
        assert (await kit.get("/overzicht")).status_code == 200
    kit.clock.pass_by(minutes=6)

    assert (await kit.get("/overzicht")).headers["location"] == "/uitgelogd"


async def test_a_page_says_until_when_one_stays_and_how_to_stay_longer(kit: Kit) -> None:
    page = await kit.enter()
    assert "U blijft ingelogd tot 11.30 uur." in page.text
    kit.clock.pass_by(minutes=10)

    assert "U blijft ingelogd tot 11.40 uur." in (await kit.post("/blijven", page="/inzage")).text


async def test_the_cookie_holds_nothing_but_a_fresh_random_id(kit: Kit) -> None:
    answer = await kit.get("/")
    before = answer.headers["set-cookie"]
    assert re.fullmatch(r"__Host-noaber=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", before)
    await kit.enter()

    assert kit.browser.cookies["__Host-noaber"] != before.partition("=")[2].partition(";")[0], "an id from before the login opens nothing after it"


async def test_a_login_that_somebody_else_began_lets_nobody_in(kit: Kit) -> None:
    """An attacker's code, brought to a victim's browser, must not log the victim in as the attacker."""
    await kit.get("/")
    begun = await kit.post("/inloggen")
    kit.browser.cookies.delete("__Host-noaber")
    await kit.get("/")
    await kit.post("/inloggen")
    page = await kit.through_login(begun, "bennie")

    assert page.status_code == 400
    assert kit.region.asked == []


async def test_broken_ways_back_are_all_the_same(kit: Kit) -> None:
    for query in ("", "code=1", "code=1&state=2", "code=1&code=2&state=3", "x" * 5000, "a=1&" * 50):
        await kit.enter()
        await kit.get("/terug?" + query)

        assert "Het inloggen is niet gelukt" in kit.last


@pytest.mark.parametrize("change", ["issuer", "elsewhere", "broken", "down"])
async def test_a_provider_that_is_not_the_one_of_the_register_is_not_used(change: str) -> None:
    clock = Clock()

    def answer(_: httpx2.Request) -> httpx2.Response:
        if change == "down":
            raise httpx2.ConnectError("no")
        if change == "broken":
            return httpx2.Response(200, text="<html>")
        issuer = "https://other.example" if change == "issuer" else ISSUER
        return httpx2.Response(200, json={"issuer": issuer, "authorization_endpoint": "https://evil.example/a", "token_endpoint": f"{issuer}/t"})

    keys = '{"keys":[{"kid":"1","kty":"OKP","crv":"Ed25519","x":"AA"}]}'
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        login = Login(LoginSettings(LoginProvider(ISSUER, CLIENT, keys), f"{PAGES}/terug"), client, clock)
        with pytest.raises(Unavailable) as failure:
            await login.begin(language="nl")

    assert failure.value.fault is Fault.LOGIN_REQUIRED


async def test_when_the_provider_is_down_the_page_says_so(kit: Kit) -> None:
    await kit.get("/")
    kit.network._transport = httpx2.MockTransport(lambda _: httpx2.Response(503))
    page = await kit.post("/inloggen")

    assert page.status_code == 503
    assert "Inloggen kan nu niet" in page.text


async def test_p7_a_crowd_at_the_door_pushes_nobody_out() -> None:
    clock = Clock()
    sessions = make_sessions(clock, most=3)
    first, _ = sessions.begin()
    for _ in range(10):
        sessions.begin()

    assert len(sessions) == 3
    assert sessions.find(first) is None


async def test_p6_a_session_that_ended_is_gone_from_memory() -> None:
    clock = Clock()
    sessions = make_sessions(clock)
    sessions.begin()
    clock.pass_by(minutes=11)
    sessions.find("another")

    assert len(sessions) == 0
