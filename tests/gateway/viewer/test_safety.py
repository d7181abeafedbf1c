"""What an attacker, another clinician at the same browser, or a thief of a session gets from the viewer: nothing."""

import re

import anyio
import httpx2
import pytest

from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn
from gateway.viewer.dossiers import OpenDossiers
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import SECRET, VIEWER, Kit, answered, opened, running_viewer, says

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


async def test_p7_a_browser_has_few_launches_under_way(kit: Kit) -> None:
    first = await kit.sent_back()
    for _ in range(4):
        await kit.sent_back()

    assert says(await kit.get(first), "launch-over")


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


async def test_a_session_that_nobody_uses_ends_with_its_dossiers(kit: Kit) -> None:
    token = token_of(await kit.launch())
    kit.clock.pass_by(minutes=14)
    assert (await kit.get(f"/d/{token}/")).status_code == 200
    kit.clock.pass_by(minutes=16)

    assert (await kit.get(f"/d/{token}/")).url.path == "/uitgelogd"
    assert len(kit.dossiers) == 0


async def test_a_dossier_at_which_nobody_looks_is_let_go_of_while_its_clinician_works_on(kit: Kit) -> None:
    first = token_of(await kit.launch())
    for _ in range(3):
        kit.clock.pass_by(minutes=6)
        await kit.launch("pt-90b2e")

    assert (await kit.get(f"/d/{first}/")).status_code == 404


async def test_who_logs_out_leaves_nothing(kit: Kit) -> None:
    await kit.launch()
    page = await kit.post("/uitloggen")

    assert page.url.path == "/uitgelogd"
    assert len(kit.dossiers) == 0
    assert len(kit.desk.sessions) <= 1
    assert kit.desk.sessions.find(kit.cookie) is None or kit.desk.sessions.find(kit.cookie).person is None  # type: ignore[union-attr]


async def test_p7_one_clinician_has_few_dossiers_and_all_together_no_more_than_may_be() -> None:
    async with running_viewer(demo=True, dossiers=10) as kit:
        for _ in range(10):
            await opened(kit)
        assert len(kit.dossiers) == 8
        kit.browser.cookies.clear()
        for _ in range(2):
            await opened(kit)
        page = await opened(kit)

        assert page.status_code == 503
        assert says(page, "Het is te druk")
        assert len(kit.dossiers) == 10


async def test_p7_a_dossier_that_is_too_large_says_so_and_is_held_no_further(demo: Kit) -> None:
    demo.region.events = answered(blob=b"x" * 1000)
    object.__setattr__(demo.desk.settings, "dossier_bytes", 500)
    page = await opened(demo)
    session = demo.desk.sessions.find(demo.cookie)
    assert session is not None
    dossier = demo.dossiers.of(session, token_of(page))

    assert dossier is not None
    assert dossier.view.size <= 500
    assert dossier.view.left_out == {HOLDER.name: 1}
    assert says(page, "1 gegevens pasten niet op het scherm") or says(await demo.get(f"/d/{token_of(page)}/holders"), "1 gegevens pasten niet op het scherm")


async def test_a_dossier_that_is_closed_withdraws_its_question(demo: Kit) -> None:
    demo.region.waits = anyio.Event()
    page = await opened(demo)
    assert demo.region.withdrawn == 0
    await demo.post(f"/d/{token_of(page)}/sluiten")
    await anyio.wait_all_tasks_blocked()

    assert demo.region.withdrawn == 1
    assert len(demo.dossiers) == 0


@pytest.mark.parametrize("failure", [Unavailable(Fault.GATEWAY_UNREACHABLE), RuntimeError(f"record of {DINA.bsn}")], ids=["known", "unknown"])
async def test_one_dossier_that_fails_takes_no_other_with_it(demo: Kit, failure: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    first = token_of(await opened(demo))
    demo.region.fails = failure
    page = await opened(demo, BENNIE.bsn)

    assert (await demo.get(f"/d/{token_of(page)}/")).status_code == 200
    assert (await demo.get(f"/d/{first}/")).status_code == 200
    assert DINA.bsn not in "".join(capsys.readouterr())


async def test_p6_no_address_no_title_no_cookie_no_log_tells_of_whom(kit: Kit, capsys: pytest.CaptureFixture[str]) -> None:
    page = await kit.launch()
    await kit.get(f"{page.url.path}noodtoegang")
    await kit.launch("pt-90b2e")
    kit.ehr.spoilt.patient = {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "123456789"}]}
    await kit.launch()
    told = [*kit.went, *kit.network.called, str(list(kit.browser.cookies.jar)), "".join(capsys.readouterr())]

    for name in (DINA.bsn, BENNIE.bsn, "123456789", "Dina", "Bennie", "Lutke", "Olde", DINA.birth_date):
        assert not [text for text in told if name in text], name
    assert not [text for text in told if SECRET in text]
    assert re.findall("<title>(.*)</title>", page.text) == ["Spoedscherm – Noaber dossier"]


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


async def test_dossiers_are_counted_by_whom_they_belong_to(kit: Kit) -> None:
    await kit.launch()
    session = kit.desk.sessions.find(kit.cookie)
    assert session is not None
    assert isinstance(kit.dossiers, OpenDossiers)
    assert len(kit.dossiers.tokens_of(session.owner)) == 1
