"""The only place where the parts are joined that answer for one organisation."""

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.link.credentials import server_credentials
from accord.link.office_line import OfficeLine
from accord.link.renewing import Renewing
from accord.ops.calls import CountedCalls
from accord.ops.desk import Desk as OpsDesk
from accord.ops.measures import Level
from accord.ops.standing import Party
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from node_agent.api.attending import OwnSide
from node_agent.assembling import Parts, assemble, now, tls_files
from node_agent.control import Beside, GatewaySeen, keep_control
from node_agent.doors import REMEMBERED, Doors
from node_agent.outbound import Outbound, outbound
from node_agent.pausing import Pausing
from node_agent.ports import Source, SourceFailure
from node_agent.server import serving
from node_agent.settings import AgentSettings, own_address
from node_agent.standing import keep_noting

_log = structlog.get_logger("noaber.agent")

#: With a source that is down, or very many people, the agent says that it is ready before it has an index.
_INDEX_SECONDS: Final = 5.0
#: However many questions meet trouble, the source is not looked at more often than this.
_AT_LEAST_SECONDS: Final = 1.0
_NEXT: Final = "noaber agent status, with the settings of this agent, says what to do"
#: The doors are asked for so many times less often than the register.
_DOORS_SELDOM: Final = 4


async def serve(
    settings: AgentSettings, folder: Path, *, pausing: Pausing, ready: Callable[[str], None], stopped: anyio.Event, ops: OpsDesk | None = None
) -> None:
    """Serve one organisation until *stopped*. *ready* is told the address once questions can be asked.

    Relative paths in the settings are relative to *folder*. Nothing of it is shared with another organisation. *ops* is where
    the operator's machines look; it is of the process, and told about this organisation under its name.

    Raises:
        Faulted: A setting is wrong, or something cannot be used; in a group with others where parts run side by side.
    """
    address = own_address(settings)
    name = settings.holder.name
    async with AsyncExitStack() as stack:
        parts = await assemble(settings, folder, pausing, stack, ops)
        trust = parts.trust
        async with anyio.create_task_group() as tasks:
            await _begin_beside(tasks, settings, folder, parts)
            await _begin_pages(tasks, settings, folder, parts)
            await _begin_places(tasks, settings, folder, parts, stack)
            doors = _doors(settings, folder, parts)
            if doors is not None:
                tasks.start_soon(doors.keep)
            ways = outbound(settings.outbound, folder, trust.material, OwnSide(Ura(settings.holder.ura), trust.live, trust.answer_key, now), doors)
            await _begin_brakes(tasks, name, pausing, parts, partial(_beside, _party(settings, folder, pausing, parts), parts, ways))
            serve_all = partial(serving, concurrency=settings.listen.concurrency, patients=parts.patients, places=parts.asked_for_places, outbound=ways)
            if ops is not None:
                serve_all = partial(serve_all, counted=CountedCalls(ops.measures, name).around)
            async with serve_all(parts.service, pausing, address, server_credentials(trust.material)) as served:
                # `Locate` answers once there is an index; whoever is told that we are ready may locate at once.
                with anyio.move_on_after(_INDEX_SECONDS):
                    await parts.locating.made.wait()
                if ops is not None:
                    stack.enter_context(ops.looks_at(name, _party(settings, folder, pausing, parts)))
                ready(served)
                await stopped.wait()
            tasks.cancel_scope.cancel()


async def _begin_beside(tasks: TaskGroup, settings: AgentSettings, folder: Path, parts: Parts) -> None:
    """What runs beside the answers: the register and the journal's heads, our certificate, the choices, the source, what feeds it."""
    trust = parts.trust
    tasks.start_soon(trust.live.keep_fresh)
    tasks.start_soon(trust.exchange.own.keep_signing)
    tasks.start_soon(trust.refusals.keep_telling)
    if parts.mitz is not None:
        await tasks.start(parts.mitz.keep)
    if settings.feed.listen:
        from node_agent.feeding.serving import serve_feed  # noqa: PLC0415 - it is not loaded where it is not used

        await tasks.start(partial(serve_feed, settings.feed, folder, folder / settings.source.path))
    if settings.office.desk:
        tasks.start_soon(Renewing(settings.way_to_office(folder), Ura(settings.holder.ura), tls_files(settings, folder), trust.live, parts.owed).keep)
    tasks.start_soon(parts.holder.safeguards.revocations.keep_polling, parts.choices.changes_as_seen)
    tasks.start_soon(parts.locating.keep_fresh)
    tasks.start_soon(look_after, parts.source, parts.holder.pausing, settings.source.check_seconds)


async def _begin_pages(tasks: TaskGroup, settings: AgentSettings, folder: Path, parts: Parts) -> None:
    """The pages for the holder's own people: the review of broken glass, and what IT sees."""
    journal, live = parts.trust.journal, parts.trust.live
    if settings.review.listen:
        from accord.review.serving import name_in, serve_review  # noqa: PLC0415 - as above

        await tasks.start(partial(serve_review, settings.review, folder, journal, name_in(live)))
    if settings.it.listen:
        from node_agent.it.serving import serve_it  # noqa: PLC0415 - as above
        from node_agent.it.situation import Watched  # noqa: PLC0415 - as above

        party = _party(settings, folder, parts.holder.pausing, parts)
        watched = Watched(settings.holder.title or settings.holder.name, parts.holder, parts.locating, live, party)
        await tasks.start(partial(serve_it, settings.it, folder, journal, watched))


async def _begin_places(tasks: TaskGroup, settings: AgentSettings, folder: Path, parts: Parts, stack: AsyncExitStack) -> None:
    """What looks after the places that it can give, what brings their numbers, and the planners' page.

    Raises:
        BadInput: `invalid-setting`.
    """
    places = parts.places
    if places is None:
        if settings.places.listen or settings.places.exports or settings.places.fhir:
            raise BadInput(Fault.INVALID_SETTING, "places.services: name the file that says what your teams and wards do")
        return
    from node_agent.places.inputs.making import make_inputs  # noqa: PLC0415 - it is not loaded where it is not used

    tasks.start_soon(places.looking.keep)
    inputs = make_inputs(settings.places, settings.source, folder, places.planning, now, stack)
    tasks.start_soon(inputs.keep)
    if settings.places.listen:
        from node_agent.places.page_serving import Whose, serve_places  # noqa: PLC0415 - as above

        whose = Whose(settings.holder.title or settings.holder.name, Ura(settings.holder.ura))
        await tasks.start(partial(serve_places, settings.places, folder, places.planning, whose, troubles=inputs.troubles))


async def _begin_brakes(tasks: TaskGroup, name: str, pausing: Pausing, parts: Parts, beside: Callable[[], Beside]) -> None:
    """What the holder's own people stop it by, and what it does in shadow."""
    tasks.start_soon(keep_noting, pausing, parts.trust.journal)
    if parts.shadow is not None:
        tasks.start_soon(parts.shadow.keep)
    await tasks.start(keep_control, parts.control, name, pausing, beside)


def _beside(party: Party, parts: Parts, ways: Outbound | None) -> Beside:
    """What the process tells of itself to whoever asks how it stands."""
    attended = ways.attended if ways is not None else ()
    gateways = tuple(GatewaySeen(one.address, one.attached, one.told.since_ms, one.told.code) for one in attended)
    return Beside(tuple(code.value for code in party.standing().reasons), gateways, parts.locating.people)


def _doors(settings: AgentSettings, folder: Path, parts: Parts) -> Doors | None:
    """Where the office's desk says which gateways are called; none where the settings alone do.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not settings.outbound.follow or not settings.outbound.gateways:
        return None
    way, live = settings.way_to_office(folder), parts.trust.live
    if not way.desk:
        raise BadInput(Fault.INVALID_SETTING, "outbound.follow: office.desk says where the desk is")

    def line() -> OfficeLine:
        return OfficeLine(way.desk, live.newest.authorities, tls_files(settings, folder), way.proxy, way.ca_file)

    return Doors(tuple(settings.outbound.gateways), folder / REMEMBERED, line, _DOORS_SELDOM * way.follow_seconds)


def _party(settings: AgentSettings, folder: Path, pausing: Pausing, parts: Parts) -> Party:
    """What an operator sees of this organisation."""
    mitz = parts.mitz

    def more() -> Iterable[Level]:
        yield Level("noaber_paused", float(pausing.paused))
        yield Level("noaber_shadow", float(pausing.shadow))
        yield Level("noaber_source_up", float(pausing.trouble is None))
        yield Level("noaber_consent_leases", mitz.leased.size if mitz is not None else 0)
        yield Level("noaber_consent_lease_seconds", settings.mitz.lease_seconds if mitz is not None else 0)
        if parts.places is not None:
            measured = parts.places.looking.measured
            yield Level("noaber_place_free", measured.free)
            yield Level("noaber_place_stale_openings", measured.stale)
            yield Level("noaber_place_requests_waiting", measured.waiting)

    trust = parts.trust
    return Party(
        trust.live,
        trust.journal,
        folder / settings.tls.certificate,
        lambda: pausing.trouble,
        lambda: pausing.withholds,
        more,
        renews=bool(settings.office.desk),
    )


async def look_after(source: Source, pausing: Pausing, seconds: float) -> None:
    """Until cancelled: see now and then whether the source can be used, and let the standing tell.

    Sooner when a question met trouble. One line says that it is lost, and one that it is back; no question has a line of its own.
    """
    while True:
        before = pausing.trouble
        try:
            await source.check()
            pausing.note_trouble(None)
            if before is not None:
                _log.info("the source is back", source=source.name)
        except SourceFailure as failure:
            if before is not failure.fault:
                _log.warning("the source cannot be used", source=source.name, code=failure.fault.value, next=_NEXT)
            pausing.note_trouble(failure.fault)
        await anyio.sleep(min(seconds, _AT_LEAST_SECONDS))
        with anyio.move_on_after(max(0.0, seconds - _AT_LEAST_SECONDS)):
            await pausing.suspected.wait()
        pausing.suspected = anyio.Event()
