"""A data user who signs exactly what a script tells it to: mandates, proofs of questions, and what goes to the gateway's own faces.

It holds the real mandate key of an organisation of the region, so that an attack begins where a real attacker would: with
evidence that is sound, of which one thing is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_signing_key
from accord.link.jose import encoded
from accord.link.mandate_claims import LONGEST, Wanted
from accord.link.mandates import make_mandate
from accord.link.proofs import make_proof
from accord.link.salts import seal_salt
from accord.region.member_keys import signing_key_file
from accord.terms.evidence import Asked, Emergency, TreatmentBasis
from accord.terms.identifiers import Bsn, Ura
from accord.terms.members import KeyUse, Member
from accord.terms.parties import Asker, Professional
from accord.terms.queries import EVERYTHING, Evidence
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from testbed.region_office import GATEWAY

#: A GP of a fictional practice: the role that may see everything, so that what is refused is refused for another reason.
ATTACKER: Final = Professional("900000666", "01.015", "Attacker (fictional)")
ANYTHING: Final = Asked(PurposeOfUse.TREATMENT, EVERYTHING)


@dataclass(frozen=True, slots=True)
class ScriptedMandate:
    """A mandate as it travels, its salt, the key that signs its proofs, and who it says is asking."""

    text: str = field(repr=False)
    salt: bytes = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)
    asker: Asker
    purpose: PurposeOfUse

    @property
    def digest(self) -> bytes:
        """By which proofs name it."""
        return sha256(self.text.encode("utf-8")).digest()

    def proof(self, asked: Asked | None = None, *, gateway: Ura = GATEWAY, at: datetime | None = None, key: Ed25519PrivateKey | None = None) -> str:
        """A fresh proof that this was asked; of everything, when nothing is said."""
        return make_proof(asked or Asked(self.purpose, EVERYTHING), self.digest, gateway, key or self.key, at or datetime.now(UTC))

    def evidence(self, *asked: Asked, gateway: Ura = GATEWAY) -> Evidence:
        """What travels to a gateway: a proof for each, and the salt as it is."""
        return Evidence(self.text, tuple(self.proof(one, gateway=gateway) for one in asked or (None,)), self.salt)

    def sealed(self, bsn: Bsn, proof: str = "") -> Evidence:
        """What travels to a holder: one proof, and the salt sealed under this BSN."""
        return Evidence(self.text, (proof or self.proof(),), seal_salt(self.salt, bsn, self.digest))

    def headers(self, *asked: Asked, gateway: Ura = GATEWAY) -> Mapping[str, str]:
        """The headers that `noaber connect` would send to the gateway's FHIR face."""
        evidence = self.evidence(*asked, gateway=gateway)
        return {"noaber-mandate": evidence.mandate, "noaber-proof": ",".join(evidence.proofs), "noaber-salt": encoded(evidence.salt)}


@dataclass(frozen=True, slots=True)
class ScriptedUser:
    """An organisation that signs mandates for whoever the script says."""

    member: Member
    region: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, member: Member, region: str, keys: Path) -> "ScriptedUser":
        """The organisation whose keys are in this folder.

        Raises:
            BadInput: `invalid-setting`: it has no mandate key there.
        """
        return cls(member, region, read_signing_key(signing_key_file(keys, KeyUse.MANDATE)))

    def mandate(
        self,
        bsn: str,
        *,
        professional: Professional = ATTACKER,
        purpose: PurposeOfUse = PurposeOfUse.TREATMENT,
        treatment: TreatmentBasis | None = TreatmentBasis.PRESENT,
        categories: frozenset[CareCategory] = frozenset(),
        emergency: Emergency | None = None,
        lifetime: timedelta = LONGEST,
        at: datetime | None = None,
        region: str = "",
        issuer: Ura | None = None,
    ) -> ScriptedMandate:
        """A mandate that says this, signed with the key of this organisation; *issuer* says another one's name.

        Raises:
            BadInput: `token-invalid`, where not even the one who signs would believe it (a life of more than ten minutes).
        """
        key = Ed25519PrivateKey.generate()
        wanted = Wanted(
            issuer or self.member.ura,
            region or self.region,
            professional,
            purpose,
            Bsn(bsn),
            key.public_key().public_bytes_raw(),
            treatment=treatment,
            categories=categories,
            emergency=emergency,
            lifetime=lifetime,
        )
        made = make_mandate(wanted, self.key, at or datetime.now(UTC))
        return ScriptedMandate(made.text, made.salt, key, Asker(self.member.user, professional, treatment is not None), purpose)
