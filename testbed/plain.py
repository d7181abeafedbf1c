"""Both ends without mutual TLS, mandates and signatures: for tests and benches that are about something else, and nowhere else."""

import hmac
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from typing import Any, Final

from grpc import aio

from accord.audit.content import Event
from accord.link.options import CHANNEL
from accord.link.verifying import What
from accord.terms.answers import Closed
from accord.terms.identifiers import Bsn, HolderName, Pseudonym, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.policies import Budget, HolderPolicy
from accord.terms.queries import HolderQuery
from accord.terms.vocabulary import HolderKind
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.ports import RegisteredHolder
from gateway.recording import KEY_BYTES, Recorder
from node_agent.admitted import Admitted, Asking
from node_agent.api.door import ToLocate
from node_agent.budgeting import Budgeting
from node_agent.deciding import WITHOUT_A_MATRIX
from node_agent.emergencies import Emergencies
from node_agent.revoking import Revocations
from node_agent.safeguards import Safeguards

_GATEWAY: Final = Ura("90009000")
_MANY: Final = Budget(per_professional=1_000_000, per_organisation=1_000_000, per_gateway=1_000_000)


def plain_holders() -> GrpcHolders:
    """The way to holders on sockets of this machine, which are believed whatever they say."""
    return GrpcHolders(_connect, _is_believed)


class PlainLedger:
    """A journal that is not durable. `lines` are the events, in order."""

    def __init__(self) -> None:
        self.lines: list[Event] = []

    async def append(self, event: Event) -> int:
        """Keep the line in memory."""
        self.lines.append(event)
        return len(self.lines)


_RECORDER: Final = Recorder(PlainLedger(), bytes(KEY_BYTES), WITHOUT_A_MATRIX)


def plain_safeguards(ura: Ura, **parts: Any) -> Safeguards:
    """Safeguards of a holder without a region: no matrix, no emergencies, and budgets that nobody spends."""
    made: dict[str, Any] = {
        "kind": None,
        "ledger": PlainLedger(),
        "pseudonym_of": _pseudonym_of,
        "mark": lambda pseudonym: sha256(pseudonym.value).hexdigest(),
        "region": lambda: WITHOUT_A_MATRIX,
        "policy": HolderPolicy(),
        "budgeting": Budgeting(lambda: _MANY),
        "emergencies": Emergencies(lambda: None),
        "revocations": Revocations(),
    }
    return Safeguards(ura, **(made | parts))


def admitted(query: HolderQuery) -> Admitted:
    """A question that is let in on the gateway's word."""
    return Admitted(_asking(query), query, query)


def plain_recorder() -> Recorder:
    """The lines of a gateway, kept in memory."""
    return _RECORDER


class PlainDoor:
    """Lets everybody in, and signs nothing."""

    def check_peer(self, _context: Any) -> Member:
        """A gateway that nobody registered."""
        parts = frozenset({Part.GATEWAY})
        return Member(_GATEWAY, HolderName("gateway"), "Gateway", HolderKind.HOSPITAL, "", MemberStatus.ACTIVE, parts)

    def while_a_member(self, _context: Any, _issuer: Ura | None = None) -> AbstractAsyncContextManager[None]:
        """For ever."""
        return _always()

    def let_locate(self, _context: Any, asked: ToLocate) -> Asking:
        """Who asks, as the message says."""
        return Asking(asked.query_id, asked.asked_by, asked.purpose, _GATEWAY, None, _about_anybody)

    def let_query(self, _context: Any, query: HolderQuery, _what: What, *, url: str = "", record: str = "") -> Admitted:
        """The question, as the message says."""
        del url, record
        return admitted(query)

    def sign(self, closed: Closed) -> Closed:
        """The last word as it is."""
        return closed


class PlainExchange:
    """Has nothing to share."""

    async def exchange(self, _gateway: Member, _head: str, _register: str, version: int) -> tuple[str, str, int]:
        """Give nothing."""
        return "", "", version


def _asking(query: HolderQuery) -> Asking:
    return Asking(query.id, query.asked_by, query.purpose, _GATEWAY, None, _about_anybody)


@asynccontextmanager
async def _always() -> AsyncIterator[None]:
    yield


def _about_anybody(_: Bsn) -> None:
    pass


def _pseudonym_of(bsn: Bsn) -> Pseudonym:
    return Pseudonym(hmac.digest(b"testbed", bsn.value.encode("ascii"), sha256))


def _connect(holder: RegisteredHolder) -> aio.Channel:
    return aio.insecure_channel(holder.address.target, options=CHANNEL)


def _is_believed(_: Closed) -> bool:
    return True
