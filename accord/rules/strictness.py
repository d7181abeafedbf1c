"""Reading JSON that nobody can read in two ways.

The slow, sure path: duplicate keys, numbers and text as they stand. It runs on what must be compared, imported
or doubted, never on every record of an answer.
"""

import json
import re
from typing import Any, Final

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import JSON_DEPTH, RECORD_BYTES

Json = dict[str, Any] | list[Any] | str | bool | None

_SURROGATE = re.compile("[\ud800-\udfff]")
# Everything in a JSON text that is not structure: strings, then all but brackets.
# Possessive, and an unclosed string runs to the end: linear on any input.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKET: Final = re.compile(rb"[^\[\]{}]+")


class Number(str):
    """A JSON number as it was written: 37.50 stays apart from 37.5."""

    __slots__ = ()


def strict_json(text: bytes, *, limit: int = RECORD_BYTES) -> Json:
    """Read *text*; numbers become `Number`.

    Raises:
        BadInput: `too-large`, `invalid-encoding`, `too-deep`, `duplicate-key` or `malformed-json`.
    """
    if len(text) > limit:
        raise BadInput(Fault.TOO_LARGE)
    check_depth(text)
    if text.startswith(b"\xef\xbb\xbf"):
        raise BadInput(Fault.INVALID_ENCODING)
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise BadInput(Fault.INVALID_ENCODING) from None
    except (ValueError, RecursionError):
        raise BadInput(Fault.MALFORMED_JSON) from None
    # A lone surrogate can only come in by an escape: bytes that hold one raw are not UTF-8.
    if b"\\u" in text and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise BadInput(Fault.INVALID_ENCODING)
    return value  # type: ignore[no-any-return]  # json.loads is typed Any


def check_depth(text: bytes, limit: int = JSON_DEPTH) -> None:
    """Refuse text that nests deeper than *limit* levels, before any parser recurses into it.

    Raises:
        BadInput: `too-deep`.
    """
    if text.count(b"{") + text.count(b"[") <= limit:
        return
    depth = 0
    for bracket in _NOT_BRACKET.sub(b"", _STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise BadInput(Fault.TOO_DEEP)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadInput(Fault.DUPLICATE_KEY)
    return members


def _refuse_constant(_: str) -> None:
    raise BadInput(Fault.MALFORMED_JSON)
