"""Asks as applications do, at either face of a gateway, and keeps nothing of the answer but what is to be measured."""

import http.client
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import anyio
import msgspec
from grpc import aio

from accord.link.options import CHANNEL
from accord.terms.identifiers import BSN_SYSTEM, QueryId, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from accord.wire import question_codec
from accord.wire.columns import ROW
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2
from benches.records import BSN
from benches.staging import expect, ura_of

#: Whoever asks where nobody checks who asks.
ASKER: Final = Asker(DataUser(Ura("90001001"), "Bench", HolderKind.HOSPITAL), Professional("900000031", "01.015", "Bench"), treats_the_patient=True)

_OPEN: Final = "/accord.wire.v1.DossierService/Open"
_QUERY: Final = "/accord.wire.v1.HolderService/Query"
_READ_BYTES: Final = 256 * 1024
_MATCH: Final = b'"mode":"match"'
_ENTRY: Final = b'{"fullUrl":'


@dataclass(slots=True)
class Heard:
    """What came of one question; times in seconds since it was asked. Answers of gateway and holder alike."""

    records: int = 0
    bytes: int = 0
    first: float = 0.0
    ended: float = 0.0
    closed: dict[str, float] = field(default_factory=dict)
    endings: dict[str, str] = field(default_factory=dict)

    def expect_all(self, records: int) -> None:
        """Go on only when everything came and everybody was heard out."""
        answered = all(ending == "ENDING_ANSWERED" for ending in self.endings.values())
        expect(self.records == records and answered, f"{self.records:,} records of {records:,}, and {sorted(set(self.endings.values()))}")


def channel_to(target: str) -> aio.Channel:
    """A channel with the options that all of us use."""
    return aio.insecure_channel(target, options=CHANNEL)


def open_request(holders: Iterable[str] = ()) -> pb.OpenRequest:
    """Everything about our person, from all holders or some."""
    request = pb.OpenRequest(bsn=BSN.value, treats_the_patient=True, purpose=terms_pb2.PURPOSE_OF_USE_TREAT, holders=list(holders))
    request.selection.order = terms_pb2.ORDER_ARRIVAL
    request.selection.includes.append("*")
    return request


def holder_query(ura: str) -> HolderQuery:
    """The same question as the gateway puts it to one holder."""
    return HolderQuery(QueryId("bench"), Ura(ura), BSN, None, ASKER, PurposeOfUse.TREATMENT, EVERYTHING)


async def open_dossier(
    channel: aio.Channel, holders: Iterable[str] = (), *, until: Iterable[str] = (), seconds: float = 60.0, pause: float = 0.0, at_most: float = 60.0
) -> Heard:
    """Open a dossier and hear it out, or *until* these holders have closed; with a *pause* after each batch, and no longer than *at_most* seconds."""
    waited_for = set(until)
    call = channel.unary_stream(_OPEN, request_serializer=pb.OpenRequest.SerializeToString, response_deserializer=pb.OpenResponse.FromString)(
        open_request(holders), timeout=seconds
    )
    heard, began = Heard(), time.perf_counter()
    try:
        async for event in call:
            now = time.perf_counter() - began
            match event.WhichOneof("event"):
                case "batch":
                    _take(heard, event.batch.batch, now)
                    await anyio.sleep(pause)
                case "closed":
                    heard.closed[event.closed.holder] = now
                    heard.endings[event.closed.holder] = terms_pb2.Ending.Name(event.closed.ending)
                case "completeness":
                    heard.ended = now
                case _:
                    pass
            if now > at_most or (waited_for and waited_for <= heard.closed.keys()):
                break
    finally:
        call.cancel()
    return heard


async def ask_holder(channel: aio.Channel, holder: str) -> Heard:
    """Put the question to a holder itself, past the gateway."""
    return await ask_agent(channel, ura_of(int(holder.removeprefix("h"))))


async def ask_agent(channel: aio.Channel, ura: str) -> Heard:
    """Put the question to an agent."""
    call = channel.unary_stream(_QUERY, request_serializer=holder_pb.QueryRequest.SerializeToString, response_deserializer=holder_pb.QueryResponse.FromString)(
        holder_pb.QueryRequest(query=question_codec.holder_query_to_wire(holder_query(ura))), timeout=60.0
    )
    heard, began = Heard(), time.perf_counter()
    try:
        async for frame in call:
            now = time.perf_counter() - began
            if frame.HasField("batch"):
                _take(heard, frame.batch, now)
            elif frame.HasField("closed"):
                heard.ended = now
                heard.endings[ura] = terms_pb2.Ending.Name(frame.closed.ending)
    finally:
        call.cancel()
    return heard


def _take(heard: Heard, batch: holder_pb.Batch, now: float) -> None:
    heard.records += len(batch.columns) // ROW.size
    heard.bytes += len(batch.blob)
    heard.first = heard.first or now


@dataclass(frozen=True, slots=True)
class Shown:
    """What the HTTP face sent: matches and entries in the Bundle, bytes on the wire, and seconds."""

    matches: int
    entries: int
    bytes: int
    seconds: float
    is_complete: bool


def patient_id(address: str) -> str:
    """The opaque id of our person at an HTTP face."""
    form = f"identifier={BSN_SYSTEM}|{BSN.value}"
    with_form = {"content-type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("POST", "/fhir/Patient/_search", form, with_form)
    answer = connection.getresponse()
    body = answer.read()
    expect(answer.status == 200, f"Patient/_search was answered with {answer.status}")
    connection.close()
    found: str = msgspec.json.decode(body)["entry"][0]["resource"]["id"]
    return found


def everything(address: str, logical_id: str, *, prefer: str = "", gzip: bool = False, pause: float = 0.0, at_most: float = 60.0) -> Shown:
    """Read `$everything`, as it comes; with a *pause* after each part, and no longer than *at_most* seconds."""
    headers = {"accept-encoding": "gzip" if gzip else "identity"} | ({"prefer": prefer} if prefer else {})
    connection = http.client.HTTPConnection(address, timeout=60)
    began = time.perf_counter()
    connection.request("GET", f"/fhir/Patient/{logical_id}/$everything", headers=headers)
    answer = connection.getresponse()
    expect(answer.status == 200, f"$everything was answered with {answer.status}")
    expect((answer.getheader("content-encoding") == "gzip") == gzip, "the other encoding was sent")
    matches = entries = size = 0
    tail = b""
    for part, raw in _parts(answer, packed=gzip):
        size += raw
        # What began in the part before and ends in this one counts too; nothing counts twice.
        matches += (tail[1 - len(_MATCH) :] + part).count(_MATCH)
        entries += (tail[1 - len(_ENTRY) :] + part).count(_ENTRY)
        tail = (tail + part)[-2_000:]
        if pause:
            time.sleep(pause)
        if time.perf_counter() - began > at_most:
            break
    seconds = time.perf_counter() - began
    connection.close()
    return Shown(matches, entries, size, seconds, b'"code":"complete"' in tail and tail.endswith(b"}"))


def _parts(answer: http.client.HTTPResponse, *, packed: bool) -> Iterator[tuple[bytes, int]]:
    unpacking = zlib.decompressobj(31)
    while raw := answer.read1(_READ_BYTES):
        yield unpacking.decompress(raw) if packed else raw, len(raw)
