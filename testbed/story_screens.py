"""What the emergency department had on its screens: Dina opened with one click and read through; later with broken glass, and Bennie."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from accord.rules.emergency import ReasonCode
from testbed.browsing import NoBrowser, with_chromium
from testbed.clinician import Clinician, Look, at_work
from testbed.region import BlockingRegion
from testbed.story_evidence import BRIEF_SECONDS, CannotBeTold, Night

_T = TypeVar("_T")

#: Tonight's patients, in the order of the worklist.
_DINA, _BENNIE = 0, 1
REASON: Final = ReasonCode.UNCONSCIOUS
#: Before the slow pharmacy answers there is time for this.
_EARLY: Final = BRIEF_SECONDS
#: The blocks that are on the screen once everybody has answered who is neither slow, frozen nor dead.
_EARLY_BLOCKS: Final = {"wishes": 3, "allergies": 1, "blood-thinners": 1, "kidney": 1}
#: Where two of these contradict each other: one that answers a moment later than the other makes it a conflict.
_EARLY_CONFLICTS: Final = ("wishes", "allergies")


@dataclass(frozen=True, slots=True)
class Walk:
    """Step 1: the emergency screen within two seconds and when all was heard, and pages of the dossier after that.

    `went` is every address that the browser asked for, `shown` each that was on the screen after the click.
    """

    early: Look
    late: Look
    pages: dict[str, Look]
    went: tuple[str, ...]
    shown: tuple[str, ...]
    console: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """Step 2: Dina's holders before and after the glass was broken, and Bennie before and after."""

    before: Look
    after: Look
    sections: tuple[Look, ...]
    bennie_before: Look
    bennie_after: Look
    went: tuple[str, ...]
    titles: tuple[str, ...]


def walk(night: Night) -> Walk:
    """What was on the screens of step 1; walked through once.

    Raises:
        CannotBeTold: There is no browser here, or the region has no viewer.
    """
    return _once(night, _walk)


def broken(night: Night) -> Broken:
    """What was on the screens of step 2; walked through once.

    Raises:
        CannotBeTold: There is no browser here, or the region has no viewer.
    """
    return _once(night, _break)


def _once(night: Night, look: Callable[[BlockingRegion, Any], _T]) -> _T:
    if not night.region.viewer_url:
        raise CannotBeTold("this region has no viewer")
    if look.__name__ not in night.seen:
        try:
            night.seen[look.__name__] = with_chromium(lambda browser: look(night.region, browser))
        except NoBrowser as missing:
            raise CannotBeTold(str(missing)) from None
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, each check that needs it says so, and none walks again
            night.seen[look.__name__] = failure
    seen = night.seen[look.__name__]
    if isinstance(seen, Exception):
        raise seen
    return seen  # type: ignore[no-any-return]  # kept by the name of what made it


def _walk(region: BlockingRegion, browser: Any) -> Walk:
    with at_work(browser, region.ehr_url) as clinician:
        opened = clinician.open(_DINA)
        early = opened.wait_until(_EARLY, _has_what_is_known)
        opened.keep("story-1-within-two-seconds")
        late = opened.filled()
        opened.keep("story-1-all-heard")
        shown = tuple(url for url in clinician.shown if url != "about:blank")
        pages: dict[str, Look] = {}
        for name in ("lab", "medication", "allergies", "planning-ahead", "holders", "tijdlijn"):
            pages[name] = opened.go(name)
            opened.keep(f"story-1-{name}")
        pages["origin"] = _origin_of_the_egfr(opened.page, lambda: opened.go("lab"), opened.look)
        opened.keep("story-1-origin")
        return Walk(early, late, pages, tuple(clinician.went), shown, tuple(clinician.console))


def _has_what_is_known(look: Look) -> bool:
    filled = all(name in look.blocks and len(look.blocks[name].items) >= number for name, number in _EARLY_BLOCKS.items())
    return filled and all(look.blocks[name].items[0].conflict for name in _EARLY_CONFLICTS) and "2 bronnen" in look.text


def _origin_of_the_egfr(page: Any, go: Callable[[], Look], look: Callable[[], Look]) -> Look:
    go()
    page.locator(".strand", has_text="eGFR").first.locator("a.origin").first.click()
    page.wait_for_url("**/regel/*")
    return look()


def _break(region: BlockingRegion, browser: Any) -> Broken:
    with at_work(browser, region.ehr_url) as clinician:
        dina = clinician.open(_DINA)
        dina.filled()
        before = dina.go("holders")
        dina.go("")
        opened = clinician.break_the_glass(dina, REASON.value)
        opened.filled()
        opened.keep("story-2-dina")
        after = opened.go("holders")
        sections = tuple(opened.go(name) for name in ("tijdlijn", "problems", "medication", "documents", "contacts"))
        bennie_before, bennie_after = _bennie(clinician)
        titles = (before.title, after.title, bennie_before.title, bennie_after.title)
        return Broken(before, after, sections, bennie_before, bennie_after, tuple(clinician.went), titles)


def _bennie(clinician: Clinician) -> tuple[Look, Look]:
    bennie = clinician.open(_BENNIE)
    before = bennie.filled()
    bennie.keep("story-2-bennie-before")
    opened = clinician.break_the_glass(bennie, REASON.value)
    after = opened.filled()
    opened.keep("story-2-bennie")
    return before, after
