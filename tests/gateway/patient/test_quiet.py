"""What the pages never say: not in an address, a title, a log, a cache; and what they say when something is wrong."""

import re

import httpx2
import pytest

from accord.terms.identifiers import Bsn
from testbed.people import BENNIE, DINA
from tests.gateway.patient.conftest import Kit, says
from tests.gateway.patient.fake_region import NOON, gone

pytestmark = pytest.mark.anyio

INSIDE = ("/overzicht", "/keuzes", "/inzage", "/afdrukken")
OUTSIDE = ("/", "/hulp", "/toegankelijkheid", "/afdrukken", "/uitgelogd")


async def test_a_region_that_cannot_be_asked_gives_one_calm_page(kit: Kit) -> None:
    await kit.enter()
    kit.region.breaks = gone()
    for path in ("/overzicht", "/keuzes", "/inzage"):
        page = await kit.get(path)

        assert page.status_code == 503
        assert says(page, "Dit lukt nu niet")


async def test_p6_what_breaks_inside_tells_nothing(kit: Kit, capsys: pytest.CaptureFixture[str]) -> None:
    await kit.enter()
    kit.region.breaks = RuntimeError(f"record of {DINA.bsn}")
    page = await kit.get("/keuzes")

    assert page.status_code == 500
    assert DINA.bsn not in page.text
    assert DINA.bsn not in "".join(capsys.readouterr())


@pytest.mark.parametrize("path", [*OUTSIDE, *INSIDE, "/nergens"])
async def test_every_page_says_that_nothing_may_be_kept(kit: Kit, path: str) -> None:
    await kit.enter()
    page = await kit.get(path)

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self' https"
    )
    assert "unsafe" not in page.headers["content-security-policy"]
    title = re.search("<title>(.*)</title>", page.text)
    assert title
    assert not re.search("Dina|Ria|thuiszorg|GGZ", title[1])
    assert page.text.count("<h1") == 1


async def test_p6_no_address_ever_tells_who_or_what(kit: Kit) -> None:
    seen: list[str] = []

    async def note(request: httpx2.Request) -> None:
        seen.append(str(request.url))

    kit.browser.event_hooks["request"].append(note)
    await kit.enter("ria")
    await kit.stop_home_care()
    await kit.through_login(await kit.post("/keuzes/wijziging"), "ria")
    await kit.get("/inzage")

    assert len(seen) > 10
    assert not [url for url in seen if re.search(f"{DINA.bsn}|{BENNIE.bsn}|Wolbers|thuiszorg|home-care|eyJhbGci", url)]


async def test_names_are_escaped(kit: Kit) -> None:
    line = kit.region.holders[0].looked[Bsn(DINA.bsn)][0]
    evil = type(line)(NOON, "<script>alert(1)</script> X", "30.000", '"><img src=x>', line.kind, line.purpose, "patient-consented", line.data)
    kit.region.holders[0].looked[Bsn(DINA.bsn)] = (evil,)
    await kit.enter()
    page = await kit.get("/inzage")

    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
