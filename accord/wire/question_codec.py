"""Questions to messages and back, total in both directions: who asks, why, and for what.

What comes in is checked here once and then never again: an enum that is unspecified, a list that is too long, a number
that is no BSN is refused with a code.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from accord.rules.moments import PREFIXES, interval
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, QueryId, RecordRef, Ura, is_logical_id, record_ref
from accord.terms.limits import LIST_ITEMS, MOST_PROOFS, TOKEN_CHARACTERS
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import NO_EVIDENCE, DateBound, Evidence, HolderQuery, Order, Selection, SortKey, Token
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from accord.wire import checked
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2 as pb

_FULL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SALT_BYTES: Final = 32

PURPOSE_TO_WIRE: Final = {
    PurposeOfUse.TREATMENT: pb.PURPOSE_OF_USE_TREAT,
    PurposeOfUse.EMERGENCY_TREATMENT: pb.PURPOSE_OF_USE_ETREAT,
}
ORDER_TO_WIRE: Final = {Order.ARRIVAL: pb.ORDER_ARRIVAL, Order.GLOBAL: pb.ORDER_GLOBAL}

_PURPOSE_FROM_WIRE = {wire: value for value, wire in PURPOSE_TO_WIRE.items()}
_ORDER_FROM_WIRE = {wire: value for value, wire in ORDER_TO_WIRE.items()}


def purpose_from_wire(wire: "pb.PurposeOfUse.ValueType") -> PurposeOfUse:
    """The purpose of use.

    Raises:
        BadInput: `invalid-question`, when it is unspecified or unknown.
    """
    try:
        return _PURPOSE_FROM_WIRE[wire]
    except KeyError:
        raise BadInput(Fault.INVALID_QUESTION, "purpose") from None


def purpose_to_wire(purpose: PurposeOfUse) -> "pb.PurposeOfUse.ValueType":
    """The message's purpose of use."""
    return PURPOSE_TO_WIRE[purpose]


def data_user_to_wire(user: DataUser) -> pb.DataUser:
    """The message of a data user."""
    return pb.DataUser(ura=user.ura.value, name=user.name, kind=user.kind.value)


def professional_to_wire(professional: Professional) -> pb.Professional:
    """The message of a professional."""
    return pb.Professional(identifier=professional.identifier, role=professional.role, name=professional.name)


def asker_from_wire(user: pb.DataUser, professional: pb.Professional, *, treats_the_patient: bool) -> Asker:
    """Who asks.

    Raises:
        BadInput: `invalid-question`.
    """
    return Asker(
        DataUser(Ura(user.ura), checked.text(user.name, "data_user.name"), checked.word(HolderKind, user.kind, "data_user.kind")),
        Professional(
            checked.text(professional.identifier, "professional.identifier"),
            checked.text(professional.role, "professional.role"),
            checked.text(professional.name, "professional.name"),
        ),
        treats_the_patient,
    )


def selection_to_wire(selection: Selection) -> pb.Selection:
    """The message of a selection; sets become sorted lists, so that equal selections are equal messages."""
    after = selection.after
    return pb.Selection(
        types=sorted(selection.types),
        categories=sorted(category.value for category in selection.categories),
        codes=_tokens_to_wire(selection.codes),
        category_tokens=_tokens_to_wire(selection.category_tokens),
        statuses=selection.statuses,
        identifiers=_tokens_to_wire(selection.identifiers),
        ids=selection.ids,
        dates=_bounds_to_wire(selection.dates),
        updated=_bounds_to_wire(selection.updated),
        includes=selection.includes,
        order=ORDER_TO_WIRE[selection.order],
        after=None if after is None else pb.SortKey(time_ms=after.time_ms, type_code=after.type_code, content_hint=after.content_hint, id=after.id),
        after_inclusive=selection.after_inclusive,
        limit=selection.limit,
    )


def selection_from_wire(wire: pb.Selection) -> Selection:
    """The selection.

    Raises:
        BadInput: `invalid-question`, naming the field.
    """
    after = wire.after if wire.HasField("after") else None
    if wire.order not in _ORDER_FROM_WIRE:
        raise BadInput(Fault.INVALID_QUESTION, "selection.order")
    if after is not None and not is_logical_id(after.id):
        raise BadInput(Fault.INVALID_QUESTION, "selection.after")
    return Selection(
        types=frozenset(checked.texts(wire.types, "selection.types")),
        categories=frozenset(checked.word(CareCategory, text, "selection.categories") for text in checked.texts(wire.categories, "selection.categories")),
        codes=_tokens_from_wire(wire.codes, "selection.codes"),
        category_tokens=_tokens_from_wire(wire.category_tokens, "selection.category_tokens"),
        statuses=checked.texts(wire.statuses, "selection.statuses"),
        identifiers=_tokens_from_wire(wire.identifiers, "selection.identifiers"),
        ids=checked.texts(wire.ids, "selection.ids"),
        dates=_bounds_from_wire(wire.dates, "selection.dates"),
        updated=_bounds_from_wire(wire.updated, "selection.updated"),
        includes=checked.texts(wire.includes, "selection.includes"),
        order=_ORDER_FROM_WIRE[wire.order],
        after=None if after is None else SortKey(after.time_ms, after.type_code, after.content_hint, after.id),
        after_inclusive=wire.after_inclusive,
        limit=wire.limit,
    )


def holder_query_to_wire(query: HolderQuery) -> holder_pb.HolderQuery:
    """The message of a question as put to one holder."""
    message = holder_pb.HolderQuery(
        query_id=query.id.value,
        holder_ura=query.holder.value,
        birth_date="" if query.birth_date is None else query.birth_date.isoformat(),
        data_user=data_user_to_wire(query.asked_by.data_user),
        professional=professional_to_wire(query.asked_by.professional),
        treats_the_patient=query.asked_by.treats_the_patient,
        purpose=PURPOSE_TO_WIRE[query.purpose],
        selection=selection_to_wire(query.selection),
    )
    if isinstance(query.about, Bsn):
        message.bsn = query.about.value
    else:
        message.record = str(query.about)
    return message


def evidence_to_wire(evidence: Evidence) -> pb.Evidence:
    """The message of the evidence of a question."""
    return pb.Evidence(mandate=evidence.mandate, proofs=evidence.proofs, salt=evidence.salt)


def evidence_from_wire(wire: pb.Evidence) -> Evidence:
    """The evidence, unread: whoever verifies it says what is wrong with it.

    Raises:
        BadInput: `token-invalid`, when it is longer than any that is sound.
    """
    proofs = tuple(wire.proofs)
    if max(map(len, (wire.mandate, *proofs))) > TOKEN_CHARACTERS or len(proofs) > MOST_PROOFS or len(wire.salt) > _SALT_BYTES:
        raise BadInput(Fault.TOKEN_INVALID)
    return Evidence(wire.mandate, proofs, wire.salt)


def holder_query_from_wire(wire: holder_pb.HolderQuery, evidence: pb.Evidence | None = None) -> HolderQuery:
    """The question, with the evidence that came beside it.

    Raises:
        BadInput: `invalid-question`, `invalid-bsn` or `invalid-id`, naming the field; `token-invalid`.
    """
    match wire.WhichOneof("about"):
        case "bsn":
            return _holder_query(wire, Bsn(wire.bsn), evidence)
        case "record":
            return _holder_query(wire, record_ref(checked.text(wire.record, "record")), evidence)
        case _:
            raise BadInput(Fault.NO_PATIENT)


def _holder_query(wire: holder_pb.HolderQuery, about: Bsn | RecordRef, evidence: pb.Evidence | None) -> HolderQuery:
    return HolderQuery(
        QueryId(wire.query_id),
        Ura(wire.holder_ura),
        about,
        birth_date_from_wire(wire.birth_date),
        asker_from_wire(wire.data_user, wire.professional, treats_the_patient=wire.treats_the_patient),
        purpose_from_wire(wire.purpose),
        selection_from_wire(wire.selection),
        NO_EVIDENCE if evidence is None else evidence_from_wire(evidence),
    )


def birth_date_from_wire(text: str) -> date | None:
    """A full date, or none for an empty text.

    Raises:
        BadInput: `invalid-question`.
    """
    if not text:
        return None
    try:
        # `fromisoformat` alone takes a week date, too.
        if not _FULL_DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION, "birth_date") from None


def _tokens_to_wire(tokens: Iterable[Token]) -> list[pb.Token]:
    return [pb.Token(system=token.system, code=token.code) for token in tokens]


def _tokens_from_wire(wire: Iterable[pb.Token], where: str) -> tuple[Token, ...]:
    tokens = tuple(wire)
    if len(tokens) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    return tuple(Token(checked.text(token.system, where), checked.text(token.code, where)) for token in tokens)


def _bounds_to_wire(bounds: Iterable[DateBound]) -> list[pb.DateBound]:
    return [pb.DateBound(prefix=bound.prefix, value=bound.value) for bound in bounds]


def _bounds_from_wire(wire: Iterable[pb.DateBound], where: str) -> tuple[DateBound, ...]:
    bounds = tuple(wire)
    if len(bounds) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, where)
    for bound in bounds:
        if bound.prefix not in PREFIXES:
            raise BadInput(Fault.INVALID_QUESTION, where)
        try:
            interval(bound.value)
        except BadInput:
            raise BadInput(Fault.INVALID_QUESTION, where) from None
    return tuple(DateBound(bound.prefix, bound.value) for bound in bounds)
