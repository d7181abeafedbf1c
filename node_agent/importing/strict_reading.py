"""The strict reading of `accord.rules.strictness` in a third of the time, for records that are sound: most are.

A quick parser is as strict about everything but one: of two equal keys it takes the last without a word. So what it
read is written again, and in both texts the places are counted where a quote stands before a colon: keys, and quotes
inside strings. Of a key that stood twice one is lost, so that the second count is lower. White space before a colon
would spoil the first count, and an escape by number both: then, and whenever the quick parser finds anything wrong,
the strict reading reads it and decides.
"""

import re
from typing import Final

import msgspec

from accord.rules.strictness import Json, strict_json
from accord.terms.limits import JSON_DEPTH

_BRACKETS_AND_QUOTES: Final = b'[]{}"'
_ALL_ELSE: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS_AND_QUOTES)
_SPACE_BEFORE_COLON: Final = re.compile(rb'"[ \t\r\n]++:')
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_strictly(text: bytes, *, limit: int) -> Json:
    """What `strict_json` reads, except that numbers are numbers.

    Raises:
        BadInput: As `strict_json`.
    """
    if len(text) > limit or b"\\u" in text or _SPACE_BEFORE_COLON.search(text) or not _is_shallow(text):
        return strict_json(text, limit=limit)
    try:
        content: Json = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return strict_json(text, limit=limit)
    if _encode(content).count(b'":') != text.count(b'":'):
        return strict_json(text, limit=limit)
    return content


def _is_shallow(text: bytes) -> bool:
    """Whether it is nested within the limit, where that shows quickly."""
    if text.count(b"{") + text.count(b"[") <= JSON_DEPTH:
        return True
    if b"\\" in text:
        return False
    # Without escapes every other quote ends a string; of a string without brackets nothing is left.
    brackets = text.translate(None, _ALL_ELSE).replace(b'""', b"")
    for _ in range(JSON_DEPTH // 2):  # each round takes away two levels at most
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets
