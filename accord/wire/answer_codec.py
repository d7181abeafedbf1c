"""Answers to messages and back, total in both directions: whether somebody is known, their records, and the last word.

What comes in is checked here once and then never again: an ending that is unspecified, a word that is none of ours, an
empty chunk is refused with a code.
"""

from typing import Final

from accord.rules.leaving_out import LeftOut, Located
from accord.terms.answers import AttachmentFrame, Batch, Chunk, Closed, ContentType, Counts, Ending, Frame, Hint, Outcome, Progress
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import LIST_ITEMS
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import CATEGORY_BIT, CareCategory
from accord.wire import checked
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2 as pb

#: The length of an Ed25519 signature; one that is longer is none.
SIGNATURE_BYTES: Final = 64

ENDING_TO_WIRE: Final = {
    Ending.ANSWERED: pb.ENDING_ANSWERED,
    Ending.NOTHING_SHOWN: pb.ENDING_NOTHING_SHOWN,
    Ending.NOT_ASKED: pb.ENDING_NOT_ASKED,
    Ending.TOO_LATE: pb.ENDING_TOO_LATE,
    Ending.UNREACHABLE: pb.ENDING_UNREACHABLE,
    Ending.CUT_OFF: pb.ENDING_CUT_OFF,
    Ending.PAUSED: pb.ENDING_PAUSED,
    Ending.REFUSED: pb.ENDING_REFUSED,
    Ending.INCOMPATIBLE: pb.ENDING_INCOMPATIBLE,
    Ending.REJECTED: pb.ENDING_REJECTED,
    Ending.IDENTITY_UNVERIFIED: pb.ENDING_IDENTITY_UNVERIFIED,
    Ending.OVER_LIMIT: pb.ENDING_OVER_LIMIT,
}

_ENDING_FROM_WIRE = {wire: value for value, wire in ENDING_TO_WIRE.items()}


def frame_to_wire(frame: Frame) -> holder_pb.QueryResponse:
    """The message of one frame."""
    match frame:
        case Batch():
            return holder_pb.QueryResponse(batch=batch_to_wire(frame))
        case Outcome():
            return holder_pb.QueryResponse(
                outcome=holder_pb.Outcome(
                    released=sorted(category.value for category in frame.released), basis=frame.basis, bases=frame.bases, mapping=frame.mapping
                )
            )
        case Progress():
            return holder_pb.QueryResponse(progress=holder_pb.Progress(records_read=frame.records_read))
        case Hint():
            return holder_pb.QueryResponse(hint=holder_pb.Hint(code=frame.code.value))
        case Closed():
            return holder_pb.QueryResponse(closed=closed_to_wire(frame))


def frame_from_wire(wire: holder_pb.QueryResponse) -> Frame:
    """The frame.

    Raises:
        BadInput: `broken-batch`, for a frame that this version does not know or that is not built as agreed.
    """
    match wire.WhichOneof("frame"):
        case "batch":
            batch = wire.batch
            return Batch(batch.columns, batch.blob, batch.categories)
        case "outcome":
            released = frozenset(checked.word(CareCategory, text, "outcome", Fault.BROKEN_BATCH) for text in wire.outcome.released)
            bases = tuple(checked.text(base, "outcome.bases", Fault.BROKEN_BATCH) for base in wire.outcome.bases[:4])
            basis = checked.text(wire.outcome.basis, "outcome.basis", Fault.BROKEN_BATCH)
            return Outcome(released, basis, bases, checked.text(wire.outcome.mapping, "outcome.mapping", Fault.BROKEN_BATCH))
        case "progress":
            return Progress(wire.progress.records_read)
        case "hint":
            return Hint(checked.word(Fault, wire.hint.code, "hint", Fault.BROKEN_BATCH))
        case "closed":
            return closed_from_wire(wire.closed)
        case _:
            raise BadInput(Fault.BROKEN_BATCH, "frame")


def batch_to_wire(batch: Batch) -> holder_pb.Batch:
    """The message of a batch."""
    return holder_pb.Batch(columns=batch.columns, blob=batch.blob, categories=batch.categories)


def located_to_wire(located: Located) -> holder_pb.LocateResponse:
    """The message that somebody was located or not, with what is left out for everybody."""
    by_type: dict[str, int] = {}
    for name, category in located.left_out.parts:
        by_type[name] = by_type.get(name, 0) | CATEGORY_BIT[category]
    parts = [holder_pb.LeftOut(type=name, categories=categories) for name, categories in sorted(by_type.items())]
    return holder_pb.LocateResponse(located=located.located, left_out=parts)


def located_from_wire(wire: holder_pb.LocateResponse) -> Located:
    """Whether somebody was located. A type that this version does not know is left out of nothing that it could show.

    Raises:
        BadInput: `broken-batch`.
    """
    if len(wire.left_out) > LIST_ITEMS:
        raise BadInput(Fault.BROKEN_BATCH, "left_out")
    parts = frozenset(
        (part.type, category)
        for part in wire.left_out
        for category in categories_of_type(part.type)
        if not part.categories or part.categories & CATEGORY_BIT[category]
    )
    return Located(located=wire.located, left_out=LeftOut(parts))


def attachment_frame_to_wire(frame: AttachmentFrame) -> holder_pb.FetchAttachmentResponse:
    """The message of one frame of an attachment."""
    match frame:
        case ContentType():
            return holder_pb.FetchAttachmentResponse(content_type=frame.value)
        case Chunk():
            return holder_pb.FetchAttachmentResponse(chunk=frame.content)
        case Closed():
            return holder_pb.FetchAttachmentResponse(closed=closed_to_wire(frame))


def attachment_frame_from_wire(wire: holder_pb.FetchAttachmentResponse) -> AttachmentFrame:
    """The frame.

    Raises:
        BadInput: `broken-batch`.
    """
    match wire.WhichOneof("frame"):
        case "content_type":
            return ContentType(checked.text(wire.content_type, "content_type", Fault.BROKEN_BATCH))
        case "chunk":
            if not wire.chunk:
                # It says nothing, and each has its line in a journal (promise P7).
                raise BadInput(Fault.BROKEN_BATCH, "chunk")
            return Chunk(wire.chunk)
        case "closed":
            return closed_from_wire(wire.closed)
        case _:
            raise BadInput(Fault.BROKEN_BATCH, "frame")


def counts_to_wire(counts: Counts) -> pb.Counts:
    """The message of counts."""
    return pb.Counts(records=counts.records, bytes=counts.bytes, batches=counts.batches, unfit=counts.unfit, oversized=counts.oversized)


def counts_from_wire(wire: pb.Counts) -> Counts:
    """The counts."""
    return Counts(wire.records, wire.bytes, wire.batches, wire.unfit, wire.oversized)


def closed_to_wire(closed: Closed) -> pb.Closed:
    """The message of a last word."""
    return pb.Closed(
        ending=ENDING_TO_WIRE[closed.ending],
        counts=counts_to_wire(closed.counts),
        digest=closed.digest,
        question_hash=closed.question_hash,
        code=closed.code.value if closed.code else "",
        holder_ura=closed.holder.value,
        more=closed.more,
        key_id=closed.key_id,
        signature=closed.signature,
    )


def closed_from_wire(wire: pb.Closed) -> Closed:
    """The last word.

    Raises:
        BadInput: `broken-batch`.
    """
    if wire.ending not in _ENDING_FROM_WIRE:
        raise BadInput(Fault.BROKEN_BATCH, "closed.ending")
    try:
        holder = Ura(wire.holder_ura)
    except BadInput:
        raise BadInput(Fault.BROKEN_BATCH, "closed.holder_ura") from None
    return Closed(
        holder,
        _ENDING_FROM_WIRE[wire.ending],
        counts_from_wire(wire.counts),
        wire.digest,
        wire.question_hash,
        checked.word(Fault, wire.code, "closed.code", Fault.BROKEN_BATCH) if wire.code else None,
        wire.more,
        checked.text(wire.key_id, "closed.key_id", Fault.BROKEN_BATCH),
        wire.signature[:SIGNATURE_BYTES],
    )
