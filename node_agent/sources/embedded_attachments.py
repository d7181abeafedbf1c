"""The bytes behind a Binary, read from its base64 piece by piece, so that no attachment is in memory whole."""

import binascii
import json
import re
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from accord.terms.identifiers import RecordRef
from accord.terms.limits import CHUNK_BYTES
from accord.terms.records import TYPE_CODE
from node_agent.ports import Attachment, SourceAnswerInvalid, SourceUnavailable

#: As much base64 as decodes to at most one chunk.
_TEXT_BYTES: Final = CHUNK_BYTES // 3 * 4
_SPACE: Final = re.compile(rb"[ \t\r\n]+")
_LONGEST_ESCAPE: Final = 6


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the base64 of an attachment stands in the store."""

    content_type: str
    place: int
    begins: int
    ends: int


def kept_attachment(connection: sqlite3.Connection, ref: RecordRef) -> Kept | None:
    """Where the content of a Binary stands; none when there is none."""
    query = "SELECT a.content_type, a.place, a.begins, a.ends FROM record r JOIN attachment a ON a.place = r.place WHERE r.type = ? AND r.id = ? AND r.fhir IS NOT NULL"
    row = connection.execute(query, (TYPE_CODE.get(ref.type, 0), ref.id)).fetchone()
    return None if row is None else Kept(*row)


def piece(connection: sqlite3.Connection, kept: Kept, begin: int) -> bytes:
    """A piece of the base64 as it stands in the JSON.

    Raises:
        SourceUnavailable: The record was replaced meanwhile.
    """
    query = "SELECT content_type, place, begins, ends FROM attachment WHERE place = ?"
    if connection.execute(query, (kept.place,)).fetchone() != (kept.content_type, kept.place, kept.begins, kept.ends):
        raise SourceUnavailable("Binary")
    end = min(begin + _TEXT_BYTES, kept.ends)
    with connection.blobopen("record", "fhir", kept.place, readonly=True) as blob:
        blob.seek(begin)
        return blob.read(end - begin)


class Base64Pieces:
    """Decodes base64 out of a JSON string whose pieces are cut anywhere: in an escape, in a group of four."""

    def __init__(self) -> None:
        self._text = b""
        self._quantum = b""

    def feed(self, text: bytes, *, last: bool) -> bytes:
        """The bytes that are known now.

        Raises:
            SourceAnswerInvalid: It is not base64.
        """
        text = self._text + text
        cut = len(text) if last else _whole_escapes(text)
        self._text = text[cut:]
        plain = _SPACE.sub(b"", self._quantum + _unescaped(text[:cut]))
        cut = len(plain) if last else len(plain) // 4 * 4
        self._quantum = plain[cut:]
        try:
            return binascii.a2b_base64(plain[:cut], strict_mode=True)
        except binascii.Error:
            raise SourceAnswerInvalid("Binary.data") from None


async def content_of(kept: Kept, read: Callable[[Callable[[sqlite3.Connection], bytes]], Awaitable[bytes]]) -> AsyncGenerator[bytes, None]:
    """The content in chunks; *read* makes a call on a connection, in a thread.

    Raises:
        SourceAnswerInvalid: The record's data is not base64.
    """
    decoder = Base64Pieces()
    begin = kept.begins
    while begin < kept.ends:
        text = await read(lambda connection, begin=begin: piece(connection, kept, begin))  # type: ignore[misc]  # bound now, as it must be
        begin += len(text)
        if content := decoder.feed(text, last=begin >= kept.ends):
            yield content


def inline_attachment(connection: sqlite3.Connection, ref: RecordRef, number: str) -> Attachment | None:
    """The attachment with this number, from 0, among those whose content is inside a record.

    Raises:
        SourceAnswerInvalid: Its data is not base64.
    """
    row = connection.execute("SELECT fhir FROM record WHERE type = ? AND id = ?", (TYPE_CODE.get(ref.type, 0), ref.id)).fetchone()
    if row is None or row[0] is None or not (number.isascii() and number.isdigit() and len(number) < 4):
        return None
    found = list(islice(_inline(json.loads(row[0])), int(number), int(number) + 1))
    if not found:
        return None
    content_type, data = found[0]
    return Attachment(content_type, _chunks(Base64Pieces().feed(json.dumps(data).encode()[1:-1], last=True)))


def _inline(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("data"), str) and isinstance(value.get("contentType"), str):
            yield value["contentType"], value["data"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _inline(item)


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]


def _whole_escapes(text: bytes) -> int:
    """How much of a piece can be read: up to an escape that may go on in the next."""
    slash = text.rfind(b"\\", max(0, len(text) - _LONGEST_ESCAPE))
    return len(text) if slash < 0 else slash


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    try:
        return str(json.loads(b'"' + text + b'"')).encode("ascii")
    except ValueError:
        raise SourceAnswerInvalid("Binary.data") from None
