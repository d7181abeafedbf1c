"""What must hold of step 5: a place for Bennie after his operation, and one for Dina now, on screens, on disk and in journals."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from accord.audit.places_events import PlaceHandover
from accord.audit.verifying import events_of
from accord.terms.placing import DeclineReason
from testbed.people import BENNIE, DINA
from testbed.places_inputs import PLANNING
from testbed.placing_records import answers_at, at_provider, sources_at
from testbed.placing_walk import BOTH
from testbed.story_evidence import DoesNotHold, expect
from testbed.story_transfer import Transfer

_PHONE_PIXELS: Final = 390
_SOON_SECONDS: Final = 2.0
_NAMES: Final = (DINA.bsn, BENNIE.bsn, "Wolbers", "Nijkamp", "Dina", "Bennie", "Veldhuis")


def gerben_is_at_work_without_a_dossier(monday: Transfer) -> str:
    """Gerben Nieuwe Haarman goes from his worklist to the requests of the hospital, without opening anybody's dossier."""
    seen = monday.seen.at_work
    expect(["Gerben Nieuwe Haarman" in seen, "Alle aanvragen" in seen, "Overzicht regio" in seen], [True] * 3, f"where he is: {seen}")
    return "one click"


def bennies_need_is_proposed(monday: Transfer) -> str:
    """Bennie's need after knee surgery is proposed from the procedure that his dossier has planned, with what has to be asked first."""
    expect("knieprothese" in monday.seen.evidence.casefold(), True, f"what the dossier says: {monday.seen.evidence}")
    expect(monday.seen.about, ("Bennie Lutke Veldhuis", BENNIE.birth_date), "whom the form is about")
    said = monday.seen.proposed
    expect(["wijkverpleging" in said, "eerstelijnsverblijf" in said, "Eerst vragen" in said, "woont alleen" in said], [True] * 4, f"the proposal: {said}")
    return monday.seen.evidence


def bennies_sheet_is_one_page(monday: Transfer) -> str:
    """His sheet says in plain Dutch what happens after the hospital and where, on one page of A4, before the operation."""
    sheet = monday.seen.sheet
    wanted = ("Na het ziekenhuis", "Bennie Lutke Veldhuis", "Wat gebeurt er?", "Waar?", "Wanneer?", "Wie kunt u bellen?", "053-5550101")
    expect([words for words in wanted if words not in sheet], [], "what is not on the sheet")
    expect(monday.seen.sheet_pages, 1, "pages")
    return f"{len(sheet.split())} words"


def the_dead_post_has_its_telephone_number(monday: Transfer) -> str:
    """The region's overview names the dead out-of-hours post as not heard, with its telephone number; the ambulance, which has no places, is not asked."""
    missed = monday.seen.overview
    expect(["Huisartsenpost Marksveen" in missed, "053-5550104" in missed, "Losserveld" in missed.partition("Capaciteit")[0]], [True, True, False], missed)
    return "053-5550104"


def dinas_need_is_rehabilitation(monday: Transfer) -> str:
    """Dina's need is proposed from the hip fracture and her age: geriatric rehabilitation from Thursday."""
    said = monday.seen.for_dina
    expect(["geriatrische revalidatie" in said, f" {monday.seen.thursday.day} " in said, "80 jaar" in said], [True] * 3, f"the proposal: {said}")
    return said


def the_confirmed_place_stands_first(monday: Transfer) -> str:
    """'t Weefgetouw has one place, confirmed by a person 4 minutes ago, and stands first of what is free."""
    first = next((one for one in monday.seen.found if one.group == "free"), None)
    text = first.text if first else "nothing is free"
    expect(["Weefgetouw" in text, "1 plek vrij" in text, "bevestigd door een mens" in text, "4 minuten" in text or "5 minuten" in text], [True] * 4, text)
    return text


def the_stale_two_is_unknown(monday: Transfer) -> str:
    """De Havezate's "2" of 26 hours old is unknown, with its telephone number, and nowhere shown as free."""
    lines = monday.seen.spots("Havezate")
    expect({one.group for one in lines}, {"unknown"}, "how De Havezate stands")
    expect([words in one.text for one in lines for words in ("26 uur", "074-5550121", "vrij")], [True, True, False] * len(lines), "what is said of it")
    return lines[0].text


def numbers_come_from_the_houses_own_systems(monday: Transfer) -> str:
    """Reviant's number comes from the export of its planning system, 't Noaberhoes' from its FHIR server; a new export is told within 2 s."""
    for name, title in (("reviant", "Reviant"), ("noaberhoes", "Noaberhoes")):
        expect(all("uit een systeem" in one.text for one in monday.seen.spots(title)) and bool(monday.seen.spots(title)), True, f"what is said of {name}")
    expect(sources_at(monday.region.stores["reviant"])["reviant-grz"], PLANNING, "where Reviant's number is from")
    expect(sources_at(monday.region.stores["noaberhoes"])["noaberhoes-logeren"], "FHIR noaberhoes-logeren", "where 't Noaberhoes' number is from")
    took = monday.export_seconds
    expect(took <= _SOON_SECONDS, True, f"a new export was told after {took:.2f} s")
    return f"{took:.2f} s"


def the_hospice_declines_with_a_code(monday: Transfer) -> str:
    """'t Noaberhoes declines on its planner's telephone with a coded reason, which the coordinator reads."""
    seen, reason = monday.seen, DeclineReason.OTHER_CARE_FITS_BETTER
    expect("andere zorg past beter" in seen.declined, True, f"what its planner sees: {seen.declined}")
    expect(answers_at(monday.region.stores["noaberhoes"])[seen.case].declined, reason, "what is on its disk")
    expect("Andere zorg past beter" in seen.placed, True, f"what the coordinator sees: {seen.placed}")
    return reason.value


def both_say_yes_in_the_same_second(monday: Transfer) -> str:
    """'t Weefgetouw and Reviant say yes in the same second, on pages that fit a telephone; between the two the gateway is killed (`kill -9`)."""
    seen = monday.seen
    first, second = (answers_at(monday.region.stores[name])[seen.case].at for name in BOTH)
    if first is None or second is None or seen.died_at is None:
        raise DoesNotHold("one of them said nothing, or the gateway lives")
    expect(second - first <= timedelta(seconds=1), True, f"so far apart: {second - first}")
    expect(first <= seen.died_at <= second, True, f"said yes at {first:%H:%M:%S.%f} and {second:%H:%M:%S.%f}, died at {seen.died_at:%H:%M:%S.%f}")
    expect(set(seen.widest.values()), {_PHONE_PIXELS}, "how wide their pages are")
    return f"{(second - first).total_seconds():.2f} s apart"


def exactly_one_wins(monday: Transfer) -> str:
    """The gateway comes back: exactly one wins and the other is released, on the screen and on both sides' disks."""
    seen, verdict = monday.seen, monday.verdict
    expect((verdict.twice, verdict.lost, verdict.unknown), ([], [], []), "given twice, lost, unknown")
    states = {name: str(leg.at) for name in BOTH for leg in at_provider(name, monday.region.stores[name]) if leg.request == seen.case}
    expect(sorted(states.values()), ["ended", "granted"], f"how the two have it: {states}")
    expect(states.get(seen.winner), "granted", f"the winner of its asker: {seen.winner}")
    expect(
        ["afgezegd door ons" in seen.placed, "Bericht bij een vrije plek" in seen.placed],
        [True, False],
        f"the other is released, and nobody waits: {seen.placed}",
    )
    return f"{seen.winner}, and not {seen.loser}"


def both_journals_agree(monday: Transfer) -> str:
    """The journals of asker and providers are whole: each step has its line at both, the grant exactly one, and they agree letter for letter."""
    said = monday.journals
    expect((said.twice, said.lost), ([], []), "written twice, or not at all")
    return f"{said.requests} requests"


def the_handover_arrives_with_the_wishes(monday: Transfer) -> str:
    """The handover arrives with the wishes, no CPR and "ja, mits" in full; the winner's planner opens it (a line in the journal) and takes it in."""
    seen = monday.seen
    text = seen.handover.casefold()
    wanted = ("reden: heupfractuur", "behandelgrenzen en wensen", "niet reanimeren", "ja, mits", "dochter ria")
    expect([words for words in wanted if words not in text], [], "what is not in the handover")
    journal = monday.region.files[seen.winner].agent / "journal"
    opened = [event for _, event in events_of(journal, kind="place-handover") if isinstance(event, PlaceHandover) and event.request == seen.case]
    expect(bool(opened), True, "a line of who opened it")
    expect("overgenomen in hun dossier" in seen.taken_in, True, f"the steps: {seen.taken_in}")
    return seen.winner


def the_handover_says_who_was_not_heard(monday: Transfer) -> str:
    """The handover names the dead out-of-hours post as out of reach, with its telephone number."""
    heard = monday.seen.handover
    expect(["Huisartsenpost Marksveen" in heard, "053-5550104" in heard], [True, True], f"who was heard: {heard.rpartition('Wie is gehoord')[2]}")
    return "053-5550104"


def three_of_four_visits(monday: Transfer) -> str:
    """De Wieke accepts 3 of 4 visits from Thursday, and the coordinator takes that up."""
    seen = monday.seen
    expect(["3 van de 4 bezoeken" in seen.visits, f" {seen.thursday.day} " in seen.visits], [True, True], f"what was taken up: {seen.visits}")
    legs = [leg for leg in at_provider("wieke", monday.region.stores["wieke"]) if leg.request == seen.visits_case]
    expect([(str(leg.at), leg.amount) for leg in legs], [("granted", 3)], "what De Wieke has on disk")
    return "3 of 4"


def nothing_of_them_in_an_address(monday: Transfer) -> str:
    """Nothing of either is in an address that the coordinator's browser asked for."""
    seen = monday.seen
    if found := [url for url in seen.shown if any(name.casefold() in url.casefold() for name in _NAMES)]:
        raise DoesNotHold(f"addresses with something of them: {len(found)}")
    return f"{len(seen.shown)} addresses"


FACTS: Final[tuple[Callable[[Transfer], str], ...]] = (
    gerben_is_at_work_without_a_dossier,
    bennies_need_is_proposed,
    bennies_sheet_is_one_page,
    the_dead_post_has_its_telephone_number,
    dinas_need_is_rehabilitation,
    the_confirmed_place_stands_first,
    the_stale_two_is_unknown,
    the_hospice_declines_with_a_code,
    both_say_yes_in_the_same_second,
    exactly_one_wins,
    both_journals_agree,
    the_handover_arrives_with_the_wishes,
    the_handover_says_who_was_not_heard,
    three_of_four_visits,
    nothing_of_them_in_an_address,
    # Last: it changes a number.
    numbers_come_from_the_houses_own_systems,
)
