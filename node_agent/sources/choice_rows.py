"""A choice as a row of the store, and back: what cannot be read for certain is no choice but doubt."""

import json
from datetime import datetime
from typing import Any, Final

from accord.rules.choices import Choice, Meaning, ProfessionalNumber, RoleCode
from accord.rules.strictness import Number, strict_json
from accord.terms.identifiers import Ura, record_ref
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

COLUMNS: Final = "permits, kind, ura, category, purpose, record, begins, ends, more"
Row = tuple[int, str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None]
_MORE: Final = frozenset(
    {"categories", "professional", "role", "holder", "holder_kind", "types", "labels", "codes", "period", "meaning", "doubtful", "source", "place", "within"}
)
_OWN: Final = ("permits", "kind", "ura", "category", "purpose", "record", "begins", "ends")


def row_of(choice: Choice) -> Row:
    """The row that keeps a choice: plain members in columns, the others together as JSON."""
    more = _more(choice)
    return (
        choice.permits,
        choice.user.value if isinstance(choice.user, HolderKind) else None,
        choice.user.value if isinstance(choice.user, Ura) else None,
        choice.category.value if isinstance(choice.category, CareCategory) else None,
        choice.purpose.value if choice.purpose else None,
        str(choice.record) if choice.record else None,
        choice.begins.isoformat() if choice.begins else None,
        choice.ends.isoformat() if choice.ends else None,
        json.dumps(more, ensure_ascii=True, sort_keys=True) if more else None,
    )


def choice_of(row: Row, number: int = 0) -> Choice:
    """The choice that a row keeps.

    Raises:
        ValueError: It is not one that was kept like this (`BadInput` where a member is wrong).
        TypeError: The same.
    """
    *plain, more = row
    return _choice(dict(zip(_OWN, plain, strict=True)), _read(more), number)


def _more(choice: Choice) -> dict[str, Any]:
    who, holder = choice.professional, choice.holder
    found: dict[str, Any] = {
        "categories": sorted(choice.category) if isinstance(choice.category, frozenset) else None,
        "professional": who.value if isinstance(who, ProfessionalNumber) else None,
        "role": who.code if isinstance(who, RoleCode) else None,
        "holder": holder.value if isinstance(holder, Ura) else None,
        "holder_kind": holder.value if isinstance(holder, HolderKind) else None,
        "types": sorted(choice.types) or None,
        "labels": sorted(map(list, choice.labels)) or None,
        "codes": sorted(map(list, choice.codes)) or None,
        "period": [str(bound) for bound in choice.period] if choice.period else None,
        "meaning": choice.meaning.value if choice.meaning is not Meaning.INSTANCE else None,
        "doubtful": True if choice.doubtful else None,
        "source": choice.source or None,
        "place": choice.place or None,
    }
    if choice.within is not None:
        *plain, inner = row_of(choice.within)
        own = {name: value for name, value in zip(_OWN, plain, strict=True) if value is not None}
        found["within"] = {**own, "permits": bool(own["permits"]), **({"more": json.loads(inner)} if inner else {})}
    return {name: value for name, value in found.items() if value is not None}


def _read(more: str | None) -> dict[str, Any]:
    if more is None:
        return {}
    content = strict_json(more.encode())
    if not isinstance(content, dict):
        raise TypeError
    return content


def _choice(own: dict[str, Any], more: dict[str, Any], number: int = 0) -> Choice:
    kind, ura, permits = own.get("kind"), own.get("ura"), own.get("permits")
    exclusive = (
        (own.get("category"), more.get("categories")),
        (kind, ura),
        (more.get("professional"), more.get("role")),
        (more.get("holder"), more.get("holder_kind")),
    )
    if permits not in (0, 1) or any(one and other for one, other in exclusive) or not more.keys() <= _MORE or more.get("doubtful", True) is not True:
        raise ValueError
    category, record, purpose = own.get("category"), own.get("record"), own.get("purpose")
    return Choice(
        permits=bool(permits),
        user=HolderKind(kind) if kind is not None else Ura(ura) if ura is not None else None,
        category=CareCategory(category) if category is not None else _categories(more.get("categories")),
        purpose=PurposeOfUse(purpose) if purpose is not None else None,
        record=record_ref(record) if record is not None else None,
        begins=_moment(own.get("begins")),
        ends=_moment(own.get("ends")),
        professional=ProfessionalNumber(_text(more["professional"])) if "professional" in more else RoleCode(_text(more["role"])) if "role" in more else None,
        holder=Ura(more["holder"]) if "holder" in more else HolderKind(more["holder_kind"]) if "holder_kind" in more else None,
        types=frozenset(map(_text, more.get("types", ()))),
        labels=_pairs(more.get("labels")),
        codes=_pairs(more.get("codes")),
        period=_period(more.get("period")),
        meaning=Meaning(more.get("meaning", Meaning.INSTANCE)),
        within=_inner(more["within"]) if "within" in more else None,
        doubtful="doubtful" in more,
        source=_text(more.get("source", "")),
        place=_text(more.get("place", "")),
        number=number,
    )


def _inner(content: Any) -> Choice:
    if not isinstance(content, dict) or not content.keys() <= {*_OWN, "more"} or not isinstance(content.get("more", {}), dict):
        raise TypeError
    return _choice({name: value for name, value in content.items() if name != "more"}, content.get("more", {}))


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _categories(value: Any) -> frozenset[CareCategory] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise TypeError
    return frozenset(map(CareCategory, value))


def _pairs(value: Any) -> frozenset[tuple[str, str]]:
    return frozenset((_text(system), _text(code)) for system, code in value or ())


def _period(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    begin, end = (int(_text(bound)) for bound in value if not isinstance(bound, Number))
    return begin, end


def _moment(text: str | None) -> datetime | None:
    moment = None if text is None else datetime.fromisoformat(text)
    if moment is not None and moment.tzinfo is None:
        raise ValueError  # without a zone it cannot be compared
    return moment
