"""A handover as somebody can read it: the narrative of its Composition, of which only plain structure is kept.

What came is another party's. Of its XHTML nothing passes but text and a few tags without attributes; what cannot be read is
not shown, and the file says it all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from itertools import islice
from typing import Any, Final

import msgspec

_PLAIN: Final = frozenset(
    {
        "p",
        "ul",
        "ol",
        "li",
        "b",
        "strong",
        "i",
        "em",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "sub",
        "sup",
        "h4",
        "div",
    }
)
_ALONE: Final = frozenset({"br", "hr"})
_AS: Final = {"h1": "h4", "h2": "h4", "h3": "h4", "h5": "h4", "h6": "h4", "caption": "", "tfoot": "tbody"}
#: What stands inside these is no text.
_SILENT: Final = frozenset({"script", "style", "template", "svg", "math", "iframe", "object", "title", "head"})
_DEEPEST: Final = 30
#: Of the whole document.
_NARRATIVE_CHARACTERS: Final = 1_000_000
_MOST_SECTIONS: Final = 200
#: A tag, a declaration, a mark that is neither, or text. Each letter is looked at once or twice: `html.parser` takes minutes over a
#: text that is made to take them.
_TOKEN: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*?(/?)>|<[!?][^<>]*>|<|[^<]+")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the handover: its title and what it says (HTML of our own making: the one text that a template does not escape); `level` is how deep it lies."""

    title: str
    text: str
    level: int


@dataclass(frozen=True, slots=True)
class HandoverView:
    """What can be read. `is_cut`: there is more text than is shown."""

    title: str
    sections: tuple[Section, ...]
    is_cut: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether there is any text to read."""
        return any(section.text for section in self.sections)


def handover_shown(bundle: bytes) -> HandoverView:
    """What can be read of a Bundle; nothing of what is none. It raises nothing, whatever it is given."""
    try:
        content: Any = msgspec.json.decode(bundle)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return HandoverView("", ())
    resources = [resource for entry in _list(content, "entry") if (resource := _object(entry, "resource"))]
    composition = next((one for one in resources if _text(one, "resourceType") == "Composition"), None)
    if composition is None:
        return HandoverView("", ())
    room = _Room()
    sections = [Section("", _narrative(composition, room), 1), *islice(_sections(composition, 1, room), _MOST_SECTIONS + 1)]
    is_cut = not room.left or len(sections) > _MOST_SECTIONS
    return HandoverView(_text(composition, "title"), tuple(one for one in sections[:_MOST_SECTIONS] if one.text or one.title), is_cut)


@dataclass(slots=True)
class _Room:
    """How many characters of narrative may still be read."""

    left: int = _NARRATIVE_CHARACTERS

    def take(self, text: str) -> str:
        """As much of it as there is room for."""
        taken = text[: self.left]
        self.left -= len(taken)
        return taken


def _sections(parent: dict[str, Any], level: int, room: _Room) -> Iterator[Section]:
    if level > _DEEPEST:
        return
    for section in _list(parent, "section"):
        if isinstance(section, dict):
            yield Section(_text(section, "title"), _narrative(section, room), level)
            yield from _sections(section, level + 1, room)


def _narrative(resource: dict[str, Any], room: _Room) -> str:
    """The text of a resource or a section, in plain tags."""
    plain = _Plain()
    for token in _TOKEN.finditer(_uncommented(room.take(_text(_object(resource, "text"), "div")))):
        closes, tag, alone = token.groups(default="")
        if not tag:
            plain.hear("" if token[0][:2] in ("<!", "<?") else unescape(token[0]))
        elif closes:
            plain.close(tag.lower())
        else:
            plain.open(tag.lower(), alone=bool(alone))
    return plain.plain()


def _uncommented(text: str) -> str:
    """Without comments; one that does not end is one to the end."""
    parts, at = [], 0
    while (begins := text.find("<!--", at)) >= 0:
        parts.append(text[at:begins])
        ends = text.find("-->", begins + 4)
        at = ends + 3 if ends >= 0 else len(text)
    return "".join((*parts, text[at:]))


class _Plain:
    """Builds the text anew from what is heard; nothing of what was written goes on as it stood."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent = 0
        self._letters = False

    def plain(self) -> str:
        """What was heard, each tag closed; empty when it is tags without a letter."""
        ends = "".join(f"</{tag}>" for tag in reversed(self._open) if tag)
        return "".join(self._parts) + ends if self._letters else ""

    def open(self, tag: str, *, alone: bool = False) -> None:
        """A few tags, without what they carry; *alone* as XHTML writes what is empty."""
        if alone or tag in _ALONE:
            if tag in _ALONE and not self._silent:
                self._parts.append(f"<{tag}>")
        elif tag in _SILENT:
            self._silent += 1
        elif not self._silent and len(self._open) < _DEEPEST and (kept := _AS.get(tag, tag)) in _PLAIN:
            self._parts.append(f"<{kept}>")
            self._open.append(kept)

    def close(self, tag: str) -> None:
        """Close what is open, and what was left open inside it."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
            return
        kept = _AS.get(tag, tag)
        if self._silent or kept not in self._open:
            return
        while True:
            last = self._open.pop()
            self._parts.append(f"</{last}>")
            if last == kept:
                return

    def hear(self, data: str) -> None:
        """Text, escaped."""
        if not self._silent:
            self._letters = self._letters or bool(data.strip())
            self._parts.append(escape("".join(letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in data)))


def _object(value: Any, name: str) -> dict[str, Any]:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, list) else []


def _text(value: Any, name: str) -> str:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, str) else ""
