"""The review page: who waits, and how one is marked as reviewed, by a person or a program, and by nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.requests import Request

from accord.review.guarding import FIXED_HEADERS, FormTokens
from accord.review.page import make_review_app
from accord.review.queue import MOST_REMARK, ItemId, ItemKind, Remark, Reviewer
from accord.review.words import PAGE, visible
from accord.rules.budgets import Level
from accord.rules.reviewing import FindingKind
from accord.terms.faults import BadInput, Fault
from tests.accord.review.memory_queue import BUDGET, EMERGENCY, FINDING, NOW, OFFICER, OWN, MemoryQueue, many

pytestmark = pytest.mark.anyio
KEY = bytes(range(32))


@asynccontextmanager
async def opened(queue: MemoryQueue, reviewer: Reviewer | None = OFFICER) -> AsyncIterator[httpx2.AsyncClient]:
    async def reviewer_of(_request: Request) -> Reviewer | None:
        return reviewer

    app = make_review_app(queue, reviewer_of, key=KEY, now=lambda: NOW)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://here") as client:
        yield client


def token(reviewer: Reviewer = OFFICER) -> str:
    return FormTokens(KEY).of(reviewer)


async def test_p12_the_page_says_who_broke_glass_when_why_and_how_much_was_seen() -> None:
    async with opened(MemoryQueue(EMERGENCY)) as client:
        page = (await client.get("/")).text

    for text in ("Noodinzage", "S. ten Esker", "900001", "Ziekenhuis De Brinkhof", "90000001", "Arts spoedeisende hulp", "01.015"):
        assert text in page
    for text in ("22 november 2026, 04:00 CET", "Een andere reden, in eigen woorden", "valt steeds weg", "37 gegevens van 4 zorgaanbieders"):
        assert text in page


async def test_alarms_and_findings_are_in_it_with_their_limit() -> None:
    async with opened(MemoryQueue(BUDGET, FINDING)) as client:
        page = (await client.get("/")).text

    for text in ("Zorgverlener boven het uurbudget", "Meer dan 60 patiënten in een uur", "Vaak noodinzage", "9 keer; de grens is 5", "Nog 2 te bekijken"):
        assert text in page


async def test_every_kind_of_alarm_and_finding_has_its_words_in_both_languages() -> None:
    spent = [replace(BUDGET, kind=kind, level=level) for kind in (ItemKind.BUDGET, ItemKind.EMERGENCY_LIMIT) for level in Level]
    found = [replace(FINDING, finding=kind) for kind in FindingKind]
    items = [replace(item, id=ItemId(f"i-{number}")) for number, item in enumerate(spent + found)]
    async with opened(MemoryQueue(*items)) as client:
        pages = [(await client.get(f"/?lang={language}")).text for language in ("nl", "en")]

    assert [page.count("<article") for page in pages] == [len(items)] * 2
    assert "Meer dan 60 patiënten in 24 uur" in pages[0]
    assert "9 professionals; the limit is 5" in pages[1]


async def test_it_is_dutch_first_and_english_for_who_wants_it() -> None:
    async with opened(MemoryQueue(EMERGENCY)) as client:
        pages = [
            (await client.get(address, headers={"accept-language": wanted})).text
            for address, wanted in (("/", ""), ("/", "fr,en"), ("/", "en-GB,nl"), ("/?lang=en", "nl"), ("/?lang=nl", "en"), ("/?lang=%22", "nl"))
        ]

    assert ['<html lang="nl">' in page for page in pages] == [True, True, False, False, True, True]
    assert "37 records of 4 care providers" in pages[3]


async def test_a_form_marks_an_item_and_comes_back_to_the_list() -> None:
    queue = MemoryQueue(EMERGENCY, BUDGET)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", data={"token": token(), "lang": "nl", "remark": "  Terecht.\r\nBesproken met\tdr. Ten Esker. "})
        page = (await client.get(answer.headers["location"])).text

    assert answer.status_code == 303
    assert queue.marked == [("e-1", "officer-1", "Terecht. Besproken met dr. Ten Esker.", NOW)]
    assert "S. ten Esker" not in page
    assert PAGE["done"].nl in page


async def test_what_a_colleague_marked_before_is_said_to_be_gone_and_noted_once() -> None:
    queue = MemoryQueue(BUDGET)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", data={"token": token(), "remark": "Terecht."})
        page = (await client.get(answer.headers["location"])).text

    assert PAGE["gone"].nl in page
    assert queue.marked == []


@pytest.mark.parametrize("remark", ["", "   ", "a\x00b", "a\u202eb", "a" * (MOST_REMARK + 1)])
async def test_without_a_remark_nothing_is_marked_and_the_form_says_so(remark: str) -> None:
    queue = MemoryQueue(EMERGENCY)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", data={"token": token(), "lang": "en", "remark": remark})

    assert (answer.status_code, queue.marked) == (422, [])
    assert PAGE["remark_needed"].en in answer.text
    assert 'aria-describedby="e-e-1"' in answer.text


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"token": ""},
        {"token": "0" * 64},
        {"token": "é"},
        {"token": token(replace(OFFICER, session=b"another session"))},
        {"token": token(replace(OFFICER, identifier="officer-2"))},
    ],
)
async def test_a_form_of_another_site_or_another_login_marks_nothing(given: dict[str, str]) -> None:
    queue = MemoryQueue(EMERGENCY)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", data={"remark": "Terecht.", **given})

    assert (answer.status_code, queue.marked) == (403, [])


async def test_a_form_that_the_browser_calls_foreign_marks_nothing() -> None:
    queue = MemoryQueue(EMERGENCY)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", data={"token": token(), "remark": "Terecht."}, headers={"sec-fetch-site": "cross-site"})

    assert (answer.status_code, queue.marked) == (403, [])


async def test_nobody_reviews_themselves() -> None:
    queue = MemoryQueue(OWN)
    async with opened(queue) as client:
        page = (await client.get("/")).text
        answer = await client.post("/items/e-2", data={"token": token(), "remark": "Terecht."})

    assert PAGE["own"].nl in page
    assert "<form" not in page
    assert (answer.status_code, queue.marked) == (403, [])


@pytest.mark.parametrize(("method", "address"), [("GET", "/"), ("GET", "/items"), ("POST", "/items/e-1")])
async def test_who_is_not_logged_in_sees_nothing_and_marks_nothing(method: str, address: str) -> None:
    queue = MemoryQueue(EMERGENCY)
    async with opened(queue, None) as client:
        answer = await client.request(method, address, content=urlencode({"token": token(), "remark": "x"}))

    assert (answer.status_code, queue.marked) == (401, [])
    assert "Esker" not in answer.text


async def test_the_json_twin_has_the_same_list_and_marks_too() -> None:
    queue = MemoryQueue(EMERGENCY, FINDING)
    async with opened(queue) as client:
        content = (await client.get("/items")).json()
        first, second = content["items"]
        done = await client.post("/items/e-1", json={"token": content["token"], "remark": "Terecht."})
        again = await client.post("/items/e-1", json={"token": content["token"], "remark": "Terecht."})

    assert (content["total"], content["after"]) == (2, "")
    assert first["professional"] == {"name": "S. ten Esker", "identifier": "900001", "role": "01.015"}
    assert (first["reason"], first["records"], first["holders"], first["at"]) == ("other-needs-words", 37, 4, "2026-11-22T03:00:00+00:00")
    assert (second["finding"], second["count"], second["limit"]) == ("emergencies-above-share", 9, 5)
    assert (done.status_code, done.json()) == (200, {"reviewed": True})
    assert (again.status_code, again.json()) == (404, {"code": "not-found"})
    assert len(queue.marked) == 1


async def test_a_long_list_is_shown_in_pages_without_a_gap() -> None:
    async with opened(MemoryQueue(*many(120))) as client:
        seen, after = [], ""
        while True:
            content = (await client.get("/items", params={"after": after} if after else {})).json()
            seen += [item["id"] for item in content["items"]]
            if not (after := content["after"]):
                break
        page = (await client.get("/")).text

    assert seen == [f"e-{number}" for number in range(120)]
    assert "?after=e-49&amp;lang=nl" in page


async def test_an_empty_list_says_so() -> None:
    async with opened(MemoryQueue()) as client:
        assert PAGE["nothing"].nl in (await client.get("/")).text


async def test_a_queue_that_cannot_be_read_or_written_is_said_in_words() -> None:
    queue = MemoryQueue(EMERGENCY)
    queue.fails = True
    async with opened(queue) as client:
        answers = [await client.get("/"), await client.post("/items/e-1", data={"token": token(), "remark": "x"}), await client.get("/items")]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert "De lijst kan nu niet" in answers[0].text
    assert answers[2].json() == {"code": "journal-unavailable"}


async def test_c7_what_others_wrote_is_text_and_turns_nothing() -> None:
    nasty = replace(EMERGENCY, professional="<script>alert(1)</script>\u202e\x00", words='"><img src=x onerror=1>', organisation="=cmd|' /C calc'!A0")
    async with opened(MemoryQueue(nasty)) as client:
        page = (await client.get("/")).text

    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert visible("a\u202eb") == "a\ufffdb"


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/items"),
        ("GET", "/review.css"),
        ("GET", "/x"),
        ("PUT", "/"),
        ("GET", "/items/e-1"),
        ("GET", "/items/"),
        ("GET", "/?after=%00"),
    ],
)
async def test_f5_every_answer_forbids_keeping_framing_and_running(method: str, address: str) -> None:
    async with opened(MemoryQueue(EMERGENCY)) as client:
        answer = await client.request(method, address)

    assert {name: answer.headers[name] for name in FIXED_HEADERS} == FIXED_HEADERS
    assert "default-src 'none'; style-src 'self'; form-action 'self'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"token=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a%d=1" % number for number in range(20)]), "application/x-www-form-urlencoded", 400),
        (b"[]", "application/json", 400),
        (b'{"token":"a","token":"b"}', "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"token":1,"remark":[]}', "application/json", 403),
        (b"token=a", "text/plain", 400),
        (b"", "", 400),
    ],
)
async def test_bad_input_is_refused_and_marks_nothing(content: bytes, kind: str, status: int) -> None:
    queue = MemoryQueue(EMERGENCY)
    async with opened(queue) as client:
        answer = await client.post("/items/e-1", content=content, headers={"content-type": kind})

    assert (answer.status_code, queue.marked) == (status, [])


async def test_it_can_be_mounted_anywhere() -> None:
    async def reviewer_of(_request: Request) -> Reviewer | None:
        return OFFICER

    app = make_review_app(MemoryQueue(EMERGENCY), reviewer_of, key=KEY)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, root_path="/review"), base_url="http://here") as client:
        page = (await client.get("/review/")).text
        marked = await client.post("/review/items/e-1", data={"token": token(), "remark": "Terecht."})

    assert 'href="/review/review.css"' in page
    assert 'action="/review/items/e-1"' in page
    assert marked.headers["location"].startswith("/review/?note=done")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FormTokens(b"short")


@pytest.mark.parametrize("text", ["", "a/b", "a" * 65, "é", "a\n"])
def test_an_item_has_an_id_or_is_not_found(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        ItemId(text)

    assert caught.value.fault is Fault.NOT_FOUND


def test_p6_neither_remark_nor_words_nor_session_are_in_a_repr() -> None:
    text = f"{Remark('canary one')!r} {replace(EMERGENCY, words='canary two')!r} {replace(OFFICER, session=b'canary three')!r}"

    assert "canary" not in text
