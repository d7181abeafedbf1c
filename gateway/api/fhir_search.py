"""From the parameters of a request to a question: read once here, and never checked again.

Whatever cannot be honoured is refused, never ignored, because a filter that is silently dropped shows too much and
one that is silently added shows too little. With `Prefer: handling=lenient` unknown parameters are left out, and the
answer says so.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from accord.rules.reading import BSN_SYSTEMS
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.queries import EVERYTHING as NO_CONDITION
from accord.terms.queries import DateBound, Selection
from accord.terms.records import TYPE_BY_NAME
from gateway.api.fhir_values import bound_in, bsn_in, codes_in, count_in, day_in, identifiers_in, is_bsn, tokens_in, values_in
from gateway.api.search_table import DOCUMENTS, EVERYTHING, PATIENT_RECORD, PERSON_PARAMETERS, SEARCHABLE, Aim, Parameter, includes_of

_SAFE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_.:-]{0,39}")
_LONGEST_VALUE: Final = 16 * FIELD_CHARACTERS


@dataclass(frozen=True, slots=True)
class Given:
    """One parameter as it was given."""

    name: str
    value: str
    in_url: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How to read: whether unknown parameters may be left out, a BSN may stand in a URL, and the bounds of a page."""

    lenient: bool = False
    allow_bsn_in_url: bool = False
    most_count: int = 1000


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked, read.

    `person` is a reference as it was given, or a BSN. `ids` are logical ids as this base writes them. `applied`
    are the conditions that count, in the order of the request, without those that say who it is about; `ignored`
    the names of those that were left out. `names_types`: `$everything` with `_type`.
    """

    person: str | Bsn | None = None
    birth_date: date | None = None
    selection: Selection = NO_CONDITION
    ids: tuple[str, ...] = ()
    with_patients: bool = False
    names_types: bool = False
    count: int | None = None
    cursor: str = ""
    applied: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = field(default=())


def read_search(type_name: str, given: Iterable[Given], rules: Rules) -> Search:
    """Read a search on one type.

    Raises:
        BadInput: `not-found` for a type that cannot be searched; `unknown-parameter`, `invalid-parameter`,
            `bsn-in-url`, `several-patients` or `no-patient`, with the name of the parameter.
    """
    if type_name not in SEARCHABLE:
        raise BadInput(Fault.NOT_FOUND)
    search = _read(SEARCHABLE[type_name], given, rules, type_name)
    if search.person is None:
        raise BadInput(Fault.NO_PATIENT)
    selection = replace(search.selection, types=frozenset({type_name}))
    return replace(search, selection=selection)


def read_everything(given: Iterable[Given], rules: Rules) -> Search:
    """Read the parameters of `$everything`.

    Raises:
        BadInput: As `read_search`.
    """
    return _read(EVERYTHING, given, rules, "")


def read_document(name: str, given: Iterable[Given], rules: Rules, *, names_a_person: bool) -> Search:
    """Read the parameters of an operation that answers with a document. *names_a_person*: its path does already.

    Raises:
        BadInput: As `read_search`.
    """
    known = {} if names_a_person else {parameter.name: parameter for parameter in PERSON_PARAMETERS}
    search = _read(DOCUMENTS[name] | known, given, rules, "")
    if search.person is None and not names_a_person:
        raise BadInput(Fault.NO_PATIENT, "identifier")
    return search


def _read(table: Mapping[str, Parameter], given: Iterable[Given], rules: Rules, type_name: str) -> Search:
    search = Search(selection=Selection(includes=() if type_name else ("*",)))
    seen: set[str] = set()
    for item in given:
        parameter = table.get(item.name)
        if parameter is None:
            if not rules.lenient:
                raise BadInput(Fault.UNKNOWN_PARAMETER, shown_name(item.name))
            search = replace(search, ignored=(*search.ignored, shown_name(item.name)))
            continue
        if not item.value or len(item.value) > _LONGEST_VALUE:
            raise BadInput(Fault.INVALID_PARAMETER, parameter.name)
        if parameter.only_in_body and item.in_url and not rules.allow_bsn_in_url:
            raise BadInput(Fault.BSN_IN_URL, parameter.name)
        if parameter.name in seen and parameter.aim not in _REPEATABLE:
            # Repeating means "and", which one list of conditions cannot say.
            raise BadInput(Fault.SEVERAL_PATIENTS if parameter.aim is Aim.PERSON else Fault.INVALID_PARAMETER, parameter.name)
        seen.add(parameter.name)
        search = _apply(search, parameter, item.value, rules, type_name)
    return search


_REPEATABLE: Final = frozenset({Aim.DATE, Aim.UPDATED, Aim.INCLUDE})
_NOT_SHOWN: Final = frozenset({Aim.PERSON, Aim.BIRTH_DATE, Aim.CURSOR, Aim.FORMAT, Aim.PRETTY})


def check_no_bsn(item: Given, rules: Rules) -> None:
    """Refuse a BSN in a URL: after its system, or bare where a patient or an identifier is expected.

    Raises:
        BadInput: `bsn-in-url`.
    """
    if not item.in_url or rules.allow_bsn_in_url:
        return
    value = item.value.strip().removeprefix("Patient/")
    names_a_person = item.name.split(":")[0] in ("patient", "subject", "identifier", "patient.identifier", "subject.identifier")
    if any(f"{system}|" in item.value for system in BSN_SYSTEMS) or (names_a_person and is_bsn(value.rpartition("|")[2])):
        raise BadInput(Fault.BSN_IN_URL, shown_name(item.name))


def shown_name(name: str) -> str:
    """A parameter's name as it may be repeated to the sender: nothing that could be content."""
    return name if _SAFE_NAME.fullmatch(name) else "parameter"


def _apply(search: Search, parameter: Parameter, value: str, rules: Rules, type_name: str) -> Search:
    name, aim = parameter.name, parameter.aim
    if aim is Aim.COUNT:
        # What really counts, and not what was asked for, stands in the links.
        value = str(count_in(name, value, rules.most_count))
    if aim not in _NOT_SHOWN:
        search = replace(search, applied=(*search.applied, (name, value)))
    if aim in _CONDITIONS:
        return replace(search, selection=_CONDITIONS[aim](search.selection, parameter, value))
    match aim:
        case Aim.PERSON:
            return replace(search, person=_person(search, name, value))
        case Aim.BIRTH_DATE:
            return replace(search, birth_date=day_in(name, value))
        case Aim.INCLUDE:
            return _with_include(search, value, type_name)
        case Aim.TYPES:
            return replace(search, names_types=True, selection=_with_types(search.selection, name, value))
        case Aim.ID:
            return replace(search, ids=values_in(name, value))
        case Aim.COUNT:
            return replace(search, count=int(value))
        case Aim.CURSOR:
            return replace(search, cursor=value)
        case _:
            return search


def _nothing_else(selection: Selection, parameter: Parameter, value: str) -> Selection:
    if value not in parameter.codes:
        raise BadInput(Fault.INVALID_PARAMETER, parameter.name)
    return selection


#: What narrows the records down, each by its own condition.
_CONDITIONS: Final[dict[Aim, Callable[[Selection, Parameter, str], Selection]]] = {
    Aim.CODE: lambda selection, parameter, value: replace(selection, codes=tokens_in(parameter.name, value)),
    Aim.CATEGORY: lambda selection, parameter, value: replace(selection, category_tokens=tokens_in(parameter.name, value)),
    Aim.IDENTIFIER: lambda selection, parameter, value: replace(selection, identifiers=identifiers_in(parameter.name, value)),
    Aim.STATUS: lambda selection, parameter, value: replace(selection, statuses=codes_in(parameter.name, value, parameter.codes)),
    Aim.DATE: lambda selection, parameter, value: replace(selection, dates=(*selection.dates, bound_in(parameter.name, value))),
    Aim.UPDATED: lambda selection, parameter, value: replace(selection, updated=(*selection.updated, bound_in(parameter.name, value))),
    Aim.SINCE: lambda selection, parameter, value: replace(selection, updated=(DateBound("ge", bound_in(parameter.name, value).value),)),
    Aim.SORT: _nothing_else,
    Aim.PROFILE: _nothing_else,
}


def _person(search: Search, name: str, value: str) -> str | Bsn:
    if search.person is not None or "," in value:
        raise BadInput(Fault.SEVERAL_PATIENTS, name)
    return bsn_in(name, value) if name.endswith("identifier") else value


def _with_include(search: Search, value: str, type_name: str) -> Search:
    selection = search.selection
    if value == "*":
        return replace(search, with_patients=True, selection=replace(selection, includes=("*",)))
    element = includes_of(type_name).get(value)
    if element is None:
        raise BadInput(Fault.INVALID_PARAMETER, "_include")
    if element == PATIENT_RECORD:
        return replace(search, with_patients=True)
    if selection.includes == ("*",):
        return search
    return replace(search, selection=replace(selection, includes=(*selection.includes, value)))


def _with_types(selection: Selection, name: str, value: str) -> Selection:
    types = frozenset(values_in(name, value))
    if not types <= TYPE_BY_NAME.keys():
        raise BadInput(Fault.INVALID_PARAMETER, name)
    companions = any(TYPE_BY_NAME[kind].is_companion for kind in types)
    return replace(selection, types=types, includes=("*",) if companions else ())
