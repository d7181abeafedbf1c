"""An emergency on the page that tells who looked: one entry, and nothing in it that is not so."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from accord.rules.data_kinds import DataKind
from accord.rules.emergency import REASONS, ReasonCode
from accord.terms.looks import HANDOVER_READ, PLACE_GIVEN, WHO_SEEN, WHO_TOLD
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from gateway.pages.telling import Language, words
from gateway.patient.looking import Look, by_day
from gateway.patient.ports import AccessLine, HolderAccesses
from gateway.patient.sessions import Period
from gateway.patient.visits import PACKAGE
from tests.gateway.patient.conftest import Kit, says
from tests.gateway.patient.fake_region import BRINKHOF, DINKELHORST, NOON

DUTCH = words(PACKAGE, Language.DUTCH)
HOUR = timedelta(hours=1)
SEEN = frozenset({DataKind.ALERTS})


def line(minutes: float = 0, basis: str = "", reason: str = "", *, name: str = "Jan Test", data: frozenset[DataKind] | None = None) -> AccessLine:
    """One line of a question in an emergency: by itself it is the one that says that glass was broken, or that nothing came."""
    who = (name, "01.015", "Ziekenhuis Reggerbrug", HolderKind.HOSPITAL, PurposeOfUse.EMERGENCY_TREATMENT)
    return AccessLine(NOON + timedelta(minutes=minutes), *who, basis, (SEEN if basis else frozenset()) if data is None else data, reason)


GLASS = line(reason="unconscious")


def told(*at_gp: AccessLine, hospital: tuple[AccessLine, ...] = ()) -> list[HolderAccesses]:
    return [HolderAccesses(BRINKHOF, at_gp), HolderAccesses(DINKELHORST, hospital)]


def looks(*at_gp: AccessLine, hospital: tuple[AccessLine, ...] = (), language: Language = Language.DUTCH) -> list[Look]:
    return [look for day in by_day(told(*at_gp, hospital=hospital), words(PACKAGE, language), HOUR) for look in day.looks]


def test_p12_an_emergency_with_a_search_and_everything_is_told_once_with_its_reason() -> None:
    (look,) = looks(GLASS, line(0.01, "emergency"), line(2, "emergency"), hospital=(line(0.1, reason="unconscious"), line(2, "emergency")))

    assert look.sentence == "Dokter Test keek zaterdag 2 keer naar uw allergieën, tussen 11.15 en 11.17 uur."
    assert look.flag == "In nood bekeken"
    assert look.why == "Om u te helpen in nood. De reden was: u was buiten bewustzijn."
    assert look.right == "Er was nood, en u had niets gekozen."
    assert look.holders == "Huisartsen De Brinkhof en Ziekenhuis Dinkelhorst"
    assert look.note == "Iemand keek zonder uw keuze, omdat er nood was. Een ander kijkt na of dat mocht."


def test_p12_in_english_too() -> None:
    (look,) = looks(GLASS, line(2, "emergency"), language=Language.ENGLISH)

    assert look.flag == "Seen in an emergency"
    assert look.why == "To help you in an emergency. The reason was: you were unconscious."
    assert look.note.startswith("Somebody looked without your choice")


def test_p12_an_emergency_in_which_nothing_was_shown_says_so() -> None:
    (look,) = looks(GLASS, line(2))

    assert look.sentence == "Dokter Test vroeg zaterdag 2 keer naar uw gegevens, tussen 11.15 en 11.17 uur. Er is niets getoond."
    assert look.flag == "In nood gevraagd"
    assert look.why.endswith("De reden was: u was buiten bewustzijn.")
    assert look.right == "Geen. Er is niets getoond."
    assert look.note == "Een ander kijkt na of dit mocht."


def test_who_looked_in_an_emergency_by_the_patients_own_yes_did_not_look_without_it() -> None:
    (look,) = looks(GLASS, line(2, "patient-consented"))

    assert look.flag == "In nood bekeken"
    assert look.right == "U zei dat het mocht."
    assert look.note == "Een ander kijkt na of dit mocht."


def test_each_right_is_told_with_the_holders_where_it_counted() -> None:
    (look,) = looks(GLASS, line(1, "patient-consented", data=frozenset({DataKind.MEDICATION})), hospital=(line(0, reason="unconscious"), line(1, "emergency")))

    assert look.right == (
        "Uw medicijnen bij Huisartsen De Brinkhof: U zei dat het mocht. Uw allergieën bij Ziekenhuis Dinkelhorst: Er was nood, en u had niets gekozen."
    )
    assert "zonder uw keuze" in look.note


def test_a_holder_that_showed_nothing_in_an_emergency_is_not_said_to_have() -> None:
    (look,) = looks(GLASS, line(1, "emergency"), hospital=(line(0, reason="unconscious"), line(1)))

    assert look.holders == "Huisartsen De Brinkhof"
    assert look.right.endswith("Bij Ziekenhuis Dinkelhorst: Geen. Er is niets getoond.")


def test_an_emergency_lasts_so_long_and_another_is_another() -> None:
    later = (line(61, reason="life-threatening"), line(62, "emergency"))
    second, first = looks(GLASS, line(59, "emergency"), *later)

    assert "buiten bewustzijn" in first.why
    assert "levensgevaar" in second.why
    assert len(looks(GLASS, line(1, "emergency"), line(1, "emergency", name="Ans Ander"))) == 2, "somebody else's is another's"
    again = looks(line(0), line(50, reason="unconscious"), line(90, "emergency"))
    assert [look.note[:26] for look in again] == ["Iemand keek zonder uw keuz"], "it lasts from when glass was broken"
    assert len(looks(line(0), line(70, "emergency"))) == 2, "what was refused long before is no part of it"


def test_an_emergency_over_midnight_is_told_once_on_the_day_of_the_look() -> None:
    minutes = 12 * 60 + 35  # 23:50 in Twente
    days = by_day(told(line(minutes, reason="unconscious"), line(minutes + 20, "emergency")), DUTCH, HOUR)

    assert [(day.title, len(day.looks), day.looks[0].flag) for day in days] == [("zondag 22 november 2026", 1, "In nood bekeken")]
    for day in (date(2026, 11, 21), date(2026, 11, 22)):
        assert by_day(told(line(minutes, reason="unconscious"), line(minutes + 20, "emergency")), DUTCH, HOUR, Period(day, day)) == days
    assert by_day(told(line(minutes, reason="unconscious")), DUTCH, HOUR, Period(date(2026, 11, 22), date(2026, 11, 22))) == ()


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_told_in_words(code: ReasonCode) -> None:
    for language in Language:
        (look,) = looks(line(reason=code.value), line(1, "emergency"), language=language)

        assert language is Language.ENGLISH or code.value not in look.why
        assert words(PACKAGE, language)(f"reason.{code}") in look.why
    assert set(REASONS) == set(ReasonCode)


def test_an_ordinary_question_is_no_part_of_an_emergency() -> None:
    ordinary = AccessLine(NOON, "Jan Test", "01.015", "Ziekenhuis Reggerbrug", HolderKind.HOSPITAL, PurposeOfUse.TREATMENT, "patient-consented", SEEN)
    found = looks(GLASS, ordinary, line(1, "emergency"))

    assert sorted(look.flag for look in found) == ["", "In nood bekeken"]


@pytest.mark.parametrize(
    ("place", "dutch", "english"),
    [
        (
            WHO_TOLD,
            "Ziekenhuis Reggerbrug vertelde zaterdag om 11.15 uur aan HOLDER wie u bent. Dat was om een plek voor u te vinden.",
            "Ziekenhuis Reggerbrug told HOLDER who you are on",
        ),
        (
            WHO_SEEN,
            "Iemand van Ziekenhuis Reggerbrug las zaterdag om 11.15 uur wie u bent. Dat was om een plek voor u te vinden.",
            "Somebody at Ziekenhuis Reggerbrug read who you are on",
        ),
        (PLACE_GIVEN, "Ziekenhuis Reggerbrug gaf u zaterdag om 11.15 uur een plek.", "Ziekenhuis Reggerbrug gave you a place on"),
        (HANDOVER_READ, "Ziekenhuis Reggerbrug las zaterdag om 11.15 uur wat over u is overgedragen.", "Ziekenhuis Reggerbrug read on"),
    ],
)
def test_who_was_told_of_whom_and_a_place_that_was_given_are_told_by_organisation_and_looks_like_no_look(place: str, dutch: str, english: str) -> None:
    step = replace(line(), professional="", role="", purpose=PurposeOfUse.TREATMENT, place=place)
    (look, again) = looks(step, line(3, "emergency"))
    (told_in_english,) = looks(step, replace(step, at=NOON + timedelta(minutes=9)), language=Language.ENGLISH)

    assert {look.sentence, again.sentence} >= {dutch.replace("HOLDER", BRINKHOF.title)}
    assert told_in_english.sentence.startswith(english.replace("HOLDER", BRINKHOF.title))
    assert told_in_english.why == "To arrange care for you."


@pytest.mark.anyio
async def test_the_page_says_and_reads_aloud_the_same_of_an_emergency(kit: Kit) -> None:
    for holder in kit.region.holders[:2]:
        holder.looked = {patient: (GLASS, line(0.5, "patient-consented")) for patient in holder.kept}
    await kit.enter("bennie")
    page = await kit.get("/inzage")
    aloud = page.text.partition('data-speech="')[2].partition('"')[0]

    assert page.text.count('class="look emergency"') == 1
    assert "unconscious" not in page.text
    assert says(page, "De reden was: u was buiten bewustzijn.")
    for heard in ("In nood bekeken.", "u was buiten bewustzijn.", "U zei dat het mocht.", "Een ander kijkt na of dit mocht."):
        assert heard in aloud
    assert not says(page, "zonder uw keuze")
    assert not says(page, "kreeg niets te zien")
