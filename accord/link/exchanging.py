"""What two parties give each other now and then: the signed head of a journal, and the newest register.

Neither is believed for who brings it: a register is the region's word, and a head its party's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.events import RegisterAccepted
from accord.audit.finishing import finish
from accord.audit.heads import HEAD_CHARACTERS, HEAD_TYPE, Extends, HeadKeeper, OwnHead
from accord.audit.journal import Journal
from accord.audit.verifying import known_heads
from accord.link import jose
from accord.link.live_register import LiveRegister
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Member

_log = structlog.get_logger("noaber.exchange")


@dataclass(frozen=True, slots=True)
class Given:
    """What one party gives: a signed head (or none), a register (empty: the other has it), and its version."""

    head: str = ""
    register: str = ""
    version: int = 0


class Exchange:
    """This party's end. *key* signs heads; it is one of its answer keys in the register."""

    def __init__(
        self, live: LiveRegister, journal: Journal, ura: Ura, key: Ed25519PrivateKey, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._live = live
        self._journal = journal
        self._now = now
        self.own = OwnHead(journal, ura, lambda payload: jose.sign(payload, key, HEAD_TYPE))
        self._untold: list[RegisterAccepted] = []
        self._telling = anyio.Lock()
        self._keeper = HeadKeeper(journal, self._verified, known_heads(journal.folder))

    def give(self, known_version: int) -> Given:
        """What a party gets that knows the register of this version."""
        version = self._live.newest.version
        return Given(self.own.newest, self._live.text if version > known_version else "", version)

    async def take(self, party: Member, given: Given) -> None:
        """Take a newer register, and keep the head. What cannot be believed is dropped, and told of in diagnostics.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        if given.register and self._live.offer(given.register, self._now()):
            # It counts from now on, whatever becomes of its line.
            self._untold.append(RegisterAccepted(version=self._live.newest.version, digest=self._live.digest.hex()))
        if self._untold:
            await finish(self._tell)
        if not given.head:
            return
        try:
            extends = await self._keeper.keep(party.ura, given.head)
        except BadInput as failure:
            _log.warning("head refused", party=party.ura.value, code=failure.fault.value)
            return
        if extends in (Extends.FORKED, Extends.ROLLED_BACK):
            _log.error("journal of another party rewritten", party=party.ura.value, how=extends.value)

    async def exchange(self, gateway: Member, head: str, register: str, version: int) -> tuple[str, str, int]:
        """Take what a gateway gives, and give ours.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        await self.take(gateway, Given(head, register, version))
        given = self.give(version)
        return given.head, given.register, given.version

    async def _tell(self) -> None:
        async with self._telling:
            while self._untold:
                await self._journal.append(self._untold[0])
                del self._untold[0]

    def _verified(self, party: Ura, token: str) -> bytes:
        member = self._live.current(self._now()).by_ura.get(party)
        if member is None:
            raise BadInput(Fault.TOKEN_INVALID, "head")

        def key_of(key_id: str) -> bytes | None:
            key = member.key(key_id, KeyUse.ANSWER)
            return key.public if key is not None else None

        return jose.verify(token, HEAD_TYPE, key_of, most=HEAD_CHARACTERS)
