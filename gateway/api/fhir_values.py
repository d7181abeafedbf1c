"""The values of search parameters: dates with a prefix, tokens, identifiers, counts. Read strictly.

Every function raises BadInput `invalid-parameter` with the parameter's name, and never with the value.
"""

import re
from datetime import date
from typing import Final

from accord.rules.moments import PREFIXES, interval
from accord.rules.reading import BSN_SYSTEMS
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, passes_the_eleven_test
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS
from accord.terms.queries import DateBound, Token

_NINE_DIGITS: Final = re.compile(r"[0-9]{9}")
_DATE: Final = re.compile(r"([a-z]{2})?([0-9].*)", re.DOTALL)
_DAY: Final = re.compile(r"(?:eq)?([0-9]{4}-[0-9]{2}-[0-9]{2})")
_COUNT: Final = re.compile(r"[0-9]{1,6}")


def is_bsn(text: str) -> bool:
    """Whether a text is nine digits that pass the eleven-test."""
    return _NINE_DIGITS.fullmatch(text) is not None and passes_the_eleven_test(text)


def bsn_in(name: str, value: str) -> Bsn:
    """The BSN in `system|number`; a number that is none is `invalid-bsn`."""
    system, bar, number = value.rpartition("|")
    if not bar or system not in BSN_SYSTEMS:
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return Bsn(number)


def day_in(name: str, value: str) -> date:
    """A whole date."""
    match = _DAY.fullmatch(value)
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise BadInput(Fault.INVALID_PARAMETER, name) from None


def count_in(name: str, value: str, most: int) -> int:
    """A number of records, no more than *most*."""
    if not _COUNT.fullmatch(value) or not int(value):
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return min(int(value), most)


def bound_in(name: str, value: str) -> DateBound:
    """A partial date with or without a prefix."""
    # A `+` that was not escaped arrives as a space.
    match = _DATE.fullmatch(value.replace(" ", "+"))
    prefix, moment = (match.group(1) or "eq", match.group(2)) if match else ("", "")
    if prefix not in PREFIXES:
        raise BadInput(Fault.INVALID_PARAMETER, name)
    try:
        interval(moment)
    except BadInput:
        raise BadInput(Fault.INVALID_PARAMETER, name) from None
    return DateBound(prefix, moment)


def values_in(name: str, value: str) -> tuple[str, ...]:
    """The values between commas, with FHIR's escapes undone."""
    found = tuple(re.sub(r"\\([\\,$])", r"\1", part) for part in re.split(r"(?<!\\),", value))
    if not all(found) or len(found) > LIST_ITEMS or any(len(part) > FIELD_CHARACTERS for part in found):
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return found


def tokens_in(name: str, value: str) -> tuple[Token, ...]:
    """Codes with or without their system."""
    return tuple(_token(name, part) for part in values_in(name, value))


def _token(name: str, text: str) -> Token:
    system, bar, code = text.replace("\\|", "\0").partition("|")
    if not bar:
        system, code = "", system
    elif not system:
        # "Without a system" is a condition that a question cannot hold.
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return Token(system.replace("\0", "|"), code.replace("\0", "|"))


def identifiers_in(name: str, value: str) -> tuple[Token, ...]:
    """Business identifiers. A BSN is refused: it would end up in links; who it is about has parameters of its own."""
    found = tokens_in(name, value)
    if any(token.system in BSN_SYSTEMS or (not token.system and is_bsn(token.code)) for token in found):
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return found


def codes_in(name: str, value: str, known: frozenset[str]) -> tuple[str, ...]:
    """Codes of one system, which may be named; of the *known* ones, if there are any."""
    found = tuple(token.code for token in tokens_in(name, value))
    if not all(found) or (known and not known.issuperset(found)):
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return found
