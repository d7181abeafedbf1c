"""Values to messages and back, total in both directions.

The only place besides the gRPC edges that sees protobuf messages. What comes in is checked here once and then
never again: an enum that is unspecified, a list that is too long, a number that is no BSN is refused with a code.
"""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from accord.rules.moments import PREFIXES, interval
from accord.terms.answers import AttachmentFrame, Batch, Chunk, Closed, ContentType, Counts, Description, Ending, Frame, Hint, Outcome, Progress, Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, QueryId, RecordRef, Ura, is_logical_id, record_ref
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS, MOST_PROOFS, TOKEN_CHARACTERS
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import NO_EVIDENCE, DateBound, Evidence, HolderQuery, Order, Selection, SortKey, Token
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2 as pb

_E = TypeVar("_E", bound=StrEnum)
_FULL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SALT_BYTES: Final = 32

PURPOSE_TO_WIRE: Final = {
    PurposeOfUse.TREATMENT: pb.PURPOSE_OF_USE_TREAT,
    PurposeOfUse.EMERGENCY_TREATMENT: pb.PURPOSE_OF_USE_ETREAT,
}
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
ORDER_TO_WIRE: Final = {Order.ARRIVAL: pb.ORDER_ARRIVAL, Order.GLOBAL: pb.ORDER_GLOBAL}

_PURPOSE_FROM_WIRE = {wire: value for value, wire in PURPOSE_TO_WIRE.items()}
_ENDING_FROM_WIRE = {wire: value for value, wire in ENDING_TO_WIRE.items()}
_ORDER_FROM_WIRE = {wire: value for value, wire in ORDER_TO_WIRE.items()}


# -- Questions


def purpose_from_wire(wire: "pb.PurposeOfUse.ValueType") -> PurposeOfUse:
    """The purpose of use.

    Raises:
        BadInput: `invalid-question`, when it is unspecified or unknown.
    """
    try:
        return _PURPOSE_FROM_WIRE[wire]
    except KeyError:
        raise BadInput(Fault.INVALID_QUESTION, "purpose") from None


def purpose_to_wire(purpose: PurposeOfUse) -> "pb.PurposeOfUse.ValueType":
    """The message's purpose of use."""
    return PURPOSE_TO_WIRE[purpose]


def data_user_to_wire(user: DataUser) -> pb.DataUser:
    """The message of a data user."""
    return pb.DataUser(ura=user.ura.value, name=user.name, kind=user.kind.value)


def professional_to_wire(professional: Professional) -> pb.Professional:
    """The message of a professional."""
    return pb.Professional(identifier=professional.identifier, role=professional.role, name=professional.name)


def asker_from_wire(user: pb.DataUser, professional: pb.Professional, *, treats_the_patient: bool) -> Asker:
    """Who asks.

    Raises:
        BadInput: `invalid-question`.
    """
    return Asker(
        DataUser(Ura(user.ura), _text(user.name, "data_user.name"), _member(HolderKind, user.kind, "data_user.kind")),
        Professional(
            _text(professional.identifier, "professional.identifier"),
            _text(professional.role, "professional.role"),
            _text(professional.name, "professional.name"),
        ),
        treats_the_patient,
    )


def selection_to_wire(selection: Selection) -> pb.Selection:
    """The message of a selection; sets become sorted lists, so that equal selections are equal messages."""
    after = selection.after
    return pb.Selection(
        types=sorted(selection.types),
        categories=sorted(category.value for category in selection.categories),
        codes=_tokens_to_wire(selection.codes),
        category_tokens=_tokens_to_wire(selection.category_tokens),
        statuses=selection.statuses,
        identifiers=_tokens_to_wire(selection.identifiers),
        ids=selection.ids,
        dates=_bounds_to_wire(selection.dates),
        updated=_bounds_to_wire(selection.updated),
        includes=selection.includes,
        order=ORDER_TO_WIRE[selection.order],
        after=None if after is None else pb.SortKey(time_ms=after.time_ms, type_code=after.type_code, content_hint=after.content_hint, id=after.id),
        after_inclusive=selection.after_inclusive,
        limit=selection.limit,
    )


def selection_from_wire(wire: pb.Selection) -> Selection:
    """The selection.

    Raises:
        BadInput: `invalid-question`, naming the field.
    """
    after = wire.after if wire.HasField("after") else None
    if wire.order not in _ORDER_FROM_WIRE:
        raise BadInput(Fault.INVALID_QUESTION, "selection.order")
    if after is not None and not is_logical_id(after.id):
        raise BadInput(Fault.INVALID_QUESTION, "selection.after")
    return Selection(
        types=frozenset(_texts(wire.types, "selection.types")),
        categories=frozenset(_member(CareCategory, text, "selection.categories") for text in _texts(wire.categories, "selection.categories")),
        codes=_tokens_from_wire(wire.codes, "selection.codes"),
        category_tokens=_tokens_from_wire(wire.category_tokens, "selection.category_tokens"),
        statuses=_texts(wire.statuses, "selection.statuses"),
        identifiers=_tokens_from_wire(wire.identifiers, "selection.identifiers"),
        ids=_texts(wire.ids, "selection.ids"),
        dates=_bounds_from_wire(wire.dates, "selection.dates"),
        updated=_bounds_from_wire(wire.updated, "selection.updated"),
        includes=_texts(wire.includes, "selection.includes"),
        order=_ORDER_FROM_WIRE[wire.order],
        after=None if after is None else SortKey(after.time_ms, after.type_code, after.content_hint, after.id),
        after_inclusive=wire.after_inclusive,
        limit=wire.limit,
    )


def holder_query_to_wire(query: HolderQuery) -> holder_pb.HolderQuery:
    """The message of a question as put to one holder."""
    message = holder_pb.HolderQuery(
        query_id=query.id.value,
        holder_ura=query.holder.value,
        birth_date="" if query.birth_date is None else query.birth_date.isoformat(),
        data_user=data_user_to_wire(query.asked_by.data_user),
        professional=professional_to_wire(query.asked_by.professional),
        treats_the_patient=query.asked_by.treats_the_patient,
        purpose=PURPOSE_TO_WIRE[query.purpose],
        selection=selection_to_wire(query.selection),
    )
    if isinstance(query.about, Bsn):
        message.bsn = query.about.value
    else:
        message.record = str(query.about)
    return message


def evidence_to_wire(evidence: Evidence) -> pb.Evidence:
    """The message of the evidence of a question."""
    return pb.Evidence(mandate=evidence.mandate, proofs=evidence.proofs, salt=evidence.salt)


def evidence_from_wire(wire: pb.Evidence) -> Evidence:
    """The evidence, unread: whoever verifies it says what is wrong with it.

    Raises:
        BadInput: `token-invalid`, when it is longer than any that is sound.
    """
    proofs = tuple(wire.proofs)
    if max(map(len, (wire.mandate, *proofs))) > TOKEN_CHARACTERS or len(proofs) > MOST_PROOFS or len(wire.salt) > _SALT_BYTES:
        raise BadInput(Fault.TOKEN_INVALID)
    return Evidence(wire.mandate, proofs, wire.salt)


def holder_query_from_wire(wire: holder_pb.HolderQuery, evidence: pb.Evidence | None = None) -> HolderQuery:
    """The question, with the evidence that came beside it.

    Raises:
        BadInput: `invalid-question`, `invalid-bsn` or `invalid-id`, naming the field; `token-invalid`.
    """
    match wire.WhichOneof("about"):
        case "bsn":
            return _holder_query(wire, Bsn(wire.bsn), evidence)
        case "record":
            return _holder_query(wire, record_ref(_text(wire.record, "record")), evidence)
        case _:
            raise BadInput(Fault.NO_PATIENT)


def _holder_query(wire: holder_pb.HolderQuery, about: Bsn | RecordRef, evidence: pb.Evidence | None) -> HolderQuery:
    return HolderQuery(
        QueryId(wire.query_id),
        Ura(wire.holder_ura),
        about,
        birth_date_from_wire(wire.birth_date),
        asker_from_wire(wire.data_user, wire.professional, treats_the_patient=wire.treats_the_patient),
        purpose_from_wire(wire.purpose),
        selection_from_wire(wire.selection),
        NO_EVIDENCE if evidence is None else evidence_from_wire(evidence),
    )


def birth_date_from_wire(text: str) -> date | None:
    """A full date, or none for an empty text.

    Raises:
        BadInput: `invalid-question`.
    """
    if not text:
        return None
    try:
        # `fromisoformat` alone takes a week date, too.
        if not _FULL_DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION, "birth_date") from None


# -- Answers


def frame_to_wire(frame: Frame) -> holder_pb.QueryResponse:
    """The message of one frame."""
    match frame:
        case Batch():
            return holder_pb.QueryResponse(batch=batch_to_wire(frame))
        case Outcome():
            return holder_pb.QueryResponse(
                outcome=holder_pb.Outcome(released=sorted(category.value for category in frame.released), basis=frame.basis, bases=frame.bases)
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
            released = frozenset(_member(CareCategory, text, "outcome", Fault.BROKEN_BATCH) for text in wire.outcome.released)
            bases = tuple(_text(base, "outcome.bases", Fault.BROKEN_BATCH) for base in wire.outcome.bases[:4])
            return Outcome(released, _text(wire.outcome.basis, "outcome.basis", Fault.BROKEN_BATCH), bases)
        case "progress":
            return Progress(wire.progress.records_read)
        case "hint":
            return Hint(_member(Fault, wire.hint.code, "hint", Fault.BROKEN_BATCH))
        case "closed":
            return closed_from_wire(wire.closed)
        case _:
            raise BadInput(Fault.BROKEN_BATCH, "frame")


def batch_to_wire(batch: Batch) -> holder_pb.Batch:
    """The message of a batch."""
    return holder_pb.Batch(columns=batch.columns, blob=batch.blob, categories=batch.categories)


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
            return ContentType(_text(wire.content_type, "content_type", Fault.BROKEN_BATCH))
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
        _member(Fault, wire.code, "closed.code", Fault.BROKEN_BATCH) if wire.code else None,
        wire.more,
        _text(wire.key_id, "closed.key_id", Fault.BROKEN_BATCH),
        wire.signature[:SIGNATURE_BYTES],
    )


def description_to_wire(description: Description) -> holder_pb.DescribeResponse:
    """The message of a description."""
    return holder_pb.DescribeResponse(
        ura=description.ura.value,
        name=description.name,
        capabilities=sorted(description.capabilities),
        types=sorted(description.types),
        copy=description.copy,
        data_as_of_ms=description.data_as_of_ms,
        software=description.software,
    )


def description_from_wire(wire: holder_pb.DescribeResponse) -> Description:
    """The description.

    Raises:
        BadInput: `invalid-question`, for a URA that is none and for texts that are none.
    """
    return Description(
        Ura(wire.ura),
        _text(wire.name, "description.name"),
        frozenset(_texts(wire.capabilities, "description.capabilities")),
        frozenset(_texts(wire.types, "description.types")),
        wire.copy,
        _moment(wire.data_as_of_ms),
        _text(wire.software, "description.software"),
    )


def standing_to_wire(standing: Standing) -> holder_pb.WatchResponse:
    """The message of a standing."""
    return holder_pb.WatchResponse(
        sequence=standing.sequence,
        serving=standing.serving,
        code=standing.code.value if standing.code else "",
        since_ms=standing.since_ms,
        data_as_of_ms=standing.data_as_of_ms,
    )


def standing_from_wire(wire: holder_pb.WatchResponse) -> Standing:
    """The standing.

    Raises:
        BadInput: `broken-batch`.
    """
    code = _member(Fault, wire.code, "standing.code", Fault.BROKEN_BATCH) if wire.code else None
    return Standing(wire.sequence, wire.serving, code, _moment(wire.since_ms), _moment(wire.data_as_of_ms))


# -- Parts

#: The length of an Ed25519 signature; one that is longer is none.
SIGNATURE_BYTES: Final = 64
#: The last millisecond of the year 9999: beyond it no calendar can say what was meant.
_LAST_MOMENT: Final = 253_402_300_799_999


def _moment(milliseconds: int) -> int:
    if not 0 <= milliseconds <= _LAST_MOMENT:
        raise BadInput(Fault.BROKEN_BATCH, "moment")
    return milliseconds


def _member(kind: type[_E], text: str, where: str, fault: Fault = Fault.INVALID_QUESTION) -> _E:
    try:
        return kind(text)
    except ValueError:
        raise BadInput(fault, where) from None


def _text(text: str, where: str, fault: Fault = Fault.INVALID_QUESTION) -> str:
    # Printable only: a name ends up in journals and on screens, and must not break a line there.
    if len(text) > FIELD_CHARACTERS or not text.isprintable():
        raise BadInput(fault, where)
    return text


def _texts(items: Iterable[str], where: str) -> tuple[str, ...]:
    texts = tuple(items)
    if len(texts) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    return tuple(_text(text, where) for text in texts)


def _tokens_to_wire(tokens: Iterable[Token]) -> list[pb.Token]:
    return [pb.Token(system=token.system, code=token.code) for token in tokens]


def _tokens_from_wire(wire: Iterable[pb.Token], where: str) -> tuple[Token, ...]:
    tokens = tuple(wire)
    if len(tokens) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    return tuple(Token(_text(token.system, where), _text(token.code, where)) for token in tokens)


def _bounds_to_wire(bounds: Iterable[DateBound]) -> list[pb.DateBound]:
    return [pb.DateBound(prefix=bound.prefix, value=bound.value) for bound in bounds]


def _bounds_from_wire(wire: Iterable[pb.DateBound], where: str) -> tuple[DateBound, ...]:
    bounds = tuple(wire)
    if len(bounds) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    for bound in bounds:
        if bound.prefix not in PREFIXES:
            raise BadInput(Fault.INVALID_QUESTION, where)
        try:
            interval(bound.value)
        except BadInput:
            raise BadInput(Fault.INVALID_QUESTION, where) from None
    return tuple(DateBound(bound.prefix, bound.value) for bound in bounds)
