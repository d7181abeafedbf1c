"""What the agent needs from outside: a source of records, and the patients' choices. Read-only, both.

SourceFailure               the source could not do what was asked
├── SourceUnavailable       it did not answer, or not to the end: what was yielded may not be everything
├── SourceBusy              it asked to be left alone (429, cap reached) for longer than there is time
├── SourceAnswerInvalid     it answered with something that cannot be read
└── SourceIncapable         it keeps types that it is not asked for about one patient: what was yielded is all the rest
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import msgspec

from accord.rules.consent import Choice
from accord.rules.leaving_out import LeftOut
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, RecordRef, is_logical_id
from accord.terms.next_steps import OWN_SOURCE, OWN_SOURCE_BUSY
from accord.terms.queries import Selection


class SourceFailure(Unavailable):
    """The source could not do what was asked."""


class SourceUnavailable(SourceFailure):
    """The source did not answer, or not to the end."""

    def __init__(self, where: str = "") -> None:
        # Who asks a holder is told to call it; whoever gives a command here is the holder.
        super().__init__(Fault.SOURCE_UNAVAILABLE, where, then=OWN_SOURCE)


class SourceBusy(SourceFailure):
    """The source asked to be left alone for longer than there is time."""

    def __init__(self, where: str = "") -> None:
        super().__init__(Fault.SOURCE_BUSY, where, then=OWN_SOURCE_BUSY)


class SourceAnswerInvalid(SourceFailure):
    """The source answered with something that cannot be read."""

    def __init__(self, where: str = "") -> None:
        super().__init__(Fault.SOURCE_ANSWER_INVALID, where)


class SourceIncapable(SourceFailure):
    """The source keeps types that were asked for and that it is not asked for about one patient: what was yielded is all the rest.

    An answer does not wait for it: what it lacks, `LeavesOut` says of everybody alike.
    """

    def __init__(self, where: str = "") -> None:
        super().__init__(Fault.MISSING_CAPABILITY, where)


@dataclass(frozen=True, slots=True)
class LocalPatient:
    """A person as this source knows them: the logical ids of all their Patient records here (merged ones too).

    `brought`: these very Patient records, all of them, where finding the person brought them along, so that they need
    not be read twice for one question; else none of them.
    """

    ids: frozenset[str]
    brought: "tuple[SourceRecord, ...]" = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.ids or not all(is_logical_id(logical_id) for logical_id in self.ids):
            raise SourceAnswerInvalid("Patient.id")


class SourceRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as kept. Only disclosure control can turn it into a released one.

    No dataclass, because one is made for every record of every answer: it takes a tenth of the time.
    `spliced`: import changed an id or reference string in it, reversibly. `derived`: it was converted or mapped.
    `unfit`: it could not be converted: it is at most counted, and never leaves.
    """

    fhir_json: bytes
    spliced: bool = False
    derived: bool = False
    unfit: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment's media type, and its bytes in chunks of at most `limits.CHUNK_BYTES`."""

    content_type: str
    chunks: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Original:
    """What a record was made from, and no more than that: its media type and its bytes.

    `record` is what these very bytes make: it is decided on in place of the record that is on file, which may be another
    by now. `is_fhir`: the bytes are a resource of another generation of FHIR, and are decided on as well.
    """

    content_type: str
    content: bytes = field(repr=False)
    record: SourceRecord = field(repr=False)
    is_fhir: bool = False


class Source(Protocol):
    """A system of this care provider that keeps records about patients. Read-only.

    Every adapter passes `testbed.contracts.source`. Nothing that is read is kept anywhere by the adapter beyond
    the call (promise P6); an embedded store is itself the source.
    """

    @property
    def name(self) -> str:
        """A word for diagnostics; no address, no credentials."""

    @property
    def types(self) -> frozenset[str]:
        """The resource types this source answers for.

        Of one that is not `LeavesOut` by itself, types of the BgZ, of planning ahead and of medication that are not among
        these count as kept perhaps, and not asked for: whoever reads an answer is told that more may be there.
        """

    @property
    def is_copy(self) -> bool:
        """Whether this is a copy of another system."""

    @property
    def bases(self) -> tuple[str, ...]:
        """Absolute base addresses of this source as they may stand in references to its own records."""

    async def data_as_of_ms(self) -> int:
        """When the copy was last brought up to date, in milliseconds since 1970; 0 for a live system."""

    async def check(self) -> None:
        """Whether the source can be used now.

        Raises:
            SourceFailure: It cannot.
        """

    def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN, for the pseudonym index; one item per person, in any order.

        Raises:
            SourceFailure: What was yielded is not everybody.
        """

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN; none when unknown here. Records with several BSNs count for each of them.

        Raises:
            SourceFailure: It could not be found out.
        """

    def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """The Patient record(s) of a person.

        Raises:
            SourceFailure: What was yielded is not everything.
        """

    def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is on file about a person, in small lists as it comes; never their Patient records, no companions.

        The selection's types and categories are a help to fetch less; more may be yielded, never less. For
        `Order.GLOBAL` any order will do: the agent sorts.

        Raises:
            SourceIncapable: Some types are not asked for; of the others, all was yielded.
            SourceFailure: What was yielded is not everything.
        """

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These very records, of any patient or none; what does not exist is not in the answer.

        Raises:
            SourceFailure: It could not be found out.
        """

    async def attachment(self, url: str) -> Attachment | None:
        """The content behind an attachment URL of one of this source's records (`Binary/7`, or below `bases`).

        None when it does not exist here, or the URL points elsewhere: nothing is ever fetched from another place.

        Raises:
            SourceFailure: It could not be read.
        """

    async def close(self) -> None:
        """Let go of connections and files."""


class Inquiry(Protocol):
    """One question to a source: about whom, and then what is on file about them. A `Source` is one by itself."""

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """As `Source.find`."""

    def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """As `Source.records_of`."""


@runtime_checkable
class ReadsAhead(Protocol):
    """A source that fetches records of a person while it still finds out which other records are theirs."""

    def inquiry(self, selection: Selection) -> AbstractAsyncContextManager[Inquiry]:
        """For one question: `find` begins to fetch what `records_of` will be asked for, with this selection.

        Nothing is yielded before `find` knew all that it promises to know. At the end, what is under way is given up.
        Choices were decided on before; a date of birth that does not agree is found out after records were asked for,
        and then none of them is used.
        """


@runtime_checkable
class LeavesOut(Protocol):
    """A source that says itself what it keeps, or may keep, and is not asked for."""

    async def left_out(self) -> LeftOut:
        """What is left out, whoever is asked about; nothing of a source that is asked for all that it keeps.

        Raises:
            SourceFailure: It could not be found out.
        """


@runtime_checkable
class Derives(Protocol):
    """A source that makes its records from something else, and can show from what."""

    @property
    def mapping(self) -> str:
        """How its derived records are made: the mapping's name and version, such as `zib2017-to-r4 2026-11-22`."""

    async def original(self, ref: RecordRef) -> Original | None:
        """What a derived record was made from, as its source has it; none when it does not exist.

        What stands beside it at the source and made no part of the record stays there: another result of the same
        message, a column that the mapping does not name.

        Raises:
            SourceFailure: It could not be read.
        """


class ChoiceStore(Protocol):
    """The choices that patients made about sharing what this holder keeps."""

    async def choices_of(self, bsn: Bsn) -> tuple[Choice, ...]:
        """All choices on record for a person; none is an empty tuple.

        Raises:
            Unavailable: It could not be found out: nothing may be released.
        """

    async def close(self) -> None:
        """Let go of files."""
