"""How a signed text is believed: who signed it is asked of the register, every time.

Each text names its signer by URA, whom it is for, and a short life.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, TypeVar

from msgspec import Struct

from accord.link.jose import claims, encoded, verify
from accord.link.mandates import check_active
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Part, RegionRegister
from accord.wire.place_forms import from_form

#: How old an answer or a call for letters may be.
FRESH: Final = timedelta(seconds=60)
#: A moment after it (in 2242) is a mistake, and every one before it can be counted with.
_LATEST: Final = 1 << 33

_T = TypeVar("_T", bound="Signed")

#: By keys of which use, of members that take which part.
Allowed = tuple[tuple[KeyUse, Part], ...]
ASKERS: Final[Allowed] = ((KeyUse.MANDATE, Part.DATA_USER),)
ANSWERERS: Final[Allowed] = ((KeyUse.ANSWER, Part.DATA_HOLDER),)


class Signed(Struct, frozen=True, kw_only=True):
    """What every signed text says."""

    iss: str
    aud: str
    iat: int
    """Whole seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Which kind of text it must be, who may sign it, and how long it may be (characters)."""

    typ: str
    allowed: Allowed
    most: int


def digest_of(token: str) -> str:
    """By what an answer names the question that it is about.

    Raises:
        BadInput: `token-invalid`: no signed text looks like it.
    """
    if not token.isascii():
        raise BadInput(Fault.TOKEN_INVALID)
    return encoded(sha256(token.encode("ascii")).digest())


def signer_key(register: RegionRegister, signer: Ura, use: KeyUse, kid: str) -> bytes | None:
    """The public key of *signer* of this id and use; none when it has none.

    Raises:
        Unavailable: `organisation-blocked`.
    """
    member = register.by_ura.get(signer)
    key = None if member is None else member.key(kid, use)
    if member is None or key is None:
        return None
    check_active(member)
    return key.public


def believed(token: str, expected: Expected, kind: type[_T], register: RegionRegister, at: datetime) -> tuple[_T, Ura]:
    """What is signed and by whom, when a key of its own signer signed it.

    Raises:
        BadInput: `token-invalid`, or as its form says.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    if at >= register.expires:
        raise Unavailable(Fault.REGISTER_OUTDATED)
    signers: dict[str, Ura] = {}

    def key_of(kid: str) -> bytes | None:
        for member in register.members:
            for use, part in expected.allowed:
                if part in member.parts and (public := signer_key(register, member.ura, use, kid)) is not None:
                    signers["by"] = member.ura
                    return public
        return None

    if not token.isascii():
        raise BadInput(Fault.TOKEN_INVALID)
    payload = verify(token, expected.typ, key_of, most=expected.most)
    claims(payload)  # refuses what says a thing twice
    said = from_form(payload, kind)
    if said.iss != urn(signers["by"]):
        raise BadInput(Fault.TOKEN_INVALID)
    return said, signers["by"]


def check_fresh(issued: int, at: datetime) -> None:
    """Refuse what is too old, or from the future.

    Raises:
        BadInput: `proof-expired`, `token-invalid`.
    """
    if abs((at - moment_of(issued)).total_seconds()) > FRESH.total_seconds():
        raise BadInput(Fault.PROOF_EXPIRED)


def moment_of(seconds: int) -> datetime:
    """The moment that a signed text names.

    Raises:
        BadInput: `token-invalid`: it is none that anybody means.
    """
    if not 0 <= seconds < _LATEST:
        raise BadInput(Fault.TOKEN_INVALID)
    return datetime.fromtimestamp(seconds, UTC)


def urn(ura: Ura) -> str:
    """An organisation, as a signed text names it."""
    return f"ura:{ura}"
