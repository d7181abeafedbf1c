"""What an agent and the office's joining desk say to each other, over HTTPS, as JSON.

`POST /v1/hello`     a nonce and a fresh key of the caller; answered by who the desk is, signed
`POST /v1/sealed`    a question in a box that only this desk opens; answered by a box that only this caller opens

In the box are a path, the form that belongs to it, and for all but the first two the proof of the member who asks:

`/v1/invitation`     a token; answered by who is invited
`/v1/join`           a token, a signing request, public keys; asked again until a person at the office has decided
`/v1/renew`          a signing request with a new key
`/v1/activate`       the signed summary of a conformance run
`/v1/standing`       how the organisation stands, and a newer register
`/v1/doors`          what an agent without a port calls now

A failure is `{"code": ...}` with a code of the catalogue; one outside the box is nobody's word, and changes nothing. No message holds a private key, or anything about a patient.
"""

import re
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from accord.terms.members import MemberStatus, Part
from accord.terms.vocabulary import HolderKind

#: No message is larger.
MESSAGE_BYTES: Final = 32 * 1024
#: Sealed, with the certificates of whoever asks.
SEALED_BYTES: Final = 96 * 1024
#: An answer holds the register.
ANSWER_BYTES: Final = 8 * 1024 * 1024
#: What the desk says of itself.
HEARD_BYTES: Final = 32 * 1024
SUMMARY_TYPE: Final = "conformance+jwt"
SUMMARY_CHARACTERS: Final = 16 * 1024
TOKEN: Final = re.compile(r"noaber-join-[A-Za-z0-9_-]{43}")

_Line = Annotated[str, msgspec.Meta(max_length=300)]
_Pem = Annotated[str, msgspec.Meta(max_length=4_096)]
#: Boxes with the pseudonym key, each by the id of the gateway's key that opens it.
Boxes = Annotated[dict[_Line, _Line], msgspec.Meta(max_length=16)]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all messages have in common."""


_Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class HelloForm(_Form, frozen=True):
    """A nonce of the caller, and its fresh key (X25519)."""

    nonce: _Key
    key: _Key


class HeardForm(_Form, frozen=True):
    """The desk's certificate with its authority's (PEM), its key for this question, and a ticket; signed with the key of the certificate."""

    certificates: Annotated[str, msgspec.Meta(max_length=16 * 1024)]
    key: _Key
    ticket: Annotated[bytes, msgspec.Meta(max_length=128)]
    signature: Annotated[bytes, msgspec.Meta(max_length=256)] = b""


class SealedForm(_Form, frozen=True):
    """A question: what was said at the beginning, the ticket, and the box (`AskedForm`)."""

    hello: HelloForm
    ticket: Annotated[bytes, msgspec.Meta(max_length=128)]
    box: bytes


class AskedForm(_Form, frozen=True):
    """What is in the box: the form for a path. A member adds its certificates (PEM) and a signature over all of it."""

    path: Annotated[str, msgspec.Meta(max_length=64)]
    body: msgspec.Raw
    certificate: Annotated[str, msgspec.Meta(max_length=16 * 1024)] = ""
    signature: Annotated[bytes, msgspec.Meta(max_length=256)] = b""


class BoxForm(_Form, frozen=True):
    """An answer, sealed (`ToldForm`)."""

    box: bytes


class ToldForm(_Form, frozen=True):
    """What the desk answers: a status as of HTTP, and a form."""

    status: int
    body: msgspec.Raw


class TokenForm(_Form, frozen=True):
    """Who is invited by this token?"""

    token: _Line


class InvitedForm(_Form, frozen=True):
    """Who is invited, and into which region. `anchor` is the region's public key (PEM), `doors` what an agent without a port calls."""

    ura: str
    name: str
    title: str
    kind: HolderKind
    parts: list[Part]
    capabilities: list[str]
    register: str
    anchor: str
    doors: Annotated[list[_Line], msgspec.Meta(max_length=64)] = []


class JoinForm(_Form, frozen=True):
    """The wish to join. `csr` and `answer_key` are PEM; `address` is empty for an agent that only calls out."""

    token: _Line
    csr: _Pem
    answer_key: _Line
    telephone: _Line = ""
    address: _Line = ""
    sealed: Boxes = {}


class JoinedForm(_Form, frozen=True):
    """How the wish stands: `waiting`, `rejected` or `approved`; approved with a certificate (PEM) and the register."""

    state: str
    certificate: str = ""
    register: str = ""


class RenewForm(_Form, frozen=True):
    """A new key for the same organisation, and boxes for gateways that have none yet."""

    csr: _Pem
    sealed: Boxes = {}


class RenewedForm(_Form, frozen=True):
    """The new certificate (PEM), and the register that names its key."""

    certificate: str
    register: str


class ActivateForm(_Form, frozen=True):
    """The summary of a conformance run, signed with an answer key (`SUMMARY_TYPE`)."""

    summary: Annotated[str, msgspec.Meta(max_length=SUMMARY_CHARACTERS)]


class StandingForm(_Form, frozen=True):
    """The register that the caller has; it is told of a newer one."""

    version: int = 0


class StandingToldForm(_Form, frozen=True):
    """How the organisation stands; `checked` is when its last conformance run was, `register` empty when the caller has it."""

    status: MemberStatus
    checked: datetime | None = None
    passed: bool = False
    register: str = ""


class DoorsForm(_Form, frozen=True):
    """What does an agent without a port call?"""


class DoorsToldForm(_Form, frozen=True):
    """Where gateways let in agents without a port, all replicas: `host:port`."""

    doors: Annotated[list[_Line], msgspec.Meta(max_length=64)] = []


class FailedForm(_Form, frozen=True):
    """Why not."""

    code: str


class Summary(_Form, frozen=True):
    """What the office learns of a conformance run: counts and verdicts; `report` is the SHA-256 of the whole report, which stays in the house."""

    ura: str
    region: str
    at: datetime
    software: str
    passed: bool
    verdicts: dict[_Line, _Line]
    people: int
    records: int
    report: _Line


def token_id(token: str) -> str:
    """By what the office knows a token: it keeps no token."""
    return sha256(f"noaber join token v1\0{token}".encode()).hexdigest()


def phrase(ura: str, tls_key: bytes, answer_key: bytes, address: str) -> str:
    """What two people compare on the telephone: five words that anybody can say, made of the keys and of where the agent answers.

    80 bits (proquints): nobody finds other keys with the same words. *tls_key* is the digest of the key.
    """
    said = b"\0".join([b"noaber join phrase v1", ura.encode(), tls_key, answer_key, address.encode()])
    digest = sha256(said).digest()
    return "-".join(_word(int.from_bytes(digest[at : at + 2])) for at in range(0, 10, 2))


def _word(number: int) -> str:
    consonants, vowels = "bdfghjklmnprstvz", "aiou"
    return consonants[number >> 12] + vowels[number >> 10 & 3] + consonants[number >> 6 & 15] + vowels[number >> 4 & 3] + consonants[number & 15]
