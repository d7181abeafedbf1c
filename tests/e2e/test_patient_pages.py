"""The patient's pages in a real browser: accessible, silent, on a small screen, without a mouse, without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.patient_browser import Pages, Visitor, browsing, serving_pages, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OUTSIDE = ("/", "/hulp", "/toegankelijkheid", "/afdrukken", "/uitgelogd")
INSIDE = ("/overzicht", "/keuzes", "/inzage", "/afdrukken", "/hulp")


@pytest.fixture(scope="module")
def served() -> Iterator[Pages]:
    with serving_pages() as pages:
        yield pages


@pytest.fixture
def pages(served: Pages) -> Pages:
    served.again()
    return served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Any, pages: Pages) -> Iterator[Visitor]:
    with visiting(browser, pages) as visitor:
        yield visitor


def check(visitor: Visitor, name: str) -> None:
    """Nothing for axe to say, nothing on the console, nothing wider than the window."""
    # A form was sent a moment ago: what follows is about the page that comes back.
    visitor.page.wait_for_load_state()
    visitor.page.locator("main").wait_for()
    visitor.picture(name)
    visitor.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    wide = visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert visitor.violations() == []
    assert visitor.console == []
    assert wide <= 0, f"{name} is {wide} pixels too wide"


def walk(visitor: Visitor, look: str) -> None:
    """Every page there is, the pages of a choice included."""
    for path in OUTSIDE:
        visitor.go(path)
        check(visitor, f"{look}-outside{path.replace('/', '-')}")
    visitor.go("/")
    visitor.page.locator("main button.main").click()
    check(visitor, f"{look}-provider")
    visitor.log_in("dina")
    visitor.page.wait_for_url("**/overzicht")
    for path in INSIDE:
        visitor.go(path)
        check(visitor, f"{look}-inside{path.replace('/', '-')}")
    visitor.go("/keuzes")
    visitor.page.locator('button[value="wishes"]').click()
    check(visitor, f"{look}-choosing-wishes")
    visitor.page.locator('input[name="overall"][value="each"]').check()
    check(visitor, f"{look}-choosing-each")
    visitor.go("/keuzes")
    visitor.page.locator('button[value="looks:home-care"]').click()
    check(visitor, f"{look}-choosing")
    visitor.page.locator('input[name="overall"][value="objects"]').check()
    visitor.page.locator("main button.main").click()
    check(visitor, f"{look}-changing")
    visitor.page.locator("main button.main").click()
    visitor.log_in("dina")
    visitor.page.wait_for_url("**/keuzes/resultaat")
    check(visitor, f"{look}-result")
    visitor.go("/keuzes")
    check(visitor, f"{look}-choices-after")


@pytest.mark.parametrize("locale", ["nl-NL", "en-GB"])
def test_every_page_passes_axe_and_says_nothing_on_the_console(browser: Any, pages: Pages, locale: str) -> None:
    with visiting(browser, pages, locale=locale) as visitor:
        walk(visitor, locale[:2])

        assert visitor.page.locator("html").get_attribute("lang") == locale[:2]


def test_every_page_fits_a_screen_of_320_pixels(browser: Any, pages: Pages) -> None:
    with visiting(browser, pages, viewport={"width": 320, "height": 640}) as visitor:
        walk(visitor, "small")


def test_everything_works_without_scripts(browser: Any, pages: Pages) -> None:
    with visiting(browser, pages, java_script_enabled=False) as visitor:
        visitor.enter("ria")
        visitor.go("/keuzes")
        visitor.page.locator('button[value="looks:home-care"]').click()
        visitor.page.locator('input[name="overall"][value="objects"]').check()
        visitor.page.locator("main button.main").click()
        assert visitor.shows("De thuiszorg ziet niet meer:")
        visitor.page.locator("main button.main").click()
        visitor.log_in("ria")
        visitor.page.wait_for_url("**/keuzes/resultaat")

        assert visitor.shows("Bevestigd om")
        assert visitor.page.locator("button.speak:visible").count() == 0
        assert visitor.console == []


def tab_to(visitor: Visitor, selector: str) -> None:
    """Press Tab until this has the focus, and see that one can see it."""
    for _ in range(200):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

            assert outline != "none", f"no visible focus on {selector}"
            return
    pytest.fail(f"the keyboard never reaches {selector}")


def test_a_choice_can_be_made_with_the_keyboard_alone(visitor: Visitor) -> None:
    press = visitor.page.keyboard.press
    visitor.go("/")
    press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    tab_to(visitor, "main button.main")
    press("Enter")
    sign_with_keys(visitor)
    visitor.page.wait_for_url("**/overzicht")
    tab_to(visitor, 'main a[href="/keuzes"]')
    press("Enter")
    visitor.page.wait_for_url("**/keuzes")
    tab_to(visitor, 'button[value="looks:home-care"]')
    press("Enter")
    visitor.page.wait_for_url("**/keuzes/kiezen")
    tab_to(visitor, 'input[name="overall"]')
    press("ArrowDown")
    tab_to(visitor, "main button.main")
    press("Enter")
    visitor.page.wait_for_url("**/keuzes/wijziging")
    tab_to(visitor, "main button.main")
    press("Enter")
    sign_with_keys(visitor)
    visitor.page.wait_for_url("**/keuzes/resultaat")

    assert visitor.shows("Bevestigd om")
    assert len(visitor.pages.region.delivered) == 1


def sign_with_keys(visitor: Visitor) -> None:
    """At the provider: Dina is the first of the list."""
    visitor.page.wait_for_selector(".code")
    tab_to(visitor, 'input[name="person"]')
    visitor.page.keyboard.press("Space")
    tab_to(visitor, 'input[name="code"]')
    visitor.page.keyboard.type(visitor.page.locator(".code").inner_text())
    visitor.page.keyboard.press("Enter")


def test_every_button_and_link_is_large_enough_to_hit(visitor: Visitor) -> None:
    visitor.enter()
    for path in INSIDE:
        visitor.go(path)
        small = visitor.page.evaluate(
            """() => [...document.querySelectorAll("button, a, summary, input:not([type=hidden])")]
                .filter(one => one.offsetParent && !one.closest(".choice") && !one.classList.contains("skip"))
                .filter(one => one.getBoundingClientRect().height < 44 || one.getBoundingClientRect().width < 44)
                .map(one => one.outerHTML.slice(0, 80))"""
        )

        assert small == []


def test_what_is_read_aloud_makes_sense_when_heard(browser: Any, pages: Pages) -> None:
    heard = """globalThis.heard = [];
        Object.defineProperty(globalThis, "speechSynthesis", {value: {speak: words => heard.push([words.lang, words.text]), cancel: () => {}}});"""
    with visiting(browser, pages) as visitor:
        visitor.page.add_init_script(heard)
        visitor.enter()
        visitor.go("/inzage")
        visitor.page.locator(".look button.speak").first.click()
        language, text = visitor.page.evaluate("heard")[0]

        assert language == "nl-NL"
        assert text.startswith("Dokter Ten Esker keek zaterdag om twee uur eenenveertig naar uw wensen en uw medicijnen.")
        assert visitor.page.locator(".look button.speak").first.get_attribute("aria-pressed") == "true"
        assert not any(character.isdigit() for character in text)


def test_paper_shows_the_sheet_and_no_menu(visitor: Visitor) -> None:
    visitor.enter()
    visitor.go("/afdrukken")
    visitor.page.emulate_media(media="print")
    visitor.picture("print")

    assert not visitor.page.locator("nav").is_visible()
    assert not visitor.page.locator("footer").is_visible()
    assert visitor.page.locator(".paper").first.is_visible()
    assert visitor.page.locator(".paper button:visible").count() == 0


def test_an_emergency_stands_out_without_colour(visitor: Visitor) -> None:
    visitor.enter("bennie")
    visitor.go("/inzage")
    check(visitor, "nl-emergency")
    width = visitor.page.locator(".look.emergency").evaluate("one => getComputedStyle(one).borderLeftWidth")

    assert visitor.page.locator(".look.emergency .flag").inner_text().endswith("In nood bekeken")
    assert width == "14px"


def test_a_page_warns_before_it_logs_out(visitor: Visitor) -> None:
    visitor.page.clock.install()
    visitor.enter()
    assert visitor.shows("U blijft ingelogd tot")
    visitor.page.clock.fast_forward(14 * 60 * 1000)

    assert visitor.shows("Let op: om")
    assert visitor.page.locator("footer .soon").get_attribute("role") == "status"


def test_the_net_holds_for_what_is_wrong(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.page.evaluate("""() => document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="/static/icon.svg"><p style="color:red">x</p>')""")

    assert any(one.startswith("image-alt:") for one in visitor.violations())
    assert any("Content Security Policy" in line for line in visitor.console)


def test_logging_out_brings_nothing_back(visitor: Visitor) -> None:
    visitor.enter()
    visitor.go("/inzage")
    visitor.page.get_by_role("button", name="Log uit").click()
    visitor.page.wait_for_url("**/uitgelogd")
    visitor.page.go_back()

    assert not visitor.shows("Ten Esker")
