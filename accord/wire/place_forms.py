"""Questions, statements and letters about places as JSON, the form in which they are signed and sealed.

What comes in is checked here once: of the right type, every moment with its zone, every text readable and bounded, every
number small. A member that we do not know is passed over, so that a newer party may say more.
"""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from accord.terms.faults import BadInput, Fault
from accord.terms.placing import WORDS_CHARACTERS

_T = TypeVar("_T")

#: What every reader of JSON can hold, and every store.
_LARGEST_NUMBER: Final = 1 << 53
#: Controls but for tab and new line, halves of a character, and what turns the direction of a text around: by these a text shows
#: what it does not say. A space that does not break and a joined sign are only letters of somebody's keyboard.
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufff9-\uffff\ud800-\udfff]")
#: What one statement or letter may hold of lists in lists.
_MOST_PARTS: Final = 20_000


def to_form(said: Any) -> bytes:
    """JSON of a question, a statement or a letter."""
    return msgspec.json.encode(said)


def from_form(content: bytes, kind: type[_T]) -> _T:
    """What JSON says, as *kind* (which may be a union of letters).

    Raises:
        BadInput: `invalid-question`; it says nothing about what was wrong, for it came from another party.
    """
    try:
        said: _T = msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, BadInput, ValueError, RecursionError):
        raise _refused() from None
    for number, part in enumerate(_parts(said)):
        if number > _MOST_PARTS or not _is_sound(part):
            raise _refused()
    return said


def is_readable(text: str) -> bool:
    """Whether a text is short enough to be said, and shows all that it says: whatever is not, nobody takes in."""
    return len(text) <= WORDS_CHARACTERS and _UNREADABLE.search(text) is None


def _parts(whole: Any) -> Iterator[Any]:
    """Every value in it, however deep."""
    waiting = [whole]
    while waiting:
        part = waiting.pop()
        if is_dataclass(part):
            waiting.extend(getattr(part, each.name) for each in fields(part))
        elif isinstance(part, Struct):
            waiting.extend(structs.astuple(part))
        elif isinstance(part, (tuple, frozenset, list)):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend((*part, *part.values()))
        yield part


def _is_sound(part: Any) -> bool:
    if isinstance(part, str):
        return is_readable(part)
    if isinstance(part, datetime):
        return part.tzinfo is not None
    return not isinstance(part, int) or abs(part) < _LARGEST_NUMBER


def _refused() -> BadInput:
    return BadInput(Fault.INVALID_QUESTION, "places")
