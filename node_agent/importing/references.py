"""References that only mean something inside a delivery: `urn:uuid:…`, and `Practitioner?identifier=system|value`."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from accord.terms.identifiers import RecordRef
from node_agent.importing.splices import Splice

# Each begins with letters only, by which the search is quick; a backslash before them puts them inside a string.
_REFERENCE: Final = re.compile(rb'"reference"\s*+:\s*+"(urn:(?:uuid|oid):[^"\\]++|[A-Z][A-Za-z]++\?[^"\\]++)"')
_URL: Final = re.compile(rb'"url"\s*+:\s*+"(urn:(?:uuid|oid):[^"\\]++)"')


class Provisional(NamedTuple):
    """A reference that is to be resolved, and where its string begins in the record as it came.

    `certain`: it stands in a Reference. The other place is a url: of an attachment, or of an extension that means it.
    """

    offset: int
    text: str
    certain: bool


Resolve = Callable[[str], RecordRef | None]


def provisional_references(text: bytes) -> list[Provisional]:
    """The references in a record that need resolving."""
    provisional = b'"urn:' in text
    found: list[Provisional] = []
    try:
        if provisional or b"?" in text:
            found += [Provisional(match.start(1), match[1].decode(), certain=True) for match in _REFERENCE.finditer(text) if _is_key(text, match)]
        if provisional and b'"url"' in text:
            found += [Provisional(match.start(1), match[1].decode(), certain=False) for match in _URL.finditer(text) if _is_key(text, match)]
    except UnicodeDecodeError:  # refused for its encoding by who reads it whole
        return []
    return found


def _is_key(text: bytes, match: re.Match[bytes]) -> bool:
    return text[match.start() - 1] != 92  # a backslash


def resolved(found: list[Provisional], resolve: Resolve) -> tuple[list[Splice], list[Provisional]]:
    """The splices that put `Type/id` for what can be resolved, and what cannot."""
    splices, left = [], []
    for reference in found:
        target = resolve(reference.text)
        if target is None:
            left.append(reference)
        else:
            splices.append(Splice(reference.offset, reference.text.encode(), str(target).encode()))
    return splices, left


class Condition(NamedTuple):
    """A conditional reference by business identifier."""

    type: str
    system: str
    value: str


def condition(text: str) -> Condition | None:
    """Read `Practitioner?identifier=system|value`; none for any other condition: it could mean several records."""
    kind, mark, query = text.partition("?")
    if not mark:
        return None
    # A plus sign in a conditional reference is meant as one: nobody fills in a form here.
    parameters = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    if len(parameters) != 1 or parameters[0][0] != "identifier":
        return None
    system, bar, value = parameters[0][1].partition("|")
    return Condition(kind, system, value) if bar and value else None
