"""Disclosure control: the one gate through which every record leaves this holder.

A `SourceRecord` goes in, and a `ReleasedRecord` comes out only when the decision covers it, it is asked for, it is
about this person and nobody else, and it can travel. What is withheld, or was not asked for, leaves no trace in what
is counted: counts speak only of records that the decision would have released. Where it cannot be known what a record
is, it is counted only if nothing at all is withheld that it could be.

A record is decided on with all that it holds, before anything is told of it: what is contained in it, and what it leads
to by the elements that `labelling.CONTENTS` lists. Any other reference may dangle.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from anyio.lowlevel import checkpoint

from accord.rules.consent import Basis
from accord.rules.reading import Hints, Record
from accord.rules.scope import falls_inside
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import RECORD_BYTES
from accord.terms.queries import HolderQuery
from accord.terms.records import TYPE_BY_NAME, TYPE_CODE, TYPE_NAME, ResourceType
from accord.terms.vocabulary import CareCategory
from accord.wire.columns import COMPANION, DERIVED, ENTERED_IN_ERROR, SPLICED
from node_agent.awaiting import Awaiting
from node_agent.belonging import Belonging, elements_followed, elements_of, targets_of
from node_agent.deciding import Decisions
from node_agent.judging import NOT_HERE, Judging
from node_agent.labelling import look, may_hide_labels
from node_agent.packing import ReleasedRecord
from node_agent.ports import LocalPatient, Source, SourceRecord
from node_agent.right_patient import verify_patients
from node_agent.shortfall import Shortfall
from node_agent.sifting import Candidate, Sifting

#: So many records are looked at before others get their turn: about a millisecond.
_JUDGED_AT_ONCE: Final = 40


class Gate:
    """The gate for one question about one person. `admit` their Patient records first, then `disclose` the others.

    Attributes:
        shortfall: The records that the decision would have released and that could not be.
    """

    __slots__ = (
        "_awaiting",
        "_bases",
        "_belonging",
        "_decisions",
        "_elements",
        "_hints",
        "_judging",
        "_names",
        "_people",
        "_provenance",
        "_query",
        "_sifting",
        "shortfall",
    )

    def __init__(self, query: HolderQuery, people: tuple[Bsn, LocalPatient], decisions: Decisions) -> None:
        self._query = query
        self._people = people
        self._decisions = decisions
        self._elements = elements_followed(query.selection)
        self._belonging: Belonging | None = None
        self._hints = Hints()
        self._judging = Judging(decisions, ())
        #: What was looked at and whether it was released: a source may bring a record twice, and provenance speaks of what was released.
        self._names: dict[str, bool] = {}
        self._bases: tuple[str, ...] = ()
        self._provenance: list[tuple[Candidate, frozenset[str]]] = []
        self._awaiting = Awaiting[Candidate](query.selection, self._was_released)
        self.shortfall = Shortfall()
        self._sifting = Sifting(query.selection, decisions, self._names, self.shortfall)

    def admit(self, found: Iterable[SourceRecord], bases: tuple[str, ...]) -> list[ReleasedRecord]:
        """The Patient records that show who the answer is about; none when there are none.

        Raises:
            IdentityInDoubt: They do not show to be of this person.
        """
        basis = self._decisions.beside(CareCategory.PATIENT)
        patients = list(found)
        # Of somebody with one Patient record that is withheld nothing is shown: the rest would not show to be theirs.
        if basis is None or any(self._is_withheld(given) for given in patients):
            return []
        verified = verify_patients(patients, self._people, self._query.birth_date, self.shortfall)
        self._bases = bases
        self._judging = Judging(self._decisions, bases)
        self._belonging = Belonging(self._people[0], frozenset(record.id for _, record in verified), bases)
        return [self._made(given, record, TYPE_BY_NAME["Patient"], CareCategory.PATIENT, basis) for given, record in verified]

    def asks_for(self, patient: ReleasedRecord) -> bool:
        """Whether a Patient record is itself an answer, and not only shows who the answer is about."""
        kind, category = TYPE_BY_NAME["Patient"], CareCategory.PATIENT
        record = look(patient.fhir_json)
        return self._query.selection.after is None and (
            self._judging.basis_of(patient.fhir_json, record, kind, category) is not None and falls_inside(self._query.selection, record, kind, category)
        )

    def covers(self, released: ReleasedRecord, original: bytes) -> bool:
        """Whether the decision covers what a released record was made from, too: what was left out on the way does not leave by it."""
        kind = TYPE_BY_NAME[TYPE_NAME[released.type_code]]
        try:
            as_it_was = msgspec.structs.replace(look(original), id=released.id)
        except BadInput:
            return False
        if kind.name == "Patient":
            return self._judging.beside(original, as_it_was, kind) is not None
        return self._judging.basis_of(original, as_it_was, kind, released.category) is not None

    async def disclose(self, given: Sequence[SourceRecord], source: Source, *, by_name: int = 0, more: bool = False) -> list[ReleasedRecord]:
        """Those of these records that may leave, in this order. Where they were read *by_name*, by so many, another person's leave no trace.

        With *more* to come, those wait that hold what may be among it; they follow what they waited for, and `rest` brings
        the others.

        Raises:
            SourceFailure: The source could not be asked for what some of them hold.
        """
        belonging, judging, sifting = self._belonging, self._judging, self._sifting
        if by_name:
            given = [record for record in given if belonging is not None and belonging.names_own(record.fhir_json)]
        await judging.prepare(source)
        judging.make_room()
        looked: list[Candidate | RecordRef] = []
        for number, record in enumerate(given, start=1):
            candidate = sifting.candidate(record, judging)
            if candidate is not None:
                looked.append(candidate)
            if number % _JUDGED_AT_ONCE == 0:
                # What the source sent meanwhile is taken in, and the next is asked for: it must not wait for us.
                await checkpoint()
        candidates = [one for one in looked if isinstance(one, Candidate)]
        # All at once, and each only where it has to be.
        wanted = [ref for one in candidates if one.contents for ref in (self._awaiting.worth_reading(one) if more else one.contents)]
        if not wanted and len(candidates) < by_name:
            # A name that leads to nothing takes as long as one of a record that is withheld for what it holds.
            wanted = [NOT_HERE]
        if wanted:
            await judging.look_into(wanted, self._names, source)
        found: list[ReleasedRecord] = []
        for number, one in enumerate(looked, start=1):
            if isinstance(one, RecordRef):
                await self._settle(self._awaiting.passed(one), found, source)
            elif not one.contents:
                # Most of all records; only for some of them anything waits.
                released = self._checked(one)
                found += [released] if released is not None else ()
                if self._awaiting and (came := self._awaiting.come(one.name)):
                    await self._settle(came, found, source)
            elif not (more and one.contents and self._awaiting.takes(one)):
                await self._settle([one], found, source)
            if number % _JUDGED_AT_ONCE == 0:
                await checkpoint()
        return found

    async def rest(self, source: Source) -> list[ReleasedRecord]:
        """Those that waited for what did not come, and may leave; asked for when all has come.

        Raises:
            SourceFailure: The source could not be asked for what some of them hold.
        """
        self._judging.make_room()
        left = self._awaiting.leave()
        for given, record, kind, *_ in left:
            self._judging.note(given, record, kind)
        await self._judging.look_into([ref for one in left for ref in one.contents], self._names, source)
        settled = (None if self._is_kept(one) else self._checked(one) for one in left)
        return [released for released in settled if released is not None]

    async def _settle(self, pending: list[Candidate], found: list[ReleasedRecord], source: Source) -> None:
        """Decide on these; into *found* comes each that is released, and right behind it what waited for it."""
        while pending:
            candidate = pending.pop(0)
            if candidate.contents:
                # Read already, but for what is deeper in what came by.
                await self._judging.look_into(candidate.contents, self._names, source)
            is_kept = self._is_kept(candidate)
            released = None if is_kept else self._checked(candidate)
            if released is not None:
                found.append(released)
            came = self._awaiting.passed(RecordRef(candidate.kind.name, candidate.record.id)) if is_kept else self._awaiting.come(candidate.name)
            pending = came + pending

    def _was_released(self, ref: RecordRef) -> bool:
        return bool(self._names.get(str(ref)))

    async def look_into_companions(self, found: Mapping[RecordRef, SourceRecord], source: Source) -> None:
        """Read what these companions hold, before they are asked to `accompany`.

        Raises:
            SourceFailure: It could not be read.
        """
        self._judging.make_room()
        for ref, given in found.items():
            self._judging.judge(ref, given)
        await self._judging.look_into(found, {}, source)

    def companion_read(self, ref: RecordRef) -> SourceRecord | None:
        """A companion that was read already, to decide on what holds it."""
        return self._judging.brought(ref)

    def accompany(self, ref: RecordRef, given: SourceRecord) -> ReleasedRecord | None:
        """A companion that a released record refers to; none when it may not go along."""
        kind = TYPE_BY_NAME[ref.type]
        if not kind.is_companion or self._decisions.beside(kind.category, ref) is None or self._judging.keeps((ref,), {}):
            return None
        try:
            record = look(given.fhir_json)
            if given.unfit or (record.resourceType, record.id) != (ref.type, ref.id):
                raise BadInput(Fault.NOT_A_RESOURCE)
            basis = self._judging.beside(given.fhir_json, record, kind)
            if basis is None or self._too_large(given):
                return None
            return self._made(given, record, kind, kind.category, basis)
        except BadInput:
            self.shortfall.unfit += 1
            return None

    def provenance(self) -> list[ReleasedRecord]:
        """The provenance of what was released, and of nothing else; asked for when all else was released."""
        held, self._provenance = self._provenance, []
        told = (candidate for candidate, targets in held if all(self._names.get(target) for target in targets))
        return [released for candidate in told if (released := self._sized(candidate)) is not None]

    def _is_withheld(self, patient: SourceRecord) -> bool:
        try:
            return self._judging.beside(patient.fhir_json, look(patient.fhir_json), TYPE_BY_NAME["Patient"]) is None
        except BadInput:
            return may_hide_labels(patient.fhir_json)

    def _is_kept(self, candidate: Candidate) -> bool:
        """Whether a record, whose contents were looked into, is withheld for one of them."""
        if not self._judging.keeps(candidate.contents, self._names):
            return False
        self._judging.note(candidate.given, candidate.record, candidate.kind)
        return True

    def _checked(self, candidate: Candidate) -> ReleasedRecord | None:
        """A record that was decided on with all that it holds, if it can travel now. Provenance waits for what it speaks of."""
        if candidate.kind.name == "Provenance":
            self._provenance.append((candidate, targets_of(candidate.record, self._bases)))
            return None
        return self._sized(candidate)

    def _sized(self, candidate: Candidate) -> ReleasedRecord | None:
        given, record, kind, category, basis, _ = candidate
        name = candidate.name
        if name in self._names:
            return None
        self._names[name] = False
        if self._too_large(given):
            return None
        try:
            return self._made(given, record, kind, category, basis)
        except BadInput:
            self.shortfall.unfit += 1
            return None

    def _made(self, given: SourceRecord, record: Record, kind: ResourceType, category: CareCategory, basis: Basis) -> ReleasedRecord:
        """The only place where a record becomes one that may leave.

        Raises:
            BadInput: It is not about this person alone.
        """
        belonging = self._belonging
        if belonging is None:
            raise BadInput(Fault.NO_PATIENT)
        text = given.fhir_json
        # The Patient records made the gate: they were checked against each other before there was one.
        companions = belonging.companions_in(text) if kind.name == "Patient" else belonging.check(text, record, kind)
        if self._elements is not None and companions:
            written = elements_of(text, self._elements.get(kind.name, frozenset()))
            companions = tuple(ref for ref in companions if f'{ref}"'.encode() in written)
        flags = (COMPANION * kind.is_companion) | (ENTERED_IN_ERROR * record.entered_in_error) | (DERIVED * given.derived) | (SPLICED * given.spliced)
        self._names[f"{kind.name}/{record.id}"] = True
        return ReleasedRecord(
            text,
            record.id,
            TYPE_CODE[kind.name],
            category,
            basis,
            flags,
            *self._hints.of(record, kind),
            companions,
        )

    def _too_large(self, given: SourceRecord) -> bool:
        if len(given.fhir_json) <= RECORD_BYTES:
            return False
        self.shortfall.oversized += 1
        return True
