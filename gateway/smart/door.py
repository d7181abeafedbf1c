"""Access tokens: given for a client's assertion, and read again on every request. They are sealed, and kept nowhere.

A token is AES-SIV over who it is for, until when, for which scopes and on which TLS certificate (RFC 8705): it says
nothing to whoever carries it, and any process of this gateway with the same key reads it. Whether its organisation still
takes part is asked of the register on every request, so that a blocked one does not live on in its tokens.
"""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_bytes
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from accord.terms.faults import BadInput, Fault
from gateway.smart.assertions import UsedOnce, verified_client
from gateway.smart.clients import Client, Clients
from gateway.smart.scopes import Scope, Scopes, read_scopes

KEY_BYTES: Final = 64
TOKEN_SECONDS: Final = 300
_BOUND_TO: Final = b"noaber access token 1"
_BEARER: Final = re.compile(r"[Bb]earer ([A-Za-z0-9_-]{1,8192})")


class _Sealed(msgspec.Struct, array_like=True):
    nonce: bytes
    client: str
    scope: str
    expires: int
    certificate: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sealed).decode


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token, how long it works, and for what."""

    token: str = field(repr=False)
    seconds: int
    scope: str


class SmartDoor:
    """Gives tokens to clients, and tells what a token lets its client ask."""

    def __init__(self, clients: Clients, *, key: bytes, token_url: str, now: Callable[[], float] = time.time, used: UsedOnce | None = None) -> None:
        if len(key) != KEY_BYTES:
            raise BadInput(Fault.INVALID_SETTING, "smart.key")
        self._clients = clients
        self._cipher = AESSIV(key)
        self._now = now
        self._used = used or UsedOnce()
        self.token_url = token_url

    def grant(self, assertion: str, scope: str, certificate: bytes = b"") -> Granted:
        """A token for the client that signed the assertion, bound to the TLS certificate (its digest) if there is one.

        Raises:
            BadInput: `token-invalid` for the assertion, `invalid-parameter` for a scope that is unknown, `question-widened`
                for one that the client may not have.
            Unavailable: `too-many-questions`.
        """
        now = int(self._now())
        client = verified_client(assertion, self._clients.find, audience=self.token_url, used=self._used, now=now)
        wanted = read_scopes(scope)
        if not all(_may_have(client, item) for item in wanted):
            raise BadInput(Fault.QUESTION_WIDENED, "scope")
        given = " ".join(map(str, wanted))
        sealed = _encode(_Sealed(token_bytes(16), client.id, given, now + TOKEN_SECONDS, certificate))
        token = urlsafe_b64encode(self._cipher.encrypt(sealed, [_BOUND_TO, self.token_url.encode()])).rstrip(b"=").decode("ascii")
        return Granted(token, TOKEN_SECONDS, given)

    def authorise(self, authorization: str, certificate: bytes = b"") -> Scopes | None:
        """What the token in an `Authorization` header lets its client ask; none without such a header.

        Raises:
            BadInput: `token-invalid`: not one of ours, expired, sent on another TLS connection than it is bound to, or its
                client is none any more.
        """
        if not authorization:
            return None
        match = _BEARER.fullmatch(authorization)
        held = None if match is None else self._opened(match[1])
        if held is None or held.expires <= self._now() or (held.certificate and not compare_digest(held.certificate, certificate)):
            raise BadInput(Fault.TOKEN_INVALID)
        client = self._clients.find(held.client)
        if client is None:
            raise BadInput(Fault.TOKEN_INVALID)
        return Scopes(client.id, client.organisation, read_scopes(held.scope))

    def _opened(self, text: str) -> _Sealed | None:
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii") != text:
                return None
            return _decode(self._cipher.decrypt(sealed, [_BOUND_TO, self.token_url.encode()]))
        except (InvalidTag, ValueError, msgspec.DecodeError):
            return None


def _may_have(client: Client, wanted: Scope) -> bool:
    """Whether one scope of the client's covers all of what it wants."""
    return not client.scopes or any(
        own.type in ("", wanted.type)
        and own.reads >= wanted.reads
        and own.searches >= wanted.searches
        and (not own.categories or (bool(wanted.categories) and frozenset(wanted.categories) <= frozenset(own.categories)))
        for own in client.scopes
    )
