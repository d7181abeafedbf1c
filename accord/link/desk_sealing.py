"""What an agent and the office's desk say to each other is sealed inside TLS, so that a proxy that opens TLS is let through.

The caller says a nonce and a fresh key. The desk answers with its certificate, a fresh key and a ticket, and signs all of
that. From the two fresh keys come a key for the question and one for the answer, which only the two ends know; each is used
once. A member signs inside, with the key of its certificate, what was said and what it asks. There is no other way to ask:
who takes a proof away, or brings another key, has something that nobody opens.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding

from accord.link.certificates import digest_of_key, read_certificate, read_tls_key
from accord.link.chains import certifies_name, read_chain
from accord.link.credentials import TlsFiles, check_pair
from accord.link.desk_forms import AskedForm, HeardForm, HelloForm, SealedForm, ToldForm
from accord.link.short_certificates import DESK_NAME, fingerprint
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import ON_THE_WAY, PAIR, UNREADABLE

NONCE_BYTES: Final = 32
# Each signature and key begins with what it is, so that none can pass for another.
_OF_DESK: Final = b"noaber desk v1\0"
_OF_MEMBER: Final = b"noaber desk member v1\0"
_SESSION: Final = b"noaber desk session v1\0"
_QUESTION: Final = b"noaber desk question v1"
_ANSWER: Final = b"noaber desk answer v1\0"
#: Each key seals one thing.
_NONCE: Final = bytes(12)


@dataclass(frozen=True, slots=True)
class DeskSession:
    """One question to the desk and its answer: the digest of how it began, and the two keys."""

    said: bytes
    _question: bytes = field(repr=False)
    _answer: bytes = field(repr=False)

    @classmethod
    def between(cls, fresh: X25519PrivateKey, theirs: bytes, said: bytes) -> "DeskSession":
        """From our fresh key and theirs.

        Raises:
            Unavailable: `session-broken`: theirs is none.
        """
        try:
            shared = fresh.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError:  # a point of small order: everybody would know the keys
            raise broken() from None
        keys = HKDF(hashes.SHA256(), 64, salt=said, info=_SESSION).derive(shared)
        return cls(said, keys[:32], keys[32:])

    def seal_question(self, asked: AskedForm) -> bytes:
        """The box for the desk. Once."""
        return AESGCM(self._question).encrypt(_NONCE, msgspec.json.encode(asked), _QUESTION)

    def open_question(self, box: bytes) -> AskedForm:
        """What is in it.

        Raises:
            Unavailable: `session-broken`.
        """
        try:
            return msgspec.json.decode(AESGCM(self._question).decrypt(_NONCE, box, _QUESTION), type=AskedForm)
        except (InvalidTag, ValueError, RecursionError, msgspec.DecodeError):
            raise broken() from None

    def seal_answer(self, told: ToldForm, question: bytes) -> bytes:
        """The box for whoever sent the box *question*. Once."""
        return AESGCM(self._answer).encrypt(_NONCE, msgspec.json.encode(told), _ANSWER + sha256(question).digest())

    def open_answer(self, box: bytes, question: bytes) -> ToldForm:
        """What is in it, when it answers this question.

        Raises:
            Unavailable: `session-broken`.
        """
        try:
            return msgspec.json.decode(AESGCM(self._answer).decrypt(_NONCE, box, _ANSWER + sha256(question).digest()), type=ToldForm)
        except (InvalidTag, ValueError, RecursionError, msgspec.DecodeError):
            raise broken() from None


class Calling:
    """The caller's side of one question."""

    def __init__(self) -> None:
        self._fresh = X25519PrivateKey.generate()
        self.hello = HelloForm(os.urandom(NONCE_BYTES), self._fresh.public_key().public_bytes_raw())

    def believe(self, heard: HeardForm, authorities: Iterable[str], at: datetime) -> DeskSession:
        """The session, when it is the desk of these authorities that answered.

        Raises:
            BadInput: `wrong-authority`: somebody else did, or something between changed what was said.
            Unavailable: `session-broken`.
        """
        chain = read_chain(heard.certificates)
        if not chain or not certifies_name(authorities, chain, DESK_NAME, at):
            raise BadInput(Fault.WRONG_AUTHORITY)
        said = said_of(self.hello, heard, chain[0])
        if not _is_signed(chain[0], heard.signature, _OF_DESK + said):
            raise BadInput(Fault.WRONG_AUTHORITY)
        return DeskSession.between(self._fresh, heard.key, said)


def pinned_in(heard: HeardForm, expected: str) -> str:
    """The authority (PEM), among what the desk shows, that has this fingerprint.

    Raises:
        BadInput: `wrong-authority`: none has.
    """
    wanted = expected.strip().lower()
    for certificate in read_chain(heard.certificates)[1:]:
        if fingerprint(certificate) == wanted:
            return certificate.public_bytes(Encoding.PEM).decode("ascii")
    raise BadInput(Fault.WRONG_AUTHORITY)


def as_desk(hello: HelloForm, heard: HeardForm, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> HeardForm:
    """What the desk says, signed."""
    signature = key.sign(_OF_DESK + said_of(hello, heard, certificate), ec.ECDSA(hashes.SHA256()))
    return msgspec.structs.replace(heard, signature=signature)


def as_anybody(session: DeskSession, hello: HelloForm, ticket: bytes, path: str, body: bytes) -> SealedForm:
    """A question of somebody who is no member yet."""
    return SealedForm(hello, ticket, session.seal_question(AskedForm(path, msgspec.Raw(body))))


def as_member(session: DeskSession, hello: HelloForm, ticket: bytes, path: str, body: bytes, files: TlsFiles) -> SealedForm:
    """A question of the member whose certificate this is.

    Raises:
        BadInput: `invalid-setting`: certificate or key cannot be used.
    """
    check_pair(files)
    try:
        certificates = files.certificate.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, f"{files.certificate.name}: cannot be read", then=UNREADABLE) from None
    key, certificate = read_tls_key(files.key), read_certificate(certificates.encode("ascii"))
    if digest_of_key(key.public_key()) != digest_of_key(certificate.public_key()):
        # Renewed at this very moment: the next time they fit.
        raise BadInput(Fault.INVALID_SETTING, f"{files.key.name}: not the key of {files.certificate.name}", then=PAIR)
    signature = key.sign(_of_member(session.said, path, body, certificate), ec.ECDSA(hashes.SHA256()))
    return SealedForm(hello, ticket, session.seal_question(AskedForm(path, msgspec.Raw(body), certificates, signature)))


def is_of_member(session: DeskSession, asked: AskedForm, certificate: x509.Certificate) -> bool:
    """Whether who has the key of this certificate asked this, in this session."""
    return _is_signed(certificate, asked.signature, _of_member(session.said, asked.path, bytes(asked.body), certificate))


def said_of(hello: HelloForm, heard: HeardForm, certificate: x509.Certificate) -> bytes:
    """The digest of how a session begins; the desk's certificate is in it, and in that its name."""
    return sha256(_framed(hello.nonce, hello.key, certificate.public_bytes(Encoding.DER), heard.key, heard.ticket)).digest()


def broken() -> Unavailable:
    """Something is not as it was sealed; who did that is not known."""
    return Unavailable(Fault.SESSION_BROKEN, "the line to the desk", then=ON_THE_WAY)


def _of_member(said: bytes, path: str, body: bytes, certificate: x509.Certificate) -> bytes:
    return _OF_MEMBER + _framed(said, path.encode("utf-8"), sha256(body).digest(), certificate.public_bytes(Encoding.DER))


def _framed(*parts: bytes) -> bytes:
    """Each with its length before it, so that no two lists look alike."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _is_signed(certificate: x509.Certificate, signature: bytes, signed: bytes) -> bool:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
