"""The body of an answer, read to its end and no further than it may be long, packed or not.

Answers are asked for packed (`ACCEPTED`): some servers send what is not packed in thousands of pieces of a few bytes, and
each costs both ends more than to pack and unpack the whole. What came counts, and what it was unpacked to.
"""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import httpx2

from accord.terms.limits import MIB
from node_agent.ports import SourceAnswerInvalid

ACCEPTED: Final = "gzip"
_TOO_LARGE: Final = "answer too large"
_GZIP_ONLY: Final = 16 + zlib.MAX_WBITS
_PLAIN: Final = ("identity", "")
_PACKED: Final = ("gzip", "x-gzip")


async def read_body(response: httpx2.Response, most: int, what: str) -> bytes:
    """All of it, unpacked; *what* it is about is for diagnostics.

    Raises:
        SourceAnswerInvalid: It is longer than *most*, not whole, or packed in a way that was not asked for.
        httpx2.HTTPError: It could not be received.
    """
    async with aclosing(pieces_of(response, most, what, None)) as pieces:
        parts = [piece async for piece in pieces]
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def pieces_of(response: httpx2.Response, most: int, what: str, longest: int | None) -> AsyncGenerator[bytes, None]:
    """The same piece by piece as it comes, none *longest* or more than it; also packed where that was not asked for.

    Raises:
        SourceAnswerInvalid: As above; what came before was what it seemed to be.
        httpx2.HTTPError: It could not be received.
    """
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise SourceAnswerInvalid(f"{what}: {_TOO_LARGE}")
    packed = response.headers.get("content-encoding", "").strip().lower()
    if packed not in (*_PLAIN, *_PACKED):
        raise SourceAnswerInvalid(f"{what}: content-encoding")
    size = 0
    raw = response.aiter_raw(longest)
    async for piece in _unpacked(raw, most, what, longest or MIB) if packed in _PACKED else raw:
        size += len(piece)
        if size > most:
            raise SourceAnswerInvalid(f"{what}: {_TOO_LARGE}")
        if piece:
            yield piece


async def _unpacked(raw: AsyncGenerator[bytes, None], most: int, what: str, longest: int) -> AsyncGenerator[bytes, None]:
    """What is packed in *raw*; no more at a time than *longest*, however little it was packed into."""
    unpacking, came = zlib.decompressobj(_GZIP_ONLY), 0
    try:
        async for part in raw:
            came += len(part)
            if came > most:
                # Also what unpacks to nothing comes to an end.
                raise SourceAnswerInvalid(f"{what}: {_TOO_LARGE}")
            rest = part
            while rest and not unpacking.eof:
                yield unpacking.decompress(rest, longest)
                rest = unpacking.unconsumed_tail
            if rest or unpacking.unused_data:
                raise SourceAnswerInvalid(f"{what}: gzip")
    except zlib.error:
        raise SourceAnswerInvalid(f"{what}: gzip") from None
    # Nothing at all is packed as nothing: a refusal often has no body.
    if came and not unpacking.eof:
        raise SourceAnswerInvalid(f"{what}: gzip")
