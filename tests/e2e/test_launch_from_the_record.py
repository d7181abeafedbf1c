"""One click in the health record opens the dossier, in a real browser: in a new tab, without a word on the console, with nothing left behind."""

from collections.abc import Iterator
from typing import Any

import pytest

from testbed.people import BENNIE, DINA
from testbed.region import BlockingRegion
from tests.e2e.patient_browser import Pages, Visitor, browsing
from tests.gateway.patient.fake_region import Clock, dinas_region

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOLDERS = ("dinkelhorst", "brinkhof")


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=HOLDERS, viewer=True, patient=True) as region:
        yield region


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """A window of a clinician."""
    context = browser.new_context(locale="nl-NL", viewport={"width": 1366, "height": 768})
    yield context
    context.close()


def seen(page: Any, region: BlockingRegion) -> Visitor:
    """A page, with what it says on its console from now on."""
    visitor = Visitor(page, Pages(region.viewer_url, dinas_region(None, Clock()), Clock()))  # type: ignore[arg-type]  # there are no patient's pages here
    page.on("console", lambda message: visitor.console.append(message.text))
    page.on("pageerror", lambda failure: visitor.console.append(str(failure)))
    return visitor


def at_work(window: Any, region: BlockingRegion) -> Visitor:
    """The worklist, logged in."""
    record = seen(window.new_page(), region)
    record.page.goto(region.ehr_url)
    record.page.get_by_role("button", name="Log in met pas en pincode").click()
    record.page.get_by_role("heading", name="Werklijst").wait_for()
    return record


def opened(window: Any, record: Visitor, region: BlockingRegion, name: str) -> Visitor:
    """What the button of a patient opens."""
    with window.expect_page() as tab:
        record.page.get_by_role("row", name=name).get_by_role("link", name="Open regionaal dossier").click()
    page = tab.value
    page.wait_for_url(f"{region.viewer_url}/d/*/")
    return seen(page, region)


def test_two_patients_are_two_tabs_and_nothing_of_them_is_in_an_address_a_title_or_the_browsers_storage(window: Any, region: BlockingRegion) -> None:
    record = at_work(window, region)
    tabs = [opened(window, record, region, name) for name in ("Dina", "Bennie")]
    kept = str(window.storage_state()) + "".join(tab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") for tab in tabs)
    told = [tab.page.url for tab in tabs] + [tab.page.title() for tab in tabs] + [kept]

    assert tabs[0].page.url != tabs[1].page.url
    assert tabs[0].page.title() == tabs[1].page.title() != ""
    for name in (DINA.bsn, BENNIE.bsn, "Dina", "Bennie", DINA.birth_date):
        assert not [text for text in told if name in text]
    assert record.console == []
    assert record.violations() == []
    assert [tab.console for tab in tabs] == [[], []]


@pytest.mark.parametrize("path", ["/", "/login", "/nergens", "/launch?iss=x&launch=y", "/terug?code=a&state=b"])
@pytest.mark.parametrize("language", ["nl-NL", "en-GB"])
def test_every_page_of_the_shell_is_sound(browser: Any, region: BlockingRegion, path: str, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 320, "height": 700})
    visitor = seen(context.new_page(), region)
    visitor.go(path)
    visitor.picture(f"viewer-shell-{language[:2]}-{path.strip('/').partition('?')[0] or 'home'}")

    assert visitor.violations() == []
    # Of a page that is not there the browser itself says so.
    assert not [text for text in visitor.console if "the server responded with a status of 4" not in text]
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_the_glass_is_proven_anew_at_the_record_and_its_page_is_sound(window: Any, region: BlockingRegion) -> None:
    record = at_work(window, region)
    dossier = opened(window, record, region, "Bennie")
    glass = f"{dossier.page.url}noodtoegang"
    dossier.page.goto(glass.replace("noodtoegang", "opnieuw"))
    dossier.page.get_by_role("button", name="Log in met pas en pincode").click()
    dossier.page.wait_for_url(glass)
    dossier.picture("viewer-glass")

    assert dossier.violations() == []
    dossier.page.get_by_label("De patiënt is buiten bewustzijn").check()
    dossier.page.get_by_role("button", name="Open met noodtoegang").click()
    dossier.page.wait_for_url(lambda url: url.startswith(f"{region.viewer_url}/d/") and url != glass and not url.endswith("noodtoegang"))
    assert dossier.console == []
