"""The page for IT: its own login, who asked what and what it cost, and nobody's identity; in a browser nothing for axe to find."""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

from accord.audit.content import Counted, Truth, Withheld
from accord.audit.events import JournalViewed
from accord.audit.shadow_events import ShadowClosing, ShadowDecision
from accord.review.entering import Sessions
from accord.review.reviewers import Reviewers, entry_of, fresh_code
from accord.terms.answers import Ending
from accord.terms.vocabulary import CareCategory
from node_agent.it.gathering import Period, gather
from node_agent.it.serving import make_it_site
from node_agent.it.situation import Cost, KindOfWork, Situation
from testbed.plain import PlainLedger
from tests.accord.audit.scenes import ASKING, PATIENT, closing, decision, glass_broken, journal_of, refused, release

CODE = fresh_code()
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
COST = Cost(42, 12.5, 3, 2, (KindOfWork("Observation", 30, 9.0, 2.25), KindOfWork("Patient", 12, 3.5, 0.5)), 4, 2, 10.0, 0.5)


def situation(_period: Period, _now: datetime) -> Situation:
    return Situation(
        "Huisartsen De Brinkhof",
        "90001003",
        True,
        False,
        ("source-busy",),
        ("certificate-expiring",),
        1_795_000_000_000,
        "schijf vol",
        "fhir",
        "source-busy",
        False,
        61,
        12,
        7,
        300,
        COST,
    )


def shadow_lines() -> list[Any]:
    common: dict[str, Any] = {"query": "q9", "answer": "a9", "patient": PATIENT, "asking": ASKING}
    kept = (Withheld(category=CareCategory.PROCEDURE, refusal="patient-refused"),)
    counted = (Counted(category=CareCategory.PATIENT, count=1), Counted(category=CareCategory.OBSERVATION_LABORATORY, count=17))
    return [
        ShadowDecision(**common, withheld=kept),
        ShadowClosing(**common, ending=Ending.ANSWERED, truth=Truth.SHOWN, batches=1, count=18, bytes=900, counted=counted),
    ]


def site(folder: Path) -> tuple[ASGIApp, PlainLedger]:
    """The page over a real journal."""
    events = [decision(), release(), closing(), refused("q2"), glass_broken("q3"), *shadow_lines()]
    journal = journal_of(folder / "journal", events, clock=lambda: int((time.time() - 60) * 1000))
    people = folder / "it.toml"
    people.write_text(entry_of("it-1", "Wim Beheer", CODE, table="person"), encoding="utf-8")
    ledger = PlainLedger()
    return make_it_site(journal, ledger, situation, Sessions(Reviewers(people, table="person", setting="it.people")), secure=False), ledger


async def client_of(app: ASGIApp, *, logs_in: bool = True) -> httpx2.AsyncClient:
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://it")
    if logs_in:
        assert (await client.post("/login", data={"code": CODE})).status_code == 303
    return client


@pytest.mark.anyio
async def test_p6_the_page_and_its_twin_count_and_name_no_patient_not_even_by_pseudonym(tmp_path: Path) -> None:
    app, ledger = site(tmp_path)
    client = await client_of(app)
    page, data = await client.get("/?lang=en"), await client.get("/data")

    assert (page.status_code, data.status_code) == (200, 200)
    told = data.json()
    assert told["endings"]["answered"] == 1
    assert told["shadow"]["would_leave"] == {"Patient": 1, "ObservationLaboratory": 17}
    assert told["shadow"]["would_refuse"] == [{"reason": "patient-refused", "category": "Procedure", "times": 1}]
    assert sum(one["questions"] for one in told["asked"]) == 3
    assert told["refused"]
    assert told["cost"]["kinds"][0]["kind"] == "Observation"
    assert "Paused: nothing is shared" in page.text
    for text in (page.text, data.text):
        for secret in (PATIENT, ASKING.professional, ASKING.professional_name, "Observation/1"):
            assert not secret or secret not in text
    assert [line.by for line in ledger.lines if isinstance(line, JournalViewed)] == ["it-1", "it-1"]
    await client.aclose()


@pytest.mark.anyio
async def test_nobody_sees_it_without_a_code_and_a_code_for_the_review_page_opens_nothing(tmp_path: Path) -> None:
    app, _ = site(tmp_path)
    client = await client_of(app, logs_in=False)

    assert (await client.get("/data")).status_code == 401
    assert (await client.get("/", headers={"accept": "text/html"})).headers["location"].startswith("/login")
    assert (await client.post("/login", data={"code": fresh_code()})).status_code == 403
    (tmp_path / "review.toml").write_text(entry_of("officer", "Femke", CODE), encoding="utf-8")
    with pytest.raises(Exception, match=r"invalid-setting.*it\.people"):
        Reviewers(tmp_path / "review.toml", table="person", setting="it.people")
    await client.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("query", ["period=year", "from=nonsense", "from=2020-01-01&until=2026-01-01", "from=2999-01-01"])
async def test_a_period_that_cannot_be_is_refused_with_what_to_do(tmp_path: Path, query: str) -> None:
    app, _ = site(tmp_path)
    client = await client_of(app)

    assert (await client.get(f"/data?{query}")).json() == {"code": "invalid-parameter"}
    page = await client.get(f"/?{query}")
    assert page.status_code == 422
    assert "aria-invalid" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    await client.aclose()


def test_p7_a_period_with_too_many_lines_says_that_it_is_not_whole() -> None:
    now = datetime.now(UTC)
    moment = int(now.timestamp() * 1000)
    found = gather([closing(moment=moment) for _ in range(5)], Period(now - timedelta(hours=1), now + timedelta(hours=1)), most=3)

    assert (found.lines, found.is_whole) == (3, False)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(("language", "width"), [("nl", 1100), ("en", 1100), ("nl", 320)])
def test_axe_finds_nothing_and_it_works_without_scripts(tmp_path: Path, language: str, width: int) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    if not _CHROMIUM:
        pytest.skip("no chromium on this machine")
    app, _ = site(tmp_path)
    with served(app) as base, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=False, viewport={"width": width, "height": 1400}).new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.goto(f"{base}/login?lang={language}")
        at_login = axe.Axe().run(page).response["violations"]
        page.fill("#code", CODE)
        page.click("main button")
        page.wait_for_url(re.compile(r"/\?lang="))
        page.goto(f"{base}/?lang={language}&period=week")
        found = axe.Axe().run(page).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if folder := os.environ.get("NOABER_PICTURES"):
            page.screenshot(path=f"{folder}/it-{language}-{width}.png", full_page=True)
        browser.close()

    assert at_login == []
    assert found == []
    assert heard == []
    assert wide <= 0
