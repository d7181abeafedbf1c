"""The door of an agent: who is on the channel, on which evidence, and the signature under every last word."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc.aio import ServicerContext

from accord.link.closing import sign_closed
from accord.link.live_register import LiveRegister
from accord.link.peers import peer_digest, peer_of, still_a_member
from accord.link.verifying import HolderVerifier, What
from accord.terms.answers import Closed
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Pseudonym, QueryId, Ura
from accord.terms.members import Member, Part
from accord.terms.parties import Asker
from accord.terms.queries import Evidence, HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from node_agent.admitted import Admitted, Asking

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ToLocate:
    """Who asks whether somebody is known here, as the message says."""

    pseudonym: Pseudonym
    asked_by: Asker
    purpose: PurposeOfUse
    query_id: QueryId
    evidence: Evidence


class Door(Protocol):
    """Lets questions in, and signs what goes out. Raises nothing but `Faulted`."""

    def check_peer(self, context: Context) -> Member:
        """Who is on the channel; whoever is no gateway of the region is refused."""

    def while_a_member(self, context: Context, issuer: Ura | None = None) -> AbstractAsyncContextManager[None]:
        """Run what is inside for as long as whoever is on the channel takes part, and the organisation that asks."""

    def let_locate(self, context: Context, asked: ToLocate) -> Asking:
        """Who asks whether somebody is known here."""

    def let_query(self, context: Context, query: HolderQuery, what: What, *, url: str = "", record: str = "") -> Admitted:
        """The question as it may be decided on."""

    def sign(self, closed: Closed) -> Closed:
        """A last word, signed."""


class RegisterDoor:
    """The door of a real agent: by mutual TLS, the register, and evidence (promise P1)."""

    def __init__(
        self, live: LiveRegister, verifier: HolderVerifier, key: Ed25519PrivateKey, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._live = live
        self._verifier = verifier
        self._key = key
        self._now = now

    def check_peer(self, context: Context) -> Member:
        """Who is on the channel.

        Raises:
            Unavailable: `not-a-member` also for who is no gateway, `organisation-blocked`, `register-outdated`.
        """
        peer = peer_of(context, self._live, self._now())
        if Part.GATEWAY not in peer.parts:
            raise Unavailable(Fault.NOT_A_MEMBER)
        return peer

    def while_a_member(self, context: Context, issuer: Ura | None = None) -> AbstractAsyncContextManager[None]:
        """Cancel what is inside when the register says that one of them does not take part any more."""
        return still_a_member(self._live, peer_digest(context, self._now()), also=issuer, clock=self._now)

    def let_locate(self, context: Context, asked: ToLocate) -> Asking:
        """Who asks, verified.

        Raises:
            Faulted: As `HolderVerifier.verify_locate`.
        """
        gateway = self.check_peer(context)
        asker = self._verifier.verify_locate(asked.pseudonym, asked.asked_by, asked.purpose, asked.evidence, gateway)
        return Asking(asked.query_id, asker.asked_by, asked.purpose, gateway.ura, asker.mandate, asker.check_patient)

    def let_query(self, context: Context, query: HolderQuery, what: What, *, url: str = "", record: str = "") -> Admitted:
        """The question, verified.

        Raises:
            Faulted: As `HolderVerifier.verify`.
        """
        gateway = self.check_peer(context)
        verified = self._verifier.verify(query, "attachment" if what == "attachment" else "query", gateway, attachment=url, record=record)
        asking = Asking(query.id, verified.asked_by, query.purpose, gateway.ura, verified.mandate, verified.check_patient)
        return Admitted(asking, verified.query, verified.received)

    def sign(self, closed: Closed) -> Closed:
        """A last word, signed."""
        return sign_closed(closed, self._key)
