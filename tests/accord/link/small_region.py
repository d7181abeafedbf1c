"""A region of a few organisations, made in a folder, and what goes wrong with certificates, by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.certificates import Authority, certify, make_authority, write_private
from accord.link.credentials import TlsFiles
from accord.link.live_register import LiveRegister
from accord.region.draft import Draft
from accord.region.member_keys import tls_files
from accord.region.office import Office
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.policies import ANY_ROLE, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind

NOW: Final = datetime.now(UTC).replace(microsecond=0)
POLICY: Final = RegionPolicy(RoleMatrix("2026.1", {(None, ANY_ROLE): frozenset({CareCategory.ALLERGY_INTOLERANCE, CareCategory.CONDITION})}))

HOSPITAL: Final = Member(
    ura=Ura("00001001"),
    name=HolderName("hospital"),
    title="Ziekenhuis Esdoorn",
    kind=HolderKind.HOSPITAL,
    telephone="+31 53 000 1001",
    status=MemberStatus.ACTIVE,
    parts=frozenset({Part.DATA_HOLDER, Part.DATA_USER}),
    address="127.0.0.1:7001",
)
GATEWAY: Final = replace(HOSPITAL, ura=Ura("00001002"), name=HolderName("gateway"), title="Regiopoort", parts=frozenset({Part.GATEWAY}))
PLANNED: Final = replace(HOSPITAL, ura=Ura("00001003"), name=HolderName("planned"), title="Kliniek Later", status=MemberStatus.PLANNED)


class SmallRegion:
    """An office with a hospital, a gateway and a clinic that does not take part yet; keys are in a folder by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.office = Office.found(folder / "office", "twente", POLICY, at=NOW)
        with self.change() as draft:
            for member in (HOSPITAL, GATEWAY, PLANNED):
                draft.add_with_keys(member, folder / member.name.value, ["localhost", "127.0.0.1"])

    @contextmanager
    def change(self) -> Iterator[Draft]:
        """Make a new version of the register."""
        with self.office.change(NOW) as draft:
            yield draft

    @property
    def text(self) -> str:
        """The register as it is signed."""
        return self.office.signed().text

    def live(self, name: str = "known") -> LiveRegister:
        """The register of a process that remembers in a file of this name."""
        return LiveRegister(self.office.register_path, [self.office.public_key], known=self.folder / name)

    def files(self, member: Member) -> TlsFiles:
        """A member's certificate and key."""
        return tls_files(self.folder / member.name.value)

    def stranger(self) -> TlsFiles:
        """Certified by the region, and not in its register."""
        return certified(self.folder / "stranger", self.office.authority, Ura("00009999"))

    def of_another_authority(self) -> TlsFiles:
        """Of a region of the same name."""
        return certified(self.folder / "elsewhere", make_authority("twente", at=NOW, days=30), GATEWAY.ura)

    def expired(self) -> TlsFiles:
        """Since yesterday."""
        return certified(self.folder / "expired", self.office.authority, GATEWAY.ura, at=NOW - timedelta(days=30), days=29)

    def not_yet_valid(self) -> TlsFiles:
        """Until tomorrow."""
        return certified(self.folder / "early", self.office.authority, GATEWAY.ura, at=NOW + timedelta(days=1))

    def self_signed(self) -> TlsFiles:
        """Signed by its own key."""
        alone = make_authority("alone", at=NOW, days=30)
        return _written(self.folder / "alone", alone.certificate, alone.key)


def certified(folder: Path, authority: Authority, ura: Ura, *, at: datetime = NOW, days: int = 30) -> TlsFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    return _written(folder, certify(authority, key.public_key(), ura, ["localhost", "127.0.0.1"], at=at, days=days), key)


def _written(folder: Path, certificate: str, key: ec.EllipticCurvePrivateKey) -> TlsFiles:
    folder.mkdir()
    files = tls_files(folder)
    write_private(files.key, key)
    files.certificate.write_text(certificate, encoding="ascii")
    return files
