"""The planners' page says what was done and who waits for whom, and asks once more before what has no way back."""

import re
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.review.entering import Sessions
from accord.review.reviewers import Reviewers, entry_of
from accord.rules.placing.provider import At
from accord.terms.identifiers import Ura
from accord.terms.placing import Chosen, HandedOver, Introduced, Told
from node_agent.places.page_serving import Whose, make_places_site
from tests.node_agent.places_world import DINA, MONDAY, PROVIDER, World
from tests.node_agent.test_places_page import BUNDLE, CODE, planner, tap

pytestmark = pytest.mark.anyio


async def request_in(client: httpx2.AsyncClient, world: World) -> str:
    """Where the one request is; there is a place for it."""
    await tap(client, (await client.get("/")).text, {"do": "count", "opening": "elv", "places": "1"})
    await world.say("r1", world.hospital.asked(opening="elv"))
    (address,) = set(re.findall(r'href="(/requests/[^"?]+)', (await client.get("/requests")).text))
    return f"{address}?lang=nl"


async def test_who_asked_a_question_is_waited_for_by_nobody_until_there_is_an_answer(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        address = await request_in(client, world)
        before = (await client.get("/requests?lang=nl")).text
        sent = await tap(client, (await client.get(address)).text, {"do": "ask"}, words="Kan zij traplopen?")
        noted, inbox = (await client.get(sent.headers["location"])).text, (await client.get("/requests?lang=nl")).text
        await world.say("r1", Told("Nee."))
        after = (await client.get("/requests?lang=nl")).text

    assert "Uw vraag is verstuurd." in noted
    assert "Opgeslagen" not in noted
    assert "Vraag gesteld, wacht op hun antwoord" in noted
    assert "U stelde een vraag (1)" in inbox
    assert ['class="badge"' in page for page in (before, noted, inbox, after)] == [True, False, False, True]


async def test_each_answer_is_noted_as_what_it_is(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        address, notes = await request_in(client, world), []
        for form, more in (({"do": "interested"}, {}), ({"do": "accept"}, {}), ({"do": "withdraw"}, {"reason": "other"})):
            sent = await tap(client, (await client.get(address)).text, form, **more)
            notes += re.findall(r'class="note good"[^>]*>([^<]*)<', (await client.get(sent.headers["location"])).text)

    assert notes == ["Gevraagd wie het is.", "Uw aanbod is verstuurd.", "Ingetrokken. De aanvrager krijgt bericht."]


async def test_before_the_first_day_an_arrival_is_asked_for_once_more_and_on_the_day_it_is_one_tap(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        address = await request_in(client, world)
        await tap(client, (await client.get(address)).text, {"do": "accept"})
        leg = await world.places.planning.leg(world.ref("r1"))
        await world.say("r1", Chosen(leg.number), Introduced(DINA, "token"))
        early = (await client.get(address)).text
        world.clock.at = MONDAY.replace(day=leg.need.since.day, month=leg.need.since.month)
        on_the_day = (await client.get(address)).text
        await tap(client, on_the_day, {"do": "arrive"})
        at = (await world.places.planning.leg(world.ref("r1"))).at

    assert "Het is nog niet zover: is deze persoon er al?" in early
    assert re.search(r'<details id="arrive">(?:(?!</details>).)*<button type="submit">', early, re.DOTALL)
    assert "Is aangekomen" not in early
    assert '<button type="submit" class="main big">Is aangekomen</button>' in on_the_day
    assert at is At.ARRIVED


async def test_what_erases_the_handover_says_so_behind_its_own_button(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        address = await request_in(client, world)
        await tap(client, (await client.get(address)).text, {"do": "accept"})
        leg = await world.places.planning.leg(world.ref("r1"))
        await world.say("r1", Chosen(leg.number), HandedOver(1, 1, sha256(BUNDLE).digest(), BUNDLE))
        page = (await client.get(address)).text

    assert "handover.json" in page
    assert re.search(r'aria-describedby="take_in-hint">Staat in ons dossier</button><p class="soft" id="take_in-hint">[^<]*hier gewist', page)


async def test_a_code_that_is_not_known_says_who_gives_one(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, _):
        dutch, english = [(await client.post("/login", data={"code": "x", "lang": language})).text for language in ("nl", "en")]

    assert "Vraag een code aan wie bij u de agent van Noaber beheert." in dutch
    assert "Ask for a code from whoever runs the Noaber agent" in english


class Ports:
    """One machine, whose ports are these sites: a browser sends each of them the cookies of all."""

    def __init__(self, sites: dict[int, ASGIApp]) -> None:
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By the port that was called."""
        await self._sites[scope["server"][1]](scope, receive, send)


async def test_the_pages_of_two_providers_on_one_machine_log_nobody_out_of_the_other(tmp_path: Path) -> None:
    async with planner(tmp_path) as (_, world):
        people = tmp_path / "others.toml"
        people.write_text(entry_of("planner-1", "Ans Planner", CODE, table="planner"), encoding="utf-8")
        sites = {
            port: make_places_site(world.places.planning, Sessions(Reviewers(people, table="planner")), Whose("Huis", ura), secure=False, now=world.clock)
            for port, ura in ((8001, PROVIDER), (8002, Ura("90001010")))
        }
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=Ports(sites))) as browser:
            for port in sites:
                assert (await browser.post(f"http://machine.test:{port}/login", data={"code": CODE})).status_code == 303
            seen = [(await browser.get(f"http://machine.test:{port}/")).status_code for port in sites]

    assert seen == [200, 200]
