"""What a patient is told: who looked, and of a request for a place who told us whom it is for, who saw that, who gave it, and who read the handover."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from accord.audit.content import Event
from accord.audit.places_events import PlaceHandover, PlaceStep, PlaceWho
from accord.audit.reading import accesses_in
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura
from accord.terms.looks import HANDOVER_READ, PLACE_GIVEN, WHO_SEEN, WHO_TOLD, Look
from accord.terms.members import Member
from accord.terms.vocabulary import PurposeOfUse
from node_agent.stating import looks_of

#: By the letter: before one is told who it is about, nobody knows whose request it is.
_TOLD: Final = {"introduced": WHO_TOLD, "granted": PLACE_GIVEN}


def looks_in(events: Sequence[Event], own: Ura, member_of: Callable[[Ura], Member | None]) -> list[Look]:
    """All that the lines about one patient tell of, newest first."""
    looks = (look for access in accesses_in(events) for look in looks_of(access))
    return sorted((*looks, *_place_looks(events, own, member_of)), key=lambda look: look.at, reverse=True)


def _place_looks(events: Iterable[Event], own: Ura, member_of: Callable[[Ura], Member | None]) -> Iterator[Look]:
    """Who is not in the register any more has a number and no name."""
    for event in events:
        if isinstance(event, PlaceStep) and event.what in _TOLD:
            what, by = _TOLD[event.what], event.peer if event.what == "introduced" else event.holder
        elif isinstance(event, PlaceHandover | PlaceWho):
            what, by = HANDOVER_READ if isinstance(event, PlaceHandover) else WHO_SEEN, event.holder
        else:
            continue
        try:
            ura = Ura(by)
        except BadInput:
            ura = own
        member = member_of(ura)
        yield Look(
            at=datetime.fromtimestamp(event.moment / 1000, UTC),
            ura=ura,
            organisation=member.title if member is not None else ura.value,
            kind=member.kind if member is not None else None,
            professional="",
            role="",
            categories=frozenset(),
            basis="",
            purpose=PurposeOfUse.TREATMENT,
            treatment="",
            emergency=False,
            reason="",
            came_of_it=what,
        )
