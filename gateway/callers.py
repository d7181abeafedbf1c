"""Who asks: what the faces need to know of whoever sent a request, and of the evidence that travels on with the question."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from accord.audit.content import Asking
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, is_base_address
from accord.terms.parties import Asker
from accord.terms.queries import Evidence, Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse

#: The refusals that are events of their own in a journal: failed authentication, and what a question is not let in for (NEN 7513).
NOT_LET_IN: Final = frozenset(
    {
        Fault.EVIDENCE_MISSING,
        Fault.TOKEN_INVALID,
        Fault.MANDATE_EXPIRED,
        Fault.PROOF_EXPIRED,
        Fault.PROOF_USED,
        Fault.QUESTION_WIDENED,
        Fault.OTHER_PATIENT_MANDATED,
        Fault.NOT_A_MEMBER,
        Fault.ORGANISATION_BLOCKED,
        Fault.EMERGENCY_NOT_OFFERED,
        Fault.EMERGENCY_INCOMPLETE,
    }
)


#: By this header a proxy says under which address its clients see this gateway.
BASE: Final = "noaber-base"


def base_said(headers: Mapping[str, str]) -> str:
    """The base address under which the client sees this gateway; empty where nothing is said.

    Raises:
        BadInput: `invalid-parameter`: it is none.
    """
    text = headers.get(BASE, "")
    if text and (not is_base_address(text) or text.endswith("/")):
        raise BadInput(Fault.INVALID_PARAMETER, BASE)
    return text


class EmergencyRefused(BadInput):
    """An emergency that is not opened. The mandate was verified: its line says who wanted it."""

    def __init__(self, fault: Fault, asking: Asking) -> None:
        super().__init__(fault)
        self.asking = asking


class Caller(Protocol):
    """Whoever asks, on evidence that was verified as far as it can be without knowing whom it is about."""

    @property
    def asked_by(self) -> Asker:
        """The professional, and the data user on whose behalf they ask."""

    @property
    def purpose(self) -> PurposeOfUse:
        """Why."""

    @property
    def categories(self) -> frozenset[CareCategory]:
        """What the mandate narrows every question to: a holder shows nothing of any other category; empty: it narrows nothing."""

    @property
    def patient(self) -> str:
        """The opaque id of the patient whom the request is about, where it says so beside what is asked; else empty."""

    @property
    def base(self) -> str:
        """The base address under which the client sees this gateway, without a slash at the end; empty: our own."""

    def narrowed(self, selection: Selection) -> Selection:
        """What of a selection they may ask for: SMART scopes only take away.

        Raises:
            BadInput: `question-widened`, when nothing remains.
        """

    def evidence_for(self, bsn: Bsn, asked: Asked) -> Evidence:
        """What travels on with a question: the mandate, the one proof that covers it, and the salt.

        Raises:
            BadInput: `other-patient-mandated`, `question-widened`, or `evidence-missing` where no proof covers it.
        """


class Standing(Protocol):
    """Keeps what is under way tied to who asks."""

    def while_a_member(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Run what is inside for as long as the organisation that asks takes part; then it is cancelled.

        Raises:
            Unavailable: `organisation-blocked`, `not-a-member` or `register-outdated`, when it was.
        """


class Callers(Standing, Protocol):
    """Tells whoever asks by what came with the request."""

    def caller(self, headers: Mapping[str, str], certificate: bytes) -> Caller:
        """Who asks. *headers* by lower-case name; *certificate* is theirs on the connection (DER), or empty.

        Raises:
            BadInput: `evidence-missing`, `token-invalid`, `mandate-expired`, `proof-expired`, `proof-used`, `not-a-member`.
            Unavailable: `organisation-blocked`, `register-outdated`, `too-many-questions`.
        """
