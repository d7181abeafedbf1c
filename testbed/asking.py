"""Asking a running region over gRPC, as any application does: every event as it happens, and the whole at the end.

RegionDidNotAnswer      the gateway refused the question or could not be reached; carries the fixed code
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

import grpc
import msgspec

from accord.link.options import CHANNEL
from accord.link.status import fault_of
from accord.rules.reading import category_of, read_record
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import CATEGORY_ORDER, SECTION_OF, CareCategory, Section
from accord.wire import answer_codec
from accord.wire.columns import COMPANION, rows
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.dossier_service_pb2_grpc import DossierServiceStub

_LONGEST: Final = 60.0
_Line = TypeVar("_Line")
_ENDING_OF: Final = {wire: ending for ending, wire in answer_codec.ENDING_TO_WIRE.items()}


class RegionDidNotAnswer(Exception):
    """The gateway refused the question, or could not be reached. Carries a code and nothing of the answer."""

    def __init__(self, fault: Fault | None, status: str) -> None:
        super().__init__(fault.value if fault else status)
        self.fault = fault
        self.status = status


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record as it arrived: whose it is, and its bytes untouched."""

    holder: str
    category: CareCategory
    is_companion: bool
    json: bytes = field(repr=False)

    @property
    def section(self) -> Section:
        """The section of the dossier it belongs to."""
        return SECTION_OF[self.category]

    @property
    def content(self) -> dict[str, Any]:
        """The record, read; numbers lose their last zeros here, so compare those in `json`."""
        content: dict[str, Any] = msgspec.json.decode(self.json)
        return content

    @property
    def ref(self) -> str:
        """For instance `Observation/1`: unique at its holder only."""
        record = read_record(self.json)
        return f"{record.resourceType}/{record.id}"


@dataclass(frozen=True, slots=True)
class HolderAnswer:
    """One line of the account: how a holder ended, and how to reach it."""

    name: str
    title: str
    kind: str
    ura: str
    telephone: str
    ending: Ending
    records: int
    code: str
    elapsed_ms: int
    copy: bool
    data_as_of_ms: int
    last_heard_ms: int
    paused_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class SectionAnswer:
    """One section of the account: records in it, and who would feed it and was not heard out."""

    section: Section
    records: int
    missing: tuple[str, ...]


class ByName(dict[str, _Line], Generic[_Line]):
    """Lines of an account by name; one that is not there is answered with the names that are."""

    def __missing__(self, name: str) -> _Line:
        """Say which names there are."""
        raise KeyError(f"{name!r} is not in the account; there are: {', '.join(self)}")


@dataclass(frozen=True)
class Dossier:
    """A virtual dossier, complete with its account. `messages` is everything that arrived, with its second."""

    messages: tuple[tuple[float, pb.OpenResponse], ...] = field(repr=False)

    @cached_property
    def query_id(self) -> str:
        """The id of the question, the same in every journal."""
        return self.messages[0][1].planned.query_id

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The holders that were asked, by name."""
        return tuple(card.holder for card in self.messages[0][1].planned.asked)

    @cached_property
    def _account(self) -> pb.Completeness:
        return self.messages[-1][1].completeness

    @cached_property
    def holders(self) -> Mapping[str, HolderAnswer]:
        """Every holder of the register, by name."""
        return ByName({line.holder.holder: _answer(line) for line in self._account.holders})

    @cached_property
    def records(self) -> tuple[HeldRecord, ...]:
        """Every record that arrived from holders whose answer was not thrown away, in order of arrival."""
        kept = [event.batch for _, event in self.messages if event.WhichOneof("event") == "batch"]
        return tuple(record for batch in kept if self.holders[batch.holder].ending is not Ending.REJECTED for record in records_of(batch))

    @cached_property
    def sections(self) -> Mapping[str, SectionAnswer]:
        """Every section of the account, by its code."""
        lines = self._account.sections
        return ByName({line.section: SectionAnswer(Section(line.section), line.records, tuple(line.missing)) for line in lines})

    @property
    def complete(self) -> bool:
        """Whether everybody who was asked was heard out."""
        return self._account.complete

    @property
    def nobody_was_heard(self) -> bool:
        """Whether no holder answered, and nothing of anybody arrived."""
        return not self.records and not any(line.ending in (Ending.ANSWERED, Ending.NOTHING_SHOWN) for line in self.holders.values())

    @property
    def completeness(self) -> Mapping[Ending, int]:
        """How many holders ended in which way; the numbers add up to the register."""
        endings = [line.ending for line in self.holders.values()]
        return {ending: endings.count(ending) for ending in Ending if ending in endings}

    @property
    def note(self) -> str:
        """The constant note that some data may not be shared."""
        return self._account.note

    @property
    def seconds(self) -> float:
        """From the question to the last event."""
        return self.messages[-1][0]

    def of(self, holder: str, kind: str = "") -> list[HeldRecord]:
        """The records of a holder, of one type where that is said."""
        return [record for record in self.records if record.holder == holder and (not kind or record.ref.startswith(f"{kind}/"))]

    def conserves(self, register: Iterable[str]) -> bool:
        """Whether every holder of the register has exactly one line, and one last word where it was asked (P8)."""
        lines = [line.holder.holder for line in self._account.holders]
        closed = [event.closed.holder for _, event in self.messages if event.WhichOneof("event") == "closed"]
        return sorted(lines) == sorted(register) and sorted(closed) == sorted(self.asked) and sum(self.completeness.values()) == len(lines)


def request(bsn: str, *, birth_date: str = "", holders: Iterable[str] = (), types: Iterable[str] = ()) -> pb.OpenRequest:
    """The question: everything about a person, or only some types, from all holders or some."""
    selection = terms_pb2.Selection(types=sorted(types), includes=["*"], order=terms_pb2.ORDER_ARRIVAL)
    return pb.OpenRequest(
        bsn=bsn, birth_date=birth_date, treats_the_patient=True, purpose=terms_pb2.PURPOSE_OF_USE_TREAT, selection=selection, holders=list(holders)
    )


def events(address: str, question: pb.OpenRequest, seconds: float = _LONGEST) -> Iterator[tuple[float, pb.OpenResponse]]:
    """Ask, and tell each event with the seconds since the question, as it happens.

    Raises:
        RegionDidNotAnswer: The question was refused, or nobody answers there.
    """
    begin = time.monotonic()
    with grpc.insecure_channel(address, options=CHANNEL) as channel:
        call = DossierServiceStub(channel).Open(question, timeout=seconds)
        try:
            for event in call:
                yield time.monotonic() - begin, event
        except grpc.RpcError as failure:
            raise _did_not_answer(failure) from None
        finally:
            call.cancel()


def ask(address: str, question: pb.OpenRequest, seconds: float = _LONGEST) -> Dossier:
    """Ask, and wait for the whole.

    Raises:
        RegionDidNotAnswer: The question was refused, or nobody answers there.
    """
    return Dossier(tuple(events(address, question, seconds)))


async def ask_later(address: str, question: pb.OpenRequest, seconds: float = _LONGEST) -> Dossier:
    """As `ask`, for whoever has an event loop.

    Raises:
        RegionDidNotAnswer: The question was refused, or nobody answers there.
    """
    begin = time.monotonic()
    kept: list[tuple[float, pb.OpenResponse]] = []
    async with grpc.aio.insecure_channel(address, options=CHANNEL) as channel:
        try:
            async for event in DossierServiceStub(channel).Open(question, timeout=seconds):
                kept.append((time.monotonic() - begin, event))  # noqa: PERF401 - each has its own moment
        except grpc.RpcError as failure:
            raise _did_not_answer(failure) from None
    return Dossier(tuple(kept))


def records_of(relayed: pb.HolderBatch) -> Iterator[HeldRecord]:
    """The records of one batch."""
    start = 0
    blob = relayed.batch.blob
    for row in rows(relayed.batch.columns):
        content = blob[start : row.end]
        start = row.end
        record = read_record(content)
        category = CATEGORY_ORDER[row.category_code] if record.kind is None else category_of(record, record.kind)
        yield HeldRecord(relayed.holder, category, bool(row.flags & COMPANION), content)


def _answer(line: pb.HolderLine) -> HolderAnswer:
    card = line.holder
    who = (card.holder, card.title, card.kind, card.ura, card.telephone)
    said = (_ENDING_OF[line.ending], line.records, line.code, line.elapsed_ms)
    return HolderAnswer(*who, *said, line.copy, line.data_as_of_ms, line.last_heard_ms, line.paused_since_ms)


def _did_not_answer(failure: Any) -> RegionDidNotAnswer:
    return RegionDidNotAnswer(fault_of(failure.details()), failure.code().name.lower().replace("_", "-"))
