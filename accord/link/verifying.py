"""Evidence, verified: at a holder, which believes nobody's word about who asks what; and at a gateway, before it asks anyone.

A holder goes by the mandate and its own copy of the register alone. What the gateway says about who asks is compared and
then set aside; what it asks may be what was signed or less; and it must be the gateway through which it was signed to go.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from accord.link.mandates import SKEW, Mandates, check_active
from accord.link.proofs import FRESH, Proofs, read_proof
from accord.link.replaying import Pins, Replays
from accord.link.salts import is_about, open_salt, seal_salt
from accord.rules.narrowing import narrows, within_mandate
from accord.terms.evidence import Mandate, QuestionProof
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, Pseudonym, Ura
from accord.terms.limits import MOST_PROOFS
from accord.terms.members import Member, Part, RegionRegister
from accord.terms.parties import Asker
from accord.terms.queries import Evidence, HolderQuery
from accord.terms.vocabulary import PurposeOfUse

What = Literal["locate", "query", "attachment"]


@dataclass(frozen=True, slots=True)
class VerifiedAsker:
    """Who asks, as the mandate and the register say, whatever the gateway said."""

    asked_by: Asker
    mandate: Mandate
    proof: QuestionProof
    sealed: bytes = field(repr=False)

    def check_patient(self, bsn: Bsn) -> None:
        """Refuse when the mandate is not about this person. For where the BSN becomes known only after a look-up.

        Whoever calls must not let the refusal be told from "nothing known": it would say that the person is known here.

        Raises:
            BadInput: `other-patient-mandated`; `token-invalid`, when there is no salt to check it with.
        """
        if not is_about(self.mandate.patient, open_salt(self.sealed, bsn, self.mandate.digest), bsn):
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)


@dataclass(frozen=True, slots=True)
class Verified(VerifiedAsker):
    """A question that may be decided on. `query` is by whom the mandate says and no wider than its categories.

    `received` is the question as it came: the hash in the last word is over that one.
    """

    query: HolderQuery
    received: HolderQuery


class HolderVerifier:
    """Verifies evidence at one holder (promise P1), with the register as *register_of* gives it at that moment.

    A proof serves once for each kind of call. Proofs of before this was made are refused: they may have been used.
    """

    def __init__(self, register_of: Callable[[], RegionRegister], holder: Ura, now: Callable[[], datetime]) -> None:
        self._register_of = register_of
        self._holder = holder
        self._now = now
        self._mandates = Mandates()
        self._proofs = Proofs()
        self._replays = Replays(since=now(), lasts=FRESH)
        self._pins = Pins()

    def verify(self, query: HolderQuery, what: Literal["query", "attachment"], peer: Member | None, *, attachment: str = "", record: str = "") -> Verified:
        """The question as it may be decided on. *peer* is whoever is on the channel; none where there is no mutual TLS.

        When the question is about a record, `check_patient` must be called with the BSN of its patient before anything else.

        Raises:
            BadInput: `not-this-holder`, `evidence-missing`, `token-invalid`, `mandate-expired`, `proof-expired`, `proof-used`,
                `question-widened`, `other-patient-mandated`.
            Unavailable: `organisation-blocked`, `not-a-member`, `register-outdated`, `too-many-questions`.
        """
        if query.holder != self._holder:
            raise BadInput(Fault.NOT_THIS_HOLDER)
        at, register = self._now(), self._register_of()
        name = self._name_in(register)
        asker = self._asker(query.evidence, query.asked_by, query.purpose, peer, register, at)
        if not narrows(asker.proof.asked, query, name, attachment=attachment, record=record):
            raise BadInput(Fault.QUESTION_WIDENED)
        narrowed = within_mandate(asker.mandate, query.selection)
        if narrowed is None:
            raise BadInput(Fault.QUESTION_WIDENED)
        if isinstance(query.about, Bsn):
            asker.check_patient(query.about)
        self._use(asker, what, at)
        believed = replace(query, asked_by=asker.asked_by, selection=narrowed)
        return Verified(asker.asked_by, asker.mandate, asker.proof, asker.sealed, believed, query)

    def verify_locate(self, pseudonym: Pseudonym, asked_by: Asker, purpose: PurposeOfUse, evidence: Evidence, peer: Member | None) -> VerifiedAsker:
        """Who asks whether somebody is known here. `check_patient` must be called when the index knows the pseudonym.

        A mandate locates one pseudonym at this holder, however many proofs are made with it.

        Raises:
            BadInput: As `verify`.
            Unavailable: As `verify`.
        """
        at, register = self._now(), self._register_of()
        name = self._name_in(register)
        asker = self._asker(evidence, asked_by, purpose, peer, register, at)
        if asker.proof.asked.holders and name not in asker.proof.asked.holders:
            raise BadInput(Fault.QUESTION_WIDENED)
        self._use(asker, "locate", at)
        self._pins.pin(asker.mandate.digest, pseudonym.value, asker.mandate.expires + SKEW, at)
        return asker

    def _name_in(self, register: RegionRegister) -> HolderName:
        member = register.by_ura.get(self._holder)
        if member is None or Part.DATA_HOLDER not in member.parts:
            raise Unavailable(Fault.NOT_A_MEMBER)
        check_active(member)
        return member.name

    def _asker(self, evidence: Evidence, said: Asker, purpose: PurposeOfUse, peer: Member | None, register: RegionRegister, at: datetime) -> VerifiedAsker:
        mandate = self._mandates.read(evidence.mandate, register, at)
        if not evidence.proofs:
            raise BadInput(Fault.EVIDENCE_MISSING)
        if len(evidence.proofs) > 1:
            raise BadInput(Fault.TOKEN_INVALID)
        proof = self._proof_through(evidence.proofs[0], mandate, peer, register, at)
        asker = asker_of(mandate, register)
        _check_said(said, asker)
        check_purpose(mandate, proof, purpose)
        return VerifiedAsker(asker, mandate, proof, evidence.salt)

    def _proof_through(self, token: str, mandate: Mandate, peer: Member | None, register: RegionRegister, at: datetime) -> QuestionProof:
        """The proof, when it came by the gateway that it names. Without a channel that says who is there, that it is a gateway at least."""
        proof = self._proofs.read(token, mandate, at)
        if peer is not None and proof.gateway != peer.ura:
            raise BadInput(Fault.TOKEN_INVALID)
        if Part.GATEWAY not in _standing(proof.gateway, register).parts:
            raise Unavailable(Fault.NOT_A_MEMBER)
        return proof

    def _use(self, asker: VerifiedAsker, what: What, at: datetime) -> None:
        # Last: what is refused for another reason must not fill the memory.
        self._replays.use(asker.mandate.digest, asker.proof.nonce, what, asker.proof.issued + FRESH, at)


@dataclass(frozen=True, slots=True)
class VerifiedCaller:
    """Who asks at a gateway, and what they proved to ask. `proofs` and `evidence.proofs` are in the same order."""

    asker: Asker
    mandate: Mandate
    proofs: tuple[QuestionProof, ...]
    evidence: Evidence

    def cover(self, query: HolderQuery, holder: HolderName, *, attachment: str = "", record: str = "") -> str:
        """The proof, as it travels, under which this may be put to that holder.

        Raises:
            BadInput: `question-widened`, when none covers it.
        """
        for proof, token in zip(self.proofs, self.evidence.proofs, strict=True):
            if narrows(proof.asked, query, holder, attachment=attachment, record=record):
                return token
        raise BadInput(Fault.QUESTION_WIDENED)

    def for_holder(self, query: HolderQuery, holder: HolderName, bsn: Bsn, *, attachment: str = "", record: str = "") -> Evidence:
        """What travels with the question to that holder: the mandate, the one proof, the salt sealed under the BSN.

        Raises:
            BadInput: `question-widened`, when no proof covers it.
        """
        proof = self.cover(query, holder, attachment=attachment, record=record)
        return Evidence(self.evidence.mandate, (proof,), seal_salt(self.evidence.salt, bsn, self.mandate.digest))


class GatewayVerifier:
    """Verifies evidence at one gateway. It spares the holders what is unsound, and replaces no check of theirs."""

    def __init__(self, register_of: Callable[[], RegionRegister], gateway: Ura, now: Callable[[], datetime]) -> None:
        self._register_of = register_of
        self._gateway = gateway
        self._now = now
        self._mandates = Mandates()
        self._replays = Replays(since=now(), lasts=FRESH)

    def verify(self, evidence: Evidence, bsn: Bsn, peer: Member | None) -> VerifiedCaller:
        """Who asks. *peer* is whoever is on the channel: the mandate's issuer or another gateway; none where there is no mutual TLS.

        Raises:
            BadInput: `evidence-missing`, `token-invalid`, `mandate-expired`, `proof-expired`, `proof-used`, `question-widened`,
                `other-patient-mandated`.
            Unavailable: `organisation-blocked`, `not-a-member`, `register-outdated`, `too-many-questions`.
        """
        at, register = self._now(), self._register_of()
        mandate = self._mandates.read(evidence.mandate, register, at)
        if peer is not None:
            caller = _standing(peer.ura, register)
            if caller.ura != mandate.issuer and Part.GATEWAY not in caller.parts:
                raise BadInput(Fault.TOKEN_INVALID)
        if not evidence.proofs:
            raise BadInput(Fault.EVIDENCE_MISSING)
        if len(evidence.proofs) > MOST_PROOFS:
            raise BadInput(Fault.TOKEN_INVALID)
        proofs = tuple(read_proof(token, mandate, self._gateway, at) for token in evidence.proofs)
        for proof in proofs:
            check_purpose(mandate, proof, mandate.purpose)
        if not is_about(mandate.patient, evidence.salt, bsn):
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)
        for proof in proofs:
            self._replays.use(mandate.digest, proof.nonce, "dossier", proof.issued + FRESH, at)
        return VerifiedCaller(asker_of(mandate, register), mandate, proofs, evidence)


def asker_of(mandate: Mandate, register: RegionRegister) -> Asker:
    """Who asks, by the mandate and by what the register says of its issuer."""
    return Asker(register.by_ura[mandate.issuer].user, mandate.professional, mandate.treatment is not None)


def check_purpose(mandate: Mandate, proof: QuestionProof, purpose: PurposeOfUse) -> None:
    """Refuse a purpose that is not the mandate's and the proof's.

    Raises:
        BadInput: `question-widened`.
    """
    if not mandate.purpose is proof.asked.purpose is purpose:
        raise BadInput(Fault.QUESTION_WIDENED)


def _check_said(said: Asker, asker: Asker) -> None:
    same = (
        said.data_user.ura == asker.data_user.ura
        and said.professional.identifier == asker.professional.identifier
        and said.professional.role == asker.professional.role
    )
    if not same:
        raise BadInput(Fault.QUESTION_WIDENED)


def _standing(ura: Ura, register: RegionRegister) -> Member:
    member = register.by_ura.get(ura)
    if member is None:
        raise Unavailable(Fault.NOT_A_MEMBER)
    check_active(member)
    return member
