"""A secret for one reader: sealed under the reader's public key, and bound to whom it is from and what it is for.

X25519 between a key that is made for one box and the reader's, HKDF-SHA256, AES-256-GCM (the shape of HPKE's base mode).
So the pseudonym key of a holder can lie in the register for everybody to see, and only the gateway can open it.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.next_steps import KEY, NOT_PRIVATE, UNREADABLE

KEY_BYTES: Final = 32
#: The key of one box, the secret of 32 bytes, and what shows that nobody changed it.
BOX_BYTES: Final = 32 + 32 + 16
#: A holder has one for each gateway of its region, and some for gateways that change their key.
MOST_BOXES: Final = 16
KEY_ID: Final = re.compile(r"[0-9a-f]{32}")
_LABEL: Final = b"noaber pseudonym key for a gateway v1"
#: A key of AES is made for one box and used once.
_NONCE: Final = bytes(12)


def key_id(public: bytes) -> str:
    """By what a reader's key is known beside a box."""
    return sha256(b"x25519\0" + public).hexdigest()[:32]


def seal(key: PseudonymKey, reader: bytes, holder: Ura) -> bytes:
    """A box with the pseudonym key of *holder*, which only who has the private half of *reader* can open.

    Raises:
        BadInput: `register-invalid`: the reader's key is none.
    """
    once = X25519PrivateKey.generate()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(reader))
    except ValueError:
        raise BadInput(Fault.REGISTER_INVALID, "sealing key") from None
    public = once.public_key().public_bytes_raw()
    return public + AESGCM(_derived(shared, public, reader)).encrypt(_NONCE, key.value, _bound(holder))


def unseal(box: bytes, reader: X25519PrivateKey, holder: Ura) -> PseudonymKey:
    """The pseudonym key of *holder* in a box that was sealed for us.

    Raises:
        BadInput: `wrong-key`: for another reader, of another holder, or changed.
    """
    public = box[:KEY_BYTES]
    try:
        shared = reader.exchange(X25519PublicKey.from_public_bytes(public))
        derived = _derived(shared, public, reader.public_key().public_bytes_raw())
        return PseudonymKey(AESGCM(derived).decrypt(_NONCE, box[KEY_BYTES:], _bound(holder)))
    except (InvalidTag, ValueError, BadInput):
        raise BadInput(Fault.WRONG_KEY, "sealed pseudonym key") from None


def read_sealing_key(path: Path) -> X25519PrivateKey:
    """A private key (PEM) that `accord.link.certificates.write_private` wrote.

    Raises:
        BadInput: `invalid-setting`: unreadable, of another kind, or open to others than its owner.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise BadInput(Fault.INVALID_SETTING, f"{path.name}: only its owner may be able to read a key (chmod 600)", then=NOT_PRIVATE)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: no key that can be read", then=UNREADABLE) from None
    if not isinstance(key, X25519PrivateKey):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: not an X25519 key", then=KEY)
    return key


def sealing_pem(key: X25519PrivateKey) -> str:
    """The public half (PEM), for the office."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def read_sealing_pem(pem: bytes) -> bytes:
    """The 32 bytes of a public key that `sealing_pem` gave.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, "sealing key", then=KEY) from None
    if not isinstance(key, X25519PublicKey):
        raise BadInput(Fault.INVALID_SETTING, "sealing key: use X25519", then=KEY)
    return key.public_bytes_raw()


def _derived(shared: bytes, once: bytes, reader: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, _LABEL + once + reader).derive(shared)


def _bound(holder: Ura) -> bytes:
    return _LABEL + b"\0" + holder.value.encode("ascii")
