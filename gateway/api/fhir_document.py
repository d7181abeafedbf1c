"""A document about one person: what the region shows, under a Composition that says what it holds and what it may lack.

    $summary         the International Patient Summary
    $planning-ahead  wishes and directives for the last phase of life, in full

Both are put together when asked for and kept nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.to_thread

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import CATEGORY_ORDER, CareCategory
from gateway.api.bundles import encode
from gateway.api.fhir_account import Before, check_heard, header_of, outcomes_of, tag_of, with_unfit
from gateway.api.fhir_answers import authored_id, of_this_answer
from gateway.api.fhir_calls import Call
from gateway.api.fhir_gathered import Gathered, Records
from gateway.api.fhir_held import Held
from gateway.api.fhir_search import Search
from gateway.api.http_door import hear
from gateway.api.http_turns import Turn
from gateway.api.outcomes import authored_outcome, ignored_issue
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import Tree
from gateway.dossier.documents.bundling import document
from gateway.dossier.documents.composing import Frame, Item, SectionContent, compose, missing_of
from gateway.dossier.documents.contradicting import Contradiction, Stated, contradictions
from gateway.dossier.documents.parties import Subject, author, custodian
from gateway.dossier.documents.plans import Candidate, DocumentPlan
from gateway.dossier.documents.saying import Said, line, say
from gateway.dossier.provenance import AUTHORED, HolderProvenance
from gateway.patient_ids import Person
from gateway.ports import Completeness, SectionLine

Json = dict[str, Any]
_Entry = tuple[str, bytes]


async def answer_document(call: Call, person: Person, plan: DocumentPlan, search: Search) -> None:
    """Answer with a document of one kind.

    Raises:
        BadInput: `question-widened`: the caller may ask for a part of it only, and a document with sections that were never asked would say
            that nothing was shown there.
        Faulted: The dossier could not be opened.
        NotHeard: Nobody was heard, or the client takes no part and not everybody was.
        Unavailable: `document-too-large`, or `too-many-questions` while other documents hold too much.
    """
    if call.caller.narrowed(plan.selection) != plan.selection:
        raise BadInput(Fault.QUESTION_WIDENED, "scope")
    if call.caller.categories and not plan.asks <= call.caller.categories:
        raise BadInput(Fault.QUESTION_WIDENED, "mandate")
    held = Held(call.settings.document_bytes, call.settings.document_records, call.room)
    try:
        await hear(call.door, call.query(person, plan.selection), held.take)
        records = Records(call.view)
        await records.gather(held)
        completeness = with_unfit(held.account(), records.unfit)
        check_heard(completeness, shown=bool(records.shown), refuses_partial=call.refuses_partial)
        body = await _Document(call, person, plan, records, completeness, held.cards).body(search)
        # Whoever asks for this person again, without a BSN, says so by this id.
        await call.exchange.answer(200, body, header_of(completeness) | {"noaber-patient": call.id_of(person)})
    finally:
        held.let_go()


@dataclass(slots=True)
class _Document:
    """One document, being written."""

    call: Call
    person: Person
    plan: DocumentPlan
    records: Records
    completeness: Completeness
    cards: Mapping[HolderName, DataHolder]
    recorded: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def body(self, search: Search) -> bytes:
        """The whole Bundle."""
        sections, placed = await self._sections()
        included = await self.records.with_what_they_refer_to([*self.records.patients, *placed])
        parties = self._parties()
        outcomes = self._outcomes(search)
        identifier = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{UUID(self.call.id.value)}"}
        when = self.recorded.isoformat(timespec="milliseconds")
        subject, made_by, made_for = (self._reference(url) for url, _ in parties)
        told = [issue["details"]["text"] for outcome in outcomes[:1] for issue in outcome["issue"] if issue["severity"] != "information"]
        account = [self._authored(outcome) for outcome in outcomes]
        frame = Frame(self._id("document"), identifier, when, subject, made_by, made_for, [self._reference(url) for url, _ in account], told)
        rest = [*parties, *((record.address, record.content) for record in included), *self._provenance(included), *account]
        members = {"meta": {"tag": [tag_of(self.completeness), AUTHORED]}, "identifier": identifier, "timestamp": when}
        language = self.call.exchange.wishes.language

        def written() -> bytes:
            return document(members, [self._authored(compose(self.plan, frame, sections, self.completeness, language)), *rest])

        # Of a large document this takes a while, in which all others would stand still.
        return await anyio.to_thread.run_sync(written)

    async def _sections(self) -> tuple[list[SectionContent], list[Gathered]]:
        """What stands in each section, newest first, and all records that stand in one."""
        placed: list[tuple[Gathered, str, Said]] = []
        in_error = dict.fromkeys((section.code.code for section in self.plan.sections), 0)
        turn, language = Turn(), self.call.exchange.wishes.language
        for record in sorted(self.records.shown.values(), key=lambda one: (-one.row.time_ms, one.row.type_code, one.address)):
            if turn.is_over:
                await turn.pass_on()
            if record.is_patient or record.is_companion:
                continue
            candidate = self._candidate(record)
            code = self.plan.place(candidate)
            if code is None:
                continue
            if record.in_error:
                in_error[code] += 1
            else:
                placed.append((record, code, say(candidate.tree, candidate.follow, language, table())))
        against = await self._against([record for record, _, _ in placed])
        found: dict[str, list[tuple[Gathered, Item]]] = {code: [] for code in in_error}
        for place, (record, code, said) in enumerate(placed):
            found[code].append((record, self._item(record, said, against.get(place, frozenset()))))
        contents = [
            SectionContent(section, [item for _, item in found[code]], in_error[code], missing_of(self.completeness, section))
            for section in self.plan.sections
            for code in (section.code.code,)
        ]
        return contents, [record for section in found.values() for record, _ in section]

    async def _against(self, placed: list[Gathered]) -> Mapping[int, frozenset[Contradiction]]:
        """Who contradicts which of these, by its place."""

        def stated(record: Gathered) -> Stated:
            # References into the record itself are followed by whoever reads it.
            def follow(reference: str) -> Tree | None:
                return self.records.followed(record.holder, {}, reference)

            return Stated(record.holder, record.row, record.text, follow, [one.origin for one in record.also])

        # As writing the document: no other answer should stand still meanwhile.
        return await anyio.to_thread.run_sync(contradictions, [stated(record) for record in placed], table(), self.recorded)

    def _candidate(self, record: Gathered) -> Candidate:
        tree = record.read()
        code = record.row.category_code
        category = CATEGORY_ORDER[code] if code < len(CATEGORY_ORDER) else CareCategory.OTHER
        return Candidate(record.origin.type, category, tree, lambda reference: self.records.followed(record.holder, tree, reference))

    def _item(self, record: Gathered, said: Said, against: frozenset[Contradiction]) -> Item:
        holders = dict.fromkeys(self._title(one.holder) for one in (record, *record.also))
        language = self.call.exchange.wishes.language
        others = sorted(self._title(one.holder) + (f" ({one.about.in_language(language)})" if one.about is not None else "") for one in against)
        return Item(self._reference(record.address), record.origin.type, line(said, list(holders), others, language))

    def _title(self, holder: HolderName) -> str:
        return self.cards[holder].title

    def _parties(self) -> tuple[_Entry, _Entry, _Entry]:
        patients = [(self._reference(one.address), one.read()) for one in self.records.patients]
        subject = Subject(self.call.id_of(self.person), self.person.bsn, self.person.birth_date, patients)
        user = self.call.caller.asked_by.data_user
        return self._authored(subject.written), self._authored(author(self._id("gateway"))), self._authored(custodian(self._id("user"), user))

    def _outcomes(self, search: Search) -> list[Json]:
        """The account: that of every answer, on the sections of the dossier that feed this document."""
        lines = self.completeness.holders
        sections = [one for one in self.completeness.sections if one.section in self.plan.fed_by]
        sections = [SectionLine(one.section, one.records, tuple(line.holder.name for line in lines if one.section in line.gaps)) for one in sections]
        wishes, query_id = self.call.exchange.wishes, self.completeness.query_id.value
        written = outcomes_of(replace(self.completeness, sections=tuple(sections)), wishes.language, Before.NOTHING)
        if search.ignored:
            written.append(authored_outcome([ignored_issue(name, wishes.language, query_id) for name in search.ignored]))
        return [outcome | {"id": self._id(str(number))} for number, outcome in enumerate(written, start=1)]

    def _provenance(self, included: list[Gathered]) -> list[_Entry]:
        """Who said it, a Provenance for each holder, of what stands in the document."""
        base, entries = self.call.view.base, list[_Entry]()
        noted: dict[HolderName, HolderProvenance] = {}
        said = [(record, None) for record in included] + [(one, record.origin) for record in included for one in record.also]
        for record, fold in said:
            if record.holder not in noted:
                noted[record.holder] = HolderProvenance(self.cards[record.holder], base, self.recorded)
            full = noted[record.holder].add(record.origin, record.row.flags, fold, record.mapping)
            entries += self._named(full)
        for provenance in noted.values():
            entries += self._named(provenance.finish())
        return entries

    def _named(self, provenance: bytes | None) -> list[_Entry]:
        if provenance is None:
            return []
        logical_id, content = of_this_answer(self.call, provenance)
        return [(f"{self.call.view.base}/Provenance/{logical_id}", content)]

    def _authored(self, resource: Json) -> _Entry:
        return f"{self.call.view.base}/{resource['resourceType']}/{resource['id']}", encode(resource)

    def _id(self, name: str) -> str:
        return authored_id(self.call, name)

    def _reference(self, address: str) -> str:
        """How the Composition and the Patient refer to something: as the merged view does, and by its whole address where it stands elsewhere."""
        below = address.removeprefix(f"{self.call.view.base}/")
        return address if below.startswith("at/") else below
