"""Every code of places has words in both languages, and no two codes of a kind read the same."""

from enum import StrEnum

import pytest

from accord.terms.place_words import WORDS, words_of


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: str(kind.__name__))
def test_every_code_has_words_and_no_two_the_same(kind: type[StrEnum]) -> None:
    told = [words_of(code) for code in kind]

    assert all(words.nl.strip() and words.en.strip() for words in told)
    assert len({words.nl for words in told}) == len({words.en for words in told}) == len(told)
