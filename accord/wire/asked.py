"""What a professional asks for, in the one form in which it is signed.

JSON with sorted lists. A condition that is not there does not bind: an empty list is left out, so that a proof stays
small. How much is shown at once and in which order (`order`, `after`, `limit`) is no part of it: paging shows less, never
more. Companions always stand in it, because no companions and all of them are both sound.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from accord.rules.moments import PREFIXES, interval
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, record_ref
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS
from accord.terms.queries import DateBound, Selection, Token
from accord.terms.vocabulary import CareCategory, PurposeOfUse

#: An address of an attachment is no longer than this.
URL_CHARACTERS: Final = 8 * FIELD_CHARACTERS
_REQUIRED: Final = frozenset({"purpose", "includes"})
_LISTS: Final = frozenset({"types", "categories", "codes", "categoryTokens", "statuses", "identifiers", "ids", "dates", "updated", "includes", "holders"})
_MEMBERS: Final = _LISTS | _REQUIRED | {"attachment", "record"}

_T = TypeVar("_T")


def asked_form(asked: Asked) -> dict[str, Any]:
    """The form as a value that JSON can hold: only texts, and lists of texts or of pairs of texts."""
    selection = asked.selection
    form: dict[str, Any] = {
        "purpose": asked.purpose.value,
        "types": sorted(selection.types),
        "categories": sorted(category.value for category in selection.categories),
        "codes": _pairs((token.system, token.code) for token in selection.codes),
        "categoryTokens": _pairs((token.system, token.code) for token in selection.category_tokens),
        "statuses": sorted(set(selection.statuses)),
        "identifiers": _pairs((token.system, token.code) for token in selection.identifiers),
        "ids": sorted(set(selection.ids)),
        "dates": _pairs((bound.prefix, bound.value) for bound in selection.dates),
        "updated": _pairs((bound.prefix, bound.value) for bound in selection.updated),
        "includes": sorted(set(selection.includes)),
        "holders": sorted(holder.value for holder in asked.holders),
        "attachment": asked.attachment,
        "record": asked.record,
    }
    return {name: value for name, value in form.items() if value or name in _REQUIRED}


def asked_from_form(form: Mapping[str, Any]) -> Asked:
    """What the form says, its lists in sorted order.

    Raises:
        BadInput: `token-invalid`, for an unknown member, a missing one, a value of another type, or one that no question can have.
    """
    members = frozenset(form)
    if not _REQUIRED <= members <= _MEMBERS:
        raise _refused()
    try:
        return _read(form)
    except (BadInput, ValueError):
        raise _refused() from None


def _read(form: Mapping[str, Any]) -> Asked:
    attachment, record = form.get("attachment", ""), form.get("record", "")
    if attachment or record:
        _text(attachment, URL_CHARACTERS)
        record_ref(_text(record))
        if not attachment:
            raise _refused()
    elif "attachment" in form or "record" in form:
        raise _refused()
    selection = Selection(
        types=frozenset(_list(form, "types", _text)),
        categories=frozenset(_list(form, "categories", lambda item: CareCategory(_text(item)))),
        codes=_list(form, "codes", _token),
        category_tokens=_list(form, "categoryTokens", _token),
        statuses=_list(form, "statuses", _text),
        identifiers=_list(form, "identifiers", _token),
        ids=_list(form, "ids", _text),
        dates=_list(form, "dates", _bound),
        updated=_list(form, "updated", _bound),
        includes=_list(form, "includes", _text),
    )
    holders = frozenset(_list(form, "holders", lambda item: HolderName(_text(item))))
    return Asked(PurposeOfUse(_text(form["purpose"])), selection, holders, attachment, record)


def _list(form: Mapping[str, Any], name: str, read: Callable[[Any], _T]) -> tuple[_T, ...]:
    """The items in sorted order. An empty list says that nothing will do, and must not be read as "anything will"."""
    items = form.get(name)
    if items is None and name not in form:
        return ()
    if not isinstance(items, list) or len(items) > LIST_ITEMS or (not items and name not in _REQUIRED):
        raise _refused()
    for item in items:
        read(item)
    if len({_key(item) for item in items}) != len(items):
        raise _refused()
    return tuple(read(item) for item in sorted(items))


def _key(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _text(item: Any, most: int = FIELD_CHARACTERS) -> str:
    # Exactly `str`: a JSON number arrives as a kind of text.
    if type(item) is not str or len(item) > most or not item.isprintable():
        raise _refused()
    return item


def _pair(item: Any) -> tuple[str, str]:
    if not isinstance(item, list) or len(item) != 2:
        raise _refused()
    return _text(item[0]), _text(item[1])


def _token(item: Any) -> Token:
    return Token(*_pair(item))


def _bound(item: Any) -> DateBound:
    prefix, value = _pair(item)
    if prefix not in PREFIXES:
        raise _refused()
    interval(value)
    return DateBound(prefix, value)


def _pairs(items: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [list(pair) for pair in sorted(set(items))]


def _refused() -> BadInput:
    return BadInput(Fault.TOKEN_INVALID)
