"""The same content spelled in different ways, as real sources do: order of keys, white space, escapes."""

import re
from enum import Enum
from typing import Final

import msgspec

from testbed.people.wording import Json

_NOT_ASCII = re.compile("[^\x00-\x7f]")


class Spelling(Enum):
    """A holder's manner of writing JSON."""

    COMPACT = "compact"
    SORTED = "sorted"
    PRETTY = "pretty"
    SPACED = "spaced"
    TYPE_LAST = "type-last"
    ESCAPED = "escaped"


#: A holder that is not here writes compactly.
SPELLING_OF: Final[dict[str, Spelling]] = {
    "reggerbrug": Spelling.SPACED,
    "brinkhof": Spelling.PRETTY,
    "twickelaar": Spelling.SORTED,
    "vijzelmarke": Spelling.TYPE_LAST,
    "wieke": Spelling.ESCAPED,
    "weefgetouw": Spelling.PRETTY,
    "havezate": Spelling.SORTED,
    "holterloo": Spelling.SPACED,
    "noordmarke": Spelling.TYPE_LAST,
    "kruudhoes": Spelling.PRETTY,
}


def spell(resource: Json, spelling: Spelling) -> bytes:
    """Write a resource; every spelling holds the same content, numbers to the digit."""
    if spelling is Spelling.TYPE_LAST:
        resource = {key: value for key, value in resource.items() if key != "resourceType"} | {"resourceType": resource["resourceType"]}
    written = msgspec.json.encode(resource, order="sorted" if spelling is Spelling.SORTED else None)
    if spelling is Spelling.PRETTY:
        return msgspec.json.format(written, indent=2)
    if spelling is Spelling.SPACED:
        return msgspec.json.format(written, indent=0)
    if spelling is Spelling.ESCAPED:
        return _NOT_ASCII.sub(_escape, written.decode("utf-8")).encode("ascii")
    return written


def _escape(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
