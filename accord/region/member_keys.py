"""The keys of one organisation: made for it on a trial, or brought by it as public keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link import jose
from accord.link.certificates import Authority, certify, key_digest, write_private
from accord.link.credentials import TlsFiles
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Part, SigningKey
from accord.terms.next_steps import ANOTHER_FOLDER, UNWRITABLE

#: What each part in the region signs: a gateway has a last word too, and a journal.
_USES: Final = {Part.DATA_HOLDER: KeyUse.ANSWER, Part.DATA_USER: KeyUse.MANDATE, Part.GATEWAY: KeyUse.ANSWER}

#: Where a gateway keeps the key that opens what holders sealed for it.
SEALING_KEY: Final = "seal.key"


@dataclass(frozen=True, slots=True)
class KnownBy:
    """By what the register knows an organisation: digests of its certificates' keys, its public signing keys, and the key under which it is sealed secrets."""

    certificates: frozenset[bytes] = frozenset()
    keys: tuple[SigningKey, ...] = ()
    sealing: bytes = b""


def certificate_file(folder: Path) -> Path:
    """Where a member's certificate stands in its folder."""
    return folder / "tls.pem"


def tls_files(folder: Path) -> TlsFiles:
    """The certificate of a member and its key, in the folder that `make_keys` filled."""
    return TlsFiles(certificate_file(folder), folder / "tls.key")


def signing_key_file(folder: Path, use: KeyUse) -> Path:
    """Where a member's signing key for this use stands."""
    return folder / f"{use.value}.key"


def make_keys(folder: Path, authority: Authority, ura: Ura, parts: Iterable[Part], names: Iterable[str] = (), *, at: datetime, days: int) -> KnownBy:
    """Make all keys that an organisation needs, in a folder of its own: for a trial, where one person plays every part.

    `tls.pem` and `tls.key` (ECDSA P-256), `mandate.key` and `answer.key` (Ed25519), `seal.key` (X25519) as far as its parts need them; PEM,
    keys readable by their owner only. An organisation that is for real makes its own and sends `tls.csr`.

    Raises:
        BadInput: `invalid-setting`: there are keys in this folder already, or it cannot be written.
    """
    parts = frozenset(parts)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tls = ec.generate_private_key(ec.SECP256R1())
        files = tls_files(folder)
        write_private(files.key, tls)
        certificate = certify(authority, tls.public_key(), ura, names, at=at, days=days)
        files.certificate.write_text(certificate, encoding="ascii")
        keys: list[SigningKey] = []
        for use in sorted({_USES[part] for part in parts}):
            key = Ed25519PrivateKey.generate()
            write_private(signing_key_file(folder, use), key)
            keys.append(signing_key(key.public_key().public_bytes_raw(), {use}))
        sealing = b""
        if Part.GATEWAY in parts:
            sealed = X25519PrivateKey.generate()
            write_private(folder / SEALING_KEY, sealed)
            sealing = sealed.public_key().public_bytes_raw()
    except FileExistsError:
        raise BadInput(Fault.INVALID_SETTING, f"{folder.name}: has keys already", then=ANOTHER_FOLDER) from None
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{folder.name}: cannot be written", then=UNWRITABLE) from None
    return KnownBy(frozenset({key_digest(certificate.encode("ascii"))}), tuple(keys), sealing)


def signing_key(public: bytes, uses: Iterable[KeyUse]) -> SigningKey:
    """A public Ed25519 key (32 bytes) as the register lists it."""
    return SigningKey(jose.thumbprint(public), public, frozenset(uses))
