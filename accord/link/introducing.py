"""How a gateway and an agent that calls it prove to each other who they are, whatever stands between them.

A client's certificate does not arrive through a proxy that opens TLS, and neither does the gateway's. So both sign, with
their answer keys of the register, all that was said: both names, both nonces, both fresh keys, the certificate by which the
gateway is known, and the time. From the fresh keys comes a session key that nobody between them knows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accord.link.jose import is_weak, public_key, thumbprint
from accord.link.peers import certificate_digest, member_by_digest
from accord.link.session_seals import SessionKey
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister

#: The capability, in the register, of a holder whose agent calls the gateway. Such a holder has no address.
OUTBOUND: Final = "outbound"
#: Clocks may differ by so much.
_SKEW: Final = timedelta(minutes=5)
_BYTES: Final = 32
_MOST_CERTIFICATE: Final = 16 * 1024
# Each signature begins with what it is, so that none can pass for another, or for a last word.
_OF_GATEWAY: Final = b"noaber outbound gateway v1\0"
_OF_AGENT: Final = b"noaber outbound agent v1\0"
_SESSION: Final = b"noaber outbound session v1\0"


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who the agent says it is, and its part of the fresh keys.

    Raises:
        BadInput: `session-broken`.
    """

    ura: Ura
    nonce: bytes
    ephemeral: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _demand_bytes(self.nonce, self.ephemeral)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Who the gateway is, signed.

    Raises:
        BadInput: `session-broken`.
    """

    ura: Ura
    nonce: bytes
    ephemeral: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    at_ms: int
    key_id: str = ""
    signature: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        _demand_bytes(self.nonce, self.ephemeral)
        if len(self.certificate) > _MOST_CERTIFICATE or not 0 <= self.at_ms < 2**63:
            raise BadInput(Fault.SESSION_BROKEN)


@dataclass(frozen=True, slots=True)
class Proof:
    """The agent's signature."""

    key_id: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Introduced:
    """The gateway as the agent found it: by which certificate it is known, with which of its keys it signed, and the key that the two have now."""

    gateway: Ura
    certificate: bytes = field(repr=False)
    key: SessionKey
    key_id: str


class Introduction:
    """The agent's side of one session."""

    def __init__(self, ura: Ura, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._fresh = X25519PrivateKey.generate()
        self.greeting = Greeting(ura, os.urandom(_BYTES), self._fresh.public_key().public_bytes_raw())

    def answer(self, challenge: Challenge, register: RegionRegister, at: datetime) -> tuple[Proof, Introduced]:
        """Our proof, when it is a gateway of the region that challenges.

        Raises:
            Unavailable: `not-a-member`: it is no gateway, or its certificate is another's; `organisation-blocked`.
            BadInput: `session-broken`: it is not signed by the gateway, or not of now.
        """
        gateway = _part_of(register, challenge.ura, Part.GATEWAY)
        if member_by_digest(register, certificate_digest(challenge.certificate, at)) is not gateway:
            raise Unavailable(Fault.NOT_A_MEMBER)
        if abs(datetime.fromtimestamp(challenge.at_ms / 1000, UTC) - at) > _SKEW:
            raise BadInput(Fault.SESSION_BROKEN, "clock")
        said = _said(self.greeting, challenge)
        _check(gateway, challenge.key_id, challenge.signature, _OF_GATEWAY + said)
        introduced = Introduced(gateway.ura, challenge.certificate, _session_key(self._fresh, challenge.ephemeral, said), challenge.key_id)
        return Proof(_id_of(self._key), self._key.sign(_OF_AGENT + said)), introduced


class Reception:
    """The gateway's side of one session: *certificate* is the one by which it is known (PEM)."""

    def __init__(self, greeting: Greeting, ura: Ura, key: Ed25519PrivateKey, certificate: bytes, at: datetime) -> None:
        self._greeting = greeting
        self._fresh = X25519PrivateKey.generate()
        at_ms = int(at.timestamp() * 1000)
        unsigned = Challenge(ura, os.urandom(_BYTES), self._fresh.public_key().public_bytes_raw(), certificate, at_ms, _id_of(key))
        self._said = _said(greeting, unsigned)
        self.challenge = replace(unsigned, signature=key.sign(_OF_GATEWAY + self._said))

    def check(self, proof: Proof, register: RegionRegister) -> SessionKey:
        """The session's key, when the agent is the one that it said.

        Raises:
            Unavailable: `not-a-member`: no holder of the region that calls out; `organisation-blocked`.
            BadInput: `session-broken`: it is not signed by that holder.
        """
        member = outbound_holder(register, self._greeting.ura)
        _check(member, proof.key_id, proof.signature, _OF_AGENT + self._said)
        return _session_key(self._fresh, self._greeting.ephemeral, self._said)


def outbound_holder(register: RegionRegister, ura: Ura) -> Member:
    """The holder of this URA, when its agent calls out and it takes part.

    Raises:
        Unavailable: `not-a-member`, `organisation-blocked`.
    """
    member = _part_of(register, ura, Part.DATA_HOLDER)
    if not is_outbound(member):
        raise Unavailable(Fault.NOT_A_MEMBER)
    return member


def check_proven(register: RegionRegister, ura: Ura, part: Part, key_id: str) -> None:
    """Nothing, when this organisation still takes part, and the key by which it proved who it is still counts.

    A key that was stolen is dropped by the office: whoever opened a session with it must not keep that.

    Raises:
        Unavailable: `not-a-member`, `organisation-blocked`.
    """
    if _part_of(register, ura, part).key(key_id, KeyUse.ANSWER) is None:
        raise Unavailable(Fault.NOT_A_MEMBER)


def is_outbound(member: Member) -> bool:
    """Whether the register says that this holder's agent calls the gateway, and has no address."""
    return OUTBOUND in member.capabilities and not member.address


def _part_of(register: RegionRegister, ura: Ura, part: Part) -> Member:
    members: Mapping[Ura, Member] = register.by_ura
    member = members.get(ura)
    if member is None or part not in member.parts:
        raise Unavailable(Fault.NOT_A_MEMBER)
    if member.status is not MemberStatus.ACTIVE:
        raise Unavailable(Fault.ORGANISATION_BLOCKED)
    return member


def _said(greeting: Greeting, challenge: Challenge) -> bytes:
    """The digest of all that was said, each part with its length before it."""
    parts = (
        greeting.ura.value.encode("ascii"),
        greeting.nonce,
        greeting.ephemeral,
        challenge.ura.value.encode("ascii"),
        challenge.nonce,
        challenge.ephemeral,
        challenge.certificate,
        challenge.at_ms.to_bytes(8, "big"),
        challenge.key_id.encode("utf-8"),
    )
    return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def _check(member: Member, key_id: str, signature: bytes, signed: bytes) -> None:
    key = member.key(key_id, KeyUse.ANSWER)
    try:
        if key is None or is_weak(key.public):
            raise BadInput(Fault.SESSION_BROKEN)
        public_key(key.public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise BadInput(Fault.SESSION_BROKEN) from None


def _session_key(fresh: X25519PrivateKey, theirs: bytes, said: bytes) -> SessionKey:
    try:
        shared = fresh.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError:  # a point of small order: everybody would know the key
        raise BadInput(Fault.SESSION_BROKEN) from None
    return SessionKey(HKDF(hashes.SHA256(), 32, salt=said, info=_SESSION).derive(shared))


def _id_of(key: Ed25519PrivateKey) -> str:
    return thumbprint(key.public_key().public_bytes_raw())


def _demand_bytes(*values: bytes) -> None:
    if any(len(value) != _BYTES for value in values):
        raise BadInput(Fault.SESSION_BROKEN)
