"""May it be told that there is a record which cannot be read, or is too large to be? Only if it could not be a withheld one.

Only what certainly stands in the record itself counts: a type that stands inside it may be that of something contained.
"""

import re
from typing import Final

import msgspec

from accord.rules.reading import Record, category_of
from accord.rules.scope import wants_category, wants_type
from accord.terms.limits import MIB
from accord.terms.queries import Selection
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory
from node_agent.deciding import Decisions, categories_of

#: More is not read for this: it would cost the others their time.
_READ_BYTES: Final = 16 * MIB
_FIRST_MEMBER: Final = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"')


class _Head(msgspec.Struct, gc=False):
    resourceType: str
    category: msgspec.Raw = msgspec.Raw(b"")


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def would_be_told(text: bytes, selection: Selection, decisions: Decisions, *, labelled: bool) -> bool:
    """Whether a record that nobody can read, or that has no proper name, is asked for and would be released whatever it is.

    *labelled* says that it might bear a label, or hold something that does.
    """
    name, category = _sniffed(text)
    kind = TYPE_BY_NAME.get(name)
    if name in NEVER_RELEASED or (kind is not None and (kind.is_companion or kind.name == "Patient")):
        return False
    if name and not wants_type(selection, name):
        return False
    possible = frozenset({category}) if category else categories_of(name) if kind else frozenset(CareCategory)
    return any(wants_category(selection, one) for one in possible) and decisions.releases_all(possible, kind.name if kind else "", labelled=labelled)


def _sniffed(text: bytes) -> tuple[str, CareCategory | None]:
    """The type of a record and its category: an empty word and none where they cannot be known."""
    if len(text) <= _READ_BYTES:
        try:
            head = _decode_head(text)
        except (msgspec.DecodeError, RecursionError, ValueError):
            pass
        else:
            kind = TYPE_BY_NAME.get(head.resourceType)
            return head.resourceType, category_of(Record(head.resourceType, category=head.category), kind) if kind else None
    first = _FIRST_MEMBER.match(text)
    return (first[1].decode() if first else ""), None
