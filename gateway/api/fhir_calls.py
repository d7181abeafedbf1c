"""One request to the FHIR face with everything that answering it takes; and whom it is about."""

import time
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from accord.rules.reading import bsns_of, read_record
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef
from accord.terms.queries import DossierQuery, Selection
from accord.terms.vocabulary import PurposeOfUse
from gateway.api.fhir_search import Rules, Search
from gateway.api.fhir_values import is_bsn
from gateway.api.fhir_views import View
from gateway.api.http_door import Door
from gateway.api.http_exchange import Exchange
from gateway.api.http_settings import HttpSettings
from gateway.cursor import Cursors
from gateway.dossier.splicing import parse_union_id
from gateway.merging import pieces
from gateway.patient_ids import PatientIds, Person
from gateway.reading import Reader

_PURPOSE_HEADER: Final = "noaber-purpose"


@dataclass(frozen=True, slots=True)
class Call:
    """A request, the base it was sent to, and the parts of the gateway that answer it."""

    door: Door
    settings: HttpSettings
    ids: PatientIds
    cursors: Cursors
    exchange: Exchange
    view: View
    reader: Reader

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
        return DossierQuery(self.reader.id, person.bsn, person.birth_date, self.reader.asked_by, self.reader.purpose, selection, chosen, self.settings.seconds)

    def id_of(self, person: Person) -> str:
        """The person's opaque id for this data user."""
        return self.ids.make(person, self.reader.asked_by.data_user.ura)

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
            return self.ids.read(logical_id, self.reader.asked_by.data_user.ura)
        if holder == self.view.holder:
            try:
                return self.ids.read(logical_id, self.reader.asked_by.data_user.ura)
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
        """Ask the holder whose record this is: its own Patient record says so."""
        try:
            arrived = await self.door.read(holder, RecordRef("Patient", logical_id), self.reader)
        except (BadInput, Unavailable) as failure:
            if isinstance(failure, BadInput) or failure.fault is Fault.NOT_FOUND:
                raise BadInput(Fault.UNKNOWN_PATIENT_ID) from None
            raise
        for piece in pieces(holder, arrived.batch):
            if piece.type == "Patient" and piece.id == logical_id:
                bsns = bsns_of(read_record(piece.text))
                if len(bsns) == 1:
                    return Person(Bsn(bsns.pop()), None)
        raise BadInput(Fault.UNKNOWN_PATIENT_ID)


def reader_of(exchange: Exchange, settings: HttpSettings) -> Reader:
    """Who reads, and why.

    Raises:
        BadInput: `emergency-not-offered`, or `invalid-parameter` for a purpose that nobody knows.
    """
    purpose = exchange.headers.get(_PURPOSE_HEADER, PurposeOfUse.TREATMENT.value)
    if purpose == PurposeOfUse.EMERGENCY_TREATMENT.value:
        raise BadInput(Fault.EMERGENCY_NOT_OFFERED)
    if purpose != PurposeOfUse.TREATMENT.value:
        raise BadInput(Fault.INVALID_PARAMETER, _PURPOSE_HEADER)
    return Reader(QueryId(uuid4().hex), settings.asked_by, PurposeOfUse.TREATMENT, settings.seconds)


def now_s() -> float:
    """Seconds since 1970."""
    return time.time()
