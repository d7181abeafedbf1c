"""Why anybody is believed here: the register, our own keys, and the journal that says what was done."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.audit.journal import Journal
from accord.audit.refusals import Refusals
from accord.link.closing import closed_is_signed
from accord.link.credentials import ChannelKeys, TlsFiles, TlsMaterial, to_member
from accord.link.exchanging import Exchange
from accord.link.live_register import LiveRegister
from accord.link.options import CHANNEL
from accord.link.peers import certificate_digest, member_by_digest
from accord.terms.answers import Closed
from accord.terms.faults import Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from gateway.agent_serving import AgentSide
from gateway.ports import RegisteredHolder
from gateway.recording import GlassSeen, Recorder


@dataclass(frozen=True, slots=True)
class Trust:
    """What a gateway holds others against, and proves itself by."""

    ura: Ura
    live: LiveRegister
    material: TlsMaterial
    files: TlsFiles
    journal: Journal
    journal_key: bytes
    exchange: Exchange
    refusals: Refusals
    answer_key: Ed25519PrivateKey = field(repr=False)
    glass: GlassSeen = field(default_factory=GlassSeen)

    def current(self) -> RegionRegister:
        """The register in force.

        Raises:
            Unavailable: `register-outdated`.
        """
        return self.live.current(now())

    @property
    def agent_side(self) -> AgentSide:
        """What is proven to agents that call us."""
        return AgentSide(self.ura, self.live, self.material, self.answer_key, now)

    def recorder(self) -> Recorder:
        """Writes lines of questions, by the policy of this moment."""
        return Recorder(self.journal, self.journal_key, self.current().policy, self.glass, self.refusals)

    def whose(self, certificate: bytes) -> str:
        """The URA of whoever takes part with this certificate; empty for nobody."""
        try:
            return member_by_digest(self.current(), certificate_digest(certificate, now())).ura.value if certificate else ""
        except Unavailable:
            return ""

    def connect(self, keys: ChannelKeys, holder: RegisteredHolder) -> aio.Channel:
        """A channel that ends at this holder and nowhere else."""
        return aio.secure_channel(holder.address.target, keys.current(), options=(*CHANNEL, *to_member(holder.card.ura)))

    def is_signed(self, closed: Closed) -> bool:
        """Whether the holder that a last word names signed it."""
        return closed_is_signed(closed, self.live.newest)


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)
