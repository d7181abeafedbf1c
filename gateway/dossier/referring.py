"""What a string in a record refers to, and whether it means the same at every holder."""

import re
from typing import Final, NamedTuple

from accord.rules.strictness import Json
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME

_KNOWN_TYPES: Final = frozenset(TYPE_BY_NAME) | NEVER_RELEASED
_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?")
_NEARLY_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}[/|#?].*", re.DOTALL)
# A host without a dot, a bare number or a name of the inner network is somebody else at each holder.
_PUBLIC: Final = re.compile(
    r"https?://(?:[A-Za-z0-9-]+\.)+(?!(?:local|localdomain|internal|intranet|lan|corp|home)[:/])[A-Za-z][A-Za-z0-9-]*(?::[0-9]+)?/.*|urn:[a-z0-9-]+:.+",
    re.DOTALL,
)
_RECORD_URL: Final = re.compile(r"https?://.*/([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/.*)?", re.DOTALL)


class InDoubt(Exception):
    """What a record states cannot be known for sure."""


class RecordName(NamedTuple):
    """A record at its holder, and the version if one was named."""

    type: str
    id: str
    version: str | None

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


def own_record(text: str, bases: tuple[str, ...]) -> RecordName | None:
    """The record that *text* points to, when it is one of the holder that wrote it.

    *bases* are the addresses, with a slash at the end, under which that holder's own records are also known.

    Raises:
        InDoubt: It nearly does, or its address means something else to everybody.
    """
    for base in bases:
        text = text.removeprefix(base)
    match = _RELATIVE.fullmatch(text)
    if match and match[1] in _KNOWN_TYPES:
        return RecordName(match[1], match[2], match[3])
    nearly = _NEARLY_RELATIVE.fullmatch(text) or (None if means_the_same_everywhere(text) else _RECORD_URL.fullmatch(text))
    if nearly and nearly[1] in _KNOWN_TYPES:
        raise InDoubt
    return None


def means_the_same_everywhere(text: str) -> bool:
    """Whether *text* is an address or a URN that is nobody's own."""
    return _PUBLIC.fullmatch(text) is not None


def is_logical(identifier: Json) -> bool:
    """Whether an identifier means the same at every holder: a value in a system."""
    return isinstance(identifier, dict) and all(isinstance(identifier.get(name), str) and identifier.get(name) for name in ("system", "value"))
