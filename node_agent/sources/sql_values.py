"""What stands in a column, as FHIR writes it: exact decimals, Dutch moments, and nothing that was guessed."""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")

_PARTIAL_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?", re.ASCII)
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?", re.ASCII)
_INTEGER: Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)


class UnfitValue(Exception):
    """The column does not hold what this element takes. Never says what it holds."""


def fhir_value(value: Any, kind: str) -> Any:
    """A value of a column as an element of this primitive kind; none where the column is empty.

    An empty text is as good as no text: FHIR has no empty strings.

    Raises:
        UnfitValue: It cannot be written as this kind without a guess.
    """
    if value is None or value == "":
        return None
    writer = _WRITERS[kind] if kind in _WRITERS else _text  # noqa: SIM401 - the two have one type only so
    return writer(value)


def plain_value(value: Any) -> Any:
    """A value of a column as JSON shows it best, with nothing lost: for the original of a record."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode("ascii")) if value.is_finite() else str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(bytes(value)).decode("ascii")
    if isinstance(value, list | tuple):
        return [plain_value(one) for one in value]
    return str(value)


def key_text(value: Any) -> str:
    """A value as a part of an id or a reference.

    Raises:
        UnfitValue: It is neither a text nor a whole number, nor a UUID.
    """
    if isinstance(value, bool | float | bytes):
        raise UnfitValue
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _text(value: Any) -> str:
    if isinstance(value, bool | float | bytes):
        raise UnfitValue
    return value if isinstance(value, str) else key_text(value)


def _decimal(value: Any) -> msgspec.Raw:
    if isinstance(value, bool):
        raise UnfitValue
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnfitValue
        text = format(value, "f")
    else:
        # A float of SQLite is written as the shortest text that means it: the digits that were stored are not known.
        text = repr(value) if isinstance(value, float) else str(value)
    if not _DECIMAL.fullmatch(text):
        raise UnfitValue
    return msgspec.Raw(text.encode("ascii"))


def _integer(value: Any) -> int:
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not _INTEGER.fullmatch(text):
        raise UnfitValue
    return int(text)


def _boolean(value: Any) -> bool:
    # Databases without booleans write 0 and 1. A word needs a code table.
    if isinstance(value, str) or value not in {0, 1}:
        raise UnfitValue
    return bool(value)


def _date(value: Any) -> str:
    if isinstance(value, str):
        if _PARTIAL_DATE.fullmatch(value):
            return _real(value)
        value = _parsed(value)
    if isinstance(value, datetime):
        return _dutch(value).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise UnfitValue


def _date_time(value: Any) -> str:
    if isinstance(value, str) and _PARTIAL_DATE.fullmatch(value):
        return _real(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _instant(value)


def _instant(value: Any) -> str:
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, datetime):
        raise UnfitValue
    return _dutch(value).isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds" if value.microsecond else "seconds")


def _time(value: Any) -> str:
    if isinstance(value, time):
        return value.isoformat()
    return _text(value)


def _base64(value: Any) -> str:
    return b64encode(content_bytes(value)).decode("ascii")


def content_bytes(value: Any) -> bytes:
    """The content of an attachment: bytes as they are, a text in UTF-8.

    Raises:
        UnfitValue: It is neither.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise UnfitValue


def _parsed(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise UnfitValue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UnfitValue from None


def _dutch(moment: datetime) -> datetime:
    """A moment on Dutch clocks; one without a zone was read from them. In the hour that comes twice, the first is meant."""
    try:
        return moment.replace(tzinfo=AMSTERDAM) if moment.tzinfo is None else moment.astimezone(AMSTERDAM)
    except OverflowError:
        raise UnfitValue from None


def _real(text: str) -> str:
    """A partial date that is on the calendar."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10] if len(text) < 7 else f"{text}-01"[:10])
    except ValueError:
        raise UnfitValue from None
    return text


_WRITERS: Final[dict[str, Callable[[Any], Any]]] = {
    "Decimal": _decimal,
    "Integer": _integer,
    "Integer64": _integer,
    "PositiveInt": _integer,
    "UnsignedInt": _integer,
    "Boolean": _boolean,
    "Date": _date,
    "DateTime": _date_time,
    "Instant": _instant,
    "Time": _time,
    "Base64Binary": _base64,
}
