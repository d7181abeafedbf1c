"""Disclosure control: the one gate through which every record leaves this holder.

A `SourceRecord` goes in, and a `ReleasedRecord` comes out only when the decision covers it, it is asked for, it is
about this person and nobody else, and it can travel. What is withheld, or was not asked for, leaves no trace in what
is counted: counts speak only of records that the decision would have released. Where it cannot be known what a record
is, it is counted only if nothing at all is withheld that it could be.

A record is decided on with all that it holds, before anything is told of it: what is contained in it, and what it leads
to by the elements that `labelling.CONTENTS` lists. Any other reference may dangle.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from anyio.lowlevel import checkpoint

from accord.rules.consent import Basis
from accord.rules.identity import Identity, check_about, identity_of
from accord.rules.reading import Hints, Record, bsns_of, category_of, check_record
from accord.rules.scope import falls_inside
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn, RecordRef, is_logical_id
from accord.terms.limits import MIB, RECORD_BYTES
from accord.terms.queries import HolderQuery
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME, TYPE_CODE, ResourceType
from accord.terms.vocabulary import CareCategory
from accord.wire.columns import COMPANION, DERIVED, ENTERED_IN_ERROR, SPLICED
from node_agent.belonging import Belonging, check_text, elements_followed, elements_of, targets_of
from node_agent.deciding import Decisions
from node_agent.judging import Judging
from node_agent.labelling import Looked, look, may_hide_labels
from node_agent.packing import ReleasedRecord
from node_agent.ports import LocalPatient, Source, SourceRecord
from node_agent.sniffing import would_be_told

#: A record over this is not even read: to say what it is would cost the others their time.
_UNREAD_BYTES: Final = 16 * MIB
_CATEGORY_CACHE_ITEMS: Final = 1_024
#: So many records are looked at before others get their turn: about a millisecond.
_JUDGED_AT_ONCE: Final = 40


class IdentityInDoubt(Faulted):
    """The Patient records do not show to be of the person asked for: nothing is released."""

    def __init__(self, ending: Ending, fault: Fault) -> None:
        super().__init__(fault)
        self.ending = ending


class _Candidate(NamedTuple):
    """A record that may be released as far as it holds all itself, and what it leads to."""

    given: SourceRecord
    record: Looked
    kind: ResourceType
    category: CareCategory
    basis: Basis
    contents: tuple[RecordRef, ...]


class Gate:
    """The gate for one question about one person. `admit` their Patient records first, then `disclose` the others.

    Attributes:
        unfit: Records that could not be shown to be about this person alone, or cannot be read.
        oversized: Records over the inline limit.
    """

    __slots__ = (
        "_bases",
        "_belonging",
        "_categories",
        "_decisions",
        "_elements",
        "_hints",
        "_judging",
        "_names",
        "_people",
        "_provenance",
        "_query",
        "oversized",
        "unfit",
    )

    def __init__(self, query: HolderQuery, people: tuple[Bsn, LocalPatient], decisions: Decisions) -> None:
        self._query = query
        self._people = people
        self._decisions = decisions
        self._elements = elements_followed(query.selection)
        self._belonging: Belonging | None = None
        self._hints = Hints()
        self._judging = Judging(decisions, ())
        self._categories: dict[tuple[str, bytes], CareCategory] = {}
        #: What was looked at and whether it was released: a source may bring a record twice, and provenance speaks of what was released.
        self._names: dict[str, bool] = {}
        self._bases: tuple[str, ...] = ()
        self._provenance: list[tuple[_Candidate, frozenset[str]]] = []
        self.unfit = 0
        self.oversized = 0

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
        verified: list[tuple[SourceRecord, Record]] = []
        room = RECORD_BYTES
        for given in patients:
            record = self._verified(given)
            if record is not None and len(given.fhir_json) <= room:
                verified.append((given, record))
                # All of them travel in the first batch.
                room -= len(given.fhir_json)
            elif record is not None:
                self.oversized += 1
        if not verified and self.unfit + self.oversized:
            raise IdentityInDoubt(Ending.IDENTITY_UNVERIFIED, Fault.IDENTITY_UNVERIFIED)
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

    async def disclose(self, given: Sequence[SourceRecord], source: Source, *, by_name: bool = False) -> list[ReleasedRecord]:
        """Those of these records that may leave, in this order. Where they were read *by_name*, another person's leave no trace.

        Raises:
            SourceFailure: The source could not be asked for what some of them hold.
        """
        belonging, judging = self._belonging, self._judging
        if by_name:
            given = [record for record in given if belonging is not None and belonging.names_own(record.fhir_json)]
        await judging.prepare(source)
        looked: list[ReleasedRecord | _Candidate] = []
        for number, record in enumerate(given, start=1):
            candidate = self._candidate(record)
            if candidate is not None:
                settled = candidate if candidate.contents else self._checked(candidate)
                if settled is not None:
                    looked.append(settled)
            if number % _JUDGED_AT_ONCE == 0:
                # What the source sent meanwhile is taken in, and the next is asked for: it must not wait for us.
                await checkpoint()
        unsettled = [candidate for candidate in looked if isinstance(candidate, _Candidate)]
        if not unsettled:
            return [one for one in looked if isinstance(one, ReleasedRecord)]
        await judging.look_into([ref for candidate in unsettled for ref in candidate.contents], self._names, source)
        settled_now = (self._settled(one) if isinstance(one, _Candidate) else one for one in looked)
        return [released for released in settled_now if released is not None]

    async def look_into_companions(self, found: Mapping[RecordRef, SourceRecord], source: Source) -> None:
        """Read what these companions hold, before they are asked to `accompany`.

        Raises:
            SourceFailure: It could not be read.
        """
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
            if (record.resourceType, record.id) != (ref.type, ref.id):
                raise BadInput(Fault.NOT_A_RESOURCE)
            basis = self._judging.beside(given.fhir_json, record, kind)
            if basis is None or self._too_large(given):
                return None
            return self._made(given, record, kind, kind.category, basis)
        except BadInput:
            self.unfit += 1
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

    def _verified(self, given: SourceRecord) -> Record | None:
        """The content of a Patient record that is of this person and of nobody else."""
        bsn, patient = self._people
        try:
            record = look(given.fhir_json)
            kind = check_record(record)
            if kind.name != "Patient" or record.id not in patient.ids:
                raise BadInput(Fault.OTHER_PATIENT)
        except BadInput:
            self.unfit += 1
            return None
        if len(bsns_of(record)) > 1:
            raise IdentityInDoubt(Ending.REFUSED, Fault.SEVERAL_BSNS)
        match identity_of(record, bsn, self._query.birth_date):
            case Identity.OTHER:
                raise IdentityInDoubt(Ending.REFUSED, Fault.OTHER_PATIENT)
            case Identity.SAME:
                if self._is_fit_patient(given, kind):
                    return record
        self.unfit += 1
        return None

    def _is_fit_patient(self, given: SourceRecord, kind: ResourceType) -> bool:
        bsn, patient = self._people
        own = frozenset(f"Patient/{logical_id}" for logical_id in patient.ids)
        try:
            check_text(given.fhir_json)
            check_about(given.fhir_json, kind, own, bsn)
        except BadInput:
            return False
        return True

    def _candidate(self, given: SourceRecord) -> _Candidate | None:
        """A record that is decided on and asked for; none, and no trace, for any other."""
        text = given.fhir_json
        if len(text) > _UNREAD_BYTES:
            self.oversized += self._would_be_told(text)
            return None
        try:
            record = look(text)
        except BadInput:
            self.unfit += self._would_be_told(text)
            return None
        kind = record.kind
        if record.resourceType in NEVER_RELEASED or (kind is not None and (kind.is_companion or kind.name == "Patient")):
            return None
        if kind is None or not is_logical_id(record.id):
            self.unfit += self._would_be_told(text)
            return None
        category = self._category_of(record, kind)
        basis = self._judging.basis_of(text, record, kind, category)
        if basis is None or not falls_inside(self._query.selection, record, kind, category):
            return None
        contents = self._judging.contents_of(text, record, self._names)
        return None if contents is None else _Candidate(given, record, kind, category, basis, contents)

    def _settled(self, candidate: _Candidate) -> ReleasedRecord | None:
        """A record whose contents were looked into, if none of them is withheld."""
        return None if self._judging.keeps(candidate.contents, self._names) else self._checked(candidate)

    def _checked(self, candidate: _Candidate) -> ReleasedRecord | None:
        """A record that was decided on with all that it holds, if it can travel now. Provenance waits for what it speaks of."""
        if candidate.kind.name == "Provenance":
            self._provenance.append((candidate, targets_of(candidate.record, self._bases)))
            return None
        return self._sized(candidate)

    def _sized(self, candidate: _Candidate) -> ReleasedRecord | None:
        given, record, kind, category, basis, _ = candidate
        name = f"{kind.name}/{record.id}"
        if name in self._names:
            return None
        self._names[name] = False
        if self._too_large(given):
            return None
        try:
            return self._made(given, record, kind, category, basis)
        except BadInput:
            self.unfit += 1
            return None

    def _would_be_told(self, text: bytes) -> bool:
        return would_be_told(text, self._query.selection, self._decisions, labelled=may_hide_labels(text))

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

    def _category_of(self, record: Record, kind: ResourceType) -> CareCategory:
        if kind.name not in ("Observation", "Consent"):
            return kind.category
        # What a category element means depends on nothing else, and a dossier writes few different ones.
        key = kind.name, bytes(record.category)
        category = self._categories.get(key)
        if category is None:
            category = category_of(record, kind)
            if len(self._categories) < _CATEGORY_CACHE_ITEMS:
                self._categories[key] = category
        return category

    def _too_large(self, given: SourceRecord) -> bool:
        if len(given.fhir_json) <= RECORD_BYTES:
            return False
        self.oversized += 1
        return True
