"""One request and its answer over plain ASGI: bounded on the way in, written in parts on the way out."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB
from gateway.api.fhir_search import Given
from gateway.api.http_pretty import Indenter
from gateway.api.http_wishes import FHIR_JSON, Wishes, read_wishes
from gateway.dossier.words import Language

#: On every answer: it is about a person, so nothing keeps it, guesses its type or puts it in a frame.
FIXED_HEADERS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Accept, Accept-Encoding, Accept-Language, Prefer",
}
#: Where the server puts the client's TLS certificate (DER): among the extensions of ASGI.
PEER: Final = "noaber.peer"
_MOST_PARAMETERS: Final = 100
_COMPRESS_IN_THREAD: Final = 64 * KIB
_NOT_WORTH_COMPRESSING: Final = 1 * KIB
_FORM: Final = "application/x-www-form-urlencoded"
#: Beside operations, what takes a resource: a transaction, and a Task of a request for a place.
_WRITTEN: Final = (("fhir",), ("fhir", "Task"))


@dataclass(slots=True)
class Exchange:
    """A request, and the answer as far as it has gone."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Headers
    wishes: Wishes
    body: bytes = b""
    pretty: bool = False
    applied: str = ""
    started: bool = False
    ended: bool = False
    write_seconds: float = 30.0
    _indenter: Indenter | None = None
    _gzip: Any = None

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send, language: Language, *, write_seconds: float) -> "Exchange":
        """A request as ASGI gives it. A client that takes no part of the answer for *write_seconds* counts as gone."""
        headers = Headers(scope=scope)
        return cls(scope, receive, send, headers, read_wishes(headers, language), write_seconds=write_seconds)

    @property
    def method(self) -> str:
        """GET, POST …; HEAD counts as GET, and its answer has no body."""
        method: str = self.scope["method"]
        return "GET" if method == "HEAD" else method

    @property
    def peer(self) -> bytes:
        """The client's TLS certificate (DER); empty when it has none."""
        peer: bytes = self.scope.get("extensions", {}).get(PEER, b"")
        return peer

    @property
    def segments(self) -> tuple[str, ...]:
        """The path, cut at the slashes."""
        path: str = self.scope["path"]
        return tuple(path.strip("/").split("/"))

    async def read_body(self, most: int, *, seconds: float) -> None:
        """Read the body.

        Raises:
            BadInput: `too-large`, before more than *most* bytes are kept; `deadline-passed` when it is not there within
                *seconds*.
            ClientLeft: There is nobody to answer.
        """
        try:
            with anyio.fail_after(seconds):
                await self._read_body(most)
        except TimeoutError:
            raise BodyTooSlow from None

    async def _read_body(self, most: int) -> None:
        announced = self.headers.get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:12]) > most:
            raise BadInput(Fault.TOO_LARGE)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ClientLeft
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise BadInput(Fault.TOO_LARGE)
            parts.append(part)
            if not message.get("more_body", False):
                self.body = b"".join(parts)
                return

    def given(self) -> list[Given]:
        """The parameters of the URL, then those of a form in the body.

        Raises:
            BadInput: `invalid-parameter`, `invalid-encoding`, or `unsupported-format` for a body that is no form.
        """
        found = _pairs(self.scope["query_string"], in_url=True)
        if self.body and not self.has_json_body:
            if self.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
                raise UnsupportedBody
            found += _pairs(self.body, in_url=False)
        return found

    @property
    def has_json_body(self) -> bool:
        """Whether the body is FHIR JSON, which only an operation takes, and what writes a resource."""
        media_type = self.headers.get("content-type", "").split(";")[0].strip().lower()
        takes = self.segments[-1].startswith("$") or self.segments in _WRITTEN
        return bool(self.body) and takes and media_type in (FHIR_JSON, "application/json")

    # -- The answer

    async def start(self, status: int, headers: Mapping[str, str] | None = None, *, content_type: str = FHIR_JSON, length: int | None = None) -> None:
        """Send status and headers. With a *length* the answer is sent as one part of so many bytes, before compression."""
        fields = FIXED_HEADERS | {"content-type": content_type, "x-request-id": self.wishes.request_id} | dict(headers or {})
        if content_type == FHIR_JSON:
            fields["content-type"] = f"{FHIR_JSON}; fhirVersion=4.0"
            self._indenter = Indenter() if self.pretty else None
        small = length is not None and length < _NOT_WORTH_COMPRESSING
        # What a scanner or a camera made is compressed already.
        shrinks = content_type == FHIR_JSON or content_type.startswith("text/")
        if self.wishes.gzip and shrinks and not small and self.scope["method"] != "HEAD":
            fields["content-encoding"] = "gzip"
            # Level 1: the second level costs twice as much for a few per cent.
            self._gzip = zlib.compressobj(1, zlib.DEFLATED, 31)
        elif length is not None and self._indenter is None:
            fields["content-length"] = str(length)
        if self.applied and status < 300:
            fields["preference-applied"] = self.applied
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in fields.items()]})

    async def write(self, part: bytes) -> None:
        """Send a part of the body; of a JSON body it must end where a token ends."""
        if self.scope["method"] == "HEAD" or not part:
            return
        if self._indenter is not None:
            part = self._indenter.feed(part)
        if self._gzip is not None:
            part = await self._compressed(part)
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self, part: bytes = b"") -> None:
        """Send the last part."""
        self.ended = True
        if self.scope["method"] == "HEAD":
            part, self._indenter, self._gzip = b"", None, None
        if self._indenter is not None:
            part = self._indenter.feed(part) + b"\n"
        if self._gzip is not None:
            part = await self._compressed(part) + self._gzip.flush()
        await self._send({"type": "http.response.body", "body": part, "more_body": False})

    async def _send(self, message: Message) -> None:
        try:
            with anyio.fail_after(self.write_seconds):
                await self.send(message)
        except TimeoutError:
            raise ClientLeft from None

    async def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, content_type: str = FHIR_JSON) -> None:
        """Send a whole answer."""
        await self.start(status, headers, content_type=content_type, length=len(body))
        await self.end(body)

    async def _compressed(self, part: bytes) -> bytes:
        def compress() -> bytes:
            # Flushed so that what was sent can be read before more follows.
            packed: bytes = self._gzip.compress(part) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
            return packed

        return await anyio.to_thread.run_sync(compress) if len(part) > _COMPRESS_IN_THREAD else compress()


class ClientLeft(Exception):
    """The client went away, or takes nothing any more; there is nobody to answer."""


class AnswerCut(Exception):
    """The answer cannot be finished: the connection ends before its last part, so that nobody takes it for whole."""


class UnsupportedBody(BadInput):
    """The body is neither a form nor, where they are taken, FHIR Parameters."""

    def __init__(self) -> None:
        super().__init__(Fault.UNSUPPORTED_FORMAT)


class BodyTooSlow(BadInput):
    """The body did not come in time."""

    def __init__(self) -> None:
        super().__init__(Fault.DEADLINE_PASSED)


def _pairs(text: bytes, *, in_url: bool) -> list[Given]:
    try:
        # The percent signs are decoded as UTF-8 here, and nothing else is ASCII.
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8", errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except UnicodeError:
        raise BadInput(Fault.INVALID_ENCODING) from None
    except ValueError:
        raise BadInput(Fault.INVALID_PARAMETER) from None
    if any(re.search(r"[\x00-\x1f\x7f]", name + value) for name, value in pairs):
        raise BadInput(Fault.INVALID_PARAMETER)
    return [Given(name, value, in_url) for name, value in pairs]
