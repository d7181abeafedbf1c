"""A region that tells events made from real bytes: holders that answer, stay silent, break off or are dead."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ObjectSendStream

from accord.link.addresses import Address
from accord.link.pseudonyms import pseudonym_key
from accord.rules.reading import category_of, content_hint, read_record, time_ms
from accord.rules.scope import falls_inside
from accord.terms.answers import Counts, Ending
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, HolderName, RecordRef, Ura
from accord.terms.parties import Asker, DataHolder, DataUser, Professional
from accord.terms.queries import DossierQuery, Order, SortKey
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import CareCategory, HolderKind
from gateway.dossier.completeness import account
from gateway.ports import DossierEvent, HolderBatch, HolderClosed, HolderStatus, NotAsked, Planned, RegisteredHolder
from gateway.reading import Reader
from testbed.scripted_holder import batch_of, batches_of

BSN = Bsn("999911120")
SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
ASKER = Asker(DataUser(Ura("90000001"), "Ziekenhuis", HolderKind.HOSPITAL), Professional("900000001", "01.015", "S. ten Esker"), treats_the_patient=True)


def patient(logical_id: str, bsn: Bsn = BSN) -> bytes:
    """A Patient record as a holder keeps it."""
    return f'{{"resourceType":"Patient","id":"{logical_id}","identifier":[{{"system":"{SYSTEM}","value":"{bsn.value}"}}],"birthDate":"1950-01-02"}}'.encode()


def observation(logical_id: str, owner: str, *, day: str = "2024-03-01", value: str = "37.50", more: str = "") -> bytes:
    """An Observation with a number that a careless gateway would change."""
    return (
        f'{{"resourceType": "Observation", "id": "{logical_id}", "status": "final", "code": {{"coding": [{{"system": "http://loinc.org", "code": "1988-5"}}]}},'
        f' "subject": {{"reference": "Patient/{owner}"}}, "effectiveDateTime": "{day}", "valueQuantity": {{"value": {value}}}{more}}}'
    ).encode()


def encounter(logical_id: str, owner: str, *, day: str = "2024-02-01") -> bytes:
    """An Encounter."""
    return (
        f'{{"resourceType":"Encounter","id":"{logical_id}","status":"finished","class":{{"code":"AMB"}},'
        f'"subject":{{"reference":"Patient/{owner}"}},"period":{{"start":"{day}"}}}}'
    ).encode()


@dataclass
class FakeHolder:
    """One holder. `ending` other than answered comes after the records; a silent one never says a word.

    `sent` is set once its records are out; its last word waits for `closes_when`.
    """

    name: str
    records: Sequence[bytes] = ()
    patients: Sequence[bytes] = ()
    kind: HolderKind = HolderKind.HOSPITAL
    ending: Ending = Ending.ANSWERED
    code: Fault | None = None
    silent: bool = False
    batch_bytes: int = 2_000
    waits_for: anyio.Event | None = None
    files: Mapping[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    unfit: int = 0
    sent: anyio.Event = field(default_factory=anyio.Event)
    closes_when: anyio.Event | None = None
    copy: bool = False
    data_as_of_ms: int = 0
    active: bool = True

    @property
    def registered(self) -> RegisteredHolder:
        """As the register has it."""
        number = sum(self.name.encode()) % 1000
        card = DataHolder(HolderName(self.name), Ura(f"90001{number:03d}"), f"Instelling {self.name}", self.kind, "053 555 0101")
        return RegisteredHolder(card, Address("127.0.0.1", 7000), pseudonym_key("ab" * 32), active=self.active)


@dataclass
class FakeDoor:
    """The region. `asked` remembers every question."""

    everyone: list[FakeHolder]
    asked: list[DossierQuery] = field(default_factory=list)
    withdrawn: int = 0
    turned_away: list[Fault] = field(default_factory=list)
    someone_left: anyio.Event = field(default_factory=anyio.Event)
    failure: Unavailable | None = None

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """Everybody in the register."""
        return tuple(holder.registered for holder in self.everyone)

    def named(self, name: HolderName) -> FakeHolder:
        """One of them."""
        for holder in self.everyone:
            if holder.name == name.value:
                return holder
        raise BadInput(Fault.UNKNOWN_HOLDER)

    async def open(
        self, query: DossierQuery, into: ObjectSendStream[DossierEvent], *, lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None = None
    ) -> None:
        """Tell the events of one dossier."""
        self.asked.append(query)
        try:
            if self.failure is not None:
                raise self.failure
            chosen = [holder for holder in self.everyone if not query.holders or HolderName(holder.name) in query.holders]
            asked = [holder for holder in chosen if holder.active]
            left_out = [
                NotAsked(holder.registered.card, Fault.NOT_ACTIVE if holder in chosen else Fault.NOT_CHOSEN) for holder in self.everyone if holder not in asked
            ]
            await into.send(Planned(query.id, tuple(holder.registered.card for holder in asked), tuple(left_out)))
            closed: list[HolderClosed] = []
            records: dict[CareCategory, int] = {}
            async with anyio.create_task_group() as tasks:
                for holder in asked:
                    sink = into if lanes is None else lanes[HolderName(holder.name)]
                    tasks.start_soon(_answer, holder, query, into, sink, closed, records)
            await into.send(account(query.id, [holder.registered.card for holder in self.everyone], left_out, closed, records))
        except anyio.get_cancelled_exc_class():
            self.withdrawn += 1
            self.someone_left.set()
            raise
        finally:
            for stream in (into, *(lanes or {}).values()):
                await stream.aclose()

    async def refused(self, failure: Faulted, _peer: str = "") -> None:
        """Remember who was not let in."""
        self.turned_away.append(failure.fault)

    async def read(self, holder: HolderName, ref: RecordRef, reader: Reader) -> HolderBatch:
        """One record with the Patient."""
        assert reader.asked_by == ASKER
        at = self.named(holder)
        found = [record for record in (*at.patients, *at.records) if _ref(record) == str(ref)]
        if not found:
            raise Unavailable(at.code or Fault.NOT_FOUND)
        others = [record for record in at.patients if record not in found]
        return HolderBatch(holder, batch_of([*others, *found]), _ids(at))

    @asynccontextmanager
    async def fetch(self, holder: HolderName, url: str, record: RecordRef, reader: Reader) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """One attachment, in two chunks; an empty second one breaks off."""
        assert reader.asked_by == ASKER
        found = self.named(holder).files.get((url, str(record)))
        if found is None:
            raise Unavailable(Fault.NOT_FOUND)
        media_type, content = found
        yield media_type, _chunks(content)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    half = len(content) // 2
    yield content[:half]
    if content.endswith(b"BROKEN"):
        raise Unavailable(Fault.STREAM_CUT)
    yield content[half:]


async def _answer(
    holder: FakeHolder,
    query: DossierQuery,
    into: ObjectSendStream[DossierEvent],
    sink: ObjectSendStream[DossierEvent],
    closed: list[HolderClosed],
    records: dict[CareCategory, int],
) -> None:
    name = HolderName(holder.name)
    await into.send(HolderStatus(name, "asking"))
    if holder.silent:
        await anyio.sleep_forever()
    if holder.waits_for is not None:
        await holder.waits_for.wait()
    wanted, more = _selected(holder, query)
    sent = 0
    if holder.patients and (wanted or holder.ending is Ending.ANSWERED):
        for batch in (batch_of(holder.patients), *batches_of(wanted, holder.batch_bytes)):
            sent += len(batch.columns) // 40
            await sink.send(HolderBatch(name, batch, _ids(holder)))
    holder.sent.set()
    if holder.closes_when is not None:
        await holder.closes_when.wait()
    for text in wanted:
        record = read_record(text)
        assert record.kind is not None
        category = category_of(record, record.kind)
        records[category] = records.get(category, 0) + 1
    ending = Ending.NOTHING_SHOWN if holder.ending is Ending.ANSWERED and not sent else holder.ending
    last = HolderClosed(name, ending, Counts(records=sent, unfit=holder.unfit), holder.code, None, 5, 0, holder.copy, holder.data_as_of_ms, more=more)
    closed.append(last)
    await sink.send(last)


def _selected(holder: FakeHolder, query: DossierQuery) -> tuple[list[bytes], bool]:
    selection = query.selection
    found: list[tuple[tuple[int, int, int, str], bytes]] = []
    companions: list[bytes] = []
    for text in holder.records:
        record = read_record(text)
        kind = record.kind
        assert kind is not None
        if kind.is_companion:
            companions += [text] if selection.includes else []
        elif falls_inside(selection, record, kind, category_of(record, kind)):
            found.append((SortKey(time_ms(record, kind), TYPE_CODE[kind.name], content_hint(record, kind), record.id).rank, text))
    if selection.order is not Order.GLOBAL:
        return [*companions, *(text for _, text in found)], False
    found.sort()
    if selection.after is not None:
        after = selection.after.rank
        found = [item for item in found if item[0] > after or (selection.after_inclusive and item[0] == after)]
    kept = found[: selection.limit] if selection.limit else found
    return [*companions, *(text for _, text in kept)], len(kept) < len(found)


def _ids(holder: FakeHolder) -> frozenset[str]:
    return frozenset(read_record(record).id for record in holder.patients)


def _ref(record: bytes) -> str:
    read = read_record(record)
    return f"{read.resourceType}/{read.id}"
