"""Every failure has words for it, and the words are fit to be shown."""

import pytest

from accord.terms.answers import Ending
from accord.terms.faults import CATALOGUE, Fault
from accord.terms.vocabulary import SECTION_OF, CareCategory


def test_every_fault_is_in_the_catalogue_and_nothing_else_is() -> None:
    assert set(CATALOGUE) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_says_what_happened_and_what_to_do(fault: Fault) -> None:
    explanation = CATALOGUE[fault]

    for sentence in (explanation.happened, explanation.next_step):
        assert sentence[:1].isupper() or sentence.startswith("`")
        assert sentence.endswith(".")


def test_no_two_faults_are_told_in_the_same_words() -> None:
    told = [explanation.happened for explanation in CATALOGUE.values()]

    assert len(told) == len(set(told))


def test_codes_are_fit_for_a_url_and_a_log() -> None:
    assert all(code.value.isascii() and code.value.replace("-", "").isalpha() for code in (*Fault, *Ending))


def test_every_category_of_data_has_its_section() -> None:
    assert set(SECTION_OF) == set(CareCategory)
