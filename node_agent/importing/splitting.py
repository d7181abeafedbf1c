"""From a file to its records, each with the very bytes that stand in the file.

A line of NDJSON and a file of JSON are read whole, up to `DOCUMENT_BYTES`; a Bundle is split without reading what is
in its records.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import IO, Final

import msgspec

from accord.rules.strictness import check_depth
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import MIB
from node_agent.importing.files import CannotRead
from node_agent.importing.reasons import Reason
from node_agent.importing.strict_reading import read_strictly

#: A JSON file, a line of NDJSON and so a Bundle are no larger than this.
DOCUMENT_BYTES: Final = 64 * MIB
_NESTED_BUNDLES: Final = 3
#: A file with more lines without anything on them is made to waste time.
_BLANK_LINES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Document:
    """A line, or a whole file; or why there is none at this position."""

    position: int
    text: bytes = b""
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in a Bundle or by itself, and what the Bundle says about it."""

    text: bytes
    full_url: str = ""
    method: str = ""
    url: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The records of one Bundle, or a single record as a Bundle of one."""

    kind: str
    entries: tuple[Entry, ...]


def documents(name: str, stream: BufferedReader) -> Generator[Document, None, None]:
    """The documents in a file. It may end early, with a refused one."""
    position = blank = 0
    try:
        if name.lower().endswith(".json") and not _is_lines(stream):
            yield from _whole(stream)
            return
        for position, line in enumerate(_lines(stream), start=1):
            if line is None:
                yield Document(position, refused=Reason.TOO_LARGE)
            elif line.strip():
                yield Document(position, line.strip(b"\r\n\t "))
            else:
                blank += 1
                if blank > _BLANK_LINES:
                    raise CannotRead(Reason.UNSUPPORTED_FILE)
    except CannotRead as failure:
        yield Document(position + 1, refused=failure.reason)


def _is_lines(stream: BufferedReader) -> bool:
    """Whether a file is NDJSON whatever its name: its first line is a whole object, and another follows."""
    head = stream.peek(1)
    line, newline, rest = head.partition(b"\n")
    return bool(newline and rest.lstrip().startswith(b"{") and _is_object(line))


def _is_object(text: bytes) -> bool:
    try:
        _decode_type(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


def _whole(stream: IO[bytes]) -> Iterator[Document]:
    text = stream.read(DOCUMENT_BYTES + 1)
    if len(text) > DOCUMENT_BYTES:
        yield Document(1, refused=Reason.TOO_LARGE)
        return
    yield Document(1, text.strip(b"\r\n\t "))


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Line by line; none for a line that is too long."""
    while line := stream.readline(DOCUMENT_BYTES + 1):
        if len(line) <= DOCUMENT_BYTES:
            yield line
            continue
        yield None
        while line and not line.endswith(b"\n"):
            line = stream.readline(DOCUMENT_BYTES)


class _Request(msgspec.Struct, gc=False):
    method: str = ""
    url: str = ""


class _Response(msgspec.Struct, rename="camel", gc=False):
    last_modified: str = ""


class _Entry(msgspec.Struct, rename="camel", gc=False):
    resource: msgspec.Raw = msgspec.Raw(b"")
    full_url: str = ""
    request: _Request | None = None
    response: _Response | None = None


class _Envelope(msgspec.Struct, rename="camel", gc=False):
    resource_type: str
    type: str = ""
    entry: list[_Entry] = []


class _TypeOnly(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_type = msgspec.json.Decoder(_TypeOnly).decode


def is_bundle(text: bytes) -> bool:
    """Whether a document is a Bundle."""
    try:
        return b'"Bundle"' in text and _decode_type(text).resource_type == "Bundle"
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def bundles(text: bytes, level: int = 0) -> Generator[Bundle, None, None]:
    """The Bundle in a document and those inside it; a single record is a Bundle of one.

    Raises:
        BadInput: `malformed-json`, `not-a-resource`, `duplicate-key` and the like: of the Bundle itself, not of its records.
    """
    if not is_bundle(text):
        yield Bundle("", (Entry(text),))
        return
    if level > _NESTED_BUNDLES:
        raise BadInput(Fault.TOO_DEEP)
    envelope = _envelope(text)
    entries: list[Entry] = []
    inner: list[bytes] = []
    for item in envelope.entry:
        resource = bytes(item.resource)
        request = item.request or _Request()
        modified = item.response.last_modified if item.response else ""
        if is_bundle(resource):
            inner.append(resource)
        elif resource or request.method == "DELETE":
            entries.append(Entry(resource, item.full_url, request.method, request.url, modified))
    yield Bundle(envelope.type, tuple(entries))
    for resource in inner:
        yield from bundles(resource, level + 1)


def _envelope(text: bytes) -> _Envelope:
    try:
        envelope = _decode_envelope(text)
    except msgspec.ValidationError:
        raise BadInput(Fault.NOT_A_RESOURCE) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        check_depth(text)
        raise BadInput(Fault.MALFORMED_JSON) from None
    # A key that stands twice would hide entries. What is left without the records must be sound by itself.
    pieces: list[bytes] = []
    done = 0
    for item in envelope.entry:
        resource = bytes(item.resource)
        begin = text.find(resource, done) if resource else -1
        if begin >= 0:
            pieces += text[done:begin], b"null"
            done = begin + len(resource)
    pieces.append(text[done:])
    read_strictly(b"".join(pieces), limit=DOCUMENT_BYTES)
    return envelope
