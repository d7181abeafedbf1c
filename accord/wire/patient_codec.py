"""Values of the patient's desk to messages and back. What comes in is checked here once and then never again."""

from datetime import UTC, datetime, timedelta
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Pseudonym, Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.looks import Look
from accord.terms.vocabulary import CareCategory, HolderKind
from accord.wire import question_codec
from accord.wire.v1 import patient_service_pb2 as pb

TOKEN_CHARACTERS: Final = 16 * 1024
STATEMENT_BYTES: Final = 64 * 1024
#: So many statements and looks of one holder are read at most.
MOST_STATEMENTS: Final = 1_000
MOST_LOOKS: Final = 2_000
_PSEUDONYM_BYTES: Final = 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: 1900 to 2200.
_MOMENTS: Final = range(-2_208_988_800_000, 7_258_118_400_000)


def login_from_wire(wire: pb.Login) -> tuple[str, Bsn]:
    """The ID token, unread, and the BSN that it is said to be about.

    Raises:
        BadInput: `token-invalid`; `invalid-bsn`.
    """
    if not 0 < len(wire.id_token) <= TOKEN_CHARACTERS:
        raise BadInput(Fault.TOKEN_INVALID, "form")
    return wire.id_token, Bsn(wire.bsn)


def pseudonym_from_wire(value: bytes) -> Pseudonym:
    """A pseudonym.

    Raises:
        BadInput: `invalid-question`.
    """
    if len(value) != _PSEUDONYM_BYTES:
        raise BadInput(Fault.INVALID_QUESTION, "pseudonym")
    return Pseudonym(value)


def moment_to_wire(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_from_wire(milliseconds: int) -> datetime:
    """The moment.

    Raises:
        BadInput: `invalid-question`.
    """
    if milliseconds not in _MOMENTS:
        raise BadInput(Fault.INVALID_QUESTION, "moment")
    return _EPOCH + milliseconds * _MILLISECOND


def look_to_wire(look: Look) -> pb.Access:
    """The message of a look."""
    return pb.Access(
        at_ms=moment_to_wire(look.at),
        ura=look.ura.value,
        organisation=look.organisation,
        kind=look.kind.value if look.kind else "",
        professional=look.professional,
        role=look.role,
        categories=sorted(category.value for category in look.categories),
        basis=look.basis,
        purpose=question_codec.purpose_to_wire(look.purpose),
        treatment=look.treatment,
        emergency=look.emergency,
        reason=look.reason,
        came_of_it=look.came_of_it,
    )


def look_from_wire(wire: pb.Access) -> Look:
    """A look, from a message.

    Raises:
        BadInput: `invalid-question`: a text that is too long, or a word that is none of ours.
    """
    texts = (wire.organisation, wire.professional, wire.role, wire.basis, wire.treatment, wire.reason, wire.came_of_it)
    if any(len(text) > FIELD_CHARACTERS for text in texts):
        raise BadInput(Fault.INVALID_QUESTION, "access")
    try:
        kind = HolderKind(wire.kind) if wire.kind else None
        categories = frozenset(map(CareCategory, wire.categories))
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION, "access") from None
    purpose, at = question_codec.purpose_from_wire(wire.purpose), moment_from_wire(wire.at_ms)
    return Look(
        at, Ura(wire.ura), wire.organisation, kind, wire.professional, wire.role, categories, wire.basis, purpose, wire.treatment, wire.emergency,
        wire.reason, wire.came_of_it,
    )  # fmt: skip
