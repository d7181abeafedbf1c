"""What is read of each record when it arrives: its code, its status, its date and its value, in one partial decode.

Written for speed, because it runs for every record of every dossier; a record of another shape than this is read as a tree.
"""

from typing import Final

import msgspec

from accord.rules.reading import Concept, Period

_RAW: Final = msgspec.Raw(b"")


class Part(msgspec.Struct, gc=False):
    """Base of the partial shapes: every member may be missing."""


class Quantity(Part):
    """A quantity; its number as it was written."""

    value: msgspec.Raw = _RAW
    unit: str = ""
    code: str = ""
    comparator: str = ""


class Component(Part):
    """A part of an observation."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueString: str = ""
    valueBoolean: msgspec.Raw = _RAW
    valueInteger: msgspec.Raw = _RAW
    valueRange: msgspec.Raw = _RAW
    valueRatio: msgspec.Raw = _RAW
    valueDateTime: msgspec.Raw = _RAW
    valueTime: msgspec.Raw = _RAW
    valuePeriod: msgspec.Raw = _RAW
    dataAbsentReason: Concept | None = None


class Observed(Part):
    """An Observation."""

    id: str
    status: str = ""
    code: Concept | None = None
    effectiveDateTime: str = ""
    effectivePeriod: Period | None = None
    effectiveInstant: str = ""
    issued: str = ""
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueString: str = ""
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: msgspec.Raw = _RAW
    valueRatio: msgspec.Raw = _RAW
    valueDateTime: str = ""
    valueTime: str = ""
    valuePeriod: msgspec.Raw = _RAW
    valueSampledData: msgspec.Raw = _RAW
    dataAbsentReason: Concept | None = None
    component: list[Component] = []


class Judged(Part):
    """An AllergyIntolerance or a Condition: what somebody judged to be there, or not."""

    id: str
    code: Concept | None = None
    clinicalStatus: Concept | str | None = None
    verificationStatus: Concept | str | None = None
    onsetDateTime: str = ""
    onsetPeriod: Period | None = None
    recordedDate: str = ""
    bodySite: msgspec.Raw = _RAW


class Happened(Part):
    """Whatever happened or is to happen, as most other types tell of it."""

    id: str
    status: str = ""
    code: Concept | None = None
    vaccineCode: Concept | None = None
    performedDateTime: str = ""
    performedPeriod: Period | None = None
    occurrenceDateTime: str = ""
    occurrencePeriod: Period | None = None
    effectiveDateTime: str = ""
    effectivePeriod: Period | None = None
    issued: str = ""
    period: Period | None = None
    date: str = ""
    recorded: str = ""
    authoredOn: str = ""


class Named(Part):
    """The id of a record, whatever else is in it."""

    id: str = ""


read_observed: Final = msgspec.json.Decoder(Observed).decode
read_judged: Final = msgspec.json.Decoder(Judged).decode
read_happened: Final = msgspec.json.Decoder(Happened).decode
read_named: Final = msgspec.json.Decoder(Named).decode
#: What these raise for a record of another shape.
OTHER_SHAPE: Final = (msgspec.DecodeError, ValueError, RecursionError)


def status_code(status: Concept | str | None, *known: str) -> str:
    """The code of a status, which STU3 writes as a text and R4 as a concept: of several codings the *known* one, else the first."""
    if not isinstance(status, Concept):
        return status or ""
    codes = [coding.code for coding in status.coding if coding.code]
    return next((code for code in known if code in codes), codes[0] if codes else "")
