"""Which path and method asks what."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import is_logical_id
from accord.terms.records import TYPE_BY_NAME
from gateway.api.fhir_calls import Call
from gateway.api.fhir_document import answer_document
from gateway.api.fhir_everything import stream_everything
from gateway.api.fhir_metadata import DEFINITIONS
from gateway.api.fhir_patient import answer_patient_read, answer_patient_search
from gateway.api.fhir_reading import answer_attachment, answer_original, answer_read, check_only
from gateway.api.fhir_search import Given, check_no_bsn, read_document, read_everything, read_search
from gateway.api.fhir_searching import answer_page
from gateway.api.fhir_values import is_bsn
from gateway.api.search_table import SEARCHABLE
from gateway.dossier.documents.kinds import PLANS


class What(StrEnum):
    """What is asked."""

    METADATA = "metadata"
    DEFINITION = "definition"
    SEARCH = "search"
    EVERYTHING = "everything"
    READ = "read"
    ORIGINAL = "original"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, of which type and id, and at which holder's base, if at one. `operation` is the kind of a document."""

    what: What
    type: str = ""
    id: str = ""
    holder: str | None = None
    operation: str = ""

    @property
    def is_metadata(self) -> bool:
        """Whether it is about this server and not about a person."""
        return self.what in (What.METADATA, What.DEFINITION)


_EVERYTHING: Final = "$everything"
_DOCUMENTS: Final = frozenset(f"${name}" for name in PLANS)


def route(method: str, segments: tuple[str, ...]) -> Asked:
    """What a path asks.

    Raises:
        BadInput: `not-found`, `method-not-allowed` (where: the methods that are taken), `bsn-in-url`.
    """
    if segments[:2] == ("fhir", "at") and len(segments) > 3:
        return replace(_route(method, segments[3:], at_holder=True), holder=segments[2])
    if segments[:1] == ("fhir",) and segments[1:2] != ("at",) and len(segments) > 1:
        return _route(method, segments[1:], at_holder=False)
    raise BadInput(Fault.NOT_FOUND)


def _route(method: str, segments: tuple[str, ...], *, at_holder: bool) -> Asked:
    match segments:
        case ("metadata",):
            return _for(method, "GET", Asked(What.METADATA))
        case ("OperationDefinition", name) if name in DEFINITIONS and not at_holder:
            return _for(method, "GET", Asked(What.DEFINITION, "OperationDefinition", name))
        case ("Patient", operation) if operation in _DOCUMENTS and not at_holder:
            # Without an id it is told whom it is about in the body: never in the URL.
            return _for(method, "POST", Asked(What.DOCUMENT, "Patient", operation=operation[1:]))
        case ("Patient", logical_id, operation) if operation in _DOCUMENTS and not at_holder:
            _check_id("Patient", logical_id, at_holder=at_holder)
            return _for(method, "GET, POST", Asked(What.DOCUMENT, "Patient", logical_id, operation=operation[1:]))
        case (kind,) if kind in TYPE_BY_NAME:
            return _for(method, "GET", Asked(What.SEARCH, kind))
        case (kind, "_search") if kind in TYPE_BY_NAME:
            return _for(method, "POST", Asked(What.SEARCH, kind))
        case ("Patient", logical_id, "$everything"):
            _check_id("Patient", logical_id, at_holder=at_holder)
            return _for(method, "GET, POST", Asked(What.EVERYTHING, "Patient", logical_id))
        case (kind, logical_id, "$original") if at_holder and kind in TYPE_BY_NAME:
            _check_id(kind, logical_id, at_holder=at_holder)
            return _for(method, "GET", Asked(What.ORIGINAL, kind, logical_id))
        case (kind, logical_id) if kind in TYPE_BY_NAME:
            _check_id(kind, logical_id, at_holder=at_holder)
            return _for(method, "GET", Asked(What.READ, kind, logical_id))
        case _:
            raise BadInput(Fault.NOT_FOUND)


def _for(method: str, methods: str, asked: Asked) -> Asked:
    allowed = methods.replace("GET", "GET, HEAD")
    if method not in methods.split(", "):
        raise BadInput(Fault.METHOD_NOT_ALLOWED, allowed)
    return asked


def _check_id(kind: str, logical_id: str, *, at_holder: bool) -> None:
    if not is_logical_id(logical_id):
        raise BadInput(Fault.NOT_FOUND)
    # In the merged view no Patient has a number for an id. At a holder's own base it may be that holder's.
    if kind == "Patient" and not at_holder and is_bsn(logical_id):
        raise BadInput(Fault.BSN_IN_URL)


async def answer(asked: Asked, call: Call) -> None:
    """Answer what is asked about a person.

    Raises:
        Faulted: It cannot be answered.
    """
    given = call.exchange.given()
    for item in given:
        check_no_bsn(item, call.rules)
    if asked.what is What.SEARCH:
        await _answer_search(asked, call, given)
    elif asked.what is What.EVERYTHING:
        await _answer_everything(asked, call, given)
    elif asked.what is What.DOCUMENT:
        await _answer_document(asked, call, given)
    elif asked.what is What.ORIGINAL:
        await answer_original(call, asked.type, asked.id, given)
    elif asked.type == "Binary":
        await answer_attachment(call, asked.id, given)
    elif asked.type == "Patient" and call.view.holder is None and "." not in asked.id:
        check_only(given, frozenset({"_format", "_pretty"}), lenient=call.rules.lenient)
        await answer_patient_read(call, await call.person_by_reference(asked.id))
    else:
        await answer_read(call, asked.type, asked.id, given)


async def _answer_search(asked: Asked, call: Call, given: Iterable[Given]) -> None:
    if asked.type not in SEARCHABLE:
        raise BadInput(Fault.NOT_FOUND)
    search = read_search(asked.type, given, call.rules)
    person = await call.person_of(search)
    if asked.type == "Patient":
        await answer_patient_search(call, person, search)
    else:
        await answer_page(call, person, search, asked.type, (("patient", call.id_of(person)),))


async def _answer_everything(asked: Asked, call: Call, given: list[Given]) -> None:
    if call.exchange.has_json_body:
        given = [*given, *parameters_of(call.exchange.body)]
    search = read_everything(given, call.rules)
    person = await call.person_by_reference(asked.id)
    if search.count is None and not search.cursor:
        await stream_everything(call, person, search)
    else:
        await answer_page(call, person, search, f"Patient/{call.id_of(person)}/{_EVERYTHING}", ())


async def _answer_document(asked: Asked, call: Call, given: list[Given]) -> None:
    if call.exchange.has_json_body:
        given = [*given, *parameters_of(call.exchange.body)]
    search = read_document(asked.operation, given, call.rules, names_a_person=bool(asked.id))
    person = await call.person_by_reference(asked.id) if asked.id else await call.person_of(search)
    await answer_document(call, person, PLANS[asked.operation], search)


def parameters_of(body: bytes) -> list[Given]:
    """The parameters of an operation, as a FHIR Parameters resource has them.

    Raises:
        BadInput: The body is not one, or has parameters in parts.
    """
    content = strict_json(body)
    if not isinstance(content, dict) or content.get("resourceType") != "Parameters":
        raise BadInput(Fault.NOT_A_RESOURCE)
    found: list[Given] = []
    listed = content.get("parameter", [])
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise BadInput(Fault.INVALID_PARAMETER)
    for item in listed:
        name, values = item.get("name"), [_plain(member, value) for member, value in item.items() if member.startswith("value")]
        if len(values) != 1 or not isinstance(values[0], str) or not isinstance(name, str):
            raise BadInput(Fault.INVALID_PARAMETER)
        found.append(Given(name, values[0], in_url=False))
    return found


def _plain(member: str, value: object) -> object:
    """A value as a URL would have it: an Identifier is its system and value."""
    if member == "valueIdentifier" and isinstance(value, dict) and isinstance(value.get("system"), str) and isinstance(value.get("value"), str):
        return f"{value['system']}|{value['value']}"
    return value
