"""`private_key_jwt`: a client proves by a signed text, good for one use, that it is the client (RFC 7523, SMART Backend Services).

Nothing is up to the token. Its algorithm is the one of the registered key that its `kid` names; keys inside it or at
addresses in it are refused, and so is every claim set that is not exactly the agreed one.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from accord.link.jose import HEADER_CHARACTERS, claims, decoded
from accord.rules.strictness import Number
from accord.terms.faults import BadInput, Fault, Unavailable
from gateway.smart.clients import ALGORITHMS, Client

LONGEST_SECONDS: Final = 300
#: Clocks differ; a token of the future by more than this is refused.
_LEEWAY_SECONDS: Final = 30
_TOKEN_CHARACTERS: Final = 8_192
_HEADER_REQUIRED: Final = frozenset({"alg", "kid"})
_HEADER_MEMBERS: Final = _HEADER_REQUIRED | {"typ"}
_CLAIMS_REQUIRED: Final = frozenset({"iss", "sub", "aud", "exp", "jti"})
_CLAIMS: Final = _CLAIMS_REQUIRED | {"iat", "nbf"}
_JTI: Final = re.compile(r"[!-~]{16,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class UsedOnce:
    """Ids of assertions that were used, kept until they could not be used any more. Full means no: never forgetting."""

    __slots__ = ("_most", "_until")

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._until: OrderedDict[tuple[str, str], int] = OrderedDict()

    def use(self, client: str, jti: str, *, until: int, now: int) -> None:
        """Use it, once: looking and noting are one step, so that of two at the same moment one is refused.

        Raises:
            BadInput: `token-invalid`, when it was used before.
            Unavailable: `too-many-questions`, when no more can be kept.
        """
        if (client, jti) in self._until:
            raise BadInput(Fault.TOKEN_INVALID)
        if len(self._until) >= self._most:
            for name in [name for name, end in self._until.items() if end < now]:
                del self._until[name]
        if len(self._until) >= self._most:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        self._until[client, jti] = until


def verified_client(token: str, find: Callable[[str], Client | None], *, audience: str, used: UsedOnce, now: int) -> Client:
    """The client that signed an assertion for this token endpoint, which is used up by it.

    Raises:
        BadInput: `token-invalid`, whatever the cause.
        Unavailable: `too-many-questions`.
    """
    parts = token.split(".", 3)
    if len(token) > _TOKEN_CHARACTERS or not token.isascii() or len(parts) != 3 or len(parts[0]) > HEADER_CHARACTERS:
        raise _refused()
    header, payload, signature = (decoded(part) for part in parts)
    algorithm, key_id = _header(claims(header))
    said = claims(payload)
    if not _CLAIMS_REQUIRED <= frozenset(said) <= _CLAIMS:
        raise _refused()
    client = find(_text(said["iss"]))
    key = None if client is None else client.keys.get(key_id)
    if client is None or key is None or key.algorithm != algorithm or not key.signed(token.rpartition(".")[0].encode("ascii"), signature):
        raise _refused()
    until = _in_time(said, now)
    if said["sub"] != said["iss"] or not _is_for(said["aud"], audience) or not _JTI.fullmatch(_text(said["jti"])):
        raise _refused()
    used.use(client.id, said["jti"], until=until + _LEEWAY_SECONDS, now=now)
    return client


def _header(members: dict[str, Any]) -> tuple[str, str]:
    if not _HEADER_REQUIRED <= frozenset(members) <= _HEADER_MEMBERS or not all(type(value) is str for value in members.values()):
        raise _refused()
    if members["alg"] not in ALGORITHMS or members.get("typ", "JWT") != "JWT":
        raise _refused()
    return members["alg"], members["kid"]


def _in_time(said: dict[str, Any], now: int) -> int:
    """When it expires.

    Raises:
        BadInput: It has expired, is of the future, or lives too long.
    """
    expires = _seconds(said["exp"])
    issued, begins = (_seconds(said.get(name, Number(str(now)))) for name in ("iat", "nbf"))
    if not now < expires <= now + LONGEST_SECONDS or max(issued, begins) > now + _LEEWAY_SECONDS or expires - issued > LONGEST_SECONDS:
        raise _refused()
    return expires


def _is_for(audience: Any, ours: str) -> bool:
    """Whether it is for us and for nobody else: one that others may use too could be passed on by them."""
    return audience in (ours, [ours])


def _seconds(value: Any) -> int:
    if type(value) is not Number or not _SECONDS.fullmatch(value):
        raise _refused()
    return int(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _refused()
    return value


def _refused() -> BadInput:
    return BadInput(Fault.TOKEN_INVALID)
