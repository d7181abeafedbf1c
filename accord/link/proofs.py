"""The proof of a question: the key of the mandate signs what exactly is asked, through whom, and when.

A proof is for one question through one gateway. It travels unchanged to every holder, each of which holds the question as
it came against what was signed; a gateway can leave things out and can add nothing. A signature that was found right is
remembered for as long as there is room: a proof comes to a holder twice, to locate and to ask.
"""

import json
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.claims import binary, check_members, moment, nested, refused, seconds, text
from accord.link.jose import claims, encoded, sign, thumbprint, verify
from accord.link.mandate_claims import ura_of
from accord.terms.evidence import Asked, Mandate, QuestionProof
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import TOKEN_CHARACTERS
from accord.wire.asked import asked_form, asked_from_form

TYPE: Final = "question-proof+jwt"
#: How old a proof may be when it arrives, and how far ahead the clock of whoever made it may run.
FRESH: Final = timedelta(seconds=60)
AHEAD: Final = timedelta(seconds=10)
_NONCE_BYTES: Final = 16
_LONGEST_NONCE: Final = 64
_MEMBERS: Final = frozenset({"asked", "mandate", "aud", "iat", "nonce"})


def make_proof(asked: Asked, mandate_digest: bytes, gateway: Ura, key: Ed25519PrivateKey, at: datetime) -> str:
    """Sign that this is asked now, on this mandate, through this gateway. *key* is the one that the mandate names."""
    content: dict[str, Any] = {
        "asked": asked_form(asked),
        "mandate": encoded(mandate_digest),
        "aud": f"ura:{gateway}",
        "iat": seconds(at),
        "nonce": encoded(secrets.token_bytes(_NONCE_BYTES)),
    }
    return sign(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8"), key, TYPE)


def read_proof(token: str, mandate: Mandate, gateway: Ura, at: datetime) -> QuestionProof:
    """What *token* proves, when it belongs to *mandate*, travels through *gateway* and is fresh.

    Whether it was used before is not known here (`accord.link.replaying`).

    Raises:
        BadInput: `evidence-missing`, when there is none; `token-invalid`; `proof-expired`.
    """
    proof = Proofs(1).read(token, mandate, at)
    if proof.gateway != gateway:
        raise refused()
    return proof


class Proofs:
    """Reads proofs, and remembers which signatures were right: at most *most* of them. May be used by several threads."""

    def __init__(self, most: int = 512) -> None:
        # By mandate too: the same text proves nothing on another one.
        self._known: LRUCache[tuple[bytes, bytes], QuestionProof] = LRUCache(most)
        self._lock = Lock()

    def read(self, token: str, mandate: Mandate, at: datetime) -> QuestionProof:
        """As `read_proof`; the caller must check for itself that the question came through the proof's gateway.

        Only the check of the signature is spared: whether the proof is fresh is asked again each time.

        Raises:
            BadInput: `evidence-missing`, when there is none; `token-invalid`; `proof-expired`.
        """
        if not token:
            raise BadInput(Fault.EVIDENCE_MISSING)
        if len(token) > TOKEN_CHARACTERS or not token.isascii():
            raise refused()
        key = (mandate.digest, sha256(token.encode("ascii")).digest())
        with self._lock:
            known = self._known.get(key)
        proof = known or _believed(token, mandate)
        if not -AHEAD <= at - proof.issued <= FRESH:
            raise BadInput(Fault.PROOF_EXPIRED)
        if known is None:
            with self._lock:
                self._known[key] = proof
        return proof


def _believed(token: str, mandate: Mandate) -> QuestionProof:
    """What a token says that the key of *mandate* signed for it."""
    kid = thumbprint(mandate.key)
    content = claims(verify(token, TYPE, lambda named: mandate.key if named == kid else None, most=TOKEN_CHARACTERS))
    check_members(content, _MEMBERS)
    if binary(content, "mandate", 32, 32) != mandate.digest:
        raise refused()
    return QuestionProof(
        asked=asked_from_form(nested(content, "asked")),
        mandate=mandate.digest,
        gateway=ura_of(text(content, "aud")),
        issued=moment(content, "iat"),
        nonce=encoded(binary(content, "nonce", _NONCE_BYTES, _LONGEST_NONCE)),
    )
