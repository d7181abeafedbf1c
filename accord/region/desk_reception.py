"""How the desk proves itself to whoever calls, and finds out which member does, without anything of TLS.

It keeps nothing of a caller before it has its question: what is signed for a caller is in the ticket that it brings back. A
ticket counts for a minute and opens one question; those that were used are remembered for that minute. The key that opens
questions lives in memory for some minutes and is then forgotten, so what was once recorded is never opened later.
"""

import hmac
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import takewhile
from threading import Lock
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from accord.link.certificates import read_certificate, read_tls_key
from accord.link.chains import certifies_caller, read_chain
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import AskedForm, HeardForm, HelloForm, SealedForm
from accord.link.desk_sealing import DeskSession, as_desk, broken, is_of_member, said_of
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import UNREADABLE

#: Between the two halves of one question; they go over one connection.
TICKET_SECONDS: Final = 60.0
_KEY_SECONDS: Final = 600.0
_RANDOM_BYTES: Final = 24
_TIME_BYTES: Final = 8
#: More than a desk can answer in the life of a ticket: nobody fills this to keep others out.
_MOST_USED: Final = 50_000


@dataclass(frozen=True, slots=True)
class _Face:
    """By what the desk proves itself, and the keys that go with it for some minutes."""

    certificates: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    since: float
    fresh: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate, repr=False)
    secret: bytes = field(default_factory=lambda: os.urandom(32), repr=False)

    def mark(self, ticket: bytes, hello: HelloForm) -> bytes:
        """What shows that this desk gave the ticket to this caller."""
        return hmac.digest(self.secret, ticket + hello.nonce + hello.key, sha256)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and the session in which it is answered."""

    session: DeskSession
    box: bytes = field(repr=False)
    asked: AskedForm = field(repr=False)

    def member(self, authorities: Iterable[str], at: datetime) -> bytes:
        """The certificate (DER) of the caller, proven for this question.

        Raises:
            BadInput: `not-a-member`: no proof, or of a certificate that is not the region's; `certificate-expired`.
        """
        chain = read_chain(self.asked.certificate)
        try:
            if not chain or not is_of_member(self.session, self.asked, chain[0]):
                raise BadInput(Fault.NOT_A_MEMBER)
            if chain[0].not_valid_after_utc <= at:
                raise BadInput(Fault.CERTIFICATE_EXPIRED)
        except (ValueError, UnsupportedAlgorithm):  # a certificate is read as it is looked at
            raise BadInput(Fault.NOT_A_MEMBER) from None
        if not certifies_caller(authorities, chain, at):
            raise BadInput(Fault.NOT_A_MEMBER)
        return chain[0].public_bytes(Encoding.DER)


class Reception:
    """The desk's side of every session. *clock* only ever goes up; it is nobody's time of day. May be used by several threads."""

    def __init__(self, files: TlsFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        #: By the moment of their use, the oldest first.
        self._used: dict[bytes, float] = {}
        self._faces: tuple[_Face, ...] = ()
        self.show(files)

    def show(self, files: TlsFiles) -> None:
        """Be known by this certificate from now on; who has begun may still finish.

        Raises:
            BadInput: `invalid-setting`.
        """
        try:
            certificates = files.certificate.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise BadInput(Fault.INVALID_SETTING, f"{files.certificate.name}: cannot be read", then=UNREADABLE) from None
        face = _Face(certificates, read_certificate(certificates.encode("ascii")), read_tls_key(files.key), self._clock())
        with self._lock:
            self._faces = (face, *self._faces[:1])

    def hear(self, hello: HelloForm) -> HeardForm:
        """Our certificate, a key and a ticket, signed for this caller."""
        face = self._face()
        ticket = int(self._clock() * 1000).to_bytes(_TIME_BYTES, "big") + os.urandom(_RANDOM_BYTES)
        heard = HeardForm(face.certificates, face.fresh.public_key().public_bytes_raw(), ticket + face.mark(ticket, hello))
        return as_desk(hello, heard, face.certificate, face.key)

    def open(self, form: SealedForm) -> Question:
        """What is asked with a ticket of ours. Once.

        Raises:
            BadInput: `proof-used`: this ticket opened a question already.
            Unavailable: `session-broken`: it is no ticket of ours, or not any more, or what is sealed was changed; `too-many-questions`.
        """
        now = self._clock()
        ticket, mark = form.ticket[: _TIME_BYTES + _RANDOM_BYTES], form.ticket[_TIME_BYTES + _RANDOM_BYTES :]
        face = next((one for one in self._faces if hmac.compare_digest(one.mark(ticket, form.hello), mark)), None)
        if face is None or int.from_bytes(ticket[:_TIME_BYTES], "big") / 1000 + TICKET_SECONDS < now:
            raise broken()
        heard = HeardForm(face.certificates, face.fresh.public_key().public_bytes_raw(), form.ticket)
        session = DeskSession.between(face.fresh, form.hello.key, said_of(form.hello, heard, face.certificate))
        asked = session.open_question(form.box)
        # Only now: nobody uses up the ticket of somebody else.
        self._use(ticket, now)
        return Question(session, form.box, asked)

    def _face(self) -> _Face:
        now = self._clock()
        with self._lock:
            face = self._faces[0]
            if face.since + _KEY_SECONDS < now:
                face = _Face(face.certificates, face.certificate, face.key, now)
                self._faces = (face, self._faces[0])
            elif len(self._faces) > 1 and face.since + TICKET_SECONDS < now:
                # Nothing waits for the key of before.
                self._faces = (face,)
            return face

    def _use(self, ticket: bytes, now: float) -> None:
        with self._lock:
            for old in [one for one, at in takewhile(lambda one: one[1] + TICKET_SECONDS < now, self._used.items())]:
                del self._used[old]
            if ticket in self._used:
                raise BadInput(Fault.PROOF_USED, "the line to the desk")
            if len(self._used) >= _MOST_USED:
                raise Unavailable(Fault.TOO_MANY_QUESTIONS)
            self._used[ticket] = now
