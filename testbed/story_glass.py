"""Step 2 on the screen: what breaking the glass opens in a real browser, what it never opens, and that it is written down."""

from collections.abc import Callable
from typing import Final

from accord.audit.events import GlassBroken
from accord.audit.verifying import events_of
from accord.rules.emergency import REASONS
from testbed.clinician import named_in
from testbed.holders import BY_NAME
from testbed.people import BENNIE
from testbed.region_files import PROFESSIONAL
from testbed.story_evidence import Night, expect
from testbed.story_screen import NAMES, own_words
from testbed.story_screens import REASON, broken

_BENNIE: Final = (BENNIE.bsn, "Bennie", "Lutke", "Veldhuis", BENNIE.birth_date)


def the_glass_changes_nothing_at_a_refusal(night: Night) -> str:
    """Break-the-glass on Dina changes nothing at De Eschrand: on no page is anything of it, and it stands there as before."""
    seen, title = broken(night), BY_NAME["eschrand"].title
    told = [[row for row in look.rows if row[0].startswith(title)] for look in (seen.before, seen.after)]
    expect(told[0], told[1], "what is said of De Eschrand before and after")
    alike = [named_in(seen.after, BY_NAME[holder].title, own_words(holder)) for holder in ("eschrand", "weefgetouw")]
    expect(alike[0], alike[1], "what is said of De Eschrand and of 't Weefgetouw")
    origins = [look.url for look in seen.sections for strand in look.strands if title in strand.text]
    expect(origins, [], "lines of De Eschrand")
    expect(bool(seen.after.red), True, "the red band")
    return "as before"


def bennie_shows_nothing_first(night: Night) -> str:
    """Bennie, who never chose, is opened with one click: nothing of him is shown, and nobody says why."""
    look = broken(night).bennie_before
    expect([name for name, block in look.blocks.items() if block.items and name != "people"], [], "blocks with something in them")
    expect(look.red, "", "a red band before any reason was given")
    expect("weiger" in look.strip.casefold(), False, "the strip speaks of refusing")
    return look.strip


def bennie_opens_with_a_reason(night: Night) -> str:
    """With a reason Bennie is opened: his holders' records are there, under a red band with that reason."""
    look = broken(night).bennie_after
    expect(("Noodtoegang" in look.red, REASONS[REASON].nl in look.red), (True, True), f"the red band: {look.red}")
    shown = [name for name, block in look.blocks.items() if block.items and name != "people"]
    expect(bool(shown), True, "blocks with something in them")
    expect("Bennie Lutke Veldhuis" in look.text, True, "his name")
    return look.red


def both_are_in_both_journals(night: Night) -> str:
    """What was opened from the screen is in both journals: the holders' and the gateway's, with who, and why."""
    _ = broken(night)
    for owner in ("dinkelhorst", "brinkhof", "gateway"):
        folder = night.region.root / "gateway" if owner == "gateway" else night.region.files[owner].agent
        lines = [event for _, event in events_of(folder / "journal") if isinstance(event, GlassBroken)]
        about = {line.patient for line in lines if (line.reason, line.asking.professional) == (REASON.value, PROFESSIONAL["id"])}
        expect(len(about), 2, f"people of whom the journal of {owner} says so")
    return "at Dinkelhorst, De Brinkhof and the gateway"


def nothing_of_them_outside_the_page(night: Night) -> str:
    """Nothing of either is in an address, in a title or in what the browser keeps."""
    seen = broken(night)
    names = (*NAMES, *_BENNIE)
    expect([url for url in seen.went if any(name.casefold() in url.casefold() for name in names)], [], "addresses with something of them")
    expect([title for title in seen.titles if any(name in title for name in names)], [], "titles with something of them")
    expect(sum(look.kept for look in (seen.before, seen.after, seen.bennie_before, seen.bennie_after)), 0, "things that the browser keeps")
    return f"{len(seen.went)} addresses"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    the_glass_changes_nothing_at_a_refusal,
    bennie_shows_nothing_first,
    bennie_opens_with_a_reason,
    both_are_in_both_journals,
    nothing_of_them_outside_the_page,
)
