"""What each reader of the journal may see: an allow-list of events and of fields. What is not on it is not shown.

A field means the same in every event, so the list is by field. A field of `asking` is `asking.role`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import json

from accord.audit.content import Asking, Event
from accord.audit.events import CATALOGUE, encode, kind


class Reader(StrEnum):
    """Who looks."""

    PATIENT = "patient"
    """The person whom it is about, or who acts for them."""
    REVIEWER = "reviewer"
    """Who reviews access for the organisation: the one reader who sees all of it."""
    OPERATOR = "operator"
    """Who keeps it running, and needs to know nothing about anybody."""
    OTHER_PARTY = "other-party"
    """The gateway or holder at the other end, for reconciliation."""


P, R, O, X = Reader.PATIENT, Reader.REVIEWER, Reader.OPERATOR, Reader.OTHER_PARTY  # noqa: E741 - a table is read by its columns

_ALL: Final = frozenset({P, R, O, X})


def _only(*readers: Reader) -> frozenset[Reader]:
    return frozenset(readers)


#: Which readers may see a field.
FIELDS: Final[Mapping[str, frozenset[Reader]]] = {
    **dict.fromkeys(("moment", "system", "code", "action", "severity", "result", "holder", "ending", "fault", "emergency"), _ALL),
    **dict.fromkeys(("asking.user", "asking.user_name", "asking.user_kind"), _ALL),
    **dict.fromkeys(("query", "answer"), _ALL),
    "peer": _only(R, O, X),
    "patient": _only(R),
    # Who it was: the patient reads a name and a role, and need not know a number.
    **dict.fromkeys(("asking.professional_name", "asking.role", "asking.responsible", "asking.treatment"), _only(P, R)),
    "asking.professional": _only(R),
    "asking.purpose": _only(P, R, X),
    "asking.mandate": _only(R, X),
    # What it was about, and by which right. Why something stayed in is nobody else's business (promise P9).
    **dict.fromkeys(("released", "basis", "in_emergency", "withheld", "evidence", "categories", "truth", "known"), _only(P, R)),
    "records": _only(R),
    **dict.fromkeys(("batch", "batches", "count", "since", "bytes", "digest"), _only(R, O, X)),
    **dict.fromkeys(("reason", "until", "by", "choice"), _only(P, R)),
    "second_factor": _only(R),
    "words": _only(R),
    "lines": _only(P, R, O),
    **dict.fromkeys(("paused", "shadow"), _only(R, O)),
    "why": _only(R),
    # What would have left, in shadow: nothing was shown, so it is no access of which the patient must know.
    "counted": _only(R),
    # Free places: what was changed is about nobody; a step is about the person once one knows who it is.
    "what": _ALL,
    **dict.fromkeys(("request", "letter"), _only(R, X)),
    **dict.fromkeys(("service", "opening", "places", "certainty"), _only(R, O)),
    "kinds": _only(R, O),
    # The journal and the region.
    **dict.fromkeys(("party", "kept_n", "kept_chain", "n", "chain", "head", "signed", "before", "upto"), _only(R, O, X)),
    **dict.fromkeys(("version", "cut", "patients", "limit", "hours", "of"), _only(R, O)),
    **dict.fromkeys(("who", "user", "professional", "line", "verdict", "remark"), _only(R)),
}

_ABOUT_A_PATIENT: Final = frozenset({
    "decision", "release", "closing", "located", "question-refused", "emergency", "choice-changed", "choice-seen", "journal-viewed",
    "place-step", "place-handover", "place-who",
})  # fmt: skip
_EVERYTHING: Final = frozenset(map(kind, CATALOGUE))

#: Which events a reader may see at all.
EVENTS: Final[Mapping[Reader, frozenset[str]]] = {
    Reader.PATIENT: _ABOUT_A_PATIENT,
    Reader.REVIEWER: _EVERYTHING,
    Reader.OPERATOR: _EVERYTHING,
    Reader.OTHER_PARTY: frozenset({"release", "closing", "head-signed", "head-kept", "head-doubted", "payloads-removed"}),
}


def fields_of(event: type[Event], reader: Reader) -> frozenset[str]:
    """The fields of this event that *reader* may see, those of `asking` as `asking.role`."""
    names = {name for name in event.__struct_fields__ if name != "asking"}
    if "asking" in event.__struct_fields__:
        names |= {f"asking.{name}" for name in Asking.__struct_fields__}
    return frozenset(name for name in names if reader in FIELDS[name])


_SHOWN: Final = {(event, reader): fields_of(event, reader) for event in CATALOGUE for reader in Reader if kind(event) in EVENTS[reader]}


#: Under which name a field is shown: `n` is a line of the journal that is read, and this one is a line of somebody's head.
_TOLD_AS: Final = {"n": "head_n"}


def shown(event: Event, reader: Reader) -> dict[str, Any] | None:
    """What *reader* may see of *event*, ready for JSON; none when they may not know that it is there."""
    names = _SHOWN.get((type(event), reader))
    if names is None:
        return None
    told: dict[str, Any] = json.decode(encode(event))
    asking = told.pop("asking", None)
    seen = {"event": told["event"], **{_TOLD_AS.get(name, name): value for name, value in told.items() if name in names}}
    if asking:
        seen["asking"] = {name: value for name, value in asking.items() if f"asking.{name}" in names}
    return seen
