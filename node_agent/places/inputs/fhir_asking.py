"""Asks the source's FHIR server now and then what is free: one request at a time, few of them, and none about a patient.

What the server cannot tell of a service makes that service unknown. When it cannot be asked at all, what was counted before
grows old.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import anyio

from accord.terms.faults import Fault
from node_agent.places.inputs.fhir_counting import Unclear, free_beds, free_slots, has_below, has_identifier, is_active, references, stop_in
from node_agent.places.ports import Observation, Seen
from node_agent.places_input_settings import CountedSettings
from node_agent.ports import SourceAnswerInvalid
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import SourceRefused
from node_agent.sources.fhir_pages import ref_in, search
from node_agent.sources.fhir_walk import Walk

#: A site has buildings, wings, wards, rooms, beds: what lies deeper than that runs in circles.
_DEEPEST: Final = 6
_MOST: Final = 2_000
_AT_ONCE: Final = 50
#: No service takes longer, however slowly the server answers.
_SECONDS: Final = 60.0
_PER_SECOND: Final = 4.0
_PAGES: Final = 100
#: With these it says that it does not know such a search, or such a resource.
_NOT_UNDERSTOOD: Final = frozenset({400, 404, 405, 410, 422, 501})


def gentle(endpoint: FhirEndpoint) -> FhirEndpoint:
    """The same server, asked by somebody who has time."""
    rate = min(endpoint.per_second or _PER_SECOND, _PER_SECOND)
    return replace(endpoint, concurrency=1, per_second=rate, page_limit=min(endpoint.page_limit, _PAGES))


@dataclass(frozen=True, slots=True)
class _Found:
    """The HealthcareService of a service, and where it is given: ids of Locations."""

    service: bytes | None
    service_ids: frozenset[str]
    locations: frozenset[str]


class FhirPlaces:
    """Counts what is wanted. *client* and *endpoint* are those of a `gentle` server."""

    def __init__(self, client: FhirClient, endpoint: FhirEndpoint, now: Callable[[], datetime]) -> None:
        self._client = client
        self._endpoint = endpoint
        self._now = now

    async def look(self, wanted: CountedSettings) -> tuple[Observation, str]:
        """What is free of one service now; and why nobody can tell, by its code, where that is so.

        Raises:
            SourceFailure: The server cannot be asked.
        """
        seen, trouble = await self._seen(wanted)
        return Observation(f"FHIR {wanted.service}", (seen,)), trouble

    async def _seen(self, wanted: CountedSettings) -> tuple[Seen, str]:
        until = anyio.current_time() + _SECONDS
        asked = self._now()
        places, stop, trouble = None, None, ""
        try:
            found = await self._find(wanted, until)
            stop = stop_in(found.service, asked) if found.service is not None else None
            places = await (self._beds(found, until) if wanted.count == "beds" else self._slots(found, wanted, until))
        except (SourceAnswerInvalid, Unclear):
            # It answers, and not so that anybody can count by it.
            trouble = Fault.SOURCE_ANSWER_INVALID.value
        except SourceRefused as refusal:
            if refusal.status not in _NOT_UNDERSTOOD:
                raise
            trouble = refusal.fault.value
        valid = asked + timedelta(minutes=wanted.valid_minutes) if places is not None else asked
        return Seen(wanted.service, asked, valid, places, stop=stop), trouble

    async def _find(self, wanted: CountedSettings, until: float) -> _Found:
        named = await self._named("Location", wanted.locations, until)
        locations = frozenset(ref_in(body)[1] for body in named)
        if not wanted.healthcare_service:
            return _Found(None, frozenset(), locations)
        services = await self._named("HealthcareService", [wanted.healthcare_service], until)
        given = frozenset[str]().union(*(references(body, "location", "Location") for body in services))
        return _Found(services[0], frozenset(ref_in(body)[1] for body in services), locations | given)

    async def _named(self, kind: str, names: Iterable[str], until: float) -> list[bytes]:
        """The resources that the settings name, each exactly once there."""
        found = []
        for name in names:
            parameter = "identifier" if "|" in name else "_id"
            some = await self._search(kind, [(parameter, name)], until)
            # A server that heeds no parameter sends whatever it has.
            if len(some) != 1 or not (has_identifier(some[0], name) if "|" in name else ref_in(some[0])[1] == name):
                raise SourceAnswerInvalid(f"{kind}: not one of this name")
            found += some
        return found

    async def _beds(self, found: _Found, until: float) -> int | None:
        """All that is at or below the wards; a bed that two ways lead to is one bed."""
        tops = {ref_in(body)[1]: body for body in await self._by("Location", "_id", found.locations, "", until)}
        below = {name: body for name, body in tops.items() if name in found.locations}
        if len(below) < len(found.locations):
            raise SourceAnswerInvalid("Location: one is not there")
        newest = found.locations
        for _ in range(_DEEPEST):
            newest = frozenset(name for name in newest if has_below(below[name]))
            if not newest:
                return free_beds(below.values())
            some = await self._by("Location", "partof", newest, "Location/", until)
            bodies = {ref_in(body)[1]: body for body in _own(some, "partOf", "Location", newest)}
            newest = frozenset(bodies) - frozenset(below)
            below |= bodies
            if len(below) > _MOST:
                raise SourceAnswerInvalid("Location: too many")
        raise SourceAnswerInvalid("Location: too deep")

    async def _slots(self, found: _Found, wanted: CountedSettings, until: float) -> int | None:
        actors = [f"HealthcareService/{one}" for one in sorted(found.service_ids)] + [f"Location/{one}" for one in sorted(found.locations)]
        schedules = [
            body
            for body in await self._by("Schedule", "actor", actors, "", until)
            if references(body, "actor", "HealthcareService") & found.service_ids or references(body, "actor", "Location") & found.locations
        ]
        active = frozenset(ref_in(body)[1] for body in schedules if is_active(body))
        if not active:
            return None
        now = self._now()
        end = now + timedelta(hours=wanted.horizon_hours)
        span = [("start", f"ge{now:%Y-%m-%dT%H:%M:%SZ}"), ("start", f"lt{end:%Y-%m-%dT%H:%M:%SZ}")]
        slots = await self._by("Slot", "schedule", active, "Schedule/", until, span)
        own = {ref_in(body)[1]: body for body in _own(slots, "schedule", "Schedule", active)}
        return free_slots(own.values(), now, end)

    async def _by(self, kind: str, parameter: str, values: Iterable[str], before: str, until: float, more: Sequence[tuple[str, str]] = ()) -> list[bytes]:
        """Those that a parameter leads to, some values at a time."""
        names, found = sorted(values), []
        for at in range(0, len(names), _AT_ONCE):
            some = ",".join(f"{before}{name}" for name in names[at : at + _AT_ONCE])
            found += await self._search(kind, [(parameter, some), *more], until)
        return found

    async def _search(self, kind: str, parameters: Sequence[tuple[str, str]], until: float) -> list[bytes]:
        request = search(self._endpoint, kind, [*parameters, ("_count", str(self._endpoint.page_size))])
        walk, found = Walk(self._endpoint, request, heeds=parameters[0][0]), []
        while walk.has_more:
            found += walk.take(await walk.turn(self._client, until))
            walk.check()
            if len(found) > _MOST:
                raise SourceAnswerInvalid(f"{kind}: too many")
        if not all(ref_in(body)[1] for body in found):
            # What has no id cannot be told from what came before.
            raise SourceAnswerInvalid(f"{kind}: without an id")
        return found


def _own(resources: Iterable[bytes], member: str, kind: str, ids: frozenset[str]) -> list[bytes]:
    """Those that belong to one of these: a server that heeds no parameter sends those of everybody."""
    return [body for body in resources if references(body, member, kind) & ids]
