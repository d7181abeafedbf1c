"""What an observation says, written so that two that say the same have the same: numbers by value, units as written."""

from accord.rules.reading import Concept
from gateway.dossier.clinical.heads import Component, Observed, Quantity


def value_of(seen: Observed) -> str:
    """The value of an observation with its components, to be compared; empty where it has none."""
    own = _own_value(seen)
    if not seen.component:
        return own
    # The order of components says nothing.
    return "; ".join([own, *sorted(map(_component, seen.component))])


def _own_value(seen: Observed) -> str:
    if seen.valueQuantity is not None:
        return _quantity(seen.valueQuantity)
    if seen.valueCodeableConcept is not None:
        return _coded(seen.valueCodeableConcept)
    if seen.valueString:
        return " ".join(seen.valueString.split())
    return _rarer(seen)


def _rarer(seen: Observed) -> str:
    if seen.valueBoolean is not None:
        return "true" if seen.valueBoolean else "false"
    if seen.valueInteger is not None:
        return str(seen.valueInteger)
    for raw in (seen.valueRange, seen.valueRatio, seen.valuePeriod, seen.valueSampledData):
        # As written: two spellings of the same are told apart, and then stand side by side.
        if text := bytes(raw):
            return text.decode("utf-8", "replace")
    if seen.dataAbsentReason is not None:
        return f"absent {_coded(seen.dataAbsentReason)}"
    return seen.valueDateTime or seen.valueTime


def _component(part: Component) -> str:
    name = "" if part.code is None else _coded(part.code)
    if part.valueQuantity is not None:
        return f"{name}={_quantity(part.valueQuantity)}"
    if part.valueCodeableConcept is not None or part.valueString:
        return f"{name}={'' if part.valueCodeableConcept is None else _coded(part.valueCodeableConcept)}{part.valueString}"
    rarer = (part.valueInteger, part.valueBoolean, part.valueRange, part.valueRatio, part.valueDateTime, part.valueTime, part.valuePeriod)
    absent = "" if part.dataAbsentReason is None else f"absent {_coded(part.dataAbsentReason)}"
    return f"{name}={next((written.decode('utf-8', 'replace') for raw in rarer if (written := bytes(raw))), absent)}"


def _coded(concept: Concept) -> str:
    return "|".join(sorted(coding.code for coding in concept.coding)) or " ".join(concept.text.split()).casefold()


def _quantity(quantity: Quantity) -> str:
    return f"{quantity.comparator}{number(bytes(quantity.value))} {quantity.code or quantity.unit}"


def number(written: bytes) -> str:
    """A number by its value: 37.50 and 37.5 are the same. What is no plain decimal stays as it was written."""
    text = written.decode("ascii", "replace")
    if "e" in text or "E" in text:
        return text
    return text.rstrip("0").rstrip(".") if "." in text else text
