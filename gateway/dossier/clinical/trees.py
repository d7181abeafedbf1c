"""A record as a tree, its numbers as the text that they are, and the few ways in which every reader walks it.

Only what is looked at is read so: a line of a section that is on the screen, never a dossier as it arrives.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

Tree = Mapping[str, Any]
#: Finds the record that a reference of this record leads to, at the same holder; none when it is not in the dossier.
Follow = Callable[[str], Tree | None]

_EMPTY: Final[Tree] = {}


class Written(str):
    """A number as it was written: 37.50 stays 37.50."""

    __slots__ = ()


def read_tree(content: bytes) -> Tree:
    """A record as it stands; a number is `Written`.

    Raises:
        ValueError: It is no JSON.
        TypeError: It is no object. Screening lets none of these through.
    """
    tree = json.loads(content, parse_float=Written, parse_int=Written, parse_constant=Written)
    if not isinstance(tree, dict):
        raise TypeError("not an object")
    return tree


_decode: Final = msgspec.json.Decoder(float_hook=Written).decode


def read_tree_fast(content: bytes) -> Tree:
    """A record to compare with others, not to show: whole numbers are numbers. Six times as fast.

    Raises:
        ValueError: It is no JSON.
        TypeError: It is no object.
    """
    tree = _decode(content)
    if not isinstance(tree, dict):
        raise TypeError("not an object")
    return tree


def part(value: object, *names: str) -> Tree:
    """The object that one name after another leads to; an empty one where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else _EMPTY


def parts(value: object, name: str) -> Iterator[Tree]:
    """The objects of a list member; of a single object, that one. Whatever else stands there is passed over."""
    found = value.get(name) if isinstance(value, dict) else None
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            yield one


def text(value: object, *names: str) -> str:
    """The text (or number, as written) that one name after another leads to; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) else ""


def codings(concept: object) -> Iterator[tuple[str, str, str]]:
    """System, code and display of each coding of a CodeableConcept, or of a list of them."""
    for one in concept if isinstance(concept, list) else [concept]:
        for coding in parts(one, "coding"):
            yield text(coding, "system"), text(coding, "code"), text(coding, "display")


def words_of(concept: object) -> str:
    """A CodeableConcept, or the first of a list that has words, in its own words: its text, else what its codings are called; else empty."""
    for one in concept if isinstance(concept, list) else [concept]:
        found = text(one, "text") or next((display for _, _, display in codings(one) if display), "")
        if found:
            return found
    return ""


def with_contained(tree: Tree, follow: Follow) -> Follow:
    """As *follow*, and into what a record contains."""

    def found(reference: str) -> Tree | None:
        if reference.startswith("#"):
            return next((one for one in parts(tree, "contained") if text(one, "id") == reference[1:]), None)
        return follow(reference)

    return found


def extensions(value: object, ending: str, name: str = "extension") -> Iterator[Tree]:
    """The extensions (or *name* `modifierExtension`) whose address ends in *ending*, with a slash before it or whole."""
    for one in parts(value, name):
        url = text(one, "url")
        if url == ending or url.endswith("/" + ending):
            yield one
