"""On what one question is let in: the question as it may be decided on, and who is known to ask it, through whom."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from accord.terms.evidence import Mandate
from accord.terms.identifiers import Bsn, Pseudonym, QueryId, Ura
from accord.terms.parties import Asker
from accord.terms.queries import HolderQuery
from accord.terms.vocabulary import PurposeOfUse


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, on which mandate, and the gateway on the channel. All of it verified; nothing is what the gateway said.

    `check_patient` refuses (`other-patient-mandated`) when the mandate is about somebody else.
    """

    query_id: QueryId
    asked_by: Asker
    purpose: PurposeOfUse
    gateway: Ura
    mandate: Mandate | None
    check_patient: Callable[[Bsn], None]

    @property
    def nobody(self) -> Pseudonym:
        """Whom it is booked on when it is not about whom it names: one for each mandate, and no person."""
        return Pseudonym(sha256(b"noaber nobody v1\0" + (self.mandate.digest if self.mandate is not None else b"")).digest())


@dataclass(frozen=True, slots=True)
class Admitted:
    """A question that is let in.

    `query` may be decided on: by whom the mandate says, and no wider. `received` is the question as it came; the last word
    answers that one.
    """

    asking: Asking
    query: HolderQuery
    received: HolderQuery
