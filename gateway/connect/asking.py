"""What a FHIR request asks, read as the gateway reads it: the question that is proven is the question that will be put.

The gateway is believed in nothing, so it cannot be asked what it is about to ask. Its parser is used here instead, on
this side of the wire; a test holds both against each other for every kind of request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, HolderName, RecordRef, record_ref
from accord.terms.queries import EVERYTHING, ORIGINAL, Selection
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import PurposeOfUse
from gateway.api.fhir_routes import Asked as Route
from gateway.api.fhir_routes import What, parameters_of, route
from gateway.api.fhir_search import Given, Rules, Search, check_no_bsn, read_document, read_everything, read_search
from gateway.api.fhir_values import is_bsn
from gateway.api.http_exchange import Exchange
from gateway.dossier.documents.kinds import PLANS
from gateway.dossier.splicing import parse_union_id

_LANGUAGE: Final = "nl"
_A_PERSONS_PATIENT: Final = Selection(types=frozenset({"Patient"}), includes=())


@dataclass(frozen=True, slots=True)
class Request:
    """A request as an application sent it; the body holds a BSN where one is known. `headers` are in lower case."""

    method: str
    path: str = field(repr=False)
    query: bytes = field(default=b"", repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a request asks, and about whom: a BSN, the gateway's opaque id, or (none of both) a record that does not say.

    `asked` has one entry per question that holders will be put; none where the request is not about a person.
    """

    asked: tuple[Asked, ...]
    bsn: Bsn | None = field(default=None, repr=False)
    patient_id: str = field(default="", repr=False)

    @property
    def is_about_a_person(self) -> bool:
        """Whether a mandate is needed at all."""
        return bool(self.asked)


NOT_ABOUT_A_PERSON: Final = Understood(())


def questions_of(
    request: Request,
    *,
    base: str,
    purpose: PurposeOfUse = PurposeOfUse.TREATMENT,
    knows: Callable[[str], bool] = lambda _: False,
) -> tuple[Asked, ...]:
    """The questions that the gateway will put for a request, each to be proven. See `understand`."""
    return understand(request, base=base, purpose=purpose, knows=knows).asked


def understand(request: Request, *, base: str, purpose: PurposeOfUse, knows: Callable[[str], bool]) -> Understood:
    """Read a request to the FHIR base *base* (with `/fhir` at its end). *knows* tells the opaque ids that were seen.

    Raises:
        BadInput: What the gateway would say of it: `not-found`, `bsn-in-url`, `unknown-parameter` …
    """
    if request.path in ("/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"):
        return NOT_ABOUT_A_PERSON
    exchange = _exchange(request)
    asked = route(exchange.method, exchange.segments)
    if asked.is_metadata:
        return NOT_ABOUT_A_PERSON
    rules = Rules(exchange.wishes.lenient)
    given = exchange.given()
    for item in given:
        check_no_bsn(item, rules)
    holder = None if asked.holder is None else HolderName(asked.holder)
    reading = _Reading(base, holder, purpose, knows)
    match asked.what:
        case What.SEARCH:
            return reading.search(asked.type, read_search(asked.type, given, rules))
        case What.EVERYTHING:
            given += parameters_of(exchange.body) if exchange.has_json_body else []
            return reading.everything(asked.id, read_everything(given, rules))
        case What.DOCUMENT:
            given += parameters_of(exchange.body) if exchange.has_json_body else []
            return reading.document(asked, read_document(asked.operation, given, rules, names_a_person=bool(asked.id)))
        case _:
            return reading.read(asked, given, request.headers.get("noaber-record", ""))


def headers_once(exchange: Exchange) -> dict[str, str]:
    """The headers. One that says who asks, or about whom, can be read in two ways when it stands twice.

    Raises:
        BadInput: `invalid-parameter` with its name.
    """
    names = [name for name in exchange.headers if name.startswith("noaber-") or name == "authorization"]
    for name in set(names):
        if names.count(name) > 1:
            raise BadInput(Fault.INVALID_PARAMETER, name)
    return dict(exchange.headers)


def _exchange(request: Request) -> Exchange:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
    scope = {"type": "http", "method": request.method, "path": request.path, "query_string": request.query, "headers": headers}
    exchange = Exchange.of(scope, _nothing, _nothing, _LANGUAGE, write_seconds=1)
    exchange.body = request.body
    return exchange


async def _nothing(*_: Any) -> Any:
    """Nothing is received or sent here."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One request, looked at from one base."""

    base: str
    holder: HolderName | None
    purpose: PurposeOfUse
    knows: Callable[[str], bool]

    def search(self, kind: str, search: Search) -> Understood:
        """A search: one question in pages, and one more where the person is told by a holder's own record."""
        asked, holders = _by_ids(search, self.holder)
        question = self._asked(_A_PERSONS_PATIENT if kind == "Patient" else asked, holders)
        if isinstance(search.person, Bsn):
            return Understood((question,), bsn=search.person)
        return self._about(search.person or "", question)

    def everything(self, reference: str, search: Search) -> Understood:
        """`$everything`: in the order of arrival or in pages, which is the same question."""
        return self._about(reference, self._asked(search.selection))

    def document(self, asked: Route, search: Search) -> Understood:
        """A document of one kind, about a person by id or by number."""
        question = self._asked(PLANS[asked.operation].selection)
        if isinstance(search.person, Bsn):
            return Understood((question,), bsn=search.person)
        return self._about(asked.id, question)

    def read(self, asked: Route, given: list[Given], header: str) -> Understood:
        """One record, or one attachment."""
        if asked.type == "Patient" and self.holder is None and "." not in asked.id:
            return self._about(asked.id, self._asked(_A_PERSONS_PATIENT))
        if asked.what is What.ORIGINAL:
            original, own_id = self._stands_at(asked.id)
            return Understood((Asked(self.purpose, EVERYTHING, frozenset({original}), ORIGINAL, str(RecordRef(asked.type, own_id))),))
        if asked.type != "Binary":
            return Understood((self._record(*self._stands_at(asked.id), asked.type),))
        referrer = next((item.value for item in given if item.name == "record"), header)
        if not referrer:
            raise BadInput(Fault.NOT_FOUND, "record")
        holder, own_id = self._stands_at(asked.id)
        ref = record_ref(referrer)
        referring_holder, referring_id = self._stands_at(ref.id)
        if referring_holder != holder:
            raise BadInput(Fault.NOT_FOUND, "record")
        record = RecordRef(ref.type, referring_id)
        return Understood((Asked(self.purpose, EVERYTHING, frozenset({holder}), f"Binary/{own_id}", str(record)),))

    def _about(self, reference: str, question: Asked) -> Understood:
        """Whom a reference stands for, as the gateway's `Call` finds it out."""
        holder, logical_id = self._patient_at(reference)
        if holder is None or (holder == self.holder and self.knows(logical_id)):
            return Understood((question,), patient_id=logical_id)
        return Understood((question, self._record(holder, logical_id, "Patient")))

    def _patient_at(self, reference: str) -> tuple[HolderName | None, str]:
        text, holder = reference, self.holder
        if text.startswith(f"{self.base}/at/"):
            name, _, text = text.removeprefix(f"{self.base}/at/").partition("/")
            holder = HolderName(name)
        elif text.startswith(f"{self.base}/"):
            text, holder = text.removeprefix(f"{self.base}/"), None
        text = text.removeprefix("Patient/")
        if is_bsn(text) and holder is None:
            raise BadInput(Fault.BSN_IN_URL)
        if holder is None and "." in text:
            try:
                return parse_union_id(text)
            except BadInput:
                raise BadInput(Fault.UNKNOWN_PATIENT_ID) from None
        return holder, text

    def _record(self, holder: HolderName, logical_id: str, kind: str) -> Asked:
        if kind not in TYPE_BY_NAME:
            raise BadInput(Fault.NOT_FOUND)
        ref = RecordRef(kind, logical_id)
        return Asked(self.purpose, Selection(types=frozenset({ref.type}), ids=(ref.id,), includes=()), frozenset({holder}))

    def _stands_at(self, logical_id: str) -> tuple[HolderName, str]:
        return parse_union_id(logical_id) if self.holder is None else (self.holder, logical_id)

    def _asked(self, selection: Selection, holders: frozenset[HolderName] = frozenset()) -> Asked:
        chosen = holders or (frozenset() if self.holder is None else frozenset({self.holder}))
        return Asked(self.purpose, selection, chosen)


def _by_ids(search: Search, holder: HolderName | None) -> tuple[Selection, frozenset[HolderName]]:
    """The selection with `_id` in the holders' own ids; in the merged view an id names its holder."""
    if not search.ids:
        return search.selection, frozenset()
    if holder is not None:
        ids, holders = frozenset(search.ids), frozenset[HolderName]()
    else:
        try:
            wanted = [parse_union_id(text) for text in search.ids]
        except BadInput:
            raise BadInput(Fault.INVALID_PARAMETER, "_id") from None
        ids, holders = frozenset(logical_id for _, logical_id in wanted), frozenset(name for name, _ in wanted)
    return replace(search.selection, ids=tuple(sorted(ids))), holders
