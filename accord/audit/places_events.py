"""What happens to free places and to requests for one: at the provider that has them, at who asks, and at the gateway between.

A step names the request by its random id, and the letter by which it was said or heard; what the letter says is not here.
"""

from typing import Literal

from accord.audit.content import Event

_Action = Literal["C", "R", "U", "D", "E"]


class PlaceChanged(Event, frozen=True, kw_only=True, tag="place-changed"):
    """What a provider has changed: so many `places` of an opening (-1: none are told, see `what`), as it was seen.

    `what` is `counted`, `confirmed`, `closed`, `stopped` with the reason, `resumed`, or a light. `by` is the planner, or the
    name of an export or system; `certainty` says whether a person looked.
    """

    code: str = "110110"
    action: _Action = "U"
    holder: str = ""
    by: str
    service: str
    opening: str = ""
    what: str
    places: int = -1
    certainty: str = ""


class PlaceStep(Event, frozen=True, kw_only=True, tag="place-step"):
    """A request for a place went one step: `what` is the tag of the letter, or `erased` at the end.

    `holder` is the provider, `peer` the other party of the two, `by` the person who did it here; empty: the other party, or a
    program. `patient` is known once somebody was told who it is about, and empty before. `letter` is the number that its sender
    gave the letter, the same in the journals of both; 0 where there was none. A step that was not kept, because the process died
    after this line, is taken again after the next `started`, and has a line again.
    """

    code: str = "110110"
    action: _Action = "U"
    patient: str = ""
    holder: str = ""
    peer: str = ""
    request: str
    by: str = ""
    what: str
    letter: int = 0


class PlaceHandover(Event, frozen=True, kw_only=True, tag="place-handover"):
    """Somebody at the provider looked at the handover of whoever comes."""

    code: str = "110110"
    action: _Action = "R"
    patient: str = ""
    holder: str = ""
    peer: str = ""
    request: str
    by: str


class PlaceWho(Event, frozen=True, kw_only=True, tag="place-who"):
    """Somebody at the provider was shown who a request is about."""

    code: str = "110110"
    action: _Action = "R"
    patient: str = ""
    holder: str = ""
    peer: str = ""
    request: str
    by: str


class PlacesAsked(Event, frozen=True, kw_only=True, tag="places-asked"):
    """At the gateway: a member (`peer`, by URA) asked who has places of these `kinds` (none: of any). `count`: how many were to be asked. It is about nobody."""

    code: str = "110112"
    peer: str
    kinds: tuple[str, ...] = ()
    count: int = 0
