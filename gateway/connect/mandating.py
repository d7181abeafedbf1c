"""Mandates of the organisation: made with its key, or fetched from a system of its own that holds the key.

The key that signs the proofs is made here for each mandate and never leaves this process: who copies a mandate on its
way can do nothing with it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.claims import refused
from accord.link.failures import only_cause
from accord.link.jose import claims, decoded, encoded
from accord.link.mandate_claims import Wanted, mandate_of
from accord.link.mandates import make_mandate
from accord.link.proofs import make_proof
from accord.link.salts import is_about
from accord.terms.evidence import Asked, Who
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.limits import TOKEN_CHARACTERS
from accord.terms.queries import Evidence

_PATIENCE_SECONDS: Final = 5.0
_ANSWER_BYTES: Final = 4 * TOKEN_CHARACTERS


@dataclass(frozen=True, slots=True)
class Issued:
    """A mandate as it travels, and the salt beside it."""

    text: str = field(repr=False)
    salt: bytes = field(repr=False)
    expires: datetime


class MandateSource(Protocol):
    """Where mandates come from."""

    async def issue(self, wanted: Wanted, at: datetime) -> Issued:
        """A mandate that says what is wanted.

        Raises:
            Unavailable: `evidence-missing`: none can be had now, or none for this.
        """


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The organisation's mandate key is here."""

    key: Ed25519PrivateKey = field(repr=False)

    async def issue(self, wanted: Wanted, at: datetime) -> Issued:
        """Sign a mandate."""
        made = make_mandate(wanted, self.key, at)
        return Issued(made.text, made.salt, made.mandate.expires)


@dataclass(frozen=True, slots=True)
class AskedOf:
    """A system of the organisation holds the key, and decides whether this professional gets a mandate.

    It is sent a JSON object that says what is wanted (see `docs/vendors.md`), and answers with `{"mandate", "salt"}`.
    """

    exchange: Callable[[bytes], Any]

    async def issue(self, wanted: Wanted, at: datetime) -> Issued:
        """Fetch a mandate; one that says something else than was wanted is refused.

        Raises:
            Unavailable: `evidence-missing`.
        """
        try:
            with anyio.fail_after(_PATIENCE_SECONDS):
                answer = claims((await self.exchange(_wish(wanted)))[:_ANSWER_BYTES])
            text, salt = answer["mandate"], decoded(answer["salt"])
            if type(text) is not str or len(text) > TOKEN_CHARACTERS or not text.isascii():
                raise refused()
            # Not verified (the register's holders do that): only held against what was asked for.
            mandate = mandate_of(claims(decoded(text.split(".")[1])), sha256(text.encode("ascii")).digest())
            said = (mandate.issuer, mandate.audience, mandate.professional, mandate.purpose, mandate.treatment, mandate.emergency, mandate.key)
            meant = (wanted.issuer, wanted.region, wanted.professional, wanted.purpose, wanted.treatment, wanted.emergency, wanted.key)
            if said != meant or not is_about(mandate.patient, salt, wanted.bsn) or mandate.expires <= at:
                raise refused()
        except (BadInput, KeyError, TypeError, ValueError, IndexError, OSError, TimeoutError):
            raise Unavailable(Fault.EVIDENCE_MISSING, "mandate") from None
        return Issued(text, salt, mandate.expires)


def from_command(command: Sequence[str]) -> AskedOf:
    """Mandates from a program: the wish on its standard input, the answer on its standard output. Nothing stands in its arguments."""

    async def exchange(wish: bytes) -> bytes:
        try:
            ended = await anyio.run_process(list(command), input=wish, check=False)
        except ExceptionGroup as failed:
            # It ended before it had read what is wanted.
            if isinstance(only_cause(failed), anyio.BrokenResourceError):
                raise OSError from None
            raise
        if ended.returncode:
            raise OSError
        return ended.stdout

    return AskedOf(exchange)


def _wish(wanted: Wanted) -> bytes:
    who, emergency = wanted.professional, wanted.emergency
    wish: dict[str, Any] = {
        "organisation": wanted.issuer.value,
        "region": wanted.region,
        "professional": {"id": who.identifier, "role": who.role, "name": who.name},
        "purpose": wanted.purpose.value,
        "treatment": None if wanted.treatment is None else wanted.treatment.value,
        "bsn": wanted.bsn.value,
        "key": encoded(wanted.key),
        "seconds": int(wanted.lifetime.total_seconds()),
    }
    if emergency is not None:
        wish["emergency"] = {"reason": emergency.reason, "words": emergency.words, "second_factor_at": int(emergency.second_factor_at.timestamp())}
    return json.dumps(wish, ensure_ascii=False).encode("utf-8")


@dataclass(frozen=True, slots=True)
class HeldMandate:
    """A mandate that is in use, and the key that proves its questions."""

    text: str = field(repr=False)
    salt: bytes = field(repr=False)
    expires: datetime
    key: Ed25519PrivateKey = field(repr=False)

    def evidence(self, asked: Sequence[Asked], gateway: Ura, at: datetime) -> Evidence:
        """What goes with a request that leads to these questions: the mandate, a fresh proof of each, the salt."""
        digest = sha256(self.text.encode("ascii")).digest()
        return Evidence(self.text, tuple(make_proof(one, digest, gateway, self.key, at) for one in asked), self.salt)


@dataclass(frozen=True, slots=True)
class Organisation:
    """The data user, the region in which it asks, and the gateway through which."""

    ura: Ura
    region: str
    gateway: Ura


class MandateBook:
    """The mandates in use, in memory only: at most *most*, renewed when little of their time is left."""

    def __init__(self, source: MandateSource, organisation: Organisation, *, most: int = 1_000, margin: timedelta = timedelta(minutes=2)) -> None:
        self._source = source
        self._most = most
        self._margin = margin
        self._held: dict[tuple[str, Who], HeldMandate] = {}
        self.organisation = organisation

    def __len__(self) -> int:
        return len(self._held)

    async def mandate(self, bsn: Bsn, who: Who, at: datetime) -> HeldMandate:
        """The mandate for this patient, professional and purpose; made anew when it is about to expire.

        While no new one can be had, the old one is used until it expires.

        Raises:
            BadInput: `token-invalid`: nobody would believe what it would say.
            Unavailable: `evidence-missing`: none can be had, and there is none that is still good.
        """
        name = (bsn.value, who)
        held = self._held.get(name)
        if held is None or held.expires - at < self._margin:
            try:
                held = await self._made(bsn, who, at)
            except Unavailable:
                # Another question may have got a new one meanwhile.
                held = self._held.get(name, held)
                if held is None or held.expires <= at:
                    raise
        # Put behind the others, and then the first ones are those that nobody used for longest.
        self._held.pop(name, None)
        self._held[name] = held
        while len(self._held) > self._most:
            del self._held[next(iter(self._held))]
        return held

    def forget_expired(self, at: datetime | None = None) -> None:
        """Let go of what cannot be used any more."""
        now = at or datetime.now(UTC)
        self._held = {name: held for name, held in self._held.items() if held.expires > now}

    async def _made(self, bsn: Bsn, who: Who, at: datetime) -> HeldMandate:
        key = Ed25519PrivateKey.generate()
        own = self.organisation
        public = key.public_key().public_bytes_raw()
        wanted = Wanted(own.ura, own.region, who.professional, who.purpose, bsn, public, treatment=who.treatment, emergency=who.emergency)
        issued = await self._source.issue(wanted, at)
        return HeldMandate(issued.text, issued.salt, issued.expires, key)
