"""The catalogue of everything that is written into the journal, with the content that NEN 7513 asks for.

An event is metadata: who, about whom (a keyed pseudonym), what kind of data, by which right, what came of it. It never
holds clinical content, a token, or a value that was searched for. Whatever text comes from outside is made plain.

What every event has is in `accord.audit.content`; who may see which field in `accord.audit.showing`.
"""

from typing import Final, Literal, get_args

from msgspec import json, structs

from accord.audit.content import AboutPatient, Asking, Event, Result, Severity, Truth, Withheld
from accord.audit.places_events import PlaceChanged, PlaceHandover, PlacesAsked, PlaceStep, PlaceWho
from accord.audit.shadow_events import ShadowClosing, ShadowDecision, ShadowRelease
from accord.audit.spelling import without_numbers
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import CareCategory

_Action = Literal["C", "R", "U", "D", "E"]


class Decision(AboutPatient, frozen=True, kw_only=True, tag="decision"):
    """What may leave and what may not, decided before the source is read. `evidence` names what was used, with versions.

    `basis` is that of the first of `released`; `in_emergency` are those of them for which nothing but the emergency stands in.
    """

    code: str = "110112"
    released: tuple[CareCategory, ...] = ()
    basis: str = ""
    in_emergency: tuple[CareCategory, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    evidence: tuple[str, ...] = ()


class Release(AboutPatient, frozen=True, kw_only=True, tag="release"):
    """One batch that leaves, and what is in it: names (`Observation/1`) at the holder, keyed marks at the gateway."""

    code: str = "110110"
    action: _Action = "R"
    batch: int
    records: tuple[str, ...]
    count: int
    bytes: int
    digest: str
    categories: tuple[CareCategory, ...] = ()


class Closing(AboutPatient, frozen=True, kw_only=True, tag="closing"):
    """How a holder's answer ended, and the truth behind it."""

    code: str = "110112"
    ending: Ending
    truth: Truth
    batches: int
    count: int
    bytes: int
    fault: Fault | None = None


class Located(AboutPatient, frozen=True, kw_only=True, tag="located"):
    """It was asked whether the patient is known here."""

    code: str = "110112"
    known: bool | None = None


class RefusedQuestion(Event, frozen=True, kw_only=True, tag="question-refused"):
    """A question that was not answered, for what was given with it: also when nobody knows who asked (failed authentication).

    With `since` (UTC, milliseconds) it is about the `count` refusals of `peer` from then on that have no line of their own.
    """

    code: str = "110113"
    severity: Severity = Severity.NOTICE
    result: Result = Result.REFUSED
    query: str = ""
    answer: str = ""
    patient: str = ""
    holder: str = ""
    peer: str = ""
    asking: Asking | None = None
    emergency: bool = False
    fault: Fault
    count: int = 1
    since: int = 0


class GlassBroken(AboutPatient, frozen=True, kw_only=True, tag="emergency"):
    """Break-the-glass (promise P12): why, until when, and when the second factor was given (UTC, milliseconds).

    At the gateway `until` and `second_factor` may be 0: how long it lasts, each holder decides.
    """

    code: str = "110127"
    severity: Severity = Severity.ALARM
    emergency: bool = True
    reason: str
    words: str = ""
    until: int = 0
    second_factor: int = 0

    def __post_init__(self) -> None:
        structs.force_setattr(self, "words", without_numbers(self.words))
        # Not super(): a Struct is made anew by its metaclass, and the cell that super() needs points at the old one.
        Event.__post_init__(self)


class ChoiceChanged(Event, frozen=True, kw_only=True, tag="choice-changed"):
    """A patient's choice came in. `choice` names it with its version; what was chosen stays with the choice."""

    code: str = "110110"
    action: _Action = "U"
    patient: str
    holder: str = ""
    peer: str = ""
    by: str
    """`patient`, `representative`, `desk`, `holder` or `register`."""
    choice: str
    categories: tuple[CareCategory, ...] = ()


class ChoiceSeen(Event, frozen=True, kw_only=True, tag="choice-seen"):
    """Somebody looked at a patient's choices."""

    code: str = "110110"
    action: _Action = "R"
    patient: str
    holder: str = ""
    peer: str = ""
    by: str


class JournalViewed(Event, frozen=True, kw_only=True, tag="journal-viewed"):
    """Somebody looked into the journal: the patient, a reviewer, an operator, another party. `patient` empty: about nobody in particular."""

    code: str = "110101"
    action: _Action = "R"
    patient: str = ""
    holder: str = ""
    peer: str = ""
    by: str
    lines: int


class RegisterAccepted(Event, frozen=True, kw_only=True, tag="register-accepted"):
    """A version of the region's register came into force here."""

    code: str = "110129"
    action: _Action = "U"
    version: int
    digest: str


class HeadSigned(Event, frozen=True, kw_only=True, tag="head-signed"):
    """The state of this journal up to line `n`, signed; `head` is what other parties keep."""

    n: int
    chain: str
    head: str

    def __post_init__(self) -> None:
        """Leave it as it is: a signed head is longer than a text field, and base64 already."""


class HeadKept(HeadSigned, frozen=True, kw_only=True, tag="head-kept"):
    """The head of another party's journal, as it was received and verified; `signed` is when they signed it (UTC, milliseconds)."""

    party: str
    signed: int


class HeadDoubted(Event, frozen=True, kw_only=True, tag="head-doubted"):
    """A signed head of another party that does not extend the one before it: it has rewritten or rolled back its journal."""

    code: str = "110113"
    severity: Severity = Severity.ALARM
    result: Result = Result.FAILED
    party: str
    kept_n: int
    kept_chain: str
    n: int
    chain: str
    fault: Fault = Fault.JOURNAL_BROKEN


class BudgetAlarm(Event, frozen=True, kw_only=True, tag="budget-alarm"):
    """More different patients than the region agreed on, in so many `hours`; 24 are those of emergencies.

    `of` is `professional`, `organisation` or `gateway`; `user` and `professional` are who it was, as far as it is of them.
    """

    code: str = "110113"
    severity: Severity = Severity.ALARM
    result: Result = Result.REFUSED
    of: str
    who: str
    peer: str = ""
    patients: int
    limit: int
    hours: int = 1
    user: str = ""
    professional: str = ""


class ReviewDone(Event, frozen=True, kw_only=True, tag="review-done"):
    """A reviewer looked at line `line`; `verdict` is `reviewed`, and `remark` what they found, in pieces that fit."""

    code: str = "110101"
    action: _Action = "U"
    line: int
    by: str
    verdict: str
    remark: tuple[str, ...] = ()


class StandingChanged(Event, frozen=True, kw_only=True, tag="standing-changed"):
    """The holder paused its agent or resumed it, or it began in shadow: then it releases nothing.

    `why` is what the person said who paused it.
    """

    code: str = "110129"
    action: _Action = "U"
    paused: bool
    shadow: bool = False
    why: str = ""


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The journal was opened. `cut` bytes of a last line that was never finished were taken away."""

    code: str = "110120"
    cut: int = 0


class Stopped(Event, frozen=True, kw_only=True, tag="stopped"):
    """The journal was closed in good order."""

    code: str = "110121"


class PayloadsRemoved(Event, frozen=True, kw_only=True, tag="payloads-removed"):
    """After retention the content of `count` lines up to line `upto` that are older than `before` was removed."""

    code: str = "110101"
    action: _Action = "D"
    before: int
    upto: int
    count: int


AnyEvent = (
    Decision | Release | Closing | Located | RefusedQuestion | GlassBroken | ChoiceChanged | ChoiceSeen | JournalViewed
    | RegisterAccepted | HeadSigned | HeadKept | HeadDoubted | BudgetAlarm | ReviewDone | Started | Stopped | PayloadsRemoved
    | StandingChanged | ShadowDecision | ShadowRelease | ShadowClosing | PlaceChanged | PlaceStep | PlaceHandover | PlaceWho | PlacesAsked
)  # fmt: skip

#: Every class of event. `kind` gives the id of one.
CATALOGUE: Final[tuple[type[Event], ...]] = get_args(AnyEvent)

_encoder: Final = json.Encoder()
_decoder: Final = json.Decoder(AnyEvent)


def kind(event: type[Event] | Event) -> str:
    """The id of an event, as it stands in the journal: `release`."""
    return str(event.__struct_config__.tag)


def encode(event: Event) -> bytes:
    """Write an event as it stands in the journal: a JSON object, on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Read it back.

    Raises:
        msgspec.ValidationError: It is no event of the catalogue.
    """
    event: Event = _decoder.decode(payload)
    return event
