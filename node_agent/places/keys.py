"""The key of a provider's places: what others write to us is sealed under its public half, and what we keep under a key derived from it."""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from accord.link.certificates import write_private
from accord.link.secret_files import kept_private
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import NOT_PRIVATE, PLACES_BACKUP, UNREADABLE

_SETTING: Final = "places.key_file"
_LABEL: Final = b"noaber places at rest v1\0"
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class PlacesKey:
    """One file, two uses: `letters` opens what is written to us, `seal` and `open` are for what is kept."""

    letters: X25519PrivateKey = field(repr=False)
    _kept: AESGCM = field(repr=False)

    @property
    def public(self) -> bytes:
        """Under which letters to us are sealed: 32 bytes."""
        return self.letters.public_key().public_bytes_raw()

    @property
    def mark(self) -> str:
        """By which a store knows the key that it was sealed under; it tells nothing of the key."""
        return sha256(_LABEL + self.public).hexdigest()

    def seal(self, of: bytes, content: bytes) -> bytes:
        """Seal *content* as what it is: *of* names its row and its use, and nothing sealed for another row opens there."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._kept.encrypt(nonce, content, _LABEL + of)

    def open(self, of: bytes, sealed: bytes) -> bytes:
        """What was sealed as *of*.

        Raises:
            Unavailable: `source-unavailable`: it was changed on disk, or is of another row.
        """
        try:
            return self._kept.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _LABEL + of)
        except (InvalidTag, ValueError, TypeError):
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "places") from None


def open_key(path: Path, *, make: bool) -> PlacesKey:
    """The key of a file; with *make* it is made when there is none, readable for its owner alone.

    Raises:
        BadInput: `invalid-setting`: there is none, it is none, or others can read it.
    """
    if make and not path.exists():
        try:
            write_private(path, X25519PrivateKey.generate())
        except FileExistsError:
            pass  # somebody was first, and it is theirs that counts
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{_SETTING}: {path.name} cannot be made", then=UNREADABLE) from None
    try:
        if not kept_private(path):
            raise BadInput(Fault.INVALID_SETTING, f"{_SETTING}: only its owner may be able to read a key (chmod 600)", then=NOT_PRIVATE)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise BadInput(Fault.INVALID_SETTING, f"{_SETTING}: there is no such file, and the store was sealed under one", then=PLACES_BACKUP) from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, f"{_SETTING}: {path.name} cannot be read as a key", then=UNREADABLE) from None
    if not isinstance(key, X25519PrivateKey):
        raise BadInput(Fault.INVALID_SETTING, f"{_SETTING}: {path.name} is no X25519 key", then=PLACES_BACKUP)
    return key_of(key)


def key_of(key: X25519PrivateKey) -> PlacesKey:
    """Both uses of a key."""
    derived = HKDF(hashes.SHA256(), 32, None, _LABEL + b"seal").derive(key.private_bytes_raw())
    return PlacesKey(key, AESGCM(derived))
