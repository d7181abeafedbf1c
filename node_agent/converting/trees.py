"""A record as a tree of which no number changes: read strictly, and written again."""

import json
from typing import Any, Final

import msgspec

from accord.rules.strictness import check_depth
from accord.terms.faults import BadInput, Fault

Node = dict[str, Any]
"""A JSON object. Its numbers are `msgspec.Raw`: the very bytes of the source, so that 37.50 stays 37.50."""


def read_tree(text: bytes) -> Node:
    """Read a record.

    Raises:
        BadInput: `invalid-encoding`, `too-deep`, `duplicate-key`, `malformed-json` or `not-a-resource`.
    """
    check_depth(text)
    try:
        value = _decode(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadInput(Fault.INVALID_ENCODING) from None
    except (ValueError, RecursionError):
        raise BadInput(Fault.MALFORMED_JSON) from None
    if not isinstance(value, dict):
        raise BadInput(Fault.NOT_A_RESOURCE)
    return value


def write_tree(tree: Node) -> bytes:
    """The bytes of a record.

    Raises:
        BadInput: `invalid-encoding`: a text in it is none.
    """
    try:
        return _encode(tree)
    except (UnicodeEncodeError, ValueError):
        raise BadInput(Fault.INVALID_ENCODING) from None


def _object(pairs: list[tuple[str, Any]]) -> Node:
    members = dict(pairs)
    # The one that a reader drops may be the one that counts: a label, a refusal.
    if len(members) != len(pairs):
        raise BadInput(Fault.DUPLICATE_KEY)
    return members


def _number(written: str) -> msgspec.Raw:
    return msgspec.Raw(written.encode("ascii"))


def _constant(_: str) -> None:
    raise BadInput(Fault.MALFORMED_JSON)


_decode: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant).decode
_encode: Final = msgspec.json.Encoder().encode
