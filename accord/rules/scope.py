"""Does a record fall inside what was asked?

The same function runs at the holder, which sends what falls inside, and at the gateway, which believes nobody.
Sources search in their own ways, so neither relies on a source's own filtering.
"""

from accord.rules.moments import falls_within, interval
from accord.rules.reading import Concept, Record, codings, concepts, moment_interval, plain_codes
from accord.terms.faults import BadInput
from accord.terms.queries import Selection, Token
from accord.terms.records import ResourceType
from accord.terms.vocabulary import CareCategory


def wants_type(selection: Selection, name: str) -> bool:
    """Whether records of this type are asked for."""
    return not selection.types or name in selection.types


def wants_category(selection: Selection, category: CareCategory) -> bool:
    """Whether records of this category are asked for."""
    return not selection.categories or category in selection.categories


def falls_inside(selection: Selection, record: Record, kind: ResourceType, category: CareCategory) -> bool:
    """Whether a record meets every condition of the selection (order, cursor and limit apart)."""
    if not wants_type(selection, kind.name) or not wants_category(selection, category):
        return False
    if not selection.looks_inside:
        return True
    return (
        (not selection.ids or record.id in selection.ids)
        and _has_status(selection, record)
        and _has_identifier(selection.identifiers, record)
        and _has_code(selection.codes, record, kind.coded)
        and _has_code(selection.category_tokens, record, "category")
        and _has_moment(selection, record, kind)
        and _was_updated(selection, record)
    )


def _has_status(selection: Selection, record: Record) -> bool:
    if not selection.statuses:
        return True
    found = {record.status}
    for status in (record.clinicalStatus, record.verificationStatus):
        found |= {c.code for c in status.coding} if isinstance(status, Concept) else {status}
    return not found.isdisjoint(selection.statuses)


def _has_identifier(wanted: tuple[Token, ...], record: Record) -> bool:
    return not wanted or any(_matches(token, i.system, i.value) for token in wanted for i in record.identifiers)


def _has_code(wanted: tuple[Token, ...], record: Record, member: str) -> bool:
    if not wanted:
        return True
    raw = getattr(record, member, None)
    if raw is None:
        return False
    found = list(codings(raw))
    if not found:
        # AllergyIntolerance.category is a list of plain codes, MolecularSequence.type is one.
        plain = plain_codes(raw)
        if plain:
            return any(not token.system and token.code in ("", *plain) for token in wanted)
    return any(_matches(token, coding.system, coding.code) for token in wanted for coding in found) or (
        any(not token.system and token.code and concept.text == token.code for token in wanted for concept in concepts(raw))
    )


def _matches(token: Token, system: str, code: str) -> bool:
    return token.system in ("", system) and token.code in ("", code)


def _has_moment(selection: Selection, record: Record, kind: ResourceType) -> bool:
    if not selection.dates:
        return True
    moment = moment_interval(record, kind)
    return moment is not None and falls_within(*moment, selection.dates)


def _was_updated(selection: Selection, record: Record) -> bool:
    if not selection.updated:
        return True
    if record.meta is None or not record.meta.last_updated:
        return False
    try:
        begin, end = interval(record.meta.last_updated)
    except BadInput:
        return False
    return falls_within(begin, end, selection.updated)
