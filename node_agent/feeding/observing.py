"""OBX-5 to OBX-8: a value in the type that was sent, its reference range and its interpretation."""

import binascii
import re
from base64 import b64encode
from typing import Final

from accord.terms.faults import Fault
from node_agent.feeding.drafts import Reading
from node_agent.feeding.er7 import Repetition, Segment, part
from node_agent.feeding.refusing import MessageRefused
from node_agent.feeding.values import TERMINOLOGY, Json, concept, fhir_moment, given, number, quantity, unit_of

_BETWEEN: Final = re.compile(r"\s*([0-9.]+)\s*-\s*([0-9.]+)\s*")
_UP_TO: Final = re.compile(r"\s*<=?\s*([0-9.]+)\s*")
_FROM: Final = re.compile(r"\s*>=?\s*([0-9.]+)\s*")
#: ED.2 and ED.3 as a media type; whatever else it is called, it is bytes.
_MEDIA_TYPES: Final = {"pdf": "application/pdf", "jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png", "html": "text/html", "rtf": "text/rtf"}
_CODED: Final = ("CE", "CWE", "CNE", "CF")
_TEXTS: Final = ("ST", "TX", "FT", "")


def value_of(obx: Segment, reading: Reading) -> Json:
    """The value with all that explains it.

    Raises:
        MessageRefused: `unsupported-value`: its type is not one of those that can be kept as they are.
    """
    found = _value(obx, reading)
    marks = [{"coding": [{"system": f"{TERMINOLOGY}/v3-ObservationInterpretation", "code": part(one, 1)}]} for one in obx.repetitions(8) if part(one, 1)]
    return found | given(interpretation=marks, referenceRange=_range(obx))


def _value(obx: Segment, reading: Reading) -> Json:
    values = obx.repetitions(5)
    if not values or not any(any(component) for component in values[0] if component != ('""',)):
        return {}
    kind, first, unit = obx.text(2), values[0], _unit(obx)
    text = obx.words(first)
    if kind in _TEXTS:
        # `<5` is often sent as a text: without its unit it says something else.
        return {"valueString": _with_unit("\n".join(obx.words(one) for one in values), unit if kind == "ST" else None)}
    if len(values) > 1:  # an Observation has one value: which of these it would be, nobody can tell
        raise MessageRefused(Fault.UNSUPPORTED_VALUE, obx.where(5))
    if kind in _CODED:
        found = concept(first, reading.systems)
        return {"valueCodeableConcept": found} if found else {}
    if kind == "NM":
        amount = quantity(text, unit)
        # What is no number is kept as it was sent: a comma may be a point, and may not. Its unit goes along.
        return {"valueQuantity": amount} if amount else {"valueString": _with_unit(text, unit)}
    if kind == "SN":
        return _structured(first, unit)
    if kind in ("DT", "TS", "DTM"):
        try:
            return {"valueDateTime": fhir_moment(part(first, 1), reading.zone)}
        except ValueError:
            raise MessageRefused(Fault.MALFORMED_MESSAGE, obx.where(5)) from None
    if kind == "TM" and re.fullmatch(r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?", text):
        return {"valueTime": f"{text[:2]}:{text[2:4]}:{text[4:] or '00'}"}
    if kind == "TM":
        return {"valueString": text}
    raise MessageRefused(Fault.UNSUPPORTED_VALUE, obx.where(2))


def _structured(value: Repetition, unit: Repetition | None) -> Json:
    """SN: comparator, number, separator, number."""
    comparator, first, separator, second = (part(value, place) for place in (1, 2, 3, 4))
    low, high = number(first) if first else None, number(second) if second else None
    if low is not None and not separator and not second and comparator in ("", "=", "<", "<=", ">", ">="):
        amount: Json = {"value": low} | given(comparator=comparator if comparator != "=" else "") | unit_of(unit)
        return {"valueQuantity": amount}
    if low is not None and high is not None and comparator in ("", "="):
        if separator == "-":
            return {"valueRange": {"low": {"value": low} | unit_of(unit), "high": {"value": high} | unit_of(unit)}}
        if separator in (":", "/"):
            return {"valueRatio": {"numerator": {"value": low} | unit_of(unit), "denominator": {"value": high}}}
    return {"valueString": _with_unit(f"{comparator}{first}{separator}{second}", unit)}


def _with_unit(text: str, unit: Repetition | None) -> str:
    return " ".join(filter(None, (text, part(unit, 2) or part(unit, 1) if unit else "")))


def _range(obx: Segment) -> list[Json]:
    text = " ".join(obx.words(one) for one in obx.repetitions(7))
    if not text:
        return []
    unit = unit_of(_unit(obx))
    found: Json = {}
    for pattern, names in ((_BETWEEN, ("low", "high")), (_UP_TO, ("high",)), (_FROM, ("low",))):
        if match := pattern.fullmatch(text):
            bounds = [number(bound) for bound in match.groups()]
            if pattern is _BETWEEN or "=" in text:  # a bound of FHIR is inside the range; of the others the text says what is meant
                found = {name: {"value": bound} | unit for name, bound in zip(names, bounds, strict=True) if bound is not None}
            break
    return [found | {"text": text}]


def _unit(obx: Segment) -> Repetition | None:
    return obx.repetitions(6)[0] if obx.repetitions(6) else None


def file_of(obx: Segment) -> Json:
    """The content of an ED, for a Binary; a pointer (RP) leads to another place and is refused.

    Raises:
        MessageRefused: `unsupported-value`.
    """
    value = obx.repetitions(5)[0] if obx.repetitions(5) else ()
    subtype, encoding, text = part(value, 3).lower(), part(value, 4), part(value, 5)
    try:
        if obx.text(2) != "ED" or encoding.lower() != "base64":
            raise MessageRefused(Fault.UNSUPPORTED_VALUE, obx.where(5))
        content = binascii.a2b_base64(re.sub(r"\s", "", text).encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MessageRefused(Fault.MALFORMED_MESSAGE, obx.where(5)) from None
    return {"contentType": _MEDIA_TYPES.get(subtype, "application/octet-stream"), "data": b64encode(content).decode()}
