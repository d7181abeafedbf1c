"""Reading claims one by one: exactly the members that there should be, each of the one type that it has.

Every function raises `BadInput` with `token-invalid` and says nothing about which claim it was.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from accord.link.jose import decoded
from accord.rules.strictness import Number
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import FIELD_CHARACTERS

#: Whole seconds since 1970, up to the year 5138.
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


def check_members(claims: Mapping[str, Any], required: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    """Refuse a claim that is missing, and one that is unknown: what we do not understand could be a condition."""
    if not required <= frozenset(claims) <= required | optional:
        raise refused()


def text(claims: Mapping[str, Any], name: str, most: int = FIELD_CHARACTERS) -> str:
    """A text that is not empty, has no control characters and is no longer than *most*."""
    value = claims[name]
    # Exactly `str`: a JSON number arrives as a kind of text.
    if type(value) is not str or not 0 < len(value) <= most or not value.isprintable():
        raise refused()
    return value


def nested(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object."""
    value = claims[name]
    if not isinstance(value, dict):
        raise refused()
    return value


def moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A moment in whole seconds (RFC 7519 NumericDate)."""
    value = claims[name]
    if type(value) is not Number or not _SECONDS.fullmatch(value):
        raise refused()
    return datetime.fromtimestamp(int(value), UTC)


def binary(claims: Mapping[str, Any], name: str, least: int, most: int) -> bytes:
    """Bytes in canonical base64url, between *least* and *most* of them."""
    content = decoded(text(claims, name, 2 * most))
    if not least <= len(content) <= most:
        raise refused()
    return content


def seconds(at: datetime) -> int:
    """A moment as a NumericDate, rounded down."""
    return int(at.timestamp())


def refused() -> BadInput:
    """The one answer."""
    return BadInput(Fault.TOKEN_INVALID)
