"""Step 1 on the screen: what Dr Sanne ten Esker sees of Dina in a real browser, opened from her health record with one click."""

from collections.abc import Callable, Sequence
from typing import Final

from accord.terms.answers import Ending
from gateway.dossier.words import ENDINGS
from testbed.clinician import Item, Look, named_in
from testbed.holders import BY_NAME
from testbed.people import DINA, DINA_HOSPITAL_ADMISSION
from testbed.story_evidence import BRIEF_SECONDS, Night, expect
from testbed.story_screens import walk

_SCREEN_PIXELS: Final = 768
#: What must not be where others than the clinician may read it.
NAMES: Final = (DINA.bsn, "Wolbers", "Nijkamp", "Dina", DINA.birth_date)


def one_click_opens_her(night: Night) -> str:
    """One click in the health record opens the emergency screen: no second login, no form, and what is known is there within 2 s."""
    seen = walk(night)
    expect([url for url in seen.shown if "/login" in url or "/choose" in url], [], "pages to log in at")
    expect(seen.early.url, seen.late.url, "where the emergency screen is")
    expect("Dina Olde Wolbers-Nijkamp" in seen.early.text, True, "her name is on it")
    expect(seen.early.seconds <= BRIEF_SECONDS, True, f"the screen was looked at after {seen.early.seconds:.2f} s")
    for block in ("wishes", "allergies", "blood-thinners", "kidney", "medication", "problems", "people"):
        expect(bool(seen.early.blocks[block].items), True, f"something in {block} after {seen.early.seconds:.2f} s")
    expect(max(seen.early.height, seen.late.height) <= _SCREEN_PIXELS, True, f"it is {seen.late.height} pixels high")
    return f"after {seen.early.seconds:.2f} s, {seen.late.height} pixels high"


def no_cpr_stands_on_top(night: Night) -> str:
    """No CPR stands on top, with De Wieke's older yes marked beside it as contradicting."""
    for look in (walk(night).early, walk(night).late):
        first = look.blocks["wishes"].items[0]
        expect((first.conflict, "Reanimatie" in first.text), (True, True), "the first wish is of CPR, and is a conflict")
        expect([side.startswith(words) for side, words in zip(first.sides, ("Niet reanimeren", "Wel reanimeren"), strict=True)], [True, True], "its sides")
        expect(("Brinkhof" in first.sides[0], "Wieke" in first.sides[1], "2021" in first.sides[1]), (True, True, True), "whose they are, and since when")
    return first.text


def yes_but_stands_in_full(night: Night) -> str:
    """Hospital admission "ja, mits" stands in full, and is called neither a yes nor a no."""
    for look in (walk(night).early, walk(night).late):
        wish = _only(look.blocks["wishes"].items, "Ziekenhuisopname")
        expect(("Geen ja of nee" in wish.text, DINA_HOSPITAL_ADMISSION in wish.text), (True, True), "what is said of hospital admission")
    return DINA_HOSPITAL_ADMISSION


def penicillin_side_by_side(night: Night) -> str:
    """Penicillin stands side by side: confirmed by Dinkelhorst, refuted by Reggerbrug."""
    for look in (walk(night).early, walk(night).late):
        allergy = _only(look.blocks["allergies"].items, "Penicilline")
        told = {words for side in allergy.sides for words in ("bevestigd Dinkelhorst", "weerlegd Reggerbrug") if all(one in side for one in words.split())}
        expect((allergy.conflict, len(allergy.sides), sorted(told)), (True, 2, ["bevestigd Dinkelhorst", "weerlegd Reggerbrug"]), "penicillin")
    return allergy.text


def egfr_stands_once(night: Night) -> str:
    """The eGFR of that night stands once, with two origins, on the emergency screen and in the laboratory's section."""
    seen = walk(night)
    for items in (seen.early.blocks["kidney"].items, seen.late.blocks["kidney"].items, seen.pages["lab"].strands):
        found = _only(items, "eGFR")
        expect(("34 mL/min" in found.text, "2 bronnen" in found.text, "hierbij" in found.text), (True, True, False), f"the eGFR: {found.text}")
    origin = seen.pages["origin"].text
    expect((night.title("dinkelhorst") in origin, night.title("twickelaar") in origin), (True, True), "both are named at its origin")
    return "34, two origins"


def crp_is_written_37_50(night: Night) -> str:
    """37.50 stays 37.50 in the laboratory's section."""
    crp = _only(walk(night).pages["lab"].strands, "CRP")
    expect("37.50 mg/L" in crp.text, True, f"the CRP: {crp.text}")
    return "37.50 mg/L"


def the_pharmacy_comes_without_a_reload(night: Night) -> str:
    """Medication says that the pharmacy is not heard yet; then apixaban 2 × 2,5 against 2 × 5 is there as a conflict, without a reload."""
    seen, pharmacy = walk(night), night.title("vijzelmarke")
    before, after = seen.early.blocks["blood-thinners"], seen.late.blocks["blood-thinners"]
    expect(pharmacy in before.lack.partition("Nog niet gehoord:")[2], True, f"the pharmacy is waited for: {before.lack}")
    expect([item.conflict for item in before.items], [False], "conflicts before it answered")
    expect(pharmacy in after.lack, False, "the pharmacy is waited for after it answered")
    expect(len(after.items), 1, "blood thinners")
    sides = after.items[0].sides
    told = [any(f"tablet {dose}" in side and "2 maal per dag" in side for side in sides) for dose in ("2,5mg", "5mg")]
    expect((after.items[0].conflict, len(sides), told), (True, 2, [True, True]), f"the conflict: {after.items[0].text}")
    expect(seen.late.is_same, True, "the page is the same")
    return f"complete after {seen.late.seconds:.2f} s"


def the_dead_post_has_its_telephone(night: Night) -> str:
    """The dead post stands at the top with its telephone number, from the beginning."""
    for look in (walk(night).early, walk(night).late):
        post = BY_NAME["marksveen"]
        after = look.strip.partition(post.title)[2]
        expect(("niet bereikbaar" in after[:40], post.telephone in after[:80]), (True, True), f"the post: {look.strip}")
    return post.telephone


def ten_holders_on_the_page(night: Night) -> str:
    """Of ten holders asked the page says: 6 answered, 1 unreachable, 1 too late, 2 nothing shown; and the top of each page says the same."""
    seen = walk(night)
    counted = {ending.value: _count(seen.pages["holders"], ENDINGS[ending].nl) for ending in Ending}
    wanted = {"answered": 6, "unreachable": 1, "too-late": 1, "nothing-shown": 2, "not-asked": 1}
    expect({ending: number for ending, number in counted.items() if number}, wanted, "what is said of each")
    for name, look in (("emergency", seen.late), *seen.pages.items()):
        expect([words in look.strip for words in ("2 niet gehoord", "8 gehoord", "1 niet gevraagd")], [True] * 3, f"the strip of {name}")
    return "6 answered, 1 unreachable, 1 too late, 2 nothing shown"


def silence_looks_like_refusal_on_the_page(night: Night) -> str:
    """De Eschrand and 't Weefgetouw differ by nothing but their name, kind and number in the HTML of any page."""
    seen, pieces = walk(night), 0
    for name, look in (("emergency", seen.late), *seen.pages.items()):
        refused, silent = (named_in(look, BY_NAME[holder].title, own_words(holder)) for holder in ("eschrand", "weefgetouw"))
        expect(refused, silent, f"what is said on {name}")
        pieces += len(refused)
    expect(pieces >= len(seen.pages), True, "pieces that name them")
    return f"{pieces} pieces of {len(seen.pages) + 1} pages"


def the_frozen_one_holds_up_nothing(night: Night) -> str:
    """The frozen ambulance holds up nothing on the screen: it is named as not heard, and everything else is there."""
    early, ambulance = walk(night).early, night.title("losserveld")
    expect(ambulance in early.strip, True, "the ambulance is named")
    expect(ambulance in early.blocks["allergies"].lack, True, f"it is named where it may know something: {early.blocks['allergies'].lack}")
    return f"after {early.seconds:.2f} s"


def nothing_of_her_outside_the_page(night: Night) -> str:
    """Nothing of her is in an address, in a title or in what the browser keeps; and the console stays silent."""
    seen = walk(night)
    expect([url for url in seen.went if any(name.casefold() in url.casefold() for name in NAMES)], [], "addresses with something of her")
    looks = (seen.early, seen.late, *seen.pages.values())
    expect([look.title for look in looks if any(name in look.title for name in NAMES)], [], "titles with something of her")
    expect(sum(look.kept for look in looks), 0, "things that the browser keeps")
    expect(list(seen.console), [], "the console")
    return f"{len(seen.went)} addresses"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    one_click_opens_her,
    no_cpr_stands_on_top,
    yes_but_stands_in_full,
    penicillin_side_by_side,
    egfr_stands_once,
    crp_is_written_37_50,
    the_pharmacy_comes_without_a_reload,
    the_dead_post_has_its_telephone,
    ten_holders_on_the_page,
    silence_looks_like_refusal_on_the_page,
    the_frozen_one_holds_up_nothing,
    nothing_of_her_outside_the_page,
)


def own_words(holder: str) -> tuple[tuple[str, str], ...]:
    """What is a holder's own beside its name: its name in the register, its number and its kind, as pages have them."""
    card = BY_NAME[holder]
    dial = "".join(letter for letter in card.telephone if letter.isdecimal())
    return (card.name.value, "ID"), (card.telephone, "NUMBER"), (dial, "DIAL"), ({"eschrand": "ggz", "weefgetouw": "verpleeghuis"}[holder], "KIND")


def _only(items: Sequence[Item], what: str) -> Item:
    found = [item for item in items if what in item.text]
    expect(len(found), 1, f"times that {what} stands there")
    return found[0]


def _count(look: Look, words: str) -> int:
    return sum(words in cell for row in look.rows for cell in row)
