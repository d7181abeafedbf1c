"""Who has places: what an organisation asks, what another has, and what a neighbouring region vouches for, signed.

None of it says anything about a patient.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.letters.believing import ANSWERERS, ASKERS, FRESH, Expected, Signed, believed, check_fresh, digest_of, moment_of, urn
from accord.link.jose import claims, decoded, sign
from accord.link.mandates import SKEW
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion, Statement
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import KIB
from accord.terms.members import KeyUse, Part, RegionRegister
from accord.wire.place_forms import from_form, to_form

#: How long a question may be put.
QUESTION_LIFE: Final = timedelta(minutes=10)
QUESTION_CHARACTERS: Final = 8 * KIB
#: A provider with hundreds of openings fits.
STATEMENT_CHARACTERS: Final = 512 * KIB

_QUESTION: Final = "places-question+jwt"
_STATEMENT: Final = "places-statement+jwt"
_VOUCHED: Final = "places-vouched+jwt"


class _QuestionClaims(Signed, frozen=True, kw_only=True):
    exp: int
    nonce: str
    question: PlacesQuestion


class _StatementClaims(Signed, frozen=True, kw_only=True):
    question: str
    statement: Statement


class _VouchedClaims(Signed, frozen=True, kw_only=True):
    question: str
    holder: str
    title: str
    telephone: str
    ending: Ending
    said: str


#: Who may sign what. A gateway asks a neighbouring region in its own name, by its answer key: it has no mandates.
_ASKS: Final = (*ASKERS, (KeyUse.ANSWER, Part.GATEWAY))
_VOUCHES: Final = ((KeyUse.ANSWER, Part.GATEWAY),)


@dataclass(frozen=True, slots=True)
class AskedPlaces:
    """A question that was believed: by whom, and the digest (SHA-256, base64url) by which answers name it."""

    asker: Ura
    question: PlacesQuestion
    digest: str


@dataclass(frozen=True, slots=True)
class StatedPlaces:
    """A statement that was believed, and whose."""

    provider: Ura
    statement: Statement


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a neighbouring region's gateway says about one of its holders, whose own signature nobody here can check."""

    gateway: Ura
    holder: str
    title: str
    telephone: str
    ending: Ending


def ask_places(asker: Ura, question: PlacesQuestion, region: str, key: Ed25519PrivateKey, at: datetime) -> str:
    """Sign a question for a region, with a mandate key of the asker."""
    now = int(at.timestamp())
    life = int(QUESTION_LIFE.total_seconds())
    said = _QuestionClaims(iss=urn(asker), aud=region, iat=now, exp=now + life, nonce=secrets.token_urlsafe(16), question=question)
    return sign(to_form(said), key, _QUESTION)


def read_question(token: str, register: RegionRegister, at: datetime) -> AskedPlaces:
    """A question that a member of the region puts now.

    Raises:
        BadInput: `token-invalid`, `mandate-expired`, `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    said, asker = believed(token, Expected(_QUESTION, _ASKS, QUESTION_CHARACTERS), _QuestionClaims, register, at)
    if said.aud != register.region or said.exp - said.iat > QUESTION_LIFE.total_seconds():
        raise BadInput(Fault.TOKEN_INVALID)
    if not moment_of(said.iat) - SKEW <= at < moment_of(said.exp) + SKEW:
        raise BadInput(Fault.MANDATE_EXPIRED)
    return AskedPlaces(asker, said.question, digest_of(token))


def state_places(provider: Ura, statement: Statement, asked: AskedPlaces, key: Ed25519PrivateKey) -> str:
    """Sign what a provider has, as the answer to one question, with its answer key."""
    said = _StatementClaims(iss=urn(provider), aud=urn(asked.asker), iat=int(statement.now.timestamp()), question=asked.digest, statement=statement)
    return sign(to_form(said), key, _STATEMENT)


def read_statement(token: str, provider: Ura, question: str, register: RegionRegister, at: datetime) -> StatedPlaces:
    """What *provider* says to the question of this digest.

    Raises:
        BadInput: `token-invalid`, `wrong-question`, `proof-expired` (too old, or from the future), `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    said, signer = believed(token, Expected(_STATEMENT, ANSWERERS, STATEMENT_CHARACTERS), _StatementClaims, register, at)
    if signer != provider:
        raise BadInput(Fault.TOKEN_INVALID)
    if said.question != question:
        raise BadInput(Fault.WRONG_QUESTION)
    check_fresh(said.iat, at)
    if abs((said.statement.now - at).total_seconds()) > FRESH.total_seconds():
        raise BadInput(Fault.PROOF_EXPIRED)
    return StatedPlaces(signer, said.statement)


def vouch(gateway: Ura, vouched: Vouched, said: str, asked: AskedPlaces, key: Ed25519PrivateKey, at: datetime) -> str:
    """A gateway's word towards a neighbouring one about what a holder of its own region said (`said`: its signed statement, or empty)."""
    content = _VouchedClaims(
        iss=urn(gateway),
        aud=urn(asked.asker),
        iat=int(at.timestamp()),
        question=asked.digest,
        holder=vouched.holder,
        title=vouched.title,
        telephone=vouched.telephone,
        ending=vouched.ending,
        said=digest_of(said) if said else "",
    )
    return sign(to_form(content), key, _VOUCHED)


def read_vouched(token: str, gateway: Ura, said: str, question: str | None, register: RegionRegister, at: datetime) -> Vouched:
    """What *gateway* vouches for, about the question of this digest; none where another gateway put that question, and held it against its own.

    Raises:
        BadInput: `token-invalid`, `wrong-question`, `wrong-digest`, `proof-expired`, `invalid-question`.
        Unavailable: `organisation-blocked`, `register-outdated`.
    """
    content, signer = believed(token, Expected(_VOUCHED, _VOUCHES, QUESTION_CHARACTERS), _VouchedClaims, register, at)
    if signer != gateway:
        raise BadInput(Fault.TOKEN_INVALID)
    if question is not None and content.question != question:
        raise BadInput(Fault.WRONG_QUESTION)
    if content.said != (digest_of(said) if said else ""):
        raise BadInput(Fault.WRONG_DIGEST)
    check_fresh(content.iat, at)
    return Vouched(signer, content.holder, content.title, content.telephone, content.ending)


def vouched_statement(said: str, at: datetime) -> StatedPlaces:
    """What stands in a statement that is vouched for (`read_vouched`): nobody here has the key of whoever signed it.

    Raises:
        BadInput: `token-invalid`, `proof-expired`, `invalid-question`.
    """
    parts = said.split(".")
    if len(said) > STATEMENT_CHARACTERS or not said.isascii() or len(parts) != 3:
        raise BadInput(Fault.TOKEN_INVALID)
    payload = decoded(parts[1])
    claims(payload)  # refuses what says a thing twice
    content = from_form(payload, _StatementClaims)
    check_fresh(content.iat, at)
    if abs((content.statement.now - at).total_seconds()) > FRESH.total_seconds():
        raise BadInput(Fault.PROOF_EXPIRED)
    scheme, _, number = content.iss.partition(":")
    if scheme != "ura":
        raise BadInput(Fault.TOKEN_INVALID)
    return StatedPlaces(Ura(number), content.statement)
