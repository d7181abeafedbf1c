"""One request to the FHIR face with everything that answering it takes; and whom it is about."""

import time
from dataclasses import dataclass, replace
from uuid import uuid4

from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef
from accord.terms.queries import EVERYTHING, DossierQuery, Selection
from gateway.api.fhir_held import Room
from gateway.api.fhir_search import Rules, Search
from gateway.api.fhir_values import is_bsn
from gateway.api.fhir_views import View
from gateway.api.http_door import Door
from gateway.api.http_exchange import Exchange
from gateway.api.http_settings import HttpSettings
from gateway.callers import Caller
from gateway.cursor import Cursors
from gateway.dossier.splicing import parse_union_id
from gateway.merging import pieces
from gateway.patient_ids import PatientIds, Person
from gateway.reading import Reader, selection_of


@dataclass(frozen=True, slots=True)
class Call:
    """A request, the base it was sent to, and the parts of the gateway that answer it."""

    door: Door
    settings: HttpSettings
    ids: PatientIds
    cursors: Cursors
    exchange: Exchange
    view: View
    caller: Caller
    id: QueryId
    room: Room

    @property
    def rules(self) -> Rules:
        """How its parameters are read."""
        return Rules(self.exchange.wishes.lenient, self.settings.allow_bsn_in_url, self.settings.most_count)

    @property
    def refuses_partial(self) -> bool:
        """Whether it must get an error instead of a part."""
        wishes = self.exchange.wishes
        return wishes.refuse_partial or (self.settings.strict_clients and not wishes.show_partial)

    def query(self, person: Person, selection: Selection, holders: frozenset[HolderName] = frozenset()) -> DossierQuery:
        """The question about a person."""
        chosen = holders or (frozenset() if self.view.holder is None else frozenset({self.view.holder}))
        caller = self.caller
        selection = caller.narrowed(selection)
        evidence = caller.evidence_for(person.bsn, Asked(caller.purpose, selection, chosen))
        return DossierQuery(
            self.id, person.bsn, person.birth_date, caller.asked_by, caller.purpose, selection, chosen, self.settings.seconds, evidence=evidence
        )

    def reader(self, person: Person, holder: HolderName, ref: RecordRef, *, attachment: str = "") -> Reader:
        """Who reads one record of a person at one holder, or the attachment that it points to."""
        caller = self.caller
        narrowed = caller.narrowed(selection_of(ref))
        if attachment and narrowed != selection_of(ref):
            # What a record points to is decided on the record alone: a scope that covers only some records does not open it.
            raise BadInput(Fault.QUESTION_WIDENED, "scope")
        asked = Asked(caller.purpose, EVERYTHING if attachment else narrowed, frozenset({holder}), attachment, str(ref) if attachment else "")
        return Reader(self.id, person.bsn, caller.asked_by, caller.purpose, self.settings.seconds, asked.selection, caller.evidence_for(person.bsn, asked))

    def id_of(self, person: Person) -> str:
        """The person's opaque id for this data user."""
        return self.ids.make(person, self.caller.asked_by.data_user.ura)

    @property
    def person(self) -> Person:
        """Whom a request is about that names no patient in what it asks: whoever the caller says.

        Raises:
            BadInput: `no-patient`, `unknown-patient-id`.
        """
        if not self.caller.patient:
            raise BadInput(Fault.NO_PATIENT, "noaber-patient")
        return self.ids.read(self.caller.patient, self.caller.asked_by.data_user.ura)

    async def person_of(self, search: Search) -> Person:
        """Whom a search is about.

        Raises:
            BadInput: `no-patient`, or `unknown-patient-id`.
            Unavailable: The holder whose own Patient id was given could not be asked.
        """
        if isinstance(search.person, Bsn):
            return Person(search.person, search.birth_date)
        if search.person is None:
            raise BadInput(Fault.NO_PATIENT)
        return await self.person_by_reference(search.person)

    async def person_by_reference(self, reference: str) -> Person:
        """Whom a reference stands for: an opaque id, or a holder's own Patient as this base or its own writes it.

        Raises:
            BadInput: `unknown-patient-id`, or `bsn-in-url` for a bare BSN.
            Unavailable: The holder could not be asked.
        """
        holder, logical_id = self._patient_at(reference)
        if holder is None:
            return self.ids.read(logical_id, self.caller.asked_by.data_user.ura)
        if holder == self.view.holder:
            try:
                return self.ids.read(logical_id, self.caller.asked_by.data_user.ura)
            except BadInput:
                pass
        return await self._person_at(holder, logical_id)

    def _patient_at(self, reference: str) -> tuple[HolderName | None, str]:
        base = self.view.base
        text, holder = reference, self.view.holder
        if text.startswith(f"{base}/at/"):
            name, _, text = text.removeprefix(f"{base}/at/").partition("/")
            holder = HolderName(name)
        elif text.startswith(f"{base}/"):
            text, holder = text.removeprefix(f"{base}/"), None
        text = text.removeprefix("Patient/")
        if is_bsn(text) and holder is None:
            raise BadInput(Fault.BSN_IN_URL)
        if holder is None and "." in text:
            try:
                return parse_union_id(text)
            except BadInput:
                raise BadInput(Fault.UNKNOWN_PATIENT_ID) from None
        return holder, text

    async def _person_at(self, holder: HolderName, logical_id: str) -> Person:
        """The caller's patient, if the holder says that this record is theirs."""
        try:
            ref, person = RecordRef("Patient", logical_id), self.person
            arrived = await self.door.read(holder, ref, self.reader(person, holder, ref))
        except (BadInput, Unavailable) as failure:
            if failure.fault in (Fault.NOT_FOUND, Fault.NO_PATIENT):
                raise BadInput(Fault.UNKNOWN_PATIENT_ID) from None
            raise
        if any(piece.type == "Patient" and piece.id == logical_id for piece in pieces(holder, arrived.batch)):
            return replace(person, birth_date=None)
        raise BadInput(Fault.UNKNOWN_PATIENT_ID)


def new_query_id() -> QueryId:
    """An id for one request."""
    return QueryId(uuid4().hex)


def now_s() -> float:
    """Seconds since 1970."""
    return time.time()
