"""The patient as one holder, and nobody else, knows them.

HMAC-SHA256 over the BSN under a key that one holder shares with the gateway. Unkeyed hashes of BSNs can be
tried out in minutes (there are 9.1 · 10⁷), so without the key an index of pseudonyms tells nothing; another
holder's pseudonym of the same person has nothing in common with it.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Pseudonym
from accord.terms.next_steps import LINE_KEY

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_CHECK_LABEL = b"noaber pseudonym key check v1"
_LABEL = b"noaber pseudonym v1\0"
_MARK_LABEL = b"noaber journal mark v1\0"


@dataclass(frozen=True, slots=True, repr=False)
class PseudonymKey:
    """A holder's key: 32 bytes, never shown.

    Raises:
        BadInput: `invalid-setting`.
    """

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != 32:
            raise BadInput(Fault.INVALID_SETTING, "pseudonym_key", then=LINE_KEY)

    @property
    def check(self) -> bytes:
        """Eight bytes that another key does not have: by them two parties see that they have the same key."""
        return hmac.digest(self.value, _CHECK_LABEL, sha256)[:8]

    def mark(self, pseudonym: Pseudonym) -> str:
        """What stands for a pseudonym in this party's journal: it has nothing in common with any pseudonym that travels."""
        return hmac.digest(self.value, _MARK_LABEL + pseudonym.value, sha256).hex()

    def pseudonym(self, bsn: Bsn) -> Pseudonym:
        """This holder's pseudonym of a person."""
        return Pseudonym(hmac.digest(self.value, _LABEL + bsn.value.encode("ascii"), sha256))


def pseudonym_key(text: str) -> PseudonymKey:
    """Read 64 hexadecimal digits.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not _HEX.fullmatch(text):
        raise BadInput(Fault.INVALID_SETTING, "pseudonym_key", then=LINE_KEY)
    return PseudonymKey(bytes.fromhex(text))
