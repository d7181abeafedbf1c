"""Messages of the gateway's gRPC face as dossier events: the way back of `gateway.api.dossier_messages`.

The gateway is another party: what it sends is checked field by field, and is refused by a fixed code where it is not as agreed.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from accord.terms.answers import Batch
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, QueryId, Ura, is_logical_id
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import CareCategory, HolderKind, Section
from accord.wire import answer_codec, checked
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, HolderLine, HolderStatus, NotAsked, Planned, SectionLine

_T = TypeVar("_T")

_BROKEN: Final = Fault.BROKEN_BATCH
#: A region of this many holders is larger than any.
_MOST_HOLDERS: Final = 10 * LIST_ITEMS
_MOST_BASES: Final = 4
_ENDING: Final = {wire: ending for ending, wire in answer_codec.ENDING_TO_WIRE.items()}


class EventReader:
    """Reads the events of one dossier, in their order: the id of the question is told once, in the first."""

    def __init__(self) -> None:
        self._query_id: QueryId | None = None

    def read(self, message: pb.OpenResponse) -> DossierEvent:
        """The event of a message.

        Raises:
            BadInput: `broken-batch`: it is not built as agreed, or comes before the plan.
        """
        try:
            return self._read(message)
        except BadInput as failure:
            raise failure if failure.fault is _BROKEN else BadInput(_BROKEN, "event") from None

    def _read(self, message: pb.OpenResponse) -> DossierEvent:
        kind = message.WhichOneof("event")
        if kind == "planned":
            if self._query_id is not None:
                raise BadInput(_BROKEN, "planned")
            planned = _planned(message.planned)
            self._query_id = planned.query_id
            return planned
        if self._query_id is None:
            raise BadInput(_BROKEN, "planned")
        match kind:
            case "batch":
                return _batch(message.batch)
            case "status":
                return _status(message.status)
            case "closed":
                return _closed(message.closed)
            case "completeness":
                return _completeness(message.completeness, self._query_id)
            case _:
                raise BadInput(_BROKEN, "event")


def _planned(wire: pb.Planned) -> Planned:
    asked = tuple(_card(one) for one in _few(wire.asked, "planned.asked"))
    not_asked = tuple(NotAsked(_card(one.holder), _fault(one.code, "not_asked.code")) for one in _few(wire.not_asked, "planned.not_asked"))
    return Planned(QueryId(wire.query_id), asked, not_asked, wire.emergency_offered)


def _card(wire: pb.HolderCard) -> DataHolder:
    return DataHolder(
        HolderName(wire.holder),
        Ura(wire.ura),
        checked.text(wire.title, "holder.title", _BROKEN),
        checked.word(HolderKind, wire.kind, "holder.kind", _BROKEN),
        checked.text(wire.telephone, "holder.telephone", _BROKEN),
    )


def _status(wire: pb.HolderStatus) -> HolderStatus:
    state = checked.text(wire.state, "status.state", _BROKEN)
    return HolderStatus(HolderName(wire.holder), state, _cause(wire.code), wire.records, wire.copy, wire.data_as_of_ms)


def _batch(wire: pb.HolderBatch) -> HolderBatch:
    patients = tuple(_few(wire.patients, "batch.patients"))
    if not all(map(is_logical_id, patients)):
        raise BadInput(_BROKEN, "batch.patients")
    bases = tuple(checked.text(base, "batch.bases", _BROKEN) for base in wire.bases[:_MOST_BASES])
    batch = Batch(wire.batch.columns, wire.batch.blob, wire.batch.categories)
    return HolderBatch(HolderName(wire.holder), batch, frozenset(patients), checked.text(wire.mapping, "batch.mapping", _BROKEN), bases)


def _closed(wire: pb.HolderClosed) -> HolderClosed:
    if wire.ending not in _ENDING:
        raise BadInput(_BROKEN, "closed.ending")
    return HolderClosed(
        HolderName(wire.holder),
        _ENDING[wire.ending],
        answer_codec.counts_from_wire(wire.counts),
        _cause(wire.code),
        answer_codec.closed_from_wire(wire.said) if wire.HasField("said") else None,
        wire.elapsed_ms,
        wire.last_heard_ms,
        copy=wire.copy,
        data_as_of_ms=wire.data_as_of_ms,
        more=wire.more,
        paused_since_ms=wire.paused_since_ms,
        lacking=_categories(wire.lacking),
    )


def _completeness(wire: pb.Completeness, query_id: QueryId) -> Completeness:
    sections = tuple(
        SectionLine(checked.word(Section, one.section, "section", _BROKEN), one.records, tuple(HolderName(name) for name in _few(one.missing, "missing")))
        for one in _few(wire.sections, "completeness.sections")
    )
    return Completeness(query_id, tuple(_line(one) for one in _few(wire.holders, "completeness.holders")), sections, wire.emergency_offered)


def _line(wire: pb.HolderLine) -> HolderLine:
    if wire.ending not in _ENDING:
        raise BadInput(_BROKEN, "line.ending")
    return HolderLine(
        _card(wire.holder),
        _ENDING[wire.ending],
        _cause(wire.code),
        wire.records,
        wire.unfit,
        wire.oversized,
        wire.elapsed_ms,
        wire.last_heard_ms,
        wire.copy,
        wire.data_as_of_ms,
        wire.paused_since_ms,
        _categories(wire.lacking),
    )


def _categories(words: Iterable[str]) -> frozenset[CareCategory]:
    return frozenset(checked.word(CareCategory, one, "lacking", _BROKEN) for one in _few(words, "lacking"))


def _cause(code: str) -> Fault | None:
    return _fault(code, "code") if code else None


def _fault(code: str, where: str) -> Fault:
    return checked.word(Fault, code[:FIELD_CHARACTERS], where, _BROKEN)


def _few(items: Iterable[_T], where: str) -> tuple[_T, ...]:
    listed = tuple(items)
    if len(listed) > _MOST_HOLDERS:
        raise BadInput(_BROKEN, where)
    return listed
