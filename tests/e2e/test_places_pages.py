"""Finding a place in a real browser: from the open dossier to the handover, live, on a small desktop, on a telephone, and on paper."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from accord.rules.placing import provider as rules
from accord.terms.placing import DeclineReason, Fit, Terms
from tests.e2e.patient_browser import browsing
from tests.e2e.places_browser import MONDAY, TransferDesk, serving_desk
from tests.e2e.viewer_browser import NOTES_THE_END, Reader, reading
from tests.gateway.viewer.night import dinas_night

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[TransferDesk]:
    with serving_desk(tmp_path) as desk:
        desk.night(dinas_night())
        yield desk


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


def offer(desk: TransferDesk, name: str, case: str, terms: Terms) -> None:
    provider, now = desk.providers[name], MONDAY
    desk.run(provider.do, case, lambda leg: rules.offer(leg, terms, now + timedelta(hours=1), now, provider.free(case)))


def shot(name: str) -> str | None:
    """Where somebody wants to look at it."""
    folder = os.environ.get("NOABER_SCREENSHOTS")
    return str(Path(folder) / name) if folder else None


def need_of_dina(reader: Reader) -> None:
    reader.open()
    reader.filled()
    reader.page.locator(".tools a[href$=plek]").click()
    reader.page.select_option("#occasion", "hip-fracture")
    reader.page.fill("#day", "2026-11-22")
    with reader.page.expect_navigation():  # the answer has the address of the form, and what is filled in before it comes is lost
        reader.page.locator("button[value=propose]").click()
    # It stands at what is proposed; what the bar on top covers of a page that is scrolled is not what is judged here.
    heading = reader.page.locator("#proposals h2").bounding_box()
    assert heading is not None
    assert 0 < heading["y"] < reader.page.viewport_size["height"]
    reader.page.evaluate("scrollTo(0, 0)")


def confirmed(reader: Reader) -> str:
    """The need of Dina confirmed; the id of the search."""
    reader.page.fill("#near", "7597")
    reader.page.fill("#within_km", "15")
    reader.page.select_option("#want1", "weefgetouw")
    reader.page.locator("button[value=confirm]").click()
    reader.page.wait_for_url("**/zoek")
    reader.page.locator("main[data-complete]").wait_for()
    return str(reader.page.url).split("/")[-2]


def ask(reader: Reader, *titles: str) -> None:
    for title in titles:
        reader.page.locator("li.spot", has_text=title).locator("input[type=checkbox]").check()
    reader.page.locator("button[value=put]").click()
    reader.page.locator(".legs").wait_for()


@pytest.mark.parametrize(("look", "window"), [("desk", {}), ("phone", {"viewport": {"width": 390, "height": 844}}), ("en", {"locale": "en-GB"})])
def test_from_the_dossier_to_the_handover_every_page_is_accessible_and_fits(browser: Any, desk: TransferDesk, look: str, window: dict[str, Any]) -> None:
    with reading(browser, desk, **window) as reader:
        need_of_dina(reader)
        reader.check(f"{look}-1-need")
        case = confirmed(reader)
        reader.check(f"{look}-2-results")
        reader.page.goto(f"{desk.url}/plekken/{case}/blad")
        reader.check(f"{look}-3-sheet-before")
        reader.page.goto(f"{desk.url}/plekken/{case}/wijzig")
        reader.check(f"{look}-4-change")
        reader.page.goto(f"{desk.url}/plekken/{case}/zoek")
        ask(reader, "Weefgetouw", "Havezate", "Reviant")
        reader.check(f"{look}-5-asked")
        desk.settle()
        desk.run(desk.providers["havezate"].do, case, lambda leg: rules.decline(leg, DeclineReason.TOO_COMPLEX, "Vanaf december weer.", MONDAY))
        desk.run(desk.providers["weefgetouw"].do, case, lambda leg: rules.ask(leg, "Loopt mevrouw met een rollator?", MONDAY))
        offer(desk, "reviant", case, Terms(Fit.OTHER, 1, date(2026, 11, 30), None, "Maandag kan het wel."))
        desk.settle()
        reader.page.locator("text=Maandag kan het wel.").wait_for()
        reader.check(f"{look}-6-answers")
        reader.page.goto(f"{desk.url}/plekken")
        reader.check(f"{look}-7-work")
        offer(desk, "weefgetouw", case, Terms(Fit.FULL, 1))
        desk.settle()
        reader.page.goto(f"{desk.url}/plekken/{case}")
        reader.page.locator(".standing.placed").wait_for()
        reader.check(f"{look}-8-placed")
        reader.page.goto(f"{desk.url}/plekken/{case}/overdracht")
        reader.check(f"{look}-9-handover")
        reader.page.locator("button[value=send]").click()
        reader.page.locator(".steps").wait_for()
        desk.settle()
        reader.page.goto(f"{desk.url}/plekken/{case}/blad")
        reader.check(f"{look}-10-sheet-after")
        reader.page.goto(f"{desk.url}/plekken/overzicht")
        reader.page.locator("main[data-complete]").wait_for()
        reader.check(f"{look}-11-overview")

    assert desk.providers["weefgetouw"].legs[case].handover_whole


def test_the_sheet_for_the_patient_is_one_page_of_a4(browser: Any, desk: TransferDesk) -> None:
    with reading(browser, desk) as reader:
        need_of_dina(reader)
        case = confirmed(reader)
        reader.page.goto(f"{desk.url}/plekken/{case}/blad")
        before = reader.page.pdf(format="A4", prefer_css_page_size=True)
        reader.page.emulate_media(media="print")
        reader.check("paper-sheet")
        assert not reader.page.locator("header.top").is_visible()
        assert reader.shows("We zoeken nog een plek voor u.")
        reader.page.emulate_media(media="screen")
        reader.page.goto(f"{desk.url}/plekken/{case}/zoek")
        ask(reader, "Weefgetouw")
        desk.settle()
        offer(desk, "weefgetouw", case, Terms(Fit.FULL, 1))
        desk.settle()
        reader.page.goto(f"{desk.url}/plekken/{case}/blad")
        reader.page.fill("#words", "Ria rijdt met u mee. De taxi is geregeld en staat om half elf voor de deur van het ziekenhuis, bij de draaideur.")
        reader.page.locator("main button").click()
        reader.page.locator(".own").wait_for()
        reader.page.emulate_media(media="print")
        after = reader.page.pdf(format="A4", prefer_css_page_size=True, path=shot("paper-after.pdf"))

        assert reader.shows("Zorghuis 't Weefgetouw")
        assert (before.count(b"/Type /Page\n"), after.count(b"/Type /Page\n")) == (1, 1)


def test_what_was_ticked_and_written_stays_when_more_answers_come(browser: Any, desk: TransferDesk) -> None:
    desk.places.waits = gate = desk.run(anyio.Event)
    with reading(browser, desk) as reader:
        need_of_dina(reader)
        reader.page.fill("#near", "7597")
        reader.page.locator("button[value=confirm]").click()
        box = reader.page.locator("li.spot", has_text="Reviant").locator("input[type=checkbox]")
        box.check()
        reader.page.fill("#words", "Graag deze week")
        assert reader.shows("Er wordt gevraagd")
        desk.run(gate.set)
        reader.page.locator("li.spot", has_text="Revalidatie Esrein").wait_for()

        assert box.is_checked()
        assert reader.page.input_value("#words") == "Graag deze week"


def test_a_page_says_complete_only_when_it_has_drawn_what_it_has(browser: Any, desk: TransferDesk) -> None:
    desk.places.waits = gate = desk.run(anyio.Event)
    held: list[Any] = []

    def hold(route: Any) -> None:
        """Keep the first that the page fetches anew."""
        route.continue_() if held or "noaber-background" not in route.request.headers else held.append(route)

    with reading(browser, desk) as reader:
        reader.page.add_init_script(NOTES_THE_END)
        need_of_dina(reader)
        reader.page.locator("button[value=confirm]").click()
        reader.page.locator("li.spot", has_text="Reviant").wait_for()
        reader.page.route("**/zoek", hold)
        desk.run(gate.set)
        reader.page.locator("html[data-told=complete]").wait_for()
        assert not reader.page.locator("main[data-complete]").count()
        held[0].continue_()
        reader.page.locator("main[data-complete]").wait_for()

        assert reader.page.locator("li.spot", has_text="Revalidatie Esrein").count() == 1
        assert reader.shows("5 van 6 aanbieders antwoordden")


def test_all_of_it_works_without_scripts(browser: Any, desk: TransferDesk) -> None:
    with reading(browser, desk, java_script_enabled=False) as reader:
        reader.open()
        reader.page.locator("body").wait_for()
        reader.page.goto(f"{reader.root}plek")
        while not reader.page.input_value("#name"):
            reader.page.reload()
        reader.page.select_option("#kind", "geriatric-rehabilitation")
        reader.page.fill("#since", "2026-11-26")
        reader.page.locator("button[value=confirm]").click()
        reader.page.wait_for_url("**/zoek")
        reader.page.locator("a.refresh").or_(reader.page.locator("li.spot")).first.wait_for()
        reader.page.reload()
        reader.page.locator("li.spot", has_text="Weefgetouw").locator("input[type=checkbox]").check()
        reader.page.locator("button[value=put]").click()
        reader.page.locator(".legs").wait_for()

        assert reader.page.locator(".legs li", has_text="Weefgetouw").count() == 1
