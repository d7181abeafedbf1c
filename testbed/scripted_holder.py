"""A holder that says exactly what a script tells it to: honest, broken or evil, over real gRPC.

    async with ScriptedHolder(ura, script) as holder:
        ...  # ask holder.address

The script is an async generator function of the question; what it yields goes out as it stands.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import grpc
from grpc import aio

from accord.link.addresses import Address
from accord.link.closing import sign_closed
from accord.link.options import SERVER, Options
from accord.rules.leaving_out import LeftOut, Located
from accord.rules.reading import category_of, content_hint, identifier_hint, read_record, time_ms
from accord.terms.answers import AttachmentFrame, Batch, Closed, Counts, Ending, Frame, Outcome
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import BATCH_BYTES, BATCH_RECORDS, FIRST_BATCH_BYTES
from accord.terms.queries import HolderQuery
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import CATEGORY_BIT, CATEGORY_CODE, CareCategory
from accord.wire import answer_codec, question_codec
from accord.wire.columns import COMPANION, ENTERED_IN_ERROR, ROW
from accord.wire.hashing import StreamDigest, question_hash
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceServicer, add_HolderServiceServicer_to_server
from testbed.region_office import Credentials

Script = Callable[[HolderQuery], AsyncGenerator[Frame | pb.QueryResponse, None]]
#: As a script, for attachments.
FetchScript = Callable[[HolderQuery], AsyncGenerator[AttachmentFrame, None]]
_Context = aio.ServicerContext[Any, Any]


def row_of(record: bytes, end: int, **changed: int) -> bytes:
    """The column row that an honest agent would send, with members changed by name."""
    read = read_record(record)
    kind = read.kind
    if kind is None:
        raise ValueError("a record of an unknown type has no row")
    row = {
        "identifier_hint": identifier_hint(read),
        "content_hint": content_hint(read, kind),
        "time_ms": time_ms(read, kind),
        "flags": (COMPANION if kind.is_companion else 0) | (ENTERED_IN_ERROR if read.entered_in_error else 0),
        "end": end,
        "type_code": TYPE_CODE[kind.name],
        "category_code": CATEGORY_CODE[category_of(read, kind)],
    }
    return ROW.pack(*{**row, **changed}.values())


def batch_of(records: Iterable[bytes], **changed: int) -> Batch:
    """A batch as an honest agent would send it; *changed* members lie in every row."""
    columns, blob, categories = bytearray(), bytearray(), 0
    for record in records:
        blob += record
        columns += row_of(record, len(blob), **changed)
        read = read_record(record)
        if read.kind is not None:
            categories |= CATEGORY_BIT[category_of(read, read.kind)]
    return Batch(bytes(columns), bytes(blob), categories)


def batches_of(records: Sequence[bytes], size: int = BATCH_BYTES, first: int = FIRST_BATCH_BYTES) -> list[Batch]:
    """Batches as an agent packs them: full when they hold *size* bytes, the first one when it holds *first*."""
    batches: list[Batch] = []
    waiting: list[bytes] = []
    held = 0
    for record in records:
        waiting.append(record)
        held += len(record)
        if held >= (size if batches else min(first, size)) or len(waiting) >= BATCH_RECORDS:
            batches.append(batch_of(waiting))
            waiting, held = [], 0
    return [*batches, batch_of(waiting)] if waiting else batches


def closed_of(query: HolderQuery, batches: Sequence[Batch], ending: Ending | None = None) -> Closed:
    """The last word that fits what was sent."""
    digest = StreamDigest()
    for batch in batches:
        digest.add(batch)
    records = sum(len(batch.columns) for batch in batches) // ROW.size
    counts = Counts(records, sum(len(batch.blob) for batch in batches), len(batches))
    return Closed(query.holder, ending or (Ending.ANSWERED if records else Ending.NOTHING_SHOWN), counts, digest.value(), question_hash(query))


ALL_CATEGORIES = Outcome(frozenset(CareCategory), "patient-consented")


def honest(records: Sequence[bytes]) -> Script:
    """A script that answers with these records, whoever is asked about."""
    batches = batches_of(records)

    async def script(query: HolderQuery) -> AsyncGenerator[Frame | pb.QueryResponse, None]:
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield closed_of(query, batches)

    return script


class ScriptedHolder(HolderServiceServicer):
    """Serves one script. Everything that was asked is remembered in `asked` and `located`.

    A frame that is a message goes out as it stands, its signature included; every other last word is signed.
    """

    options: Options = SERVER

    def __init__(
        self, ura: Ura, script: Script, *, socket: Path, located: bool = True, credentials: Credentials | None = None, fetch: FetchScript | None = None
    ) -> None:
        """*fetch* plays for attachments; without it there are none. With *credentials* it takes part in a region as the organisation whose they are, and signs its last words; else it speaks plainly."""
        self._credentials = credentials
        self._key = credentials.answer_key() if credentials is not None else None
        self.ura = ura
        self.script = script
        self.fetch = fetch
        self.is_located = located
        self.address = Address(str(socket))
        #: What it says that it leaves out, of whomever it is asked.
        self.left_out = LeftOut()
        self.asked: list[HolderQuery] = []
        self.located: list[bytes] = []
        self.withdrawn = anyio.Event()
        self._server: aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = aio.server(options=self.options)
        add_HolderServiceServicer_to_server(self, self._server)
        if self._credentials is None:
            self._server.add_insecure_port(self.address.target)
        else:
            self._server.add_secure_port(self.address.target, self._credentials.server())
        await self._server.start()
        return self

    def _signed(self, frame: Frame) -> Frame:
        return sign_closed(frame, self._key) if isinstance(frame, Closed) and self._key is not None and not frame.signature else frame

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            await self._server.stop(None)

    async def Describe(self, _request: pb.DescribeRequest, _context: _Context) -> pb.DescribeResponse:
        """Describe an agent that can do everything."""
        return pb.DescribeResponse(ura=self.ura.value, name="scripted", software="scripted")

    async def Locate(self, request: pb.LocateRequest, _context: _Context) -> pb.LocateResponse:
        """Say what the test wants."""
        self.located.append(request.pseudonym)
        return answer_codec.located_to_wire(Located(self.is_located, self.left_out))

    async def Query(self, request: pb.QueryRequest, context: _Context) -> None:  # type: ignore[override]  # written with context.write
        """Play the script."""
        query = question_codec.holder_query_from_wire(request.query)
        self.asked.append(query)
        try:
            async for frame in self.script(query):
                await context.write(frame if isinstance(frame, pb.QueryResponse) else answer_codec.frame_to_wire(self._signed(frame)))
        except BaseException:
            self.withdrawn.set()
            raise

    async def FetchAttachment(self, request: pb.FetchAttachmentRequest, context: _Context) -> None:  # type: ignore[override]
        """Play the script for attachments; have none without."""
        if self.fetch is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, Fault.NOT_FOUND.value)
        async for frame in self.fetch(question_codec.holder_query_from_wire(request.query)):
            await context.write(answer_codec.attachment_frame_to_wire(frame))

    async def Exchange(self, _request: pb.ExchangeRequest, _context: _Context) -> pb.ExchangeResponse:
        """Have nothing to share."""
        return pb.ExchangeResponse()

    async def Watch(self, _request: pb.WatchRequest, context: _Context) -> None:  # type: ignore[override]
        """Be there, until the other side leaves."""
        await context.write(pb.WatchResponse(sequence=1, serving=True))
        await anyio.sleep_forever()
