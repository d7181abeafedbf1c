"""An envelope: one letter, sealed for its reader, numbered, and signed on the outside by its sender.

X25519 between a key made for one envelope and the reader's, HKDF-SHA256, AES-256-GCM, bound to sender, reader, request and
number. Whoever carries it learns who writes to whom about which request, and how long the letter is about.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import DecodeError, Struct, json

from accord.letters.believing import signer_key
from accord.link.jose import claims, decoded, sign, thumbprint, verify
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.limits import KIB
from accord.terms.members import KeyUse, RegionRegister
from accord.wire.place_forms import to_form

#: Of what is in one letter, in bytes; a handover goes in parts of `PART_BYTES`.
LETTER_BYTES: Final = 256 * KIB
PART_BYTES: Final = 160 * KIB
ENVELOPE_CHARACTERS: Final = 512 * KIB
#: An id that any store, log and line can hold, and numbers that they can.
_REQUEST: Final = re.compile(r"[!-~]{1,64}")
_NUMBERS: Final = range(1, 1 << 53)
_KEY_BYTES: Final = 32
_TYPE: Final = "letter+jwt"
_LABEL: Final = b"noaber letter v1\0"
_NONCE: Final = bytes(12)
_PADDING: Final = 256


class _Envelope(Struct, frozen=True, kw_only=True):
    iss: str
    aud: str
    iat: int
    request: str
    seq: int
    box: bytes


@dataclass(frozen=True, slots=True)
class Addressed:
    """From whom an envelope is, about which request, and its number: letters of one sender about one request count up from 1."""

    sender: Ura
    request: str
    seq: int
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, and by which key of the register it signs."""

    ura: Ura
    key: Ed25519PrivateKey = field(repr=False)


def new_request() -> str:
    """An id for a request that nobody can guess, and that says nothing."""
    return secrets.token_hex(16)


def write(sender: Sender, reader: Ura, reader_key: bytes, request: str, seq: int, letter: bytes, at: datetime) -> str:
    """Seal and sign *letter*.

    Raises:
        BadInput: `too-large`; `register-invalid`: the reader's key is none.
    """
    if len(letter) > LETTER_BYTES:
        raise BadInput(Fault.TOO_LARGE, "letter")
    once = X25519PrivateKey.generate()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(reader_key))
    except ValueError:
        raise BadInput(Fault.REGISTER_INVALID, "sealing key") from None
    public = once.public_key().public_bytes_raw()
    bound = _bound(sender.ura, reader, request, seq)
    box = public + AESGCM(_derived(shared, public, reader_key)).encrypt(_NONCE, _padded(letter), bound)
    said = _Envelope(iss=f"ura:{sender.ura}", aud=f"ura:{reader}", iat=int(at.astimezone(UTC).timestamp()), request=request, seq=seq, box=box)
    return sign(to_form(said), sender.key, _TYPE)


def signed_now(envelope: str, sender: Sender) -> str:
    """The envelope as its *sender* would sign it now: where it waited while the key was replaced, nobody would believe the old one any more."""
    header, _, rest = envelope.partition(".")
    if claims(decoded(header)).get("kid") == thumbprint(sender.key.public_key().public_bytes_raw()):
        return envelope
    return sign(decoded(rest.partition(".")[0]), sender.key, _TYPE)


def address_on(envelope: str, reader: Ura, register: RegionRegister, at: datetime, use: KeyUse) -> Addressed:
    """Whose envelope it is, when it is for *reader* and its sender signed it with a key for *use*.

    Raises:
        BadInput: `token-invalid`, `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    if at >= register.expires:
        raise Unavailable(Fault.REGISTER_OUTDATED)
    if not envelope.isascii():
        raise BadInput(Fault.TOKEN_INVALID)
    senders: list[Ura] = []

    def key_of(kid: str) -> bytes | None:
        for member in register.members:
            if (public := signer_key(register, member.ura, use, kid)) is not None:
                senders.append(member.ura)
                return public
        return None

    payload = verify(envelope, _TYPE, key_of, most=ENVELOPE_CHARACTERS)
    claims(payload)
    said = _read(payload)
    if said.iss != f"ura:{senders[0]}" or said.aud != f"ura:{reader}" or said.seq not in _NUMBERS or not _REQUEST.fullmatch(said.request):
        raise BadInput(Fault.TOKEN_INVALID)
    return Addressed(senders[0], said.request, said.seq, said.box)


def opened(addressed: Addressed, reader: Ura, key: X25519PrivateKey) -> bytes:
    """The letter in an envelope.

    Raises:
        BadInput: `wrong-key`: sealed for another key, or changed.
    """
    public = addressed.box[:_KEY_BYTES]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(public))
        derived = _derived(shared, public, key.public_key().public_bytes_raw())
        bound = _bound(addressed.sender, reader, addressed.request, addressed.seq)
        return AESGCM(derived).decrypt(_NONCE, addressed.box[_KEY_BYTES:], bound).rstrip(b" ")
    except (InvalidTag, ValueError):
        raise BadInput(Fault.WRONG_KEY, "letter") from None


def _padded(letter: bytes) -> bytes:
    """JSON bears spaces behind it: the length tells less about which word was said."""
    return letter + b" " * (-len(letter) % _PADDING)


def _derived(shared: bytes, once: bytes, reader: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, _LABEL + once + reader).derive(shared)


def _bound(sender: Ura, reader: Ura, request: str, seq: int) -> bytes:
    return _LABEL + f"{sender}\0{reader}\0{request}\0{seq}".encode()


def _read(payload: bytes) -> _Envelope:
    # Not as other forms are read: the box is longer than any text may be.
    try:
        return json.decode(payload, type=_Envelope)
    except (DecodeError, UnicodeDecodeError):
        raise BadInput(Fault.TOKEN_INVALID) from None
