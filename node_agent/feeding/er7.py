"""From the bytes of a message to its fields, and the only module that knows the library which splits them.

The library is asked for the splitting only: characters and escapes are read here, strictly, because it guesses at both.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import hl7

from accord.terms.faults import Fault
from node_agent.feeding.refusing import MessageRefused

#: A component is a list of subcomponents, a repetition a list of components, a field a list of repetitions.
Repetition = tuple[tuple[str, ...], ...]

#: Names of MSH-18 (HL7 table 0211) and what they are called here. With 8859/1, 0x80 to 0x9F are no characters at all.
CHARSETS: Final = {"": "", "ASCII": "ascii", "8859/1": "latin-1", "8859/15": "iso8859-15", "UNICODE UTF-8": "utf-8"}
_MOST_SEGMENTS: Final = 4_000
#: Splitting takes some ten microseconds for each piece: more than these is no message of a laboratory.
_MOST_PIECES: Final = 60_000
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ESCAPE_BODY: Final = r"[^\r]{0,100}?"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. `nth` counts those of its name from 1; fields count as in the standard, also in MSH. `line` is as it came, by these `separators`."""

    name: str
    nth: int
    fields: tuple[tuple[Repetition, ...], ...]
    line: str
    separators: str

    def repetitions(self, field: int) -> tuple[Repetition, ...]:
        """All repetitions of a field that say something."""
        return tuple(rep for rep in self.fields[field] if any(any(component) for component in rep)) if field < len(self.fields) else ()

    def text(self, field: int, component: int = 1, sub: int = 1) -> str:
        """A field, component or subcomponent of its first repetition; empty when it is not there, or was deleted (`""`)."""
        found = self.repetitions(field)
        return part(found[0], component, sub) if found else ""

    def words(self, repetition: Repetition) -> str:
        """All of a text: a sign that separates components elsewhere, and was not escaped, is a sign of it."""
        found = self.separators[1].join(self.separators[4].join(component) for component in repetition)
        return "" if found == '""' else found

    def where(self, field: int) -> str:
        """A place for whoever is told that something is wrong with it, as ERR-2 writes it."""
        return f"{self.name}^{self.nth}^{field}"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came, and its segments. `codec` is how its characters were read."""

    raw: bytes
    codec: str
    separators: str
    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def named(self, name: str) -> Iterator[Segment]:
        """All segments of this name."""
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        """The first segment of this name."""
        return next(self.named(name), None)


def part(repetition: Repetition, component: int, sub: int = 1) -> str:
    """A subcomponent; empty when it is not there, or was deleted."""
    if component > len(repetition) or sub > len(repetition[component - 1]):
        return ""
    text = repetition[component - 1][sub - 1]
    return "" if text == '""' else text


def read_message(raw: bytes, *, charset: str) -> Message:
    """Read a message. *charset* is a name of MSH-18 for messages that name none.

    Raises:
        MessageRefused: `malformed-message`, `wrong-charset`, `too-large`.
    """
    text, codec = _decoded(raw, charset)
    separators = text[3:8]
    if not text.startswith("MSH") or len(set(separators)) < 5 or any(sign.isalnum() or sign.isspace() for sign in separators):
        raise MessageRefused(Fault.MALFORMED_MESSAGE, "MSH^1^2")
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    if len(lines) > _MOST_SEGMENTS or sum(map(text.count, separators)) > _MOST_PIECES:
        raise MessageRefused(Fault.TOO_LARGE)
    unescape = _unescaping(separators)
    counted: dict[str, int] = {}
    segments = []
    try:
        for parsed, line in zip(hl7.parse("\r".join(lines)), lines, strict=True):
            name = str(parsed[0])
            counted[name] = counted.get(name, 0) + 1
            keep = str if name == "MSH" else unescape
            fields = tuple(_field(field, keep if at < 3 else unescape) for at, field in enumerate(parsed))
            segments.append(Segment(name, counted[name], fields, line, separators))
    except (hl7.HL7Exception, ValueError, IndexError, KeyError, TypeError):
        raise MessageRefused(Fault.MALFORMED_MESSAGE) from None
    if not segments or not all(re.fullmatch(r"[A-Z][A-Z0-9]{2}", segment.name) for segment in segments):
        raise MessageRefused(Fault.MALFORMED_MESSAGE)
    return Message(raw, codec, separators, tuple(segments))


def _decoded(raw: bytes, charset: str) -> tuple[str, str]:
    """The text of a message, and the codec that it was read by."""
    header = re.split(rb"[\r\n]", raw, maxsplit=1)[0]
    named = header.split(header[3:4])[17] if len(header) > 4 and header.count(header[3:4]) >= 17 else b""
    first = named.split(header[5:6] or b"~")[0].decode("ascii", "replace").strip()
    codec = CHARSETS.get(first or charset)
    if not codec:
        raise MessageRefused(Fault.WRONG_CHARSET, "MSH^1^18")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        raise MessageRefused(Fault.WRONG_CHARSET, "MSH^1^18") from None
    # Another charset than was said most often shows as controls: UTF-8 that is read as Latin-1 has them.
    if _CONTROLS.search(text):
        raise MessageRefused(Fault.WRONG_CHARSET)
    return text, codec


def _field(parsed: Any, unescape: Callable[[str], str]) -> tuple[Repetition, ...]:
    """What the library leaves as text where nothing is nested has the same form here as all the rest."""
    if isinstance(parsed, str):
        return (((unescape(parsed),),),)
    return tuple(
        ((unescape(repetition),),)
        if isinstance(repetition, str)
        else tuple(
            (unescape(component),) if isinstance(component, str) else tuple(unescape(str(subcomponent)) for subcomponent in component)
            for component in repetition
        )
        for repetition in parsed
    )


def _unescaping(separators: str) -> Callable[[str], str]:
    field, component, repetition, escape, sub = tuple(separators)
    signs = {"F": field, "S": component, "R": repetition, "E": escape, "T": sub, ".br": "\n", ".sp": "\n", "H": "", "N": ""}
    pattern = re.compile(f"{re.escape(escape)}({_ESCAPE_BODY}){re.escape(escape)}")

    def replaced(found: re.Match[str]) -> str:
        body = found[1]
        if body in signs:
            return signs[body]
        if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", body):
            # Which characters these bytes are, the standard leaves to the two parties: only the common ones are read.
            characters = bytes.fromhex(body[1:]).decode("ascii", "replace").replace("\r\n", "\n").replace("\r", "\n")
            return found[0] if "\ufffd" in characters or _CONTROLS.search(characters) else characters
        return "\n" * min(int(body[3:] or 1), 20) if re.fullmatch(r"\.sp[0-9]{0,2}", body) else found[0]

    return lambda text: pattern.sub(replaced, text) if escape in text else text
