"""Test citizen service numbers: nine digits, 9999xxxxx, that pass the eleven-test and belong to nobody."""

from collections.abc import Iterator
from typing import Final

from accord.terms.identifiers import passes_the_eleven_test

#: The crowd's numbers stand apart from those of the story and the untidy (99997xxxx, 99998xxxx) and from those of
#: national test scripts (99990xxxx, 99991xxxx, 99999xxxx), so that no two data sets mix two people up.
CROWD: Final = range(999_920_000, 999_970_000)


def numbers_in(numbers: range) -> Iterator[str]:
    """The numbers of a range that pass the eleven-test, in order."""
    return (text for text in map(str, numbers) if passes_the_eleven_test(text))
