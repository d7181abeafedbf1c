"""What is kept of a search is sealed: by a key in a file beside it, and bound to the row in which it stands.

AES-256-GCM under a random nonce. Who copies the database without the key file has states, times and random ids; who puts
the content of one row into another has nothing that opens.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accord.link.certificates import PRIVATE
from accord.link.secret_files import read_secret
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import LINE_KEY, UNWRITABLE

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_LABEL: Final = b"noaber search for a place v1\0"


class Seal:
    """Seals the content of rows, each under the row's own id."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def closed(self, row: str, content: bytes) -> bytes:
        """*content* as it stands in the file."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, _LABEL + row.encode())

    def opened(self, row: str, sealed: bytes) -> bytes:
        """The content again.

        Raises:
            Unavailable: `source-unavailable`: of another row, under another key, or changed.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _LABEL + row.encode())
        except (InvalidTag, ValueError):
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "places: a row does not open under its key") from None


def key_in(path: Path) -> bytes:
    """The 32 bytes of a key file, which is made, for its owner only, where there is none.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        _make(path)
    except FileExistsError:
        pass
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"places.folder: {path.name}", then=UNWRITABLE) from None
    try:
        key = bytes.fromhex(read_secret(path, f"places.folder: {path.name}"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadInput(Fault.INVALID_SETTING, f"places.folder: {path.name}", then=LINE_KEY)
    return key


def _make(path: Path) -> None:
    """On the disk before anything is sealed under it: what is sealed under a lost key is lost."""
    if path.exists():
        raise FileExistsError
    begun = path.with_name(f"{path.name}.new")
    begun.unlink(missing_ok=True)
    descriptor = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), PRIVATE)
        file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    # Whole or not there, whoever dies meanwhile.
    begun.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
