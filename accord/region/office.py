"""The office of a region: a folder with its keys and its register, of which every change is a new signed version.

region.key        signs the register (Ed25519, mode 600)      region.pub    its public key, which every member is given
next-region.key   the key after it, once announced            authority.key, authority.pem   certify organisations
register.jws      the register, replaced as a whole           .lock         held by whoever changes it
superseded.json   certificates and keys that were replaced and still count
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import Authority, make_authority, public_pem, read_signing_key, read_tls_key, write_private
from accord.link.live_register import replace_file
from accord.link.register_file import SignedRegister, sign_register, verify_register
from accord.region.draft import Draft, next_version
from accord.region.superseded import read_superseded, superseded_to_json
from accord.terms.faults import BadInput, Fault
from accord.terms.members import RegionRegister
from accord.terms.next_steps import ANOTHER_FOLDER, NEXT_KEY, UNREADABLE, UNWRITABLE
from accord.terms.policies import RegionPolicy


class Office:
    """The office whose folder this is.

    Raises:
        BadInput: `invalid-setting`: no region was made in this folder, or its keys cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._superseded = folder / "superseded.json"
        self._key = read_signing_key(folder / "region.key")
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def found(cls, folder: Path, region: str, policy: RegionPolicy, *, at: datetime, days: int = 365) -> "Office":
        """Make a region without members in a new or empty folder.

        Raises:
            BadInput: `invalid-setting`: there is a region in this folder already; `register-invalid` for a name or policy that cannot be.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(folder.iterdir()):
                raise BadInput(Fault.INVALID_SETTING, f"{folder.name}: is not empty", then=ANOTHER_FOLDER)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{folder.name}: cannot be written", then=UNWRITABLE) from None
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        authority = make_authority(region, at=at, days=10 * 366)
        register = RegionRegister(region, 1, at, at + timedelta(days=days), (), (authority.certificate,), policy)
        text = sign_register(register, key, [public])  # before anything is written: a wrong name leaves no half region
        write_private(folder / "region.key", key)
        write_private(folder / "authority.key", authority.key)
        (folder / "region.pub").write_text(public_pem(public), encoding="ascii")
        (folder / "authority.pem").write_text(authority.certificate, encoding="ascii")
        replace_file(folder / "register.jws", f"{text}\n".encode("ascii"), 0o644)
        return cls(folder)

    @property
    def public_key(self) -> bytes:
        """The key of the region (32 bytes): the anchor that every member is given."""
        return self._public

    @property
    def register_path(self) -> Path:
        """Where the register stands."""
        return self.folder / "register.jws"

    @property
    def authority(self) -> Authority:
        """What certifies organisations.

        Raises:
            BadInput: `invalid-setting`.
        """
        try:
            certificate = (self.folder / "authority.pem").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise BadInput(Fault.INVALID_SETTING, "authority.pem: cannot be read", then=UNREADABLE) from None
        return Authority(certificate, read_tls_key(self.folder / "authority.key"))

    def signed(self) -> SignedRegister:
        """The register as it stands, expired or not.

        Raises:
            BadInput: `register-invalid`.
        """
        try:
            text = self.register_path.read_text(encoding="ascii").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise BadInput(Fault.REGISTER_INVALID, "register.jws cannot be read") from None
        return verify_register(text, trusted=self._believed())

    @contextmanager
    def change(self, at: datetime) -> Iterator[Draft]:
        """Change the register: everything done to the draft inside becomes one new version, or nothing does.

        Who comes while somebody else is changing it waits. A change that changes nothing makes no version.

        Raises:
            BadInput: `register-invalid`: what was made would not be believed; `invalid-setting`: it could not be written.
        """
        with self._alone():
            superseded = read_superseded(self._superseded)
            draft = Draft(self.signed().register, self.authority, superseded, at=at)
            yield draft
            if draft.is_changed:
                self._write(sign_register(draft.finished(), self._key, self._believed()))
            # After the register: what stands here may be dropped, so it must have been replaced before.
            if draft.superseded != superseded:
                replace_file(self._superseded, superseded_to_json(draft.superseded))

    def announce_key(self, at: datetime) -> bytes:
        """Make the next key of the region and name it in the register; the present key still signs. Returns the public key.

        Every member must have seen a register that names it before `use_announced_key`.

        Raises:
            BadInput: `invalid-setting`: one was announced already.
        """
        with self._alone():
            register = self.signed().register
            key = Ed25519PrivateKey.generate()
            try:
                write_private(self.folder / "next-region.key", key)
            except OSError:
                raise BadInput(Fault.INVALID_SETTING, "next-region.key: there is one already", then=NEXT_KEY) from None
            self._write(sign_register(next_version(register, at), self._key, self._believed()))
            return key.public_key().public_bytes_raw()

    def use_announced_key(self, at: datetime) -> None:
        """Sign with the announced key from now on, and name no other: the old key counts no longer.

        Raises:
            BadInput: `invalid-setting`: none was announced.
        """
        with self._alone():
            register = next_version(self.signed().register, at)
            following = read_signing_key(self.folder / "next-region.key")
            public = following.public_key().public_bytes_raw()
            text = sign_register(register, following, [public])
            # The register first: should this stop half-way, `_believed` still knows both keys and it can be done again.
            self._write(text)
            (self.folder / "next-region.key").replace(self.folder / "region.key")
            (self.folder / "region.pub").write_text(public_pem(public), encoding="ascii")
            self._key, self._public = following, public

    def _write(self, text: str) -> None:
        try:
            replace_file(self.register_path, f"{text}\n".encode("ascii"), 0o644)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, "register.jws: cannot be written", then=UNWRITABLE) from None

    def _believed(self) -> frozenset[bytes]:
        """The key of today, and the announced one."""
        announced = self.folder / "next-region.key"
        if not announced.exists():
            return frozenset({self._public})
        return frozenset({self._public, read_signing_key(announced).public_key().public_bytes_raw()})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for whoever else is changing it; the lock goes with the process that holds it."""
        with (self.folder / ".lock").open("a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
