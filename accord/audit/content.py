"""What every event of the journal has: when, where, who, about whom, and text that is made plain."""

from collections.abc import Iterable
from copy import copy
from enum import StrEnum
from hashlib import blake2b
from typing import Literal, TypeVar

from msgspec import Struct, structs

from accord.audit.spelling import plain
from accord.terms.evidence import Mandate, TreatmentBasis
from accord.terms.identifiers import Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.parties import Asker
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

_E = TypeVar("_E", bound="Event")


class Severity(StrEnum):
    """How loud an event is."""

    INFORMATION = "information"
    NOTICE = "notice"
    """Somebody should see it now and then: a refusal."""
    ALARM = "alarm"
    """Somebody must look at it: it stands in the review queue until they did."""


class Result(StrEnum):
    """What came of it."""

    DONE = "done"
    PARTLY = "partly"
    REFUSED = "refused"
    FAILED = "failed"


class Truth(StrEnum):
    """What stood behind `nothing-shown`, which outside looks the same (promises P8 and P9)."""

    SHOWN = "shown"
    NOTHING_KNOWN = "nothing-known"
    WITHHELD = "withheld"


class _Plain(Struct, frozen=True, kw_only=True):
    """A part of a line: its text is made plain when it is made."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is str:
                # Nearly always it is plain already.
                if len(value) > FIELD_CHARACTERS or not value.isprintable():
                    structs.force_setattr(self, name, plain(value))
            elif type(value) is tuple and value and type(value[0]) is str and not _all_plain(value):
                structs.force_setattr(self, name, tuple(map(plain, value)))


class Asking(_Plain, frozen=True, kw_only=True):
    """Who asked, for whom, for which purpose and on which mandate. The same for all lines of one question."""

    user: str
    """URA of the data user."""
    user_name: str = ""
    user_kind: HolderKind | None = None
    professional: str
    role: str
    professional_name: str = ""
    responsible: str = ""
    """Who answers for what the professional does; they themselves when empty."""
    purpose: PurposeOfUse = PurposeOfUse.TREATMENT
    treatment: TreatmentBasis | None = None
    mandate: str = ""
    """SHA-256 of the mandate, in hex."""


class Withheld(_Plain, frozen=True, kw_only=True):
    """A category that stayed in, and the refusal (a code of the rules)."""

    category: CareCategory
    refusal: str


class Counted(_Plain, frozen=True, kw_only=True):
    """How many records of a category."""

    category: CareCategory
    count: int


class Event(_Plain, frozen=True, kw_only=True, tag_field="event"):
    """Anything in the journal. The journal stamps `moment` (UTC, milliseconds) and `system` when they are empty.

    `code` is DICOM's (DCM) for the kind of event, `action` one of C, R, U, D and E.
    """

    moment: int = 0
    system: str = ""
    code: str = "110100"
    action: Literal["C", "R", "U", "D", "E"] = "E"
    severity: Severity = Severity.INFORMATION
    result: Result = Result.DONE


class AboutPatient(Event, frozen=True, kw_only=True):
    """An event in a question about a patient.

    `patient` is a pseudonym in hex, under this journal's own key. `peer` is the URA of the party on the channel, `holder`
    that of the holder that is concerned. `query` is whatever the gateway says, also twice the same; `answer` is the holder's
    own, new for every answer, and empty at a gateway.
    """

    query: str
    answer: str = ""
    patient: str
    holder: str = ""
    peer: str = ""
    asking: Asking
    emergency: bool = False


def stamped(event: _E, moment: int, system: str) -> _E:
    """Give *event* with its moment and its system, where it has none of its own."""
    stamp = copy(event)  # not `structs.replace`, which would make every text plain once more
    if not event.moment:
        structs.force_setattr(stamp, "moment", moment)
    if not event.system:
        structs.force_setattr(stamp, "system", system)
    return stamp


def asking_of(asker: Asker, mandate: Mandate | None, *, purpose: PurposeOfUse, responsible: str = "") -> Asking:
    """Who asked, from the values of a question; its mandate where one was verified."""
    return Asking(
        user=asker.data_user.ura.value,
        user_name=asker.data_user.name,
        user_kind=asker.data_user.kind,
        professional=asker.professional.identifier,
        professional_name=asker.professional.name,
        role=asker.professional.role,
        responsible=responsible,
        purpose=purpose,
        treatment=mandate.treatment if mandate else None,
        mandate=mandate.digest.hex() if mandate else "",
    )


def record_marks(key: bytes, holder: Ura, names: Iterable[str]) -> tuple[str, ...]:
    """What a gateway writes instead of the names of a holder's records: 8 bytes each (hex), under its own key (at most 64 bytes)."""
    keyed = blake2b(holder.value.encode(), digest_size=8, key=key)
    return tuple(_mark(keyed.copy(), name) for name in names)


def _mark(keyed: blake2b, name: str) -> str:
    keyed.update(name.encode())
    return keyed.hexdigest()


def _all_plain(texts: tuple[str, ...]) -> bool:
    """Names of a whole batch are looked at in one go, for nearly always they are plain."""
    return max(map(len, texts)) <= FIELD_CHARACTERS and "".join(texts).isprintable()
