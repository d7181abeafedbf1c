"""What an attacker, another clinician at the same browser, or a thief of a session gets from the viewer: nothing."""

import re

import httpx2
import pytest

from accord.terms.identifiers import Bsn
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import SECRET, VIEWER, Kit, says

pytestmark = pytest.mark.anyio


def token_of(page: httpx2.Response) -> str:
    """The token of the dossier in an address."""
    return page.url.path.split("/")[2]


async def test_another_patient_is_another_dossier_and_the_first_one_stays_what_it_was(kit: Kit) -> None:
    first = token_of(await kit.launch())
    second = token_of(await kit.launch("pt-90b2e"))
    session = kit.desk.sessions.find(kit.cookie)
    assert session is not None
    of = {token: kit.dossiers.of(session, token) for token in (first, second)}

    assert first != second
    assert [one.question.bsn for one in of.values() if one is not None] == [Bsn(DINA.bsn), Bsn(BENNIE.bsn)]
    assert (await kit.get(f"/d/{first}/")).status_code == 200


async def test_another_browser_does_not_find_the_dossier(kit: Kit) -> None:
    token = token_of(await kit.launch())
    kit.browser.cookies.clear()

    assert (await kit.get(f"/d/{token}/")).url.path == "/"


async def test_another_clinician_who_is_in_does_not_find_the_dossier(kit: Kit) -> None:
    token, own = token_of(await kit.launch()), dict(kit.browser.cookies)
    kit.browser.cookies.clear()
    await kit.start_shift()
    await kit.launch("pt-90b2e")
    page = await kit.get(f"/d/{token}/")

    assert page.status_code == 404
    assert says(page, "Dit dossier is niet meer open")
    assert own


async def test_somebody_else_at_the_same_browser_finds_nothing_of_who_was_there_before(kit: Kit) -> None:
    token = token_of(await kit.launch())
    kit.ehr.spoilt.practitioner = {"name": [{"text": "Ans Bakker"}], "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi", "value": "900000044"}]}
    await kit.launch("pt-90b2e")

    assert (await kit.get(f"/d/{token}/")).status_code == 404
    assert len(kit.dossiers) == 1


async def test_who_comes_in_gets_another_id_than_the_one_before(kit: Kit) -> None:
    await kit.get("/")
    before = kit.cookie
    await kit.launch()
    inside = kit.cookie
    await kit.launch("pt-90b2e")

    assert len({before, inside, kit.cookie}) == 3
    assert kit.desk.sessions.find(before) is None
    assert kit.desk.sessions.find(inside) is None


async def test_two_launches_under_way_in_one_browser_both_arrive(kit: Kit) -> None:
    first, second = await kit.sent_back(), await kit.sent_back("pt-90b2e")
    pages = [await kit.get(first), await kit.get(second)]

    assert [page.status_code for page in pages] == [200, 200]
    assert [one.bsn for one in kit.region.asked] == [Bsn(DINA.bsn), Bsn(BENNIE.bsn)]
    assert len(kit.dossiers) == 2


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}])
async def test_a_form_of_another_page_does_nothing(demo: Kit, headers: dict[str, str]) -> None:
    await demo.get("/")
    token = re.search(r'name="csrf" value="([^"]+)"', demo.last)
    assert token
    given = {"csrf": token[1] if headers else "x" * 43, "bsn": DINA.bsn}
    page = await demo.browser.post(f"{VIEWER}/openen", data=given, headers=headers)

    assert page.status_code == 403
    assert demo.region.asked == []


async def test_a_login_of_somebody_else_cannot_be_slipped_into_a_browser(kit: Kit) -> None:
    # An attacker logs in, and has a victim's browser follow the last step.
    back = await kit.sent_back()
    kit.browser.cookies.clear()
    await kit.get("/")
    page = await kit.get(back)

    assert says(page, "launch-over")
    assert not says(page, "Aan het werk")


async def test_a_name_that_is_not_ours_is_not_served(kit: Kit) -> None:
    page = await kit.browser.get(f"{VIEWER}/", headers={"host": "evil.example"})

    assert page.status_code == 421


async def test_who_walks_others_tokens_is_put_out(kit: Kit) -> None:
    token = token_of(await kit.launch())
    for number in range(25):
        await kit.get(f"/d/{number}/")

    assert (await kit.get(f"/d/{token}/")).url.path == "/uitgelogd"
    assert len(kit.dossiers) == 0


async def test_p6_no_address_no_title_no_cookie_no_log_tells_of_whom(kit: Kit, capsys: pytest.CaptureFixture[str]) -> None:
    page = await kit.launch()
    await kit.get(f"{page.url.path}noodtoegang")
    other = await kit.launch("pt-90b2e")
    kit.ehr.spoilt.patient = {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "123456789"}]}
    await kit.launch()
    told = [*kit.went, *kit.network.called, str(list(kit.browser.cookies.jar)), "".join(capsys.readouterr())]

    for name in (DINA.bsn, BENNIE.bsn, "123456789", "Dina", "Bennie", "Lutke", "Olde", DINA.birth_date):
        assert not [text for text in told if name in text], name
    assert not [text for text in told if SECRET in text]
    # The same title, whoever it is.
    assert re.findall("<title>(.*)</title>", page.text) == re.findall("<title>(.*)</title>", other.text) != []


@pytest.mark.parametrize("path", ["/", "/login", "/uitgelogd", "/nergens", "/launch", "/terug?state=x", "/d/x/", "/static/shell.css"])
async def test_every_page_is_strict_and_nothing_of_it_is_kept(kit: Kit, path: str) -> None:
    page = await kit.browser.get(f"{VIEWER}{path}")

    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["strict-transport-security"]
    assert page.headers["cache-control"] == ("public, max-age=3600" if path.startswith("/static") else "no-store")
    cookies = [given for name, given in page.headers.multi_items() if name == "set-cookie"]
    assert all(given.startswith("__Host-") and "HttpOnly" in given and "Secure" in given and "SameSite=lax" in given for given in cookies)
