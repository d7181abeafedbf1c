"""A dossier that fills while it is read, in a real browser: by itself before anybody looked, on request afterwards, and without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.patient_browser import browsing
from tests.e2e.viewer_browser import NOTES_THE_END, Viewer, reading, serving_viewer
from tests.gateway.viewer.night import batch, closed, dinas_night, holder, planned, result

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    with serving_viewer() as viewer:
        yield viewer


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


def two_stages(viewer: Viewer) -> None:
    """The pharmacy is slow."""
    night = dinas_night()
    late = [event for event in night if getattr(event, "holder", None) == holder("vijzelmarke").name] + [night[-1]]
    viewer.night([event for event in night if event not in late], late)


def test_before_the_reader_did_anything_the_screen_fills_by_itself(browser: Any, viewer: Viewer) -> None:
    two_stages(viewer)
    with reading(browser, viewer) as reader:
        reader.open()
        reader.page.locator(".chip", has_text="Apotheek De Vijzelmarke").wait_for()
        assert reader.shows("Nog niet gehoord: Apotheek De Vijzelmarke")
        # One who opened it by a click of the mouse did nothing on this page yet.
        viewer.let(1)
        reader.page.locator(".blood-thinners .conflict").wait_for()

        assert reader.page.locator(".news").is_hidden()
        assert not reader.shows("na uw blik")
        assert reader.page.locator(".chip").count() == 0
        assert reader.console == []


def test_p8_a_dossier_says_that_it_is_complete_only_when_the_last_of_it_is_drawn(browser: Any, viewer: Viewer) -> None:
    night = dinas_night()
    late = [event for event in night if getattr(event, "holder", None) == holder("vijzelmarke").name]
    viewer.night([event for event in night[:-1] if event not in late], late, [night[-1]])
    held: list[Any] = []

    def hold(route: Any) -> None:
        """Keep the first that the page fetches anew."""
        route.continue_() if held or "noaber-seen" not in route.request.headers else held.append(route)

    with reading(browser, viewer) as reader:
        reader.page.add_init_script(NOTES_THE_END)
        reader.open()
        reader.page.locator(".chip", has_text="Apotheek De Vijzelmarke").wait_for()
        reader.page.route("**/d/*/", hold)
        with reader.page.expect_request(lambda request: "noaber-seen" in request.headers):
            viewer.let(1)
        viewer.let(2)
        reader.page.locator("html[data-told=complete]").wait_for()
        # Whatever follows from having been told has been done by then.
        reader.page.evaluate("() => new Promise((done) => setTimeout(done, 0))")
        assert not reader.page.locator("main[data-complete]").count()
        held[0].continue_()
        reader.page.locator("main[data-complete]").wait_for()

        assert reader.page.locator(".blood-thinners .conflict").count() > 0
        assert reader.page.locator(".chip").count() == 0


def test_what_is_read_does_not_move_and_news_comes_when_asked_for(browser: Any, viewer: Viewer) -> None:
    two_stages(viewer)
    with reading(browser, viewer) as reader:
        reader.open()
        reader.page.locator(".chip", has_text="Apotheek De Vijzelmarke").wait_for()
        link = reader.page.locator(".allergies a.origin").first
        link.focus()
        reader.page.keyboard.press("Shift")
        before = reader.page.locator(".blood-thinners").inner_text()
        viewer.let(1)
        notice = reader.page.locator(".news")
        notice.wait_for()

        assert "na uw blik" in notice.inner_text()
        assert notice.get_attribute("role") == "status"
        assert before.splitlines()[0] in reader.page.locator(".blood-thinners").inner_text()
        assert reader.page.locator(".blood-thinners .conflict").count() == 0
        assert reader.page.evaluate("document.activeElement.className") == "origin"
        assert reader.violations() == []
        notice.get_by_role("button", name="Toon").click()
        reader.page.locator(".blood-thinners .conflict").wait_for()
        assert reader.page.locator(".blood-thinners").get_by_text("na uw blik").count() > 0
        assert notice.is_hidden()
        assert reader.console == []


def test_a_section_does_not_move_under_the_reader(browser: Any, viewer: Viewer) -> None:
    lab = [result(at, "1.5", f"2025-01-{at % 28 + 1:02}", code=f"x-{at}") for at in range(60)]
    newer = [result(100 + at, "2.5", "2026-11-01", code=f"new-{at}") for at in range(5)]
    viewer.night([planned(holder("twickelaar"), holder("dinkelhorst")), batch("twickelaar", lab)], [batch("dinkelhorst", newer), closed("dinkelhorst")])
    with reading(browser, viewer) as reader:
        reader.open()
        reader.go("lab")
        reader.page.mouse.wheel(0, 900)
        reader.page.wait_for_function("scrollY > 500")
        reader.page.wait_for_timeout(200)
        at = "[...document.querySelectorAll('.strand')].map(one => [one.id, Math.round(one.getBoundingClientRect().top)]).find(([, top]) => top > 150)"
        before = reader.page.evaluate(at)
        viewer.let(1)
        reader.page.locator(".news").wait_for()

        now = reader.page.evaluate(at)
        assert now[0] == before[0]
        assert abs(now[1] - before[1]) <= 1
        reader.page.get_by_role("button", name="Toon").click()
        reader.page.wait_for_function("document.querySelectorAll('.is-late').length > 0")
        assert abs(reader.page.evaluate(f"document.getElementById('{before[0]}').getBoundingClientRect().top") - before[1]) <= 2


def test_everything_can_be_read_without_scripts(browser: Any, viewer: Viewer) -> None:
    two_stages(viewer)
    with reading(browser, viewer, java_script_enabled=False) as reader:
        reader.open()
        assert reader.shows("nog 1 aan het antwoorden:")
        viewer.let(1)
        reader.page.get_by_role("link", name="Ververs").click()
        reader.page.locator(".blood-thinners .conflict").wait_for()
        reader.page.get_by_role("button", name="Onderdelen").click()
        reader.page.locator("#menu").get_by_role("link", name="Laboratorium").click()
        reader.page.wait_for_url("**/lab")

        assert reader.shows("37.50 mg/L")
        assert reader.console == []
