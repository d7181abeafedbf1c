"""The FHIR R4 interface of a simulated server: a Starlette application over a shelf of records."""

import math
import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from accord.terms.faults import BadInput
from testbed.fhir_server_answers import FHIR_JSON, Reply, bundle, capabilities, outcome, packed, spoil
from testbed.fhir_server_faults import FhirFaults
from testbed.fhir_server_shelf import ABOUT, Kept, Parameters, Shelf, UnknownParameter, cut_to_elements
from testbed.fhir_server_witness import Seen, Witness

BASE_PATH: Final = "/fhir"
_PAGE_SIZE: Final = 100
_HELD_PAGES: Final = 10_000
#: With this each record of a page begins.
_ENTRY: Final = b'{"fullUrl":'
_NO_FAULTS: Final = FhirFaults()
_NOT_FOUND: Final = outcome(404, "not-found")


class _Held(NamedTuple):
    """A search of which pages are still to come."""

    kind: str
    matches: list[tuple[Kept, bytes]]
    start: int
    size: int
    number: int


class Desk:
    """Answers FHIR requests about the records it was given, as well or badly as `faults` says.

    `faults` may be replaced at any time; `witness` tells what was asked.
    """

    def __init__(self, records: Iterable[bytes], faults: FhirFaults | None = None, *, types: frozenset[str] = frozenset()) -> None:
        self.shelf = Shelf(records)
        self.types = types or self.shelf.types
        self.faults = faults or FhirFaults()
        self.witness = Witness()
        self.app = Starlette(routes=[Route(BASE_PATH + "{path:path}", self._serve, methods=["GET", "POST"])])
        self._pages: OrderedDict[str, _Held] = OrderedDict()
        self._closing = anyio.Event()

    def close(self) -> None:
        """Let go of requests that are kept waiting."""
        self._closing.set()

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        async with self.witness.watching():
            in_url = parse_qsl(request.url.query, keep_blank_values=True)
            in_body = parse_qsl(body.decode(), keep_blank_values=True)
            parameters = in_url + in_body
            path = request.path_params["path"].strip("/")
            self.witness.note(Seen(request.method, path, frozenset(n for n, _ in parameters), frozenset(n for n, _ in in_url)))
            faults = self.faults
            accept = request.headers.get("accept", "*/*")
            reply = self._hindered(request, faults) or spoil(self._answered(request, path, parameters, faults), faults, accept)
            if seconds := math.inf if faults.frozen else faults.delay + faults.delay_each * reply.body.count(_ENTRY):
                await self._linger(request, seconds)
            reply = packed(reply, faults.packed, request.headers.get("accept-encoding", ""))
            make = _CutResponse if faults.cut and faults.concerns(path.partition("/")[0]) else Response
            return make(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)

    async def _linger(self, request: Request, seconds: float) -> None:
        """Wait so long, no longer than somebody waits for the answer."""
        async with anyio.create_task_group() as tasks:

            async def leave_with_the_client() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                self.witness.note_abandoned()
                tasks.cancel_scope.cancel()

            async def leave_with_the_server() -> None:
                await self._closing.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(leave_with_the_client)
            tasks.start_soon(leave_with_the_server)
            await (anyio.sleep_forever() if math.isinf(seconds) else anyio.sleep(seconds))
            tasks.cancel_scope.cancel()

    def _hindered(self, request: Request, faults: FhirFaults) -> Reply | None:
        if faults.redirect:
            return Reply(b"", 302, headers=(("location", faults.redirect),))
        if faults.authorization and not secrets.compare_digest(request.headers.get("authorization", "").encode(), faults.authorization.encode()):
            return outcome(401, "login")
        if faults.busy_every and self.witness.total % faults.busy_every == 0:
            headers = (("retry-after", faults.retry_after),) if faults.retry_after else ()
            return outcome(faults.busy_status, "throttled")._replace(headers=headers)
        return None

    def _answered(self, request: Request, path: str, parameters: Parameters, faults: FhirFaults) -> Reply:
        origin = faults.internal_name or f"{request.url.scheme}://{request.headers['host']}"
        base = origin + BASE_PATH
        kind, _, rest = path.partition("/")
        if request.method == "POST":
            if rest != "_search":
                return outcome(405, "not-supported")
            if faults.no_post_search:
                return outcome(405, "not-supported")
        elif path == "":
            return self._next_page(base, dict(parameters).get("_page", ""), faults)
        elif path == "metadata":
            return _NOT_FOUND if faults.no_metadata else capabilities(self.types, faults.fhir_version)
        elif rest:
            return self._read(kind, rest, request.headers.get("accept", "*/*"), faults)
        if kind not in self.types or kind == "Binary":
            return outcome(404, "not-supported")
        lenient = faults.lenient or "handling=strict" not in request.headers.get("prefer", "")
        return self._search(base, kind, parameters, faults, lenient=lenient)

    def _search(self, base: str, kind: str, parameters: Parameters, faults: FhirFaults, *, lenient: bool) -> Reply:
        heeded = [(name, value) for name, value in parameters if name not in faults.ignores]
        if faults.one_code:
            heeded = [(name, value.partition(",")[0] if name in ("category", "code") else value) for name, value in heeded]
        shape = dict(heeded)
        try:
            found = self.shelf.find(kind, heeded, lenient=lenient)
            size = max(1, min(int(shape.get("_count") or _PAGE_SIZE), faults.max_page))
        except (UnknownParameter, BadInput, ValueError):
            return outcome(400, "invalid")
        about = {value.removeprefix("Patient/") for name, value in heeded if name in ABOUT}
        if faults.wrong_patient and about and faults.concerns(kind):
            found = found + self.shelf.about_others(kind, about)[:1]
        matches = [(kept, kept.body) for kept in found]
        if kind == "Patient" and "_elements" in shape:
            elements = shape["_elements"].split(",")
            matches = [(kept, cut_to_elements(kept.body, elements)) for kept in found]
        # A page that ends where it begins is empty.
        return self._page(base, _Held(kind, matches, -size if faults.empty_first else 0, size, 0), faults)

    def _next_page(self, base: str, token: str, faults: FhirFaults) -> Reply:
        held = self._pages.get(token)
        return outcome(410, "expired") if held is None else self._page(base, held, faults, token)

    def _page(self, base: str, held: _Held, faults: FhirFaults, token: str = "") -> Reply:
        concerned = faults.concerns(held.kind)
        if concerned and 0 <= faults.fail_after_pages <= held.number:
            return outcome(500, "exception")
        end = held.start + held.size
        links = [("self", f"{base}/{held.kind}")]
        if concerned and faults.foreign_next:
            links.append(("next", f"{faults.foreign_next}{BASE_PATH}?_page=1"))
        elif end < len(held.matches) or (concerned and faults.endless_fresh):
            links.append(("next", self._address(base, held._replace(start=end, number=held.number + 1), faults)))
        elif concerned and faults.endless:
            links.append(("next", f"{base}?_page={token}" if token else self._address(base, held, faults)))
        strangers = self.shelf.about_others(held.kind, {"a"})[:1] if concerned and faults.stranger else []
        return bundle(base, held.matches[max(0, held.start) : end], len(held.matches), links, faults if concerned else _NO_FAULTS, strangers)

    def _address(self, base: str, held: _Held, faults: FhirFaults) -> str:
        """Where the rest of a search can be had. The address says nothing: what it stands for stays here, in memory."""
        token = secrets.token_urlsafe(12)
        self._pages[token] = held
        if len(self._pages) > _HELD_PAGES:
            self._pages.popitem(last=False)
        return f"?_page={token}" if faults.relative_next else f"{base}?_page={token}"

    def _read(self, kind: str, rest: str, accept: str, faults: FhirFaults) -> Reply:
        logical_id, slash, history = rest.partition("/")
        kept = self.shelf.by_ref.get((kind, logical_id))
        if kept is None or (slash and not history.startswith("_history/")):
            return _NOT_FOUND
        if kind == "Binary" and not faults.binary_as_json and "json" not in accept:
            binary: dict[str, Any] = msgspec.json.decode(kept.body)
            return Reply(b64decode(binary.get("data") or binary.get("content", "")), content_type=binary.get("contentType", "application/octet-stream"))
        return Reply(kept.body, content_type=FHIR_JSON)


class _CutResponse(Response):
    """An answer of which half is sent; then the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise the whole and send the half."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
