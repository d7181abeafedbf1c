"""The clinician's dossier in a real browser: accessible, silent, on one screen at night, on a telephone, without a mouse, without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest

from accord.terms.vocabulary import Section
from gateway.ports import DossierEvent
from tests.e2e.patient_browser import browsing
from tests.e2e.viewer_browser import Reader, Viewer, reading, serving_viewer
from tests.gateway.viewer.night import batch, dinas_night, result
from tests.gateway.viewer.stuffed import stuffed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PAGES = ("", "tijdlijn", "holders", "print", "noodtoegang", "regel/3", "regel/3/alles", *(section.value for section in Section))


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    with serving_viewer() as viewer:
        yield viewer


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def reader(browser: Any, viewer: Viewer) -> Iterator[Reader]:
    viewer.night(dinas_night())
    with reading(browser, viewer) as reader:
        yield reader


def walk(reader: Reader, look: str) -> None:
    """Every page there is."""
    reader.open()
    reader.filled()
    for path in PAGES:
        reader.go(path)
        reader.check(f"{look}-{path.replace('/', '-') or 'emergency'}")


@pytest.mark.parametrize("locale", ["nl-NL", "en-GB"])
def test_every_page_passes_axe_and_says_nothing_on_the_console(browser: Any, viewer: Viewer, locale: str) -> None:
    viewer.night((*dinas_night()[:-1], *trend(), dinas_night()[-1]))
    with reading(browser, viewer, locale=locale) as reader:
        walk(reader, locale[:2])

        assert reader.page.locator("html").get_attribute("lang") == locale[:2]


def trend() -> list[DossierEvent]:
    """More of the kidneys, so that there is something to draw."""
    return [batch("twickelaar", [result(at, f"{50 - at}.0", f"202{at}-03-01", code="98979-8") for at in range(1, 5)])]


def test_every_page_fits_a_screen_of_320_pixels(browser: Any, viewer: Viewer) -> None:
    viewer.night((*dinas_night()[:-1], *trend(), dinas_night()[-1]))
    with reading(browser, viewer, viewport={"width": 320, "height": 640}) as reader:
        walk(reader, "small")


def test_what_is_planted_is_found(reader: Reader) -> None:
    reader.open()
    reader.page.evaluate("document.querySelector('main').append(document.createElement('img'))")

    assert [one for one in reader.violations() if one.startswith("image-alt")]


def test_a_style_in_the_page_is_refused_and_heard_of(reader: Reader) -> None:
    reader.open()
    reader.page.evaluate("document.querySelector('main').setAttribute('style', 'color: red')")

    assert any("Content Security Policy" in line for line in reader.console)


def height_of(reader: Reader) -> int:
    return int(reader.page.evaluate("document.documentElement.scrollHeight"))


def test_the_emergency_screen_of_dina_fits_1366_by_768_and_leaves_nothing_out(reader: Reader) -> None:
    reader.open()
    reader.filled()

    assert height_of(reader) <= 768
    for text in ("Niet reanimeren", "Wel reanimeren", "Ja, mits", "Penicilline", "Apixaban", "eGFR", "Ria Olde Wolbers", "053-5550103", "06-55500017"):
        assert reader.shows(text), text
    assert reader.page.locator(".block .more").count() == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("locale", ["nl-NL", "en-GB"])
def test_the_emergency_screen_of_a_stuffed_patient_fits_too_and_says_how_much_more_there_is(browser: Any, viewer: Viewer, seed: int, locale: str) -> None:
    viewer.night(stuffed(seed))
    with reading(browser, viewer, locale=locale) as reader:
        reader.open()
        reader.filled()

        assert height_of(reader) <= 768
        for block in reader.page.locator(".block").all():
            assert block.locator(".item").count() > 0 or block.locator(".none, .more").count() > 0
        assert reader.page.locator(".block .more a").count() >= 3
        assert reader.page.locator(".allergies .item").count() > 0
        assert reader.page.locator(".wishes .item").count() > 0
        missed = reader.page.locator(".gaps li:not(.more)").all()
        for one in missed:
            assert one.locator("a.phone").count() == 1
            assert one.locator(".last").inner_text()


def test_the_dossier_is_read_with_the_keyboard_alone(reader: Reader) -> None:
    press = reader.page.keyboard.press
    reader.open()
    press("Tab")
    assert reader.page.evaluate("document.activeElement.className") == "skip"
    tab_to(reader, ".menu-button")
    press("Enter")
    tab_to(reader, '#menu a[href$="/lab"]')
    press("Enter")
    reader.page.wait_for_url("**/lab")
    tab_to(reader, ".filters > summary")
    press("Enter")
    tab_to(reader, 'input[name="text"]')
    reader.page.keyboard.type("CRP")
    press("Enter")
    reader.page.locator(".filtered").wait_for()
    tab_to(reader, ".strand a.origin")
    press("Enter")
    reader.page.wait_for_url("**/regel/*")

    assert reader.shows("Herkomst")


def tab_to(reader: Reader, selector: str) -> None:
    """Press Tab until this has the focus, and see that one can see it."""
    for _ in range(120):
        reader.page.keyboard.press("Tab")
        if reader.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert reader.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", f"no visible focus on {selector}"
            return
    pytest.fail(f"the keyboard never reaches {selector}")


def test_paper_has_the_sheet_and_neither_menu_nor_buttons(reader: Reader) -> None:
    reader.open()
    reader.go("print")
    reader.page.emulate_media(media="print")

    assert reader.page.locator(".sheet").is_visible()
    for gone in (".bar", "#menu", ".strip"):
        assert not reader.page.locator(gone).is_visible(), gone
    assert reader.shows("Mogelijk zijn niet alle gegevens gedeeld.")
    assert reader.page.title() == "Overzicht voor papier – Noaber dossier"


def test_the_browser_keeps_nothing(reader: Reader) -> None:
    reader.open()
    reader.go("lab")

    assert reader.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert "Dina" not in reader.page.url


def test_broken_glass_is_asked_for_without_scripts_and_stands_red_on_every_page(browser: Any, viewer: Viewer) -> None:
    viewer.night(dinas_night())
    with reading(browser, viewer, java_script_enabled=False) as reader:
        reader.open()
        reader.page.get_by_role("link", name="Noodtoegang vragen").click()
        reader.page.locator('input[value="life-threatening"]').check()
        reader.page.locator("button.danger").click()
        reader.page.wait_for_url(lambda url: url != reader.root and "noodtoegang" not in url)
        reader.root = reader.page.url
        for path in ("", "lab", "holders", "print"):
            reader.go(path)

            assert reader.page.locator(".broken").is_visible()
            assert reader.shows("Ja, mits") == (path in {"", "print"})
            assert reader.shows("Levensgevaar: wachten kan niet")
