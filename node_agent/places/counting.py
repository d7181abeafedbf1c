"""What planners, and the systems of a provider, say of its places: counted, confirmed, opened, closed, stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from accord.audit.places_events import PlaceChanged
from accord.terms.capacity import Certainty, Light, Stop
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from node_agent.places import openings
from node_agent.places.openings import MOST_PLACES, Counted
from node_agent.places.ports import Observation, Seen, ServiceKept
from node_agent.places.services_file import Offering
from node_agent.places.store import Store, Turn

PLANNER: Final = "planner"
#: A statement with all of them is one that whoever asks can read (`accord.wire.place_forms`, `accord.letters.signing`).
MOST_OPENINGS: Final = 400


@dataclass(frozen=True)
class Counting:
    """The part of `Planning` that is about places, and `Observed`. *own* is this provider."""

    store: Store
    offerings: Mapping[str, Offering]
    own: Ura

    async def services(self) -> tuple[ServiceKept, ...]:
        """All services and their openings."""
        return await self.store.read(lambda connection: openings.kept(connection, self.offerings, self.store.now()))

    async def count(self, opening: str, places: int, by: str) -> None:
        """So many are free, as a person saw."""
        _check_places(places)

        def work(turn: Turn) -> None:
            one = self._seen(turn, opening)
            self._put(turn, replace(one, places=places, light=None), "counted", by)

        await self.store.change(work)

    async def show(self, opening: str, light: Light, by: str) -> None:
        """A light instead of a number."""

        def work(turn: Turn) -> None:
            one = self._seen(turn, opening)
            self._put(turn, replace(one, places=None, light=light), light.value, by)

        await self.store.change(work)

    async def confirm(self, opening: str, by: str) -> None:
        """It is still so: what is shown as free is free."""

        def work(turn: Turn) -> None:
            before = openings.counted(turn.connection, opening)
            if before is None:
                raise BadInput(Fault.NOT_FOUND)
            one, places = self._seen(turn, opening), before.places
            if places is not None:
                # Whoever arrived since is seen from now on, and no longer taken off: the number must not grow by that.
                places = max(0, places - openings.taken(turn.connection, before, turn.now).arrived)
            self._put(turn, replace(one, places=places), "confirmed", by)

        await self.store.change(work)

    async def open_from(self, service: str, since: date, until: date | None, places: int, by: str) -> str:
        """Places from a day on; returns the id of the opening."""
        _check_places(places)
        if until is not None and until < since:
            raise BadInput(Fault.INVALID_PARAMETER, "until")
        name = _name(service, since, until)

        def work(turn: Turn) -> None:
            offering = self._offering(service)
            self._check_room(turn, name)
            one = Counted(name, service, places, None, turn.now, turn.now + offering.valid, Certainty.CONFIRMED, PLANNER, since, until)
            self._put(turn, one, "counted", by)

        await self.store.change(work)
        return name

    async def close(self, opening: str, by: str) -> None:
        """It is not offered any more; what was promised of it stays promised."""

        def work(turn: Turn) -> None:
            one = openings.counted(turn.connection, opening)
            if one is None:
                raise BadInput(Fault.NOT_FOUND)
            openings.remove(turn.connection, opening)
            self._changed(turn, PlaceChanged(holder=self.own.value, by=by, service=one.service, opening=opening, what="closed"))

        await self.store.change(work)

    async def stop(self, service: str, stop: Stop | None, by: str) -> None:
        """Take nobody (any more), or take people again."""
        if stop is not None and stop.expected_end is not None and stop.expected_end.tzinfo is None:
            raise BadInput(Fault.INVALID_PARAMETER, "expected_end")

        def work(turn: Turn) -> None:
            self._offering(service)
            openings.put_stop(turn.connection, service, stop, PLANNER, turn.now)
            what = f"stopped: {stop.reason}" if stop is not None else "resumed"
            self._changed(turn, PlaceChanged(holder=self.own.value, by=by, service=service, what=what))

        await self.store.change(work)

    async def observe(self, observation: Observation) -> None:
        """What a system says takes the place of what it said before; see `node_agent.places.ports.Observed`."""
        source = observation.source
        if len(observation.seen) > MOST_OPENINGS or source in ("", PLANNER):
            raise BadInput(Fault.INVALID_PARAMETER, "source")
        found = {one.id: one for one in (self._derived(seen, source) for seen in observation.seen)}
        stops = {seen.service: seen.stop for seen in observation.seen if seen.stop is not None}
        if len(found) < len(observation.seen) or any(stop.expected_end is not None and stop.expected_end.tzinfo is None for stop in stops.values()):
            raise BadInput(Fault.INVALID_PARAMETER, "observation")

        def work(turn: Turn) -> None:
            self._take_over(turn, source, found)
            self._take_over_stops(turn, source, stops)

        await self.store.change(work)

    def _take_over(self, turn: Turn, source: str, found: Mapping[str, Counted]) -> None:
        kept = {one.id: one for one in openings.all_counted(turn.connection)}
        for name, one in kept.items():
            if one.source == source and name not in found:
                openings.remove(turn.connection, name)
                self._changed(turn, PlaceChanged(holder=self.own.value, by=source, service=one.service, opening=name, what="closed"))
        for name, one in found.items():
            before = kept.get(name)
            if before is None or (before.observed < one.observed and not _knows_better(before, one, turn.now)):
                self._check_room(turn, name)
                self._put(turn, one, "counted" if one.light is None else one.light.value, source)

    def _take_over_stops(self, turn: Turn, source: str, stops: Mapping[str, Stop]) -> None:
        """A stop that a person made stays, and so does one of another system."""
        kept = openings.stops(turn.connection)
        for service, stopped in kept.items():
            if stopped.source == source and service not in stops:
                openings.put_stop(turn.connection, service, None, source, turn.now)
                self._changed(turn, PlaceChanged(holder=self.own.value, by=source, service=service, what="resumed"))
        for service, stop in stops.items():
            if service not in kept or (kept[service].source == source and kept[service].stop != stop):
                openings.put_stop(turn.connection, service, stop, source, turn.now)
                self._changed(turn, PlaceChanged(holder=self.own.value, by=source, service=service, what=f"stopped: {stop.reason}"))

    def _derived(self, seen: Seen, source: str) -> Counted:
        self._offering(seen.service)
        if seen.observed_at.tzinfo is None or seen.valid_until.tzinfo is None or (seen.places is not None and seen.light is not None):
            raise BadInput(Fault.INVALID_PARAMETER, "observation")
        if seen.places is not None:
            _check_places(seen.places)
        name = _name(seen.service, seen.since, seen.until)
        return Counted(name, seen.service, seen.places, seen.light, seen.observed_at, seen.valid_until, Certainty.DERIVED, source, seen.since, seen.until)

    def _seen(self, turn: Turn, opening: str) -> Counted:
        """An opening as a planner sees it now, before it is said what they saw."""
        one = openings.counted(turn.connection, opening)
        if one is None:
            # The places of a service from now on need not be opened first.
            offering = self._offering(opening)
            return Counted(opening, opening, None, None, turn.now, turn.now + offering.valid, Certainty.CONFIRMED, PLANNER)
        valid = turn.now + self._offering(one.service).valid
        return replace(one, observed=turn.now, valid=valid, certainty=Certainty.CONFIRMED, source=PLANNER)

    def _offering(self, service: str) -> Offering:
        offering = self.offerings.get(service)
        if offering is None:
            raise BadInput(Fault.NOT_FOUND)
        return offering

    def _put(self, turn: Turn, one: Counted, what: str, by: str) -> None:
        openings.put(turn.connection, one)
        places = one.places if one.places is not None else -1
        line = PlaceChanged(holder=self.own.value, by=by, service=one.service, opening=one.id, what=what, places=places, certainty=one.certainty.value)
        self._changed(turn, line)

    def _changed(self, turn: Turn, line: PlaceChanged) -> None:
        turn.lines.append(line)
        turn.places_changed = True

    def _check_room(self, turn: Turn, name: str) -> None:
        (others,) = turn.connection.execute("SELECT count(*) FROM opening WHERE id <> ?", (name,)).fetchone()
        if others >= MOST_OPENINGS:
            raise BadInput(Fault.INVALID_PARAMETER, "openings")


def _name(service: str, since: date | None, until: date | None) -> str:
    """A service has one opening for now, and one for the same days."""
    if since is None and until is None:
        return service
    return f"{service}.{since or ''}.{until or ''}"


def _check_places(places: int) -> None:
    if not 0 <= places <= MOST_PLACES:
        raise BadInput(Fault.INVALID_PARAMETER, "places")


def _knows_better(kept: Counted, one: Counted, now: datetime) -> bool:
    """A system that cannot tell takes nothing away from what a person saw, as long as that counts."""
    return one.places is None and one.light is None and kept.certainty is Certainty.CONFIRMED and kept.valid > now
