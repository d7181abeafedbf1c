"""ID tokens: their form, their signature, and their claims one by one; whoever wants one says what must be in it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from accord.link.login_keys import check_signature, one_spelling, wrong
from accord.rules.strictness import Number, strict_json
from accord.terms.faults import BadInput

TOKEN_BYTES: Final = 16 * 1024
LEEWAY: Final = timedelta(seconds=30)
_HEADER: Final = frozenset({"alg", "kid", "typ"})


def verified(token: str, keys: Mapping[str, Mapping[str, Any]], *, also: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    """The claims of a token that one of these keys signed. *also* are members that its header may have, and that nobody looks at.

    Raises:
        BadInput: `token-invalid`, with the name of what is wrong and never its content.
    """
    parts = token.split(".", 3)
    if len(token) > TOKEN_BYTES or len(parts) != 3 or not token.isascii():
        raise wrong("form")
    header = object_of(parts[0])
    if not header.keys() <= _HEADER | also or header.get("typ", "JWT") != "JWT":
        raise wrong("header")
    key_id = header.get("kid")
    key = keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise wrong("key")
    check_signature(header.get("alg"), key, f"{parts[0]}.{parts[1]}".encode(), one_spelling(parts[2]))
    return object_of(parts[1])


def object_of(part: str) -> Mapping[str, Any]:
    """The JSON object in a part of a token.

    Raises:
        BadInput: `token-invalid`.
    """
    try:
        value = strict_json(one_spelling(part), limit=TOKEN_BYTES)
    except BadInput:
        raise wrong("form") from None
    if not isinstance(value, dict):
        raise wrong("form")
    return value


def moment_in(claims: Mapping[str, Any], name: str) -> datetime:
    """A moment, as tokens write them.

    Raises:
        BadInput: `token-invalid`.
    """
    value = claims.get(name)
    if not isinstance(value, Number) or not value.isascii() or not value.isdecimal() or len(value) > 11:
        raise wrong(name)
    return datetime.fromtimestamp(int(value), UTC)


def text_in(claims: Mapping[str, Any], name: str) -> str:
    """A text, not empty and not long.

    Raises:
        BadInput: `token-invalid`.
    """
    value = claims.get(name)
    if not isinstance(value, str) or isinstance(value, Number) or not 0 < len(value) <= 200:
        raise wrong(name)
    return value
