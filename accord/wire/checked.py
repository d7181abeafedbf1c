"""Texts and words off the wire, checked: each is refused, with the name of its field, when it is none of ours."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS

_E = TypeVar("_E", bound=StrEnum)


def word(kind: type[_E], written: str, where: str, fault: Fault = Fault.INVALID_QUESTION) -> _E:
    """The value of a vocabulary that is written so.

    Raises:
        BadInput: The *fault*, when it has none.
    """
    try:
        return kind(written)
    except ValueError:
        raise BadInput(fault, where) from None


def text(written: str, where: str, fault: Fault = Fault.INVALID_QUESTION) -> str:
    """A text, as it is written.

    Raises:
        BadInput: The *fault*, when it is too long or cannot be printed.
    """
    # Printable only: a name ends up in journals and on screens, and must not break a line there.
    if len(written) > FIELD_CHARACTERS or not written.isprintable():
        raise BadInput(fault, where)
    return written


def texts(items: Iterable[str], where: str) -> tuple[str, ...]:
    """A list of texts.

    Raises:
        BadInput: `invalid-question`, when it is too long or one of them is no text.
    """
    listed = tuple(items)
    if len(listed) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    return tuple(text(one, where) for one in listed)
