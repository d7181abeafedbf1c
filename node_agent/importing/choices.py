"""Patients' choices from NDJSON, as plain lines or as FHIR Consents: all of a file, or none of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from accord.rules.choices import Choice, Meaning, ProfessionalNumber, RoleCode
from accord.rules.consent_codes import ConsentCodes
from accord.rules.consent_reading import consent_of
from accord.rules.labels import plain
from accord.rules.moments import interval
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura, record_ref
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

_LINE_BYTES: Final = 16 * 1024
_CONSENT_BYTES: Final = 256 * 1024
_TEXTS: Final = frozenset(
    {"bsn", "user_kind", "user_ura", "category", "purpose", "record", "meaning", "from", "until", "role", "professional", "data_from", "data_until"}
)
_LISTS: Final = frozenset({"types", "labels", "codes"})
_NEVER_BOTH: Final = ({"user_kind", "user_ura"}, {"role", "professional"})
_FAR: Final = 2**62
_NO_CODES: Final = ConsentCodes()


def read_choices(lines: Iterable[bytes], known: ConsentCodes = _NO_CODES) -> dict[Bsn, list[Choice]]:
    """The choices in NDJSON, by person: all of them, or none.

    A line is `{"bsn", "permits", "user_kind", "user_ura", "role", "professional", "category", "purpose", "record",
    "meaning", "types", "labels", "codes", "from", "until", "data_from", "data_until"}`; what is null or left out stands for
    all. Labels and codes are `system|code`. Dates are FHIR's; `until` itself is no longer included.

    Or it is a FHIR R4 Consent whose `patient` bears a BSN (as `identifier`, or in a contained Patient); one that gives no
    choice (a treatment directive, a draft) counts as a person without choices. *known* are codes of the day.

    Raises:
        BadInput: With the number of the line that is wrong; never with what stands there.
    """
    choices: dict[Bsn, list[Choice]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                bsn, some = _read(line, known)
            except BadInput as bad:
                raise BadInput(bad.fault, f"line {number}") from None
            choices.setdefault(bsn, []).extend(some)
    return choices


def _read(line: bytes, known: ConsentCodes) -> tuple[Bsn, tuple[Choice, ...]]:
    content = strict_json(line.strip(), limit=_CONSENT_BYTES)
    if not isinstance(content, dict):
        raise BadInput(Fault.INVALID_QUESTION)
    if "resourceType" in content:
        if content["resourceType"] != "Consent":
            raise BadInput(Fault.UNKNOWN_TYPE)
        stated = consent_of(content, known=known)
        if stated.patient is None:
            raise BadInput(Fault.NO_PATIENT)
        return stated.patient, stated.choices
    if len(line) > _LINE_BYTES:
        raise BadInput(Fault.TOO_LARGE)
    return _plain(content)


def _plain(content: dict[str, Any]) -> tuple[Bsn, tuple[Choice, ...]]:
    if not content.keys() <= _TEXTS | _LISTS | {"permits"} or not isinstance(content.get("permits"), bool):
        raise BadInput(Fault.INVALID_QUESTION)
    if not isinstance(content.get("bsn"), str):
        raise BadInput(Fault.INVALID_BSN)
    texts: dict[str, Any] = {key: value for key, value in content.items() if value is not None and key in _TEXTS}
    lists: dict[str, Any] = {key: value for key, value in content.items() if value is not None and key in _LISTS}
    if any(type(value) is not str for value in texts.values()) or any(both <= texts.keys() for both in _NEVER_BOTH):
        raise BadInput(Fault.INVALID_QUESTION)
    # An empty list would stand for all, and whoever wrote one meant none.
    if any(not isinstance(some, list) or not some or any(type(one) is not str for one in some) for some in lists.values()):
        raise BadInput(Fault.INVALID_QUESTION)
    try:
        return Bsn(texts["bsn"]), (_choice(content["permits"], texts, lists),)
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION) from None


def _choice(permits: bool, texts: dict[str, Any], lists: dict[str, Any]) -> Choice:  # noqa: FBT001  # as it stands in the line
    if not TYPE_BY_NAME.keys() >= set(lists.get("types", ())) or ("meaning" in texts and "record" not in texts):
        raise ValueError
    return Choice(
        permits=permits,
        user=HolderKind(texts["user_kind"]) if "user_kind" in texts else Ura(texts["user_ura"]) if "user_ura" in texts else None,
        category=CareCategory(texts["category"]) if "category" in texts else None,
        purpose=PurposeOfUse(texts["purpose"]) if "purpose" in texts else None,
        record=record_ref(texts["record"]) if "record" in texts else None,
        begins=_moment(texts.get("from")),
        ends=_moment(texts.get("until")),
        professional=ProfessionalNumber(texts["professional"]) if "professional" in texts else RoleCode(texts["role"]) if "role" in texts else None,
        types=frozenset(lists.get("types", ())),
        labels=frozenset(map(_coding, lists.get("labels", ()))),
        codes=frozenset(map(_coding, lists.get("codes", ()))),
        period=_period(texts),
        meaning=Meaning(texts.get("meaning", Meaning.INSTANCE)),
    )


def _coding(text: str) -> tuple[str, str]:
    system, bar, code = text.partition("|")
    if not (system and bar and code):
        raise ValueError
    return plain(system, code)


def _period(texts: dict[str, Any]) -> tuple[int, int] | None:
    if not ("data_from" in texts or "data_until" in texts):
        return None
    return (interval(texts["data_from"])[0] if "data_from" in texts else -_FAR, interval(texts["data_until"])[0] if "data_until" in texts else _FAR)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromtimestamp(interval(text)[0] / 1000, UTC)
