"""How foreign text is written into the journal: capped, and without any character that does not show."""

import re
from typing import Final

from accord.terms.identifiers import passes_the_eleven_test
from accord.terms.limits import FIELD_CHARACTERS

#: What stands for the rest of a text that was too long.
CUT: Final = "…"

_NINE_DIGITS: Final = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")


def plain(text: str) -> str:
    r"""Give *text* as it may stand in a line: at most `FIELD_CHARACTERS`, and all of it visible.

    What does not show (control and format characters, line and paragraph separators, lone surrogates, unassigned ones)
    is spelt out as `\u000a`. Writing a plain text again changes nothing.
    """
    if len(text) > FIELD_CHARACTERS:
        text = text[: FIELD_CHARACTERS - 1] + CUT
    if text.isprintable():
        return text
    # Spelt out it may be longer than it was: six characters, or ten, for one.
    spelt = "".join(character if character.isprintable() else _spelt_out(character) for character in text)
    return spelt if len(spelt) <= FIELD_CHARACTERS else spelt[: FIELD_CHARACTERS - 1] + CUT


def without_numbers(text: str) -> str:
    """Give *text*, which a person typed, plain and without anything that is a BSN by its eleven-test."""
    return plain(_NINE_DIGITS.sub(lambda match: "[…]" if passes_the_eleven_test(match[0]) else match[0], text))


def _spelt_out(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
