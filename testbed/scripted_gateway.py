"""A gateway that says exactly what a script tells it to: real keys of the region, real holders, any message.

    with ScriptedGateway(credentials, holder.ura, address) as gateway:
        message = question(mandate, holder.ura, bsn)
        message.query.selection.types.append("Condition")  # whatever an evil gateway would change
        told = gateway.query(message)

Everything that travels is a plain protobuf message: replay it, widen it, redirect it, strip it, hold its answer.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self

import grpc

from accord.link.options import CHANNEL
from accord.link.pseudonyms import PseudonymKey
from accord.terms.identifiers import Bsn, Pseudonym, QueryId, Ura, record_ref
from accord.terms.queries import EVERYTHING, HolderQuery, Selection
from accord.wire import question_codec
from accord.wire.v1 import dossier_service_pb2 as dossier_pb
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from testbed.asking import records_of
from testbed.region_office import Credentials
from testbed.scripted_user import ScriptedMandate

_SECONDS: Final = 10.0
#: So little is read ahead that a holder with more to say has to wait for whoever does not read.
HOLDS_STREAMS: Final = (("grpc.http2.lookahead_bytes", 65_536), ("grpc.http2.bdp_probe", 0))


@dataclass(frozen=True, slots=True)
class Told:
    """What came back: the frames, the status of the call, and its text, which is a code or nothing."""

    frames: tuple[Any, ...] = field(repr=False)
    status: str
    details: str
    trailing: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)

    @property
    def batches(self) -> tuple[Any, ...]:
        """The batches of records, as they came."""
        return tuple(frame.batch for frame in self.frames if frame.WhichOneof("frame") == "batch")

    @property
    def blob(self) -> bytes:
        """Every byte of every record that came."""
        return b"".join(batch.blob for batch in self.batches)

    @property
    def refused(self) -> bool:
        """Whether nothing but a refusal came."""
        return self.status != "OK" and not self.frames

    @property
    def closed(self) -> Any:
        """The last word; none where there is none."""
        last = self.frames[-1] if self.frames else None
        return last.closed if last is not None and last.WhichOneof("frame") == "closed" else None


def question(mandate: ScriptedMandate, holder: Ura, bsn: str = "", *, record: str = "", selection: Selection = EVERYTHING, proof: str = "") -> pb.QueryRequest:
    """The message that an honest gateway would send for this mandate; *record* instead of a BSN asks by one of the holder's records."""
    about = record_ref(record) if record else Bsn(bsn)
    query = HolderQuery(QueryId(token_hex(16)), holder, about, None, mandate.asker, mandate.purpose, selection)
    evidence = mandate.sealed(Bsn(bsn), proof) if bsn else mandate.evidence()
    return pb.QueryRequest(query=question_codec.holder_query_to_wire(query), evidence=question_codec.evidence_to_wire(evidence))


def location(mandate: ScriptedMandate, pseudonym: Pseudonym, bsn: str, key: PseudonymKey, *, proof: str = "") -> pb.LocateRequest:
    """The message by which an honest gateway asks whether somebody is known; *bsn* seals the salt."""
    asker = mandate.asker
    return pb.LocateRequest(
        pseudonym=pseudonym.value,
        data_user=question_codec.data_user_to_wire(asker.data_user),
        professional=question_codec.professional_to_wire(asker.professional),
        treats_the_patient=asker.treats_the_patient,
        purpose=question_codec.purpose_to_wire(mandate.purpose),
        query_id=token_hex(16),
        key_check=key.check,
        evidence=question_codec.evidence_to_wire(mandate.sealed(Bsn(bsn), proof)),
    )


def attachment(asked: pb.QueryRequest, url: str, record: str) -> pb.FetchAttachmentRequest:
    """The same question about an attachment."""
    return pb.FetchAttachmentRequest(query=asked.query, url=url, record=record, evidence=asked.evidence)


class ScriptedGateway:
    """One channel to one holder, with the credentials of any member: a gateway's, or somebody's who is none."""

    def __init__(self, credentials: Credentials, holder: Ura, target: str, *, seconds: float = _SECONDS) -> None:
        keys, options = credentials.channel(holder)
        self._channel = grpc.secure_channel(target, keys, options=(*CHANNEL, *options, *HOLDS_STREAMS))
        self._stub: Any = HolderServiceStub(self._channel)
        self._seconds = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._channel.close()

    def describe(self) -> Told:
        """What the holder can do."""
        return _unary(self._stub.Describe, pb.DescribeRequest(), self._seconds)

    def locate(self, request: pb.LocateRequest) -> Told:
        """Whether somebody is known."""
        return _unary(self._stub.Locate, request, self._seconds)

    def query(self, request: pb.QueryRequest, *, metadata: tuple[tuple[str, str], ...] = ()) -> Told:
        """The whole answer to a question."""
        return _stream(self._stub.Query(request, timeout=self._seconds, metadata=metadata))

    def fetch(self, request: pb.FetchAttachmentRequest) -> Told:
        """The whole of an attachment."""
        return _stream(self._stub.FetchAttachment(request, timeout=self._seconds))

    def exchange(self, request: pb.ExchangeRequest) -> Told:
        """What the holder gives for a head and a register."""
        return _unary(self._stub.Exchange, request, self._seconds)

    @contextmanager
    def holding(self, request: pb.QueryRequest, *, seconds: float = 0.0) -> Iterator["Held"]:
        """A question of which the answer is read when the script wants to, and not before; *seconds* is its deadline."""
        call = self._stub.Query(request, timeout=seconds or 6 * self._seconds)
        try:
            yield Held(call)
        finally:
            call.cancel()

    @contextmanager
    def watching(self) -> Iterator["Held"]:
        """The holder's standing, for as long as the script likes."""
        call = self._stub.Watch(pb.WatchRequest(), timeout=6 * self._seconds)
        try:
            yield Held(call)
        finally:
            call.cancel()


class Held:
    """A stream under way."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def next(self) -> Any:
        """The next frame.

        Raises:
            StopIteration: There is none.
            grpc.RpcError: The holder ended the call.
        """
        return next(self._call)

    def rest(self, *, pause: float = 0.0) -> Told:
        """Everything that is still to come, and how it ended; read with a *pause* (seconds) after each frame."""
        return _stream(_Leisurely(self._call, pause))


def records_in(told: Told) -> list[bytes]:
    """The records in an answer, each in its own bytes."""
    return [record.json for batch in told.batches for record in records_of(dossier_pb.HolderBatch(holder="", batch=batch))]


def _unary(call: Any, request: Any, seconds: float) -> Told:
    try:
        answer, done = call.with_call(request, timeout=seconds)
    except grpc.RpcError as failure:
        return _told((), failure)
    return _told((answer,), done)


class _Leisurely:
    """A call that is read with a pause after each frame."""

    def __init__(self, call: Any, pause: float) -> None:
        self._call = call
        self._pause = pause

    def __iter__(self) -> Iterator[Any]:
        for frame in self._call:
            yield frame
            time.sleep(self._pause)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def _stream(call: Any) -> Told:
    frames: list[Any] = []
    try:
        frames.extend(call)
    except grpc.RpcError as failure:
        return _told(frames, failure)
    return _told(frames, call)


def _told(frames: Any, call: Any) -> Told:
    return Told(tuple(frames), call.code().name, call.details() or "", tuple(call.trailing_metadata() or ()))
