"""The planners' page over a real store: a tap changes one thing, a tap on an older screen changes nothing, and no letter of a request is lost in it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec import structs

from accord.audit.places_events import PlaceWho
from accord.review.entering import Sessions
from accord.review.reviewers import Reviewers, entry_of, fresh_code
from accord.rules.placing.provider import At
from accord.terms.capacity import StopReason
from accord.terms.placing import Chosen, Fit, HandedOver, Introduced, Reminded
from node_agent.places.page_serving import Whose, make_places_site
from tests.node_agent.places_world import DINA, PROVIDER, World, provider_with_places

pytestmark = pytest.mark.anyio

CODE = fresh_code()
_FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
BUNDLE = msgspec.json.encode(
    {
        "resourceType": "Bundle",
        "entry": [
            {
                "resource": {
                    "resourceType": "Composition",
                    "title": "Overdracht",
                    "section": [{"title": "Wensen", "text": {"div": "<div>Graag bij <b onclick='x()'>Ria</b><script>steal()</script></div>"}}],
                }
            },
            {"resource": {"resourceType": "Condition"}},
        ],
    }
)


@asynccontextmanager
async def planner(folder: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, World]]:
    """Somebody who plans, logged in."""
    async with provider_with_places(folder) as world:
        people = folder / "planners.toml"
        people.write_text(entry_of("planner-1", "Ans Planner", CODE, table="planner"), encoding="utf-8")
        site = make_places_site(world.places.planning, Sessions(Reviewers(people, table="planner")), Whose("Zorghuis", PROVIDER), secure=False, now=world.clock)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=site), base_url="http://places") as client:
            assert (await client.post("/login", data={"code": CODE})).status_code == 303
            yield client, world


def forms(page: str, **wanted: str) -> list[tuple[str, dict[str, str]]]:
    """The forms of a page that carry all of this."""
    found = [(address, dict(_FIELD.findall(inside))) for address, inside in _FORM.findall(page)]
    return [(address, fields) for address, fields in found if wanted.items() <= fields.items()]


async def tap(client: httpx2.AsyncClient, page: str, form: dict[str, str], **more: str) -> httpx2.Response:
    """Send the one form that carries this."""
    ((address, fields),) = forms(page, **form)
    return await client.post(address, data={**fields, **more})


async def test_one_tap_counts_and_the_same_tap_again_is_no_news_but_another_one_on_the_old_screen_is(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        page = (await client.get("/?lang=nl")).text
        plus = {"do": "count", "opening": "elv", "places": "1"}
        first, again = await tap(client, page, plus), await tap(client, page, plus)
        older = await tap(client, page, {"do": "count", "opening": "elv", "places": "0"})

        assert "note=done" in first.headers["location"]
        assert "note=done" in again.headers["location"]
        assert "note=changed" in older.headers["location"]
        assert await world.free("elv") == 1
        assert "Er is net iets veranderd" in (await client.get(older.headers["location"])).text


async def test_a_service_stops_and_starts_by_one_tap_each(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        await tap(client, (await client.get("/")).text, {"do": "stop", "service": "elv", "reason": "full"})
        (stopped, _) = await world.places.planning.services()
        assert stopped.stop is not None
        assert stopped.stop.reason is StopReason.FULL

        await tap(client, (await client.get("/")).text, {"do": "start", "service": "elv"})
        (started, _) = await world.places.planning.services()
        assert started.stop is None


async def test_a_request_is_answered_introduced_given_handed_over_and_arrives(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        await tap(client, (await client.get("/")).text, {"do": "count", "opening": "elv", "places": "1"})
        await world.say("r/1", world.hospital.asked(opening="elv"), Reminded())
        inbox = (await client.get("/requests?lang=nl")).text
        (address,) = set(re.findall(r'href="(/requests/[^"?]+)', inbox))
        assert "alarm" in inbox
        assert DINA.name not in inbox

        await tap(client, (await client.get(address)).text, {"do": "interested"})
        await world.say("r/1", Introduced(DINA, "token"))
        page = (await client.get(f"{address}?lang=nl")).text
        assert DINA.name in page
        assert DINA.name not in re.findall("<title>(.*)</title>", page)[0]

        await tap(client, page, {"do": "accept"})
        leg = await world.places.planning.leg(world.ref("r/1"))
        assert leg.at is At.OFFERED
        assert leg.offer is not None
        assert leg.offer.terms.fit is Fit.FULL
        # As the file of services says.
        assert leg.offer.held_until == world.clock() + timedelta(minutes=60)
        digest = sha256(BUNDLE).digest()
        await world.say("r/1", Chosen(leg.number), HandedOver(1, 1, digest, BUNDLE))

        handover = await client.get(f"{address}/handover")
        assert "Graag bij <b>Ria</b>" in handover.text
        assert "onclick" not in handover.text
        assert not re.search("Probleem|Condition", handover.text)
        assert "steal" not in handover.text
        loaded = await client.get(f"{address}/handover.json")
        assert loaded.content == BUNDLE
        assert loaded.headers["content-type"].startswith("application/fhir+json")
        await tap(client, (await client.get(address)).text, {"do": "arrive"})
        await tap(client, (await client.get(address)).text, {"do": "take_in"})
        leg = await world.places.planning.leg(world.ref("r/1"))
        assert (leg.at, leg.taken_in) == (At.ARRIVED, True)


async def test_places_of_a_day_that_a_colleague_opened_otherwise_meanwhile_are_not_said_to_be_done(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        page = (await client.get("/?lang=nl")).text
        form, day = {"do": "open", "service": "elv"}, "2026-10-29"
        one = await tap(client, page, form, since=day, places="1")
        same = await tap(client, page, form, since=day, places="1")
        more = await tap(client, page, form, since=day, places="2")
        until = await tap(client, page, form, since=day, until="2026-10-30", places="1")
        counted = [each.counted for service in await world.places.planning.services() for each in service.openings]

    assert ["note=done" in answer.headers["location"] for answer in (one, same, more, until)] == [True, True, False, False]
    assert counted == [1]


async def test_what_was_written_is_shown_again_when_it_cannot_be_taken(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        await tap(client, (await client.get("/")).text, {"do": "count", "opening": "elv", "places": "1"})
        await world.say("r1", world.hospital.asked(opening="elv"))
        (address,) = set(re.findall(r'href="(/requests/[^"?]+)', (await client.get("/requests")).text))
        answer = await tap(client, (await client.get(address)).text, {"do": "other"}, amount="0", words="Vanaf <maandag>", hold="240")

        assert answer.status_code == 422
        assert "Vanaf &lt;maandag&gt;" in answer.text


async def test_a_form_of_elsewhere_changes_nothing_and_who_is_not_logged_in_sees_nothing(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        ((address, fields), *_) = forms((await client.get("/")).text, do="count")
        fields["token"] = "0" * 64
        assert (await client.post(address, data=fields)).status_code == 403
        client.cookies.clear()
        assert (await client.get("/requests", headers={"accept": "text/html"})).headers["location"].startswith("/login")
        assert (await client.get("/changes")).status_code == 401
        assert all(not one.openings for one in await world.places.planning.services())


@pytest.mark.parametrize("bundle", [b"", b"null", b"[1]", b'{"entry":3}', b'{"entry":[{"resource":{"resourceType":"Composition","section":[{"text":[]}]}}]}'])
async def test_a_handover_of_any_shape_shows_something(bundle: bytes) -> None:
    from node_agent.places.page_handover import handover_shown  # noqa: PLC0415 - used here alone

    shown: Any = handover_shown(bundle)
    assert not shown.is_readable


@pytest.mark.parametrize("evil", ["<!--", "<![CDATA[", "<", "<a ", "</", "<?", "<script>", "&", "<p a='", "<p><b>"])
async def test_p7_a_narrative_that_is_made_to_take_long_is_read_in_one_go(evil: str) -> None:
    """By the parser of Python the first of these takes a minute and a half, for a quarter of a percent of what a handover may be."""
    from node_agent.places.page_handover import handover_shown  # noqa: PLC0415 - used here alone

    section = {"title": "t", "text": {"div": "<div><p>Eerst dit.</p>" + evil * 60_000}}
    shown = handover_shown(_bundle_of(*[section] * 40))

    assert shown.sections[0].text.startswith("<div><p>Eerst dit.</p>")
    assert sum(len(one.text) for one in shown.sections) < 9_000_000


async def test_what_is_too_long_to_show_is_said_to_be_and_a_comment_is_no_text() -> None:
    from node_agent.places.page_handover import handover_shown  # noqa: PLC0415 - used here alone

    part = {"title": "t", "text": {"div": "<div>a<!-- <b>not</b> this --> &lt;b&gt; &amp;<BR/>c</div>"}}
    whole, many = handover_shown(_bundle_of(part)), handover_shown(_bundle_of(*[part] * 201))

    assert [one.text for one in whole.sections] == ["<div>a &lt;b&gt; &amp;<br>c</div>"]
    assert (whole.is_cut, many.is_cut, len(many.sections)) == (False, True, 199)


def _bundle_of(*sections: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Composition", "section": sections}}]})


async def test_who_it_is_about_is_shown_after_a_line_one_for_each_look_and_not_at_all_without_a_journal(tmp_path: Path) -> None:
    async with planner(tmp_path) as (client, world):
        await tap(client, (await client.get("/")).text, {"do": "count", "opening": "elv", "places": "1"})
        await world.say("r1", world.hospital.asked(opening="elv"))
        (address,) = set(re.findall(r'href="(/requests/[^"?]+)', (await client.get("/requests")).text))
        await tap(client, (await client.get(address)).text, {"do": "interested"})
        assert not looks(world)
        await world.say("r1", Introduced(DINA, "token"))
        for _ in range(3):
            assert DINA.bsn in (await client.get(address)).text
        world.clock.later(minutes=16)
        await client.get(address)

        assert [(line.by, line.request, line.patient) for line in looks(world)] == [("planner-1", "r1", "mark-06")] * 2
        world.clock.later(minutes=16)
        world.journal.close()
        closed = await client.get(address)
        assert closed.status_code == 503
        assert DINA.bsn not in closed.text


def looks(world: World) -> list[PlaceWho]:
    """The lines about who was shown."""
    return [line for line in world.lines() if isinstance(line, PlaceWho)]


@pytest.mark.parametrize("reply_by", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:00+00:00", "9999-01-01T00:00:00-23:59"])
async def test_a_moment_that_no_clock_can_show_takes_the_inbox_from_nobody(tmp_path: Path, reply_by: str) -> None:
    async with planner(tmp_path) as (page, world):
        await world.say("a", world.hospital.asked())
        await world.say("b", structs.replace(world.hospital.asked(), reply_by=datetime.fromisoformat(reply_by)))
        inbox = await page.get("/requests")

    assert inbox.status_code == 200
    assert inbox.text.count("Dinkelhorst") == 2
