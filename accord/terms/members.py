"""The register of the region: which organisations take part, by which keys they are known, and what they agreed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder, DataUser
from accord.terms.policies import RegionPolicy
from accord.terms.vocabulary import HolderKind


class Part(StrEnum):
    """In what an organisation takes part."""

    DATA_HOLDER = "data-holder"
    DATA_USER = "data-user"
    GATEWAY = "gateway"


class MemberStatus(StrEnum):
    """How an organisation stands in the region."""

    PLANNED = "planned"
    """Registered, and does not take part yet: it has its line in every account."""
    ACTIVE = "active"
    BLOCKED = "blocked"
    """Cut off: nothing it says is believed, and nothing is told to it."""


#: A capability: the holder takes part with its places, and shares no records. The office of the region says so in the register.
PLACES_ONLY: Final = "places-only"


class KeyUse(StrEnum):
    """What a key signs."""

    MANDATE = "mandate"
    """Mandates of a data user's professionals."""
    ANSWER = "answer"
    """Last words of a holder, and heads of its journal."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public Ed25519 key of an organisation: 32 bytes, known by `id` (its RFC 7638 thumbprint)."""

    id: str
    public: bytes = field(repr=False)
    uses: frozenset[KeyUse]


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation of the region.

    `address` is where its agent, or its gateway, answers (empty for a mere data user). `certificates` are SHA-256 digests
    of the public keys (SubjectPublicKeyInfo, DER) of the TLS certificates by which it is known. `sealing` is the public key
    (X25519, 32 bytes) under which a gateway is sealed secrets, empty when it has none; `sealed` are a holder's boxes, each with
    the id of the gateway's key under which it lies (`accord.link.sealing`): nobody else can open one, the office neither.
    """

    ura: Ura
    name: HolderName
    title: str
    kind: HolderKind
    telephone: str
    status: MemberStatus
    parts: frozenset[Part]
    address: str = ""
    certificates: frozenset[bytes] = frozenset()
    keys: tuple[SigningKey, ...] = ()
    capabilities: frozenset[str] = frozenset()
    sealing: bytes = b""
    sealed: tuple[tuple[str, bytes], ...] = ()

    @property
    def holder(self) -> DataHolder:
        """It as a data holder."""
        return DataHolder(self.name, self.ura, self.title, self.kind, self.telephone)

    @property
    def user(self) -> DataUser:
        """It as a data user."""
        return DataUser(self.ura, self.title, self.kind)

    def key(self, key_id: str, use: KeyUse) -> SigningKey | None:
        """Its key of this id for this use; none when it has none."""
        return next((key for key in self.keys if key.id == key_id and use in key.uses), None)


@dataclass(frozen=True, slots=True)
class LoginProvider:
    """Where patients log in (OpenID Connect): the issuer, who we are to it, and its public keys (a JWK set, as JSON).

    We are two clients there: by a login as `client_id` one only looks; a choice is confirmed by one as `confirm_client_id`,
    of which the provider says so to whoever logs in (empty: nobody can choose by it). The BSN stands in the claim `bsn_claim`;
    `levels` are the `acr` values that are strong enough (empty: any).
    """

    issuer: str
    client_id: str
    keys: str = field(repr=False)
    confirm_client_id: str = ""
    bsn_claim: str = "bsn"
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegionRegister:
    """One version of the register. Versions only go up; after `expires` nobody is a member any more.

    `authorities` are the certificate authorities of the region (PEM). `region` is its name, the audience of mandates.

    Raises:
        BadInput: From whoever makes it of something read; two members never share a URA, a name, a certificate or a key.
    """

    region: str
    version: int
    issued: datetime
    expires: datetime
    members: tuple[Member, ...]
    authorities: tuple[str, ...]
    policy: RegionPolicy
    logins: tuple[LoginProvider, ...] = ()

    @cached_property
    def by_ura(self) -> Mapping[Ura, Member]:
        """Members by URA."""
        return {member.ura: member for member in self.members}

    @cached_property
    def by_certificate(self) -> Mapping[bytes, Member]:
        """Members by the digest of a certificate's key."""
        return {digest: member for member in self.members for digest in member.certificates}

    @property
    def holders(self) -> tuple[Member, ...]:
        """Those that keep records, in the order of the register."""
        return tuple(member for member in self.members if Part.DATA_HOLDER in member.parts)
