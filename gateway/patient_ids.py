"""Patient ids that may stand in a URL: sealed for one data user, saying nothing to anybody else, kept nowhere.

An id is an epoch byte and AES-SIV over BSN and date of birth, bound to the URA of the data user; written in base32
it is 40 lower-case letters and digits. The same person has the same id for a data user until the key changes.
An id that was sealed for somebody else, under a key that is gone, or that was made up, is simply unknown.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura

KEY_BYTES: Final = 64
_ID_CHARACTERS: Final = 40
_BOUND_TO: Final = b"noaber patient id 1"


@dataclass(frozen=True, slots=True)
class PatientKeys:
    """The keys by epoch (0 to 255); `epoch` seals new ids, the others still open ids that are out there.

    Raises:
        BadInput: `invalid-setting`.
    """

    by_epoch: Mapping[int, bytes] = field(repr=False)
    epoch: int

    def __post_init__(self) -> None:
        lengths = {len(key) for key in self.by_epoch.values()}
        if self.epoch not in self.by_epoch or lengths != {KEY_BYTES} or not all(0 <= epoch <= 255 for epoch in self.by_epoch):
            raise BadInput(Fault.INVALID_SETTING, "patient_keys")

    @classmethod
    def random(cls) -> Self:
        """One key that ends with this process: for a demo, or where ids need not outlive a restart."""
        return cls({0: secrets.token_bytes(KEY_BYTES)}, 0)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an id stands for."""

    bsn: Bsn
    birth_date: date | None


class PatientIds:
    """Makes and reads patient ids under the keys that it is given."""

    __slots__ = ("_ciphers", "_epoch")

    def __init__(self, keys: PatientKeys) -> None:
        self._ciphers = {epoch: AESSIV(key) for epoch, key in keys.by_epoch.items()}
        self._epoch = keys.epoch

    def make(self, person: Person, user: Ura) -> str:
        """The id of this person for this data user: the same on every call in one epoch."""
        birth = 0 if person.birth_date is None else person.birth_date.toordinal()
        # Always eight bytes: the length does not tell whether the date of birth is known.
        content = int(person.bsn.value).to_bytes(4, "big") + birth.to_bytes(4, "big")
        epoch = bytes([self._epoch])
        sealed = epoch + self._ciphers[self._epoch].encrypt(content, [_BOUND_TO, epoch, user.value.encode()])
        return base64.b32encode(sealed).decode("ascii").lower()

    def read(self, text: str, user: Ura) -> Person:
        """Whom an id stands for.

        Raises:
            BadInput: `unknown-patient-id`, whatever the cause.
        """
        try:
            return self._open(text, user)
        except (InvalidTag, ValueError, KeyError, OverflowError, binascii.Error, BadInput):
            raise BadInput(Fault.UNKNOWN_PATIENT_ID) from None

    def _open(self, text: str, user: Ura) -> Person:
        if len(text) != _ID_CHARACTERS or not text.isascii() or text != text.lower():
            raise BadInput(Fault.UNKNOWN_PATIENT_ID)
        sealed = base64.b32decode(text.upper())
        content = self._ciphers[sealed[0]].decrypt(sealed[1:], [_BOUND_TO, sealed[:1], user.value.encode()])
        birth = int.from_bytes(content[4:], "big")
        return Person(Bsn(f"{int.from_bytes(content[:4], 'big'):09d}"), date.fromordinal(birth) if birth else None)
