"""Dossier events as messages: the gRPC face's own codec."""

from accord.terms.parties import DataHolder
from accord.wire import answer_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.dossier.words import CONSTANT_NOTE
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, HolderLine, HolderStatus, Planned


def event_to_wire(event: DossierEvent) -> pb.OpenResponse:
    """The message of one event."""
    match event:
        case HolderBatch():
            return pb.OpenResponse(batch=_batch(event))
        case HolderStatus():
            return pb.OpenResponse(
                status=pb.HolderStatus(
                    holder=event.holder.value,
                    state=event.state,
                    code=event.code.value if event.code else "",
                    records=event.records,
                    copy=event.copy,
                    data_as_of_ms=event.data_as_of_ms,
                )
            )
        case HolderClosed():
            return pb.OpenResponse(closed=_closed(event))
        case Planned():
            return pb.OpenResponse(
                planned=pb.Planned(
                    query_id=event.query_id.value,
                    asked=[card_to_wire(holder) for holder in event.asked],
                    not_asked=[pb.NotAsked(holder=card_to_wire(left_out.holder), code=left_out.code.value) for left_out in event.not_asked],
                    emergency_offered=event.emergency_offered,
                )
            )
        case Completeness():
            return pb.OpenResponse(completeness=_completeness(event))


def card_to_wire(holder: DataHolder) -> pb.HolderCard:
    """The message of how people know a holder."""
    return pb.HolderCard(holder=holder.name.value, ura=holder.ura.value, title=holder.title, kind=holder.kind.value, telephone=holder.telephone)


def _batch(event: HolderBatch) -> pb.HolderBatch:
    return pb.HolderBatch(
        holder=event.holder.value,
        batch=answer_codec.batch_to_wire(event.batch),
        mapping=event.mapping,
        patients=sorted(event.patients),
        bases=event.bases,
    )


def _closed(event: HolderClosed) -> pb.HolderClosed:
    return pb.HolderClosed(
        holder=event.holder.value,
        ending=answer_codec.ENDING_TO_WIRE[event.ending],
        counts=answer_codec.counts_to_wire(event.counts),
        code=event.code.value if event.code else "",
        said=None if event.said is None else answer_codec.closed_to_wire(event.said),
        elapsed_ms=event.elapsed_ms,
        last_heard_ms=event.last_heard_ms,
        paused_since_ms=event.paused_since_ms,
        copy=event.copy,
        data_as_of_ms=event.data_as_of_ms,
        more=event.more,
        lacking=sorted(event.lacking),
    )


def _completeness(event: Completeness) -> pb.Completeness:
    return pb.Completeness(
        holders=[_line(line) for line in event.holders],
        sections=[pb.SectionLine(section=line.section.value, records=line.records, missing=[name.value for name in line.missing]) for line in event.sections],
        complete=event.complete,
        note=CONSTANT_NOTE.en,
        emergency_offered=event.emergency_offered,
    )


def _line(line: HolderLine) -> pb.HolderLine:
    return pb.HolderLine(
        holder=card_to_wire(line.holder),
        ending=answer_codec.ENDING_TO_WIRE[line.ending],
        records=line.records,
        code=line.code.value if line.code else "",
        elapsed_ms=line.elapsed_ms,
        copy=line.copy,
        data_as_of_ms=line.data_as_of_ms,
        last_heard_ms=line.last_heard_ms,
        paused_since_ms=line.paused_since_ms,
        unfit=line.unfit,
        oversized=line.oversized,
        lacking=sorted(line.lacking),
    )
