"""A region's office with its joining desk, and somebody who wants to join, without a network between them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from accord.link import jose
from accord.link.certificates import public_pem, read_certificate, signing_request
from accord.link.desk_forms import SUMMARY_TYPE, JoinForm, Summary
from accord.link.policy_file import default_policy
from accord.region.invitations import Invitation, Invitations
from accord.region.joining_desk import Desk
from accord.region.office import Office
from accord.terms.identifiers import Ura
from accord.terms.members import Member, Part
from accord.terms.vocabulary import HolderKind

URA = Ura("90001005")


@dataclass
class Applicant:
    """Somebody with keys, and perhaps a token."""

    ura: Ura = URA
    tls: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    answer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def wish(self, token: str, **changes: object) -> JoinForm:
        """What they send."""
        public = public_pem(self.answer.public_key().public_bytes_raw())
        form = JoinForm(token, signing_request(self.tls, self.ura).decode(), public, "053-5550105", "127.0.0.1:7005")
        return msgspec.structs.replace(form, **changes)

    def summary(self, at: datetime, **changes: object) -> str:
        """The signed summary of a conformance run."""
        made = Summary(self.ura.value, "twente", at, "0.1.0", True, {"clock": "good"}, 3, 40, "0" * 64)
        return jose.sign(msgspec.json.encode(msgspec.structs.replace(made, **changes)), self.answer, SUMMARY_TYPE)


class World:
    """The office at a moment that tests move."""

    def __init__(self, folder: Path) -> None:
        self.at = datetime.now(UTC)
        self.folder = folder / "region"
        self.office = Office.found(self.folder, "twente", default_policy(), at=self.at - timedelta(minutes=1))
        self.invitations = Invitations(self.folder)
        self.desk = Desk(self.folder, self.invitations, lambda: self.at)

    def invite(self, ura: Ura = URA, name: str = "noaberhoes", *, hours: float = 24, seconds: float = 7 * 86_400) -> str:
        """A token."""
        expires = self.at + timedelta(hours=hours)
        return self.invitations.invite(Invitation(ura.value, name, "'t Noaberhoes", HolderKind.HOSPICE, [Part.DATA_HOLDER], [], expires, seconds))

    def phrase(self, ura: Ura = URA) -> str:
        """What they would read on the telephone."""
        (waiting,) = self.invitations.all_waiting(ura, self.at)
        return waiting.invitation.phrase

    def joined(self, applicant: Applicant) -> bytes:
        """The certificate (DER) of somebody who went all the way."""
        token = self.invite(applicant.ura, f"holder-{applicant.ura}")
        self.desk.join(applicant.wish(token))
        self.desk.approve(applicant.ura, self.phrase(applicant.ura))
        return der(self.desk.join(applicant.wish(token)).certificate)

    def member(self, ura: Ura = URA) -> Member:
        """They, as the register has them."""
        return self.office.signed().register.by_ura[ura]


def der(pem: str) -> bytes:
    return read_certificate(pem.encode()).public_bytes(Encoding.DER)


def csr(names: list[str], subject: str) -> str:
    """A signing request that asks for these names."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
    if names:
        request = request.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
