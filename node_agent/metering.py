"""A source of which is counted what it is asked, how that ends, and how long it takes; otherwise it is the source itself."""

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from accord.ops.measures import Measures
from accord.rules.leaving_out import LeftOut
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import Selection
from node_agent.left_out import left_out_of
from node_agent.pacing import Pace, Paced
from node_agent.ports import Attachment, Derives, Inquiry, LocalPatient, Original, ReadsAhead, Source, SourceFailure, SourceRecord

_T = TypeVar("_T")


def metered(source: Source, measures: Measures, holder: str) -> Source:
    """*source*, counted. What it can do beyond that of every source, it still can."""
    can = ((_Ahead, isinstance(source, ReadsAhead)), (_Derived, isinstance(source, Derives)), (_AtAPace, isinstance(source, Paced)))
    kinds = [kind for kind, whether in can if whether]
    made: type[Metered] = type("Metered", (*kinds, Metered), {}) if kinds else Metered
    return made(source, _Meter(measures, holder))


class _Meter:
    """Counts for one organisation."""

    def __init__(self, measures: Measures, holder: str) -> None:
        self._measures = measures
        self._holder = holder

    async def one(self, operation: str, asked: Awaitable[_T]) -> _T:
        """Wait for an answer."""
        begun, outcome = time.monotonic(), "cancelled"
        try:
            answer = await asked
        except SourceFailure as failure:
            outcome = failure.fault.value
            raise
        else:
            outcome = "ok"
            return answer
        finally:
            self._tell(operation, outcome, time.monotonic() - begun)

    async def many(self, operation: str, asked: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
        """Pass answers on; what their reader takes is not the source's time."""
        seconds, outcome = 0.0, "cancelled"
        try:
            while True:
                begun = time.monotonic()
                try:
                    answer = await anext(asked)
                finally:
                    seconds += time.monotonic() - begun
                yield answer
        except StopAsyncIteration:
            outcome = "ok"
        except SourceFailure as failure:
            outcome = failure.fault.value
            raise
        finally:
            self._tell(operation, outcome, seconds)
            await asked.aclose()

    def _tell(self, operation: str, outcome: str, seconds: float) -> None:
        self._measures.source_requests.labels(self._holder, operation, outcome).inc()
        self._measures.source_seconds.labels(self._holder, operation).observe(seconds)


class _MeteredInquiry:
    """One question, counted."""

    def __init__(self, inquiry: Inquiry, meter: _Meter) -> None:
        self._asked = inquiry
        self._meter = meter

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """As `Source.find`."""
        return await self._meter.one("find", self._asked.find(bsn))

    def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """As `Source.records_of`."""
        return self._meter.many("records", self._asked.records_of(patient, selection))


class Metered(_MeteredInquiry):
    """A source, counted."""

    def __init__(self, source: Source, meter: _Meter) -> None:
        super().__init__(source, meter)
        self._source = source

    @property
    def name(self) -> str:
        """As the source has it."""
        return self._source.name

    @property
    def types(self) -> frozenset[str]:
        """As the source has them."""
        return self._source.types

    @property
    def is_copy(self) -> bool:
        """As the source is."""
        return self._source.is_copy

    @property
    def bases(self) -> tuple[str, ...]:
        """As the source has them."""
        return self._source.bases

    async def data_as_of_ms(self) -> int:
        """As `Source.data_as_of_ms`; not counted, for every heartbeat asks."""
        return await self._source.data_as_of_ms()

    async def check(self) -> None:
        """As `Source.check`."""
        await self._meter.one("check", self._source.check())

    async def left_out(self) -> LeftOut:
        """As `LeavesOut.left_out`, also for a source that does not say it itself; not counted, for every question asks."""
        return await left_out_of(self._source)

    def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """As `Source.everyone`."""
        return self._meter.many("everyone", self._source.everyone())

    def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """As `Source.patients`."""
        return self._meter.many("patients", self._source.patients(patient))

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """As `Source.read`."""
        return await self._meter.one("read", self._source.read(refs))

    async def attachment(self, url: str) -> Attachment | None:
        """As `Source.attachment`."""
        return await self._meter.one("attachment", self._source.attachment(url))

    async def close(self) -> None:
        """As `Source.close`."""
        await self._source.close()


class _Ahead(Metered):
    """One that reads ahead."""

    @asynccontextmanager
    async def _inquiry(self, source: ReadsAhead, selection: Selection) -> AsyncGenerator[Inquiry, None]:
        async with source.inquiry(selection) as inquiry:
            yield _MeteredInquiry(inquiry, self._meter)

    def inquiry(self, selection: Selection) -> AbstractAsyncContextManager[Inquiry]:
        """As `ReadsAhead.inquiry`."""
        assert isinstance(self._source, ReadsAhead)  # noqa: S101 - it was, when this was made
        return self._inquiry(self._source, selection)


class _Derived(Metered):
    """One that derives."""

    @property
    def mapping(self) -> str:
        """As `Derives.mapping`."""
        assert isinstance(self._source, Derives)  # noqa: S101 - as above
        return self._source.mapping

    async def original(self, ref: RecordRef) -> Original | None:
        """As `Derives.original`."""
        assert isinstance(self._source, Derives)  # noqa: S101 - as above
        return await self._meter.one("original", self._source.original(ref))


class _AtAPace(Metered):
    """One that is asked at a pace."""

    @property
    def pace(self) -> Pace:
        """As `Paced.pace`."""
        assert isinstance(self._source, Paced)  # noqa: S101 - as above
        return self._source.pace
