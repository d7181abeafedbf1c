"""Signed heads: the state of a journal, which other parties keep, so that it cannot be rewritten without their noticing (promise P10).

A head says: up to line `n` my journal has this chain. It travels as a JWS (`HEAD_TYPE`); who signs and verifies is given from
outside, for keys are not the journal's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import anyio
from msgspec import DecodeError, Struct, json

from accord.audit.events import HeadDoubted, HeadKept, HeadSigned
from accord.audit.journal import Journal, now_ms
from accord.audit.recovering import Tail
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura

HEAD_TYPE: Final = "journal-head+jwt"
#: A journal with new lines signs its head this often.
HEAD_SECONDS: Final = 60.0
#: A signed head is no longer than this.
HEAD_CHARACTERS: Final = 1_024

#: Makes a JWS of a payload.
Sign = Callable[[bytes], str]
#: Gives the payload of a JWS that this party signed with a key for heads; raises `BadInput` (`token-invalid`) otherwise.
Verify = Callable[[Ura, str], bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a journal: whose it is, the last line that it covers, the chain there, and when it was signed (ms, UTC)."""

    journal: Ura
    n: int
    chain: bytes
    moment: int


class Extends(StrEnum):
    """How a head stands to the one before it."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"
    """It covers less than what is known, and was signed before: it came late."""
    FORKED = "forked"
    """Another chain at the same line: one of the two journals is not the journal."""
    ROLLED_BACK = "rolled-back"
    """Signed later, and it covers less."""


class _Claims(Struct, frozen=True, forbid_unknown_fields=True):
    iss: str
    n: int
    chain: str
    ms: int


def head_payload(head: Head) -> bytes:
    """What is signed."""
    return json.encode(_Claims(head.journal.value, head.n, head.chain.hex(), head.moment))


def read_head(payload: bytes) -> Head:
    """Read what was signed.

    Raises:
        BadInput: `token-invalid`.
    """
    try:
        claims = json.decode(payload, type=_Claims)
        head = Head(Ura(claims.iss), claims.n, bytes.fromhex(claims.chain), claims.ms)
    except (DecodeError, UnicodeDecodeError, ValueError, BadInput):
        raise BadInput(Fault.TOKEN_INVALID, "head") from None
    if len(head.chain) != 32 or not 0 <= head.n < 2**63:
        raise BadInput(Fault.TOKEN_INVALID, "head")
    return head


def compare(known: Head, head: Head) -> Extends:
    """How *head* stands to the newest one that is *known* of the same journal."""
    if head.n == known.n:
        return Extends.SAME if head.chain == known.chain else Extends.FORKED
    if head.n > known.n:
        return Extends.NEWER
    return Extends.ROLLED_BACK if head.moment > known.moment else Extends.OLDER


class OwnHead:
    """The newest signed head of a journal, for whoever should keep it."""

    def __init__(self, journal: Journal, ura: Ura, sign: Sign, *, clock: Callable[[], int] = now_ms) -> None:
        self._journal = journal
        self._ura = ura
        self._sign = sign
        self._clock = clock
        self._upto: Tail | None = None
        self.newest = ""
        """As it travels; empty before the first."""

    async def sign(self) -> str:
        """Sign the head if there is any line since the last one, write it into the journal, and return the newest.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        tail = self._journal.durable
        # The line that holds the last head is not a reason for another one.
        if self._upto is not None and tail.n <= self._upto.n + 1:
            return self.newest
        head = self._sign(head_payload(Head(self._ura, tail.n, tail.chain, self._clock())))
        await self._journal.append(HeadSigned(n=tail.n, chain=tail.chain.hex(), head=head))
        self._upto, self.newest = tail, head
        return head

    async def keep_signing(self, *, seconds: float = HEAD_SECONDS) -> None:
        """Sign now and then until cancelled, and once more then. A closed journal is waited for."""
        try:
            while True:
                await self._try_to_sign()
                await anyio.sleep(seconds)
        finally:
            with anyio.CancelScope(shield=True):
                await self._try_to_sign()

    async def _try_to_sign(self) -> None:
        try:
            await self.sign()
        except Unavailable:
            return  # the door is closed, and says so itself


class HeadKeeper:
    """Keeps the heads of other parties in this party's own journal, and tells when one does not extend the one before it.

    `known` are the newest heads by journal; `accord.audit.verifying.known_heads` reads them from the journal at start.
    """

    def __init__(self, journal: Journal, verify: Verify, known: dict[Ura, Head] | None = None) -> None:
        self._journal = journal
        self._verify = verify
        self._known = dict(known or {})
        # A head is known once it has its line; meanwhile no other is compared with the one before it.
        self._one_at_a_time = anyio.Lock()

    async def keep(self, party: Ura, token: str) -> Extends:
        """Verify the head that *party* gave, and keep it if it is newer. A fork or a rollback is an alarm in the journal.

        Raises:
            BadInput: `token-invalid`: it is not a head of that party.
            Unavailable: `journal-unavailable`.
        """
        if len(token) > HEAD_CHARACTERS or not token.isascii() or not token.isprintable():
            raise BadInput(Fault.TOKEN_INVALID, "head")
        head = read_head(self._verify(party, token))
        if head.journal != party:
            raise BadInput(Fault.TOKEN_INVALID, "head")
        async with self._one_at_a_time:
            return await self._keep(party, head, token)

    async def _keep(self, party: Ura, head: Head, token: str) -> Extends:
        known = self._known.get(party)
        extends = Extends.NEWER if known is None else compare(known, head)
        if known is None or extends is Extends.NEWER:
            await self._journal.append(HeadKept(party=party.value, n=head.n, chain=head.chain.hex(), signed=head.moment, head=token))
            self._known[party] = head
        elif extends in (Extends.FORKED, Extends.ROLLED_BACK):
            doubt = HeadDoubted(party=party.value, kept_n=known.n, kept_chain=known.chain.hex(), n=head.n, chain=head.chain.hex())
            await self._journal.append(doubt)
        return extends
