"""How many dossiers are open, for how long, and what one that fails or is closed does to the others."""

import anyio
import httpx2
import pytest
from starlette.responses import PlainTextResponse, Response

from accord.terms.faults import Fault, Unavailable
from gateway.viewer.app import PAGES, make_viewer_app
from gateway.viewer.dossiers import OpenDossiers
from gateway.viewer.paging import Page
from gateway.viewer.visits import Visit
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import VIEWER, Kit, opened, running_viewer, says
from tests.gateway.viewer.fake_region import HOLDER, answered

pytestmark = pytest.mark.anyio


def token_of(page: httpx2.Response) -> str:
    """The token of the dossier in an address."""
    return page.url.path.split("/")[2]


async def test_p7_a_browser_has_few_launches_under_way(kit: Kit) -> None:
    first = await kit.sent_back()
    for _ in range(4):
        await kit.sent_back()

    assert says(await kit.get(first), "launch-over")


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
    assert says(await demo.get(f"/d/{token_of(page)}/holders"), "1 gegevens pasten niet op het scherm")


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


async def test_what_a_script_fetches_keeps_nothing_from_ending(demo: Kit) -> None:
    async def more(visit: Visit) -> Response:
        return PlainTextResponse(str(len(visit.dossier.question.bsn.value)))

    app = make_viewer_app(demo.desk, (*PAGES, Page("/d/{token}/meer", more, queries=True, in_background=True)))
    page = await opened(demo)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), cookies=demo.browser.cookies) as browser:
        path = f"{VIEWER}{page.url.path}meer?since=3"
        for _ in range(4):
            demo.clock.pass_by(minutes=3)
            assert (await browser.get(path)).text == "9"
        demo.clock.pass_by(minutes=4)

        assert (await browser.get(path)).headers["location"] == "/uitgelogd"
    assert len(demo.dossiers) == 0


async def test_dossiers_are_counted_by_whom_they_belong_to(kit: Kit) -> None:
    await kit.launch()
    session = kit.desk.sessions.find(kit.cookie)
    assert session is not None
    assert isinstance(kit.dossiers, OpenDossiers)
    assert len(kit.dossiers.tokens_of(session.owner)) == 1


async def test_p7_a_crowd_at_the_door_pushes_out_nobody_who_is_in(kit: Kit) -> None:
    token = (await kit.launch()).url.path.split("/")[2]
    inside = dict(kit.browser.cookies)
    for _ in range(60):
        kit.browser.cookies.clear()
        await kit.browser.get(f"{VIEWER}/")

    assert len(kit.desk.sessions) == 51
    kit.browser.cookies.clear()
    kit.browser.cookies.update(inside)
    assert (await kit.get(f"/d/{token}/")).status_code == 200
