"""Identifiers: checked when made, redacted when shown."""

import re
from dataclasses import dataclass
from typing import Final

from accord.terms.faults import BadInput, Fault

BSN_SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/bsn"
BSN_OID: Final = "urn:oid:2.16.840.1.113883.2.4.6.3"
URA_SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/ura"

# `[0-9]` and fullmatch on purpose: `\d` matches Arabic digits and `$` a trailing newline.
_NINE_DIGITS = re.compile(r"[0-9]{9}")
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_HOLDER_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?")
_LOGICAL_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
#: The characters of an address (RFC 3986) and no others: a quote or a space in one could hide something else beside it.
_BASE_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/@!$&()*+,;=%\[\]-]{1,240}")
_QUERY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def passes_the_eleven_test(digits: str) -> bool:
    """Whether nine digits satisfy the check on BSNs (weights 9 … 2 and -1, a multiple of 11, not all zero)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return total % 11 == 0 and digits != "000000000"


@dataclass(frozen=True, slots=True, repr=False)
class Bsn:
    """Burgerservicenummer: nine digits that pass the eleven-test. Never shown by `repr` or `str`.

    Raises:
        BadInput: `invalid-bsn`, without the number.
    """

    value: str

    def __post_init__(self) -> None:
        if not _NINE_DIGITS.fullmatch(self.value) or not passes_the_eleven_test(self.value):
            raise BadInput(Fault.INVALID_BSN)

    def __repr__(self) -> str:
        return "Bsn(…)"


@dataclass(frozen=True, slots=True)
class Ura:
    """UZI-register abonneenummer of an organisation: eight digits.

    Raises:
        BadInput: `invalid-question`.
    """

    value: str

    def __post_init__(self) -> None:
        if not _EIGHT_DIGITS.fullmatch(self.value):
            raise BadInput(Fault.INVALID_QUESTION, "ura")

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, order=True)
class HolderName:
    """A holder's name in the register, and its place in URLs and ids: a letter, then letters, digits, dashes.

    At most 20 characters and no dot, so that `<holder>.<id>` splits in one way only.

    Raises:
        BadInput: `unknown-holder`.
    """

    value: str

    def __post_init__(self) -> None:
        if not _HOLDER_NAME.fullmatch(self.value):
            raise BadInput(Fault.UNKNOWN_HOLDER)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class QueryId:
    """Id of one question, the same in every journal.

    Raises:
        BadInput: `invalid-question`.
    """

    value: str

    def __post_init__(self) -> None:
        if not _QUERY_ID.fullmatch(self.value):
            raise BadInput(Fault.INVALID_QUESTION, "query_id")

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, repr=False)
class Pseudonym:
    """A patient as one holder, and nobody else, knows them: 32 bytes under that holder's key.

    Raises:
        BadInput: `invalid-question`.
    """

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != 32:
            raise BadInput(Fault.INVALID_QUESTION, "pseudonym")

    def __repr__(self) -> str:
        return "Pseudonym(…)"


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Where a record stands at its holder: `Observation/1`.

    Raises:
        BadInput: `invalid-id`.
    """

    type: str
    id: str

    def __post_init__(self) -> None:
        if not is_logical_id(self.id) or not (self.type.isascii() and self.type.isalpha()):
            raise BadInput(Fault.INVALID_ID)

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


def is_logical_id(text: str) -> bool:
    """Whether *text* is a FHIR id (R4, datatypes: 1 to 64 of letters, digits, dash and dot)."""
    return _LOGICAL_ID.fullmatch(text) is not None


def is_base_address(text: str) -> bool:
    """Whether *text* can be the base address of a FHIR server: http or https, and nothing that is not of an address."""
    return _BASE_ADDRESS.fullmatch(text) is not None


def record_ref(text: str) -> RecordRef:
    """Read `Observation/1`.

    Raises:
        BadInput: `invalid-id`.
    """
    kind, slash, logical_id = text.partition("/")
    if not slash:
        raise BadInput(Fault.INVALID_ID)
    return RecordRef(kind, logical_id)
