"""A small region with keys for everybody, for the tests of evidence."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.jose import thumbprint
from accord.link.mandate_claims import Wanted
from accord.link.mandates import MadeMandate, make_mandate
from accord.link.proofs import make_proof
from accord.link.salts import seal_salt
from accord.terms.evidence import Asked, TreatmentBasis
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister, SigningKey
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import RegionPolicy, RoleMatrix
from accord.terms.queries import EVERYTHING, Evidence, HolderQuery, Selection
from accord.terms.vocabulary import HolderKind, PurposeOfUse

AT: Final = datetime(2026, 3, 2, 10, 0, 0, tzinfo=UTC)
START: Final = AT - timedelta(hours=1)
BSN: Final = Bsn("999900006")
OTHER_BSN: Final = Bsn("999900018")
USER, OTHER_USER, GATEWAY, OTHER_GATEWAY, HOSPITAL, PHARMACY = (Ura(f"0000000{number}") for number in range(1, 7))
HOSPITAL_NAME: Final = HolderName("hospital")
PHARMACY_NAME: Final = HolderName("pharmacy")
GP: Final = Professional("900000001", "01.015", "J. de Vries")


def private_key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def signing_key(key: Ed25519PrivateKey, *uses: KeyUse) -> SigningKey:
    return SigningKey(thumbprint(public_of(key)), public_of(key), frozenset(uses))


USER_KEY: Final = private_key(1)
OTHER_USER_KEY: Final = private_key(2)
HOSPITAL_KEY: Final = private_key(3)
PHARMACY_KEY: Final = private_key(4)
PROOF_KEY: Final = private_key(5)


def member(ura: Ura, name: str, kind: HolderKind, *parts: Part, key: SigningKey | None = None) -> Member:
    return Member(ura, HolderName(name), name.title(), kind, "053-0000000", MemberStatus.ACTIVE, frozenset(parts), keys=() if key is None else (key,))


MEMBERS: Final = (
    member(USER, "gp-user", HolderKind.GP_PRACTICE, Part.DATA_USER, key=signing_key(USER_KEY, KeyUse.MANDATE)),
    member(OTHER_USER, "other-user", HolderKind.GP_PRACTICE, Part.DATA_USER, key=signing_key(OTHER_USER_KEY, KeyUse.MANDATE)),
    member(GATEWAY, "gateway", HolderKind.HOSPITAL, Part.GATEWAY),
    member(OTHER_GATEWAY, "other-gateway", HolderKind.HOSPITAL, Part.GATEWAY),
    member(HOSPITAL, "hospital", HolderKind.HOSPITAL, Part.DATA_HOLDER, key=signing_key(HOSPITAL_KEY, KeyUse.ANSWER)),
    member(PHARMACY, "pharmacy", HolderKind.PHARMACY, Part.DATA_HOLDER, key=signing_key(PHARMACY_KEY, KeyUse.ANSWER)),
)
REGISTER: Final = RegionRegister("twente", 1, START, AT + timedelta(days=30), MEMBERS, (), RegionPolicy(RoleMatrix("1", {})))


def changed(ura: Ura, **changes: Any) -> RegionRegister:
    """The register after one member changed."""
    members = tuple(replace(member, **changes) if member.ura == ura else member for member in MEMBERS)
    return replace(REGISTER, version=2, members=members)


def wanted(**changes: Any) -> Wanted:
    return replace(Wanted(USER, "twente", GP, PurposeOfUse.TREATMENT, BSN, public_of(PROOF_KEY), TreatmentBasis.REGISTERED), **changes)


def mandate(**changes: Any) -> MadeMandate:
    return make_mandate(wanted(**changes), USER_KEY, AT)


@dataclass
class World:
    """One mandate, and a clock and register that a test may change."""

    made: MadeMandate = field(default_factory=mandate)
    at: datetime = AT
    register: RegionRegister = REGISTER

    def now(self) -> datetime:
        """The clock."""
        return self.at

    def register_of(self) -> RegionRegister:
        """The register as it stands."""
        return self.register

    def member(self, ura: Ura) -> Member:
        """An organisation."""
        return self.register.by_ura[ura]

    def proof(self, asked: Asked | None = None, gateway: Ura = GATEWAY, key: Ed25519PrivateKey = PROOF_KEY) -> str:
        """A proof of now."""
        return make_proof(asked or Asked(PurposeOfUse.TREATMENT, EVERYTHING), self.made.mandate.digest, gateway, key, self.at)

    def sealed(self, bsn: Bsn = BSN) -> bytes:
        """The salt as it travels to a holder."""
        return seal_salt(self.made.salt, bsn, self.made.mandate.digest)

    def evidence(self, *proofs: str) -> Evidence:
        """As a holder gets it."""
        return Evidence(self.made.text, proofs or (self.proof(),), self.sealed())


ASKER: Final = Asker(DataUser(USER, "Gp-User", HolderKind.GP_PRACTICE), GP, treats_the_patient=True)


def holder_query(evidence: Evidence, selection: Selection = EVERYTHING, about: Bsn | RecordRef = BSN, **changes: Any) -> HolderQuery:
    query = HolderQuery(QueryId("q-1"), HOSPITAL, about, None, ASKER, PurposeOfUse.TREATMENT, selection, evidence)
    return replace(query, **changes)
