"""What is observed or aimed at: place of death, euthanasia, organ donation, what matters, the goal of treatment."""

import json

import pytest

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import read_tree_fast
from gateway.dossier.clinical.wish_reading import read_wishes
from gateway.dossier.clinical.wishes import Answer, Validity
from gateway.dossier.words import Wording
from tests.gateway.dossier.clinical.wish_records import HL7, concept, notes_of, observation, read, read_one

PLACE, EUTHANASIA, DONOR, SPECIFIC, OTHER = "395091006", "340171000146104", "570801000146104", "153851000146100", "247751003"
NULL = HL7 + "v3-NullFlavor"


@pytest.mark.parametrize(("code", "words"), [("264362003", "Thuis"), ("22232009", "Ziekenhuis"), ("108344006", "Verpleeghuis"), ("284546000", "Hospice")])
def test_the_preferred_place_of_death_is_said_in_words(code: str, words: str) -> None:
    wish = read_one(observation(PLACE, valueCodeableConcept=concept(code), note=[{"text": "het liefst rustig"}]))

    assert (wish.answer, wish.words.nl, wish.when) == (Answer.IN_WORDS, words, "2026-11-09")
    assert "het liefst rustig" in notes_of(wish)


def test_another_place_of_death_is_in_the_records_words() -> None:
    wish = read_one(observation(PLACE, valueCodeableConcept=concept("OTH", NULL, "other", "Bij mijn zus in Ootmarsum")))

    assert (wish.answer, wish.words.nl) == (Answer.IN_WORDS, "Bij mijn zus in Ootmarsum")


def test_two_places_that_differ_say_something_else() -> None:
    home, hospice = (read_one(observation(PLACE, valueCodeableConcept=concept(code))) for code in ("264362003", "284546000"))

    assert home.says != hospice.says


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("340181000146102", "Heeft een euthanasieverklaring"),
        ("340191000146100", "Heeft geen euthanasieverklaring, wil er mogelijk om vragen"),
        ("340201000146103", "Wil geen euthanasie"),
    ],
)
def test_a_position_on_euthanasia_is_said_in_words_and_is_no_yes_or_no(code: str, words: str) -> None:
    wish = read_one(observation(EUTHANASIA, valueCodeableConcept=concept(code)))

    assert (wish.answer, wish.words.nl) == (Answer.IN_WORDS, words)


def test_a_registered_choice_on_organ_donation_is_not_taken_for_a_yes_to_donation() -> None:
    yes, no = (read_one(observation(DONOR, valueCodeableConcept=concept(code))) for code in ("373066001", "373067005"))

    assert (yes.answer, yes.words.nl) == (Answer.IN_WORDS, "Keuze staat in het Donorregister; welke staat hier niet")
    assert (no.answer, no.words.nl) == (Answer.IN_WORDS, "Geen keuze in het Donorregister vastgelegd")


@pytest.mark.parametrize("code", [SPECIFIC, OTHER])
def test_a_wish_in_words_is_whole(code: str) -> None:
    told = "Mevrouw wil haar kleinkind nog zien. " * 80
    wish = read_one(observation(code, valueString=told))

    assert wish.words == Wording(told, told)
    assert wish.conditions == told


@pytest.mark.parametrize(
    "value",
    [
        {"valueCodeableConcept": concept("UNK", NULL)},
        {"dataAbsentReason": concept("unknown", HL7 + "data-absent-reason")},
        {"dataAbsentReason": concept("not-asked", HL7 + "data-absent-reason")},
        {"dataAbsentReason": {"text": "gesprek onderbroken"}},
    ],
)
def test_what_is_not_known_is_undecided(value: dict[str, object]) -> None:
    assert read_one(observation(PLACE, **value)).answer is Answer.UNDECIDED


def test_an_observation_without_a_value_is_no_answer() -> None:
    wish = read_one(observation(OTHER))

    assert (wish.answer, wish.words.nl) == (Answer.NOT_RECORDED, "Geen antwoord vastgelegd: vraag het")


def test_an_observation_with_nothing_but_a_note_is_in_the_words_of_the_note() -> None:
    wish = read_one(observation(PLACE, note=[{"text": "wil niet naar het ziekenhuis"}]))

    assert (wish.answer, wish.conditions) == (Answer.IN_WORDS, "wil niet naar het ziekenhuis")


def test_two_coded_answers_that_differ_are_both_named() -> None:
    both = {"coding": concept("264362003")["coding"] + concept("284546000")["coding"]}
    wish = read_one(observation(PLACE, valueCodeableConcept=both))

    assert wish.words.nl == "Thuis / Hospice"
    assert "spreekt zichzelf tegen" in notes_of(wish)


@pytest.mark.parametrize("status", ["preliminary", "registered", "cancelled", "entered-in-error", "unknown", ""])
def test_an_observation_that_is_not_final_is_not_valid(status: str) -> None:
    wish = read_one(observation(PLACE, status=status, valueCodeableConcept=concept("264362003")))

    assert wish.validity is not Validity.VALID
    assert wish.words.nl.startswith("Geen geldige afspraak")


@pytest.mark.parametrize(
    ("code", "words"),
    [("385987000", "Ziektegericht behandelen"), ("1351964001", "Levensverlengend behandelen"), ("713148004", "Klachten voorkomen en behandelen")],
)
def test_a_goal_of_treatment_is_said_in_words_with_the_date_of_its_status(code: str, words: str) -> None:
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": concept(code), "startDate": "2020", "statusDate": "2026-11-09"}
    wish = read_one(goal)

    assert (wish.answer, wish.words.nl, wish.when) == (Answer.IN_WORDS, words, "2026-11-09")


def test_a_goal_that_was_only_proposed_is_not_valid() -> None:
    goal = {"resourceType": "Goal", "lifecycleStatus": "proposed", "description": concept("713148004")}

    assert read_one(goal).validity is Validity.NOT_VALID


def test_other_goals_and_observations_are_no_wishes() -> None:
    assert read({"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "weer kunnen lopen"}}) == ()
    assert read(observation("85354-9", valueString="120/80")) == ()


def test_a_treatment_that_was_observed_is_no_wish() -> None:
    assert read(observation("40617009", valueCodeableConcept=concept("373066001"))) == ()


def test_all_goals_are_about_one_subject() -> None:
    goals = [read_one({"resourceType": "Goal", "lifecycleStatus": "active", "description": concept(code)}) for code in ("1351964001", "713148004")]

    assert len({wish.about for wish in goals}) == 1
    assert len({wish.says for wish in goals}) == 2


def test_a_whole_number_is_told_however_the_record_was_read() -> None:
    record = observation(SPECIFIC, valueInteger=3)

    assert read_one(record).words.nl == "3"
    assert read_wishes(read_tree_fast(json.dumps(record).encode()), lambda _: None, table())[0].words.nl == "3"
