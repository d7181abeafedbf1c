"""The use case: from a question about one person to everything that the region's holders say."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace

import anyio
from anyio.abc import ObjectSendStream
from structlog.contextvars import bound_contextvars

from accord.rules.places import Places
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.queries import DossierQuery
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import SECTION_OF, CareCategory, Section
from gateway.arrivals import Arrivals
from gateway.dossier.completeness import account
from gateway.fanout import Asking, Heard, Patience, ask_one
from gateway.planning import Plan, plan
from gateway.ports import Completeness, DossierEvent, HolderRegister, Holders, Planned
from gateway.presence import Presence
from gateway.recording import About, Lines, Recorder

#: What a reader may take longer than the question itself, before it is given up.
_GRACE_SECONDS = 15.0


def _nobody_counts(_seconds: float, _completeness: Completeness) -> None:
    """Where nothing is counted."""


@dataclass(frozen=True, slots=True)
class Region:
    """What the gateway knows of its region, and the bounds it keeps. `seconds` is the longest a question may take."""

    register: HolderRegister
    holders: Holders
    presence: Presence
    recorder: Callable[[], Recorder]
    patience: Patience = field(default_factory=Patience)
    seconds: float = 10.0
    questions: Places = field(default_factory=lambda: Places(60, of_one=40))
    arrivals: Arrivals = field(default_factory=Arrivals)
    #: Told how long a dossier took and what it came to.
    opened: Callable[[float, Completeness], None] = _nobody_counts


async def open_dossier(
    query: DossierQuery,
    region: Region,
    into: ObjectSendStream[DossierEvent],
    *,
    lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None = None,
) -> None:
    """Ask every holder of the plan, and tell everything as it happens.

    `Planned` comes first, every asked holder gets exactly one `HolderClosed`, `Completeness` comes last; then *into*
    and the *lanes* are closed. With *lanes* (global order) a holder's batches and its last word go to its lane; a full
    lane stops that holder and does not count as its silence. Cancelling withdraws every question.

    Raises:
        BadInput: `unknown-holder`, before any event.
        Unavailable: `no-holders-eligible`, `journal-unavailable` or `too-many-questions`, before any event.
    """
    async with AsyncExitStack() as streams:
        for stream in (into, *(lanes or {}).values()):
            await streams.enter_async_context(stream)
        chosen = plan(query, region.register)
        seconds = min(query.seconds, region.seconds)
        with _one_more_question(region.questions, query.asked_by.data_user.ura.value), _in_time(seconds + _GRACE_SECONDS):
            arrived = await region.arrivals.come_in()
            lines = Lines(region.recorder(), About(query.id, query.bsn, query.asked_by, query.purpose, query.evidence))
            await lines.asked()
            sink_of = (lambda _: into) if lanes is None else lanes.__getitem__
            asking = Asking(query, region.holders, region.presence, region.patience, lines, arrived, arrived.moment + seconds, sink_of, into)
            offered = lines.recorder.policy.emergency is not None
            await into.send(Planned(query.id, tuple(holder.card for holder in chosen.asked), chosen.not_asked, offered))
            for unasked in chosen.not_asked:
                if lanes is not None:
                    await lanes[unasked.holder.name].aclose()
            with bound_contextvars(query=query.id.value):
                completeness = await _ask_all(asking, chosen, lanes)
            region.opened(anyio.current_time() - arrived.moment, completeness)
            await into.send(replace(completeness, emergency_offered=offered))


async def _ask_all(asking: Asking, chosen: Plan, lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None) -> Completeness:
    everyone = [Heard(holder) for holder in chosen.asked]
    async with anyio.create_task_group() as telling:
        telling.start_soon(asking.tell_who_is_silent)
        async with anyio.create_task_group() as tasks:
            for heard in everyone:
                tasks.start_soon(_ask_and_close, asking, heard, lanes)
        telling.cancel_scope.cancel()
    closed = [heard.closed for heard in everyone if heard.closed is not None]
    shown: Counter[CareCategory] = Counter()
    for heard in everyone:
        shown.update(heard.shown)
    return account(asking.query.id, chosen.everyone, chosen.not_asked, closed, shown, _sections(asking.query))


def _sections(query: DossierQuery) -> tuple[Section, ...]:
    """The sections that a question is about: those of its categories, or of its types; all when it is about everything."""
    categories = set(query.selection.categories)
    for name in query.selection.types:
        categories |= categories_of_type(name)
    return tuple(section for section in Section if not categories or section in {SECTION_OF[category] for category in categories})


async def _ask_and_close(asking: Asking, heard: Heard, lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None) -> None:
    await ask_one(asking, heard)
    if lanes is not None:
        with suppress(anyio.ClosedResourceError):
            await lanes[heard.holder.name].aclose()


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """A reader that stands still must not hold a place for ever."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise Unavailable(Fault.DEADLINE_PASSED) from None


@contextmanager
def _one_more_question(places: Places, organisation: str) -> Iterator[None]:
    """Hold one of the places for questions under way; there is no queue, the asker may come back."""
    if not places.take(organisation):
        raise Unavailable(Fault.TOO_MANY_QUESTIONS)
    try:
        yield
    finally:
        places.give_back(organisation)
