"""The words for clinicians: all of them, in both languages, and telling nothing that may not be told."""

import re

from accord.terms.answers import Ending
from accord.terms.faults import CATALOGUE, Fault
from accord.terms.vocabulary import Section
from gateway.dossier.words import CONSTANT_NOTE, EMERGENCY_NOTE, ENDINGS, FAULTS, SECTIONS, Wording, data_as_of, fault_words, not_heard


def every_wording() -> list[Wording]:
    """All fixed texts."""
    return [CONSTANT_NOTE, EMERGENCY_NOTE, *ENDINGS.values(), *SECTIONS.values(), *FAULTS.values()]


def test_every_ending_and_every_section_has_words_in_both_languages() -> None:
    assert set(ENDINGS) == set(Ending)
    assert set(SECTIONS) == set(Section)
    for wording in every_wording():
        assert wording.nl.strip()
        assert wording.en.strip()
        assert wording.in_language("nl") == wording.nl
        assert wording.in_language("en") == wording.en


def test_no_two_endings_or_sections_read_the_same() -> None:
    for wordings in (ENDINGS, SECTIONS):
        assert len({wording.nl for wording in wordings.values()}) == len(wordings)
        assert len({wording.en for wording in wordings.values()}) == len(wordings)


def test_dutch_is_dutch() -> None:
    assert all(wording.nl != wording.en for wording in every_wording())


def test_sentences_are_short_and_end() -> None:
    for wording in [CONSTANT_NOTE, *ENDINGS.values(), *FAULTS.values()]:
        for text in (wording.nl, wording.en):
            assert len(text) <= 90
            assert text.endswith(".")


def test_every_fault_of_an_ending_or_of_the_plan_has_its_own_words() -> None:
    codes = list(Fault)
    of_an_ending = codes[codes.index(Fault.PAUSED) : codes.index(Fault.NOT_ACTIVE) + 1]

    assert not [code for code in of_an_ending if code not in FAULTS]
    assert all(fault_words(code).nl for code in CATALOGUE)


def test_nothing_shown_does_not_tell_withheld_from_unknown() -> None:
    words = ENDINGS[Ending.NOTHING_SHOWN]

    assert not re.search(r"bekend|toestemming|onthouden|known|consent|withheld", words.nl + words.en)


def test_the_age_of_a_copy_is_in_dutch_time() -> None:
    assert data_as_of(1_777_802_400_000) == Wording("Kopie; gegevens van 03-05-2026 12:00.", "A copy; data as of 2026-05-03 12:00.")
    assert data_as_of(0).nl == "Kopie; niet bekend van wanneer."


def test_who_was_not_heard_is_named() -> None:
    assert not_heard(["Apotheek Dorpspoort"]).nl == "Niet alles gehoord van: Apotheek Dorpspoort."
    assert not_heard([]) == Wording("", "")


def test_an_age_that_is_no_moment_is_not_known() -> None:
    assert {data_as_of(moment) for moment in (2**62, -(2**62), 300_000_000_000_000, -1)} == {data_as_of(0)}
