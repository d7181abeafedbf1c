"""Places at the local FHIR base: `$find-places`, and requests for one as ServiceRequest and Task. They are this organisation's own, so no mandate is needed."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl

from accord.rules.placing.provider import HANDOVER_BYTES
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.parties import Professional
from gateway.api.bundles import encode
from gateway.api.fhir_element_words import ELEMENTS, of_an_element
from gateway.api.fhir_found import found_bundle
from gateway.api.fhir_placed import searchset, service_request, task, transaction_response
from gateway.api.fhir_places import OPERATION, read_parameters
from gateway.api.fhir_places_metadata import DEFINITION, find_places_definition, with_places
from gateway.api.fhir_placing import read_asking, read_task
from gateway.api.fhir_placing_words import is_ours, read_request_id, read_task_id, speech_in, task_id
from gateway.api.fhir_reading import check_only
from gateway.api.fhir_routes import parameters_of
from gateway.api.http_exchange import Exchange, UnsupportedBody
from gateway.api.http_wishes import check_format
from gateway.api.outcomes import Json, of_the_client
from gateway.connect.requesting import Requesting
from gateway.places.seeking import Seeking
from gateway.places.wanting import refused
from gateway.viewer.speaking import Speech

_HAND_OVER: Final = "$hand-over"
_HANDOVERS_AT_ONCE: Final = 4
_RESULT: Final = frozenset({"_format", "_pretty"})


class Room:
    """For bodies. A handover is more than a question, so only few of them are held at once."""

    def __init__(self) -> None:
        self._left = _HANDOVERS_AT_ONCE

    @contextmanager
    def of(self, exchange: Exchange, usual: int) -> Iterator[int]:
        """The largest body that is taken, while it is held.

        Raises:
            Unavailable: `too-many-questions`.
        """
        if exchange.segments[-1] != _HAND_OVER:
            yield usual
            return
        if not self._left:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        self._left -= 1
        try:
            yield HANDOVER_BYTES
        finally:
            self._left += 1


class PlacesBase:
    """What of the local FHIR base is answered here; all else is the region's."""

    def __init__(self, seeking: Seeking, base: str) -> None:
        self._seeking = seeking
        self._base = base
        self._requests = Requesting(seeking)

    def serves(self, exchange: Exchange) -> bool:
        """Whether it is about places. A Task or a ServiceRequest of the dossier has an id of another form."""
        match exchange.segments:
            case ("fhir",) | ("fhir", "$find-places") | ("fhir", "OperationDefinition", "noaber-find-places"):
                return True
            case ("fhir", "Task"):
                return exchange.method != "GET" or _names(exchange) >= {"focus"}
            case ("fhir", "Task" | "ServiceRequest", logical_id, *_):
                return is_ours(logical_id)
            case _:
                return False

    def is_described_by(self, exchange: Exchange, status: int) -> bool:
        """Whether the answer is what this base can do, to which places must be added."""
        return exchange.segments == ("fhir", "metadata") and status == 200

    async def describe(self, exchange: Exchange, statement: bytes) -> None:
        """Answer what this base can do: what the gateway can, and places."""
        exchange.pretty = ("_pretty", "true") in {(one.name, one.value) for one in exchange.given()}
        await exchange.answer(200, with_places(statement))

    async def answer(self, exchange: Exchange, by: Professional) -> None:
        """Answer.

        Raises:
            Faulted: It cannot be done.
        """
        if exchange.method not in ("GET", "POST"):
            raise BadInput(Fault.METHOD_NOT_ALLOWED, "GET, HEAD, POST")
        given = exchange.given()
        named = {one.name: one.value for one in given if one.in_url}
        check_format(exchange.headers, named)
        exchange.pretty = named.get("_pretty") == "true"
        if not (exchange.segments[-1] == "Task" and exchange.method == "GET"):
            check_only([one for one in given if one.in_url], _RESULT, lenient=exchange.wishes.lenient)
        match exchange.segments[1:]:
            case ():
                await self._posted(exchange, by, self._transact)
            case ("$find-places",):
                await self._posted(exchange, by, self._find)
            case ("Task",) if exchange.method == "GET":
                await self._search(exchange)
            case ("Task",):
                await self._posted(exchange, by, self._create)
            case (kind, logical_id):
                await self._read(exchange, kind, logical_id)
            case (kind, logical_id, operation):
                with of_an_element():
                    await self._operate(exchange, by, kind, logical_id, operation)
            case _:
                raise BadInput(Fault.NOT_FOUND)

    # -- Looking

    async def _find(self, exchange: Exchange, _: Professional) -> None:
        need, wishes = read_parameters(exchange.body)
        found = await self._seeking.find(need, wishes)
        await exchange.answer(200, encode(found_bundle(found, self._base, self._speech(exchange), exchange.wishes.request_id)))

    async def _read(self, exchange: Exchange, kind: str, logical_id: str) -> None:
        if exchange.method != "GET":
            raise BadInput(Fault.METHOD_NOT_ALLOWED, "GET, HEAD")
        await exchange.answer(200, encode(await self._shown(kind, logical_id, self._speech(exchange))))

    async def _search(self, exchange: Exchange) -> None:
        given = exchange.given()
        check_only(given, _RESULT | {"focus", "status"}, lenient=exchange.wishes.lenient)
        wanted = {one.name: one.value for one in given}
        case = await self._seeking.searches.case(read_request_id(wanted["focus"]))
        statuses = set(filter(None, wanted.get("status", "").split(",")))
        told = [task(case, leg, self._speech(exchange)) for leg in case.request.legs]
        shown = [one for one in told if not statuses or one["status"] in statuses]
        await exchange.answer(200, encode(searchset(shown, self._base, f"Task?focus=ServiceRequest/{case.request.id}")))

    async def _shown(self, kind: str, logical_id: str, speech: Speech) -> Json:
        if logical_id == DEFINITION:
            return find_places_definition()
        searches = self._seeking.searches
        if kind == "Task":
            request, provider = read_task_id(logical_id)
            case = await searches.case(request)
            return task(case, case.request.leg(provider), speech)
        return service_request(await searches.case(logical_id), speech)

    # -- Asking

    async def _transact(self, exchange: Exchange, by: Professional) -> None:
        asking = read_asking(exchange.body)
        case, new = await self._requests.ask(asking, by)
        entries = [None if one is None else one.provider for one in asking.entries]
        await exchange.answer(200, encode(transaction_response(case, entries, new, self._speech(exchange))))

    async def _create(self, exchange: Exchange, by: Professional) -> None:
        asking = read_task(exchange.body)
        case, new = await self._requests.ask(asking, by)
        provider = asking.addressees[0].provider
        told, address = task(case, case.request.leg(provider), self._speech(exchange)), f"{self._base}/Task/{task_id(case.request.id, provider)}"
        await exchange.answer(201 if provider in new else 200, encode(told), {"location": address})

    # -- Going on

    async def _operate(self, exchange: Exchange, by: Professional, kind: str, logical_id: str, operation: str) -> None:
        requests = self._requests
        if exchange.method != "POST":
            raise BadInput(Fault.METHOD_NOT_ALLOWED, "POST")
        match kind, operation:
            case "Task", "$choose":
                _said(exchange)
                await requests.choose(logical_id, by)
            case "Task", "$tell":
                await requests.tell(logical_id, _said(exchange, "words"), by)
            case "Task", "$give-up":
                _said(exchange)
                await requests.give_up(logical_id, by)
            case "ServiceRequest", "$cancel":
                await requests.cancel(logical_id, _said(exchange, "reason"), by)
            case "ServiceRequest", "$hand-over" if exchange.has_json_body:
                with of_the_client():
                    await requests.hand_over(logical_id, exchange.body, by)
            case "ServiceRequest", "$hand-over":
                raise UnsupportedBody
            case _:
                raise BadInput(Fault.NOT_FOUND)
        await exchange.answer(200, encode(await self._shown(kind, logical_id, self._speech(exchange))))

    async def _posted(self, exchange: Exchange, by: Professional, act: Callable[[Exchange, Professional], Awaitable[None]]) -> None:
        if exchange.method != "POST":
            raise BadInput(Fault.METHOD_NOT_ALLOWED, "POST")
        if not exchange.has_json_body:
            raise UnsupportedBody
        with of_an_element({} if exchange.segments[-1] == OPERATION else ELEMENTS):
            await act(exchange, by)

    def _speech(self, exchange: Exchange) -> Speech:
        return speech_in(exchange.wishes.language, self._seeking.clock())


def _names(exchange: Exchange) -> set[str]:
    """The parameters of the URL, as far as they can be read."""
    return {name for name, _ in parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True)}


def _said(exchange: Exchange, name: str = "") -> str:
    """The one parameter of an operation (none where it has none), which stands in the body and in no address.

    Raises:
        BadInput: `invalid-parameter`, `unknown-parameter`.
    """
    given = [one for one in exchange.given() if not one.in_url] + (parameters_of(exchange.body) if exchange.has_json_body else [])
    if any(one.name != name for one in given):
        raise BadInput(Fault.UNKNOWN_PARAMETER)
    if len(given) != bool(name):
        raise refused(name)
    return "".join(one.value for one in given)
