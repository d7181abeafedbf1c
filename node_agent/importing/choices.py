"""Patients' choices from NDJSON: all of a file, or none of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from accord.rules.consent import Choice
from accord.rules.moments import interval
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura, record_ref
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

_LINE_BYTES: Final = 16 * 1024
_KEYS: Final = frozenset({"bsn", "user_kind", "user_ura", "category", "purpose", "record", "permits", "from", "until"})


def read_choices(lines: Iterable[bytes]) -> dict[Bsn, list[Choice]]:
    """The choices in NDJSON, by person: all of them, or none.

    A line is `{"bsn", "permits", "user_kind", "user_ura", "category", "purpose", "record", "from", "until"}`; what is null
    or left out stands for all. `from` and `until` are FHIR dates; `until` itself is no longer included.

    Raises:
        BadInput: With the number of the line that is wrong; never with what stands there.
    """
    choices: dict[Bsn, list[Choice]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                bsn, choice = _read(line)
            except BadInput as bad:
                raise BadInput(bad.fault, f"line {number}") from None
            choices.setdefault(bsn, []).append(choice)
    return choices


def _read(line: bytes) -> tuple[Bsn, Choice]:
    content = strict_json(line.strip(), limit=_LINE_BYTES)
    if not isinstance(content, dict) or not content.keys() <= _KEYS or not isinstance(content.get("permits"), bool):
        raise BadInput(Fault.INVALID_QUESTION)
    if not isinstance(content.get("bsn"), str):
        raise BadInput(Fault.INVALID_BSN)
    texts: dict[str, Any] = {key: value for key, value in content.items() if value is not None and key != "permits"}
    if not all(isinstance(value, str) and type(value) is str for value in texts.values()) or {"user_kind", "user_ura"} <= texts.keys():
        raise BadInput(Fault.INVALID_QUESTION)
    try:
        return Bsn(texts["bsn"]), Choice(
            permits=content["permits"],
            user=HolderKind(texts["user_kind"]) if "user_kind" in texts else Ura(texts["user_ura"]) if "user_ura" in texts else None,
            category=CareCategory(texts["category"]) if "category" in texts else None,
            purpose=PurposeOfUse(texts["purpose"]) if "purpose" in texts else None,
            record=record_ref(texts["record"]) if "record" in texts else None,
            begins=_moment(texts.get("from")),
            ends=_moment(texts.get("until")),
        )
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION) from None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromtimestamp(interval(text)[0] / 1000, UTC)
