"""Monday at the transfer point, walked through in real browsers: Gerben looks for places, planners answer on their telephones, the gateway dies."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from accord.terms.capacity import AT_HOME
from testbed.clinician import Clinician, Opened, at_work
from testbed.ehr_records import TRANSFER
from testbed.placing_death import dies_at_the_first_yes
from testbed.placing_monday import Monday, Spotted
from testbed.planning_on_a_phone import LONGEST_MS, first_request, keep, origin_of, planning, unfold, until_kept, until_there, write
from testbed.region_places import GATEWAY, PlacesRegion

_DINA, _BENNIE = 0, 1
#: She was operated on the day before the story's Monday.
_SUNDAY: Final = timedelta(days=-1)
#: The two that say yes; whoever is told of first is not known.
BOTH: Final = ("weefgetouw", "reviant")


def walk(region: PlacesRegion, browser: Any, before: Callable[[PlacesRegion], None] | None = None) -> Monday:
    """Walk through step 5. *before* is done to the region when all runs and nobody has looked yet."""
    if before is not None:
        before(region)
    seen = Monday()
    with at_work(browser, region.ehr_url, TRANSFER) as gerben:
        _go_to_work(gerben, seen)
        _prepare_bennie(gerben.open(_BENNIE), seen)
        dina = gerben.open(_DINA)
        dina.filled()
        _look_at_the_region(dina, seen)
        _look(dina, seen)
        _ask(dina, "Weefgetouw", "Reviant", "Noaberhoes")
        keep(dina.page, "story-5-dina-asked")
        _answer(region, browser, seen)
        _see_who_won(region, dina, seen)
        _hand_over(region, browser, dina, seen)
        _ask_for_visits(region, browser, dina, seen)
        seen.shown = list(gerben.went)
    return seen


def _go_to_work(gerben: Clinician, seen: Monday) -> None:
    """From the worklist to the requests of the organisation, with nobody's dossier."""
    with gerben.window.expect_page() as tab:
        gerben.worklist.locator("a.places").click()
    page = tab.value
    page.wait_for_url("**/plekken")
    seen.at_work = _words(page.inner_text("body"))
    keep(page, "story-5-work")
    page.close()


def _prepare_bennie(bennie: Opened, seen: Monday) -> None:
    """The need after an operation in three weeks is proposed, and the sheet is printed."""
    page = bennie.page
    bennie.filled()
    page.goto(f"{bennie.root}plek")
    seen.evidence = _words(page.inner_text("ul.stated"))
    page.select_option("#fact-lives-alone", "yes")
    with page.expect_navigation():  # the answer has the address of the form
        page.locator("button[value=propose]").click()
    page.locator("#proposals .ask").first.wait_for()
    seen.proposed = _words(page.inner_text("#proposals"))
    seen.about = (page.input_value("#name"), page.input_value("#birth_date"))
    if page.input_value("#kind") in AT_HOME:
        page.fill("#need_near", "7594")
    keep(page, "story-5-bennie-need")
    case = _confirmed(page)
    page.goto(f"{origin_of(page)}/plekken/{case}/blad")
    seen.sheet = _words(page.inner_text("article.sheet"))
    seen.sheet_pages = page.pdf(format="A4", prefer_css_page_size=True).count(b"/Type /Page\n")
    keep(page, "story-5-bennie-sheet")


def _look_at_the_region(dina: Opened, seen: Monday) -> None:
    """How it stands everywhere, before anybody is asked for anything: who is out of reach has a telephone number."""
    page = dina.page
    page.goto(f"{origin_of(page)}/plekken/overzicht")
    page.locator("main[data-complete]").wait_for(timeout=LONGEST_MS)
    seen.overview = _words(page.inner_text("main"))
    keep(page, "story-5-overview")


def _look(dina: Opened, seen: Monday) -> None:
    """Who can take her from Thursday, near Ria."""
    page = dina.page
    page.goto(f"{dina.root}plek")
    page.select_option("#occasion", "hip-fracture")
    page.fill("#day", (datetime.now(UTC).date() + _SUNDAY).isoformat())
    with page.expect_navigation():
        page.locator("button[value=propose]").click()
    page.locator("#proposals li.taken").wait_for()
    seen.for_dina = _words(page.inner_text("#proposals li.taken"))
    page.fill("#near", "7591")
    keep(page, "story-5-dina-need")
    seen.case = _confirmed(page)
    page.locator("main[data-complete]").wait_for(timeout=LONGEST_MS)
    for spot in page.locator("li.spot").all():
        group = (spot.get_attribute("class") or "").removeprefix("spot").strip()
        seen.found.append(Spotted(group, _words(spot.text_content() or "")))
    keep(page, "story-5-dina-found")


def _ask(dina: Opened, *titles: str) -> None:
    page = dina.page
    for title in titles:
        page.locator("li.spot", has_text=title).locator("input[type=checkbox]").first.check()
    page.locator("button[value=put]").click()
    page.locator(".legs").wait_for(timeout=LONGEST_MS)


def _answer(region: PlacesRegion, browser: Any, seen: Monday) -> None:
    """One says no; the gateway dies while two say yes in the same second, and comes back."""
    with planning(region, browser, "noaberhoes") as hospice, planning(region, browser, BOTH[0]) as home, planning(region, browser, BOTH[1]) as clinic:
        first_request(hospice)
        unfold(hospice, "#decline")
        hospice.locator("input[name=reason][value=other-care-fits-better]").check()
        keep(hospice, "story-5-noaberhoes-declines")
        hospice.locator("#decline button").click()
        until_kept(hospice)
        seen.declined = _words(hospice.inner_text("main"))
        keep(home, "story-5-weefgetouw-places")
        keep(clinic, "story-5-reviant-places")
        for page in (home, clinic):
            first_request(page)
        seen.widest = {name: page.evaluate("document.documentElement.scrollWidth") for name, page in zip(BOTH, (home, clinic), strict=True)}
        keep(home, "story-5-weefgetouw-asked")
        keep(clinic, "story-5-reviant-asked")
        with dies_at_the_first_yes(region, BOTH[0], seen.case) as died_at:
            home.locator("button.main.big").first.click(no_wait_after=True)
            seen.died_at = died_at()
            clinic.locator("button.main.big").first.click(no_wait_after=True)
        for page in (home, clinic):
            until_kept(page)
        keep(home, "story-5-weefgetouw-offered")
        keep(clinic, "story-5-reviant-offered")
        region.start_again(GATEWAY)


def _see_who_won(region: PlacesRegion, dina: Opened, seen: Monday) -> None:
    page = dina.page
    until_there(page, f"{origin_of(page)}/plekken/{seen.case}", ".standing.placed")
    seen.placed = _words(page.inner_text("main"))
    keep(page, "story-5-dina-placed")
    with closing(sqlite3.connect(searches_of(region))) as store:
        legs = dict(store.execute("SELECT provider, at FROM place_leg WHERE search = ?", (seen.case,)).fetchall())
    seen.winner = next((name for name in BOTH if legs.get(name) == "granted"), "")
    seen.loser = next((name for name in BOTH if name != seen.winner), "")


def _hand_over(region: PlacesRegion, browser: Any, dina: Opened, seen: Monday) -> None:
    """The handover leaves, arrives, and is taken in."""
    page = dina.page
    page.goto(f"{origin_of(page)}/plekken/{seen.case}/overdracht")
    keep(page, "story-5-handover")
    page.locator("button[value=send]").click()
    page.locator(".steps").wait_for(timeout=LONGEST_MS)
    with planning(region, browser, seen.winner) as planner:
        first_request(planner)
        address = planner.url.partition("?")[0]
        until_there(planner, address, "a[href*='/handover']")
        planner.goto(f"{address}/handover?lang=nl")
        seen.handover = _words(planner.inner_text("main"))
        keep(planner, f"story-5-{seen.winner}-handover")
        planner.goto(address)
        planner.locator("form:has(input[value=take_in]) button").click()
        until_kept(planner)
    until_there(page, f"{origin_of(page)}/plekken/{seen.case}", ".steps li.done:nth-child(3)")
    seen.taken_in = _words(page.inner_text(".steps"))
    keep(page, "story-5-dina-taken-in")


def _ask_for_visits(region: PlacesRegion, browser: Any, dina: Opened, seen: Monday) -> None:
    """Care at home afterwards: four visits are asked, three can be given."""
    page = dina.page
    page.goto(f"{dina.root}plek")
    page.select_option("#kind", "district-nursing")
    page.fill("#since", seen.thursday.isoformat())
    page.fill("#amount", "4")
    page.fill("#need_near", "7591")
    seen.visits_case = _confirmed(page)
    page.locator("main[data-complete]").wait_for(timeout=LONGEST_MS)
    _ask(dina, "Wieke")
    with planning(region, browser, "wieke") as planner:
        first_request(planner)
        unfold(planner, "#part")
        write(planner, "#part-amount", "3")
        write(planner, "#part-words", "Vanaf donderdag, niet op zondag.")
        write(planner, "#part-amount", "3")
        keep(planner, "story-5-wieke-part")
        planner.locator("#part button").click()
        until_kept(planner)
    address = f"{origin_of(page)}/plekken/{seen.visits_case}"
    until_there(page, address, "button[value=choose]")
    with page.expect_navigation():
        page.locator("button[value=choose]").click()
    until_there(page, address, ".standing.placed")
    seen.visits = _words(page.inner_text("main"))
    keep(page, "story-5-dina-visits")


def searches_of(region: PlacesRegion) -> Path:
    """What the data user's own proxy keeps of its searches."""
    return region.root / "connect" / "places" / "searches.db"


def _confirmed(page: Any) -> str:
    page.locator("button[value=confirm]").click()
    page.wait_for_url("**/zoek", timeout=LONGEST_MS)
    return str(page.url).split("/")[-2]


def _words(text: str) -> str:
    return " ".join(text.split())
