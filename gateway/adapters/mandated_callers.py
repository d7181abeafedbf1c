"""Who asks, by their certificate, mandate and proofs. It spares the holders what is unsound; they verify all of it again."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from grpc.aio import ServicerContext

from accord.audit.content import asking_of
from accord.link.jose import decoded
from accord.link.live_register import LiveRegister
from accord.link.mandates import Mandates
from accord.link.peers import certificate_digest, member_by_digest, peer_digest, peer_of, still_a_member
from accord.link.verifying import GatewayVerifier, VerifiedCaller, asker_of
from accord.rules.emergency import FAULT_OF, Lacking, is_of_the_future, lacking
from accord.rules.narrowing import selection_narrows
from accord.terms.evidence import Asked, Mandate
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.members import Member, Part, RegionRegister
from accord.terms.parties import Asker
from accord.terms.queries import Evidence, Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from gateway.callers import Caller, EmergencyRefused, base_said
from gateway.rates import QuestionRates
from gateway.smart.door import SmartDoor
from gateway.smart.scopes import Scopes

MANDATE: Final = "noaber-mandate"
PROOF: Final = "noaber-proof"
SALT: Final = "noaber-salt"
PATIENT: Final = "noaber-patient"


@dataclass(slots=True)
class MandatedCaller:
    """Whoever asks under a mandate. Its proofs are used up with the first question, for the one patient it is about."""

    asked_by: Asker
    purpose: PurposeOfUse
    categories: frozenset[CareCategory]
    patient: str
    base: str
    peer: bytes
    _verify: Callable[[Bsn], VerifiedCaller]
    _scopes: Scopes | None = None
    _verified: dict[Bsn, VerifiedCaller] = field(default_factory=dict)

    def narrowed(self, selection: Selection) -> Selection:
        """As the port promises."""
        return selection if self._scopes is None else self._scopes.narrow(selection)

    def evidence_for(self, bsn: Bsn, asked: Asked) -> Evidence:
        """As the port promises."""
        verified = self._verified.get(bsn)
        if verified is None:
            verified = self._verified[bsn] = self._verify(bsn)
        return Evidence(verified.evidence.mandate, (_covering(verified, asked),), verified.evidence.salt)


class MandatedCallers:
    """`gateway.callers.Callers` of a real gateway, and the same over gRPC."""

    def __init__(self, live: LiveRegister, gateway: Ura, rates: QuestionRates, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._live = live
        self._rates = rates
        self._smart: SmartDoor | None = None
        self._now = now
        self._mandates = Mandates()
        self._verifier = GatewayVerifier(lambda: live.current(now()), gateway, now)

    def through(self, smart: SmartDoor) -> "MandatedCallers":
        """The same, for a face that also takes access tokens. What was used here is used there."""
        other = copy(self)
        other._smart = smart  # noqa: SLF001 - its own kind
        return other

    def caller(self, headers: Mapping[str, str], certificate: bytes) -> MandatedCaller:
        """As the port promises."""
        register = self._live.current(self._now())
        # A handshake looks at the dates once; a connection may outlive them.
        peer = certificate_digest(certificate, self._now()) if certificate else b""
        scopes = self._smart.authorise(headers.get("authorization", ""), peer) if self._smart is not None else None
        if not peer and scopes is None:
            raise Unavailable(Fault.NOT_A_MEMBER, "certificate")
        member = member_by_digest(register, peer) if peer else None
        proofs = tuple(filter(None, (proof.strip() for proof in headers.get(PROOF, "").split(","))))
        salt = decoded(headers[SALT]) if SALT in headers else b""
        return self._caller(Evidence(headers.get(MANDATE, ""), proofs, salt), member, headers.get(PATIENT, ""), base_said(headers), peer, scopes)

    def while_a_member(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """As the port promises."""
        peer = caller.peer if isinstance(caller, MandatedCaller) else b""
        return still_a_member(self._live, peer or None, also=caller.asked_by.data_user.ura, clock=self._now)

    def who(self, context: ServicerContext[Any, Any]) -> str:
        """The URA of whoever calls over gRPC.

        Raises:
            Unavailable: `not-a-member`, `organisation-blocked`, `register-outdated`.
        """
        return peer_of(context, self._live, self._now()).ura.value

    def caller_of(self, context: ServicerContext[Any, Any], evidence: Evidence) -> MandatedCaller:
        """Who asks over gRPC.

        Raises:
            Faulted: As `caller`.
        """
        return self._caller(evidence, peer_of(context, self._live, self._now()), "", "", peer_digest(context, self._now()), None)

    def _caller(self, evidence: Evidence, member: Member | None, patient: str, base: str, peer: bytes, scopes: Scopes | None) -> MandatedCaller:
        register = self._live.current(self._now())
        mandate = self._mandates.read(evidence.mandate, register, self._now())
        _check_sender(mandate, member, scopes)
        # Whoever shows somebody else's mandate spends nothing of theirs.
        self._rates.take(mandate.issuer)
        if mandate.purpose is PurposeOfUse.EMERGENCY_TREATMENT:
            _check_emergency(mandate, register, self._now())

        def verify(bsn: Bsn) -> VerifiedCaller:
            return self._verifier.verify(evidence, bsn, member)

        return MandatedCaller(asker_of(mandate, register), mandate.purpose, mandate.categories, patient, base, peer, verify, scopes)


def _check_sender(mandate: Mandate, member: Member | None, scopes: Scopes | None) -> None:
    """A mandate is shown by its issuer, or relayed by another gateway; and a token is of the mandate's organisation."""
    if member is not None and member.ura != mandate.issuer and Part.GATEWAY not in member.parts:
        raise BadInput(Fault.TOKEN_INVALID)
    if scopes is not None and scopes.organisation != mandate.issuer:
        raise BadInput(Fault.TOKEN_INVALID)


def _check_emergency(mandate: Mandate, register: RegionRegister, at: datetime) -> None:
    """Refuse what every holder would refuse, once and with its reason.

    How old a second factor may be only a holder can judge: it knows whether the emergency had begun there.

    Raises:
        EmergencyRefused: `emergency-not-offered`, `emergency-incomplete`, `mandate-expired`.
    """
    wrong = lacking(register.policy.emergency, mandate, at=at)
    if wrong is Lacking.SECOND_FACTOR and mandate.emergency is not None and not is_of_the_future(mandate.emergency.second_factor_at, at):
        return
    if wrong is not None:
        raise EmergencyRefused(FAULT_OF[wrong], asking_of(asker_of(mandate, register), mandate, purpose=mandate.purpose))


def _covering(verified: VerifiedCaller, asked: Asked) -> str:
    for proof, token in zip(verified.proofs, verified.evidence.proofs, strict=True):
        has = proof.asked
        same = has.purpose is asked.purpose and (has.attachment, has.record) == (asked.attachment, asked.record)
        within = not has.holders or (bool(asked.holders) and asked.holders <= has.holders)
        if same and within and selection_narrows(has.selection, asked.selection):
            return token
    raise BadInput(Fault.QUESTION_WIDENED)
