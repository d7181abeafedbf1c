"""Amounts as they were written: digits are never changed or computed."""

from gateway.dossier.clinical.showing.wording import label, phrase, unit_sign
from gateway.dossier.clinical.trees import Tree, part, text
from gateway.dossier.words import Language


def number(value: object) -> str:
    """A number as it was written; empty where it is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def unit(value: Tree) -> str:
    """The unit in its own words, else its code."""
    return unit_sign(text(value, "unit") or text(value, "code"))


def quantity(value: Tree) -> str:
    """An amount with its comparator and unit; of one without a number what it does say."""
    written = number(value.get("value"))
    return " ".join(one for one in (text(value, "comparator"), written, unit(value)) if one)


def between(value: Tree) -> str:
    """A range; one that is open on a side says so with a sign. The unit stands once where both ends have the same."""
    low, high = part(value, "low"), part(value, "high")
    if low and high:
        first = number(low.get("value")) if unit(low) == unit(high) else quantity(low)
        return f"{first} – {quantity(high)}"
    if low:
        return f"≥ {quantity(low)}"
    return f"≤ {quantity(high)}" if high else ""


def ratio(value: Tree, language: Language) -> str:
    """A ratio: "per" where it is a rate, as a titre with a colon where neither side has a unit."""
    above, below = part(value, "numerator"), part(value, "denominator")
    if not below:
        return quantity(above)
    if not unit(above) and not unit(below):
        return f"{quantity(above)} : {quantity(below)}"
    under = unit(below) if number(below.get("value")) == "1" and unit(below) else quantity(below)
    return f"{quantity(above)} {phrase('per').in_language(language)} {under}"


def sampled(value: Tree, language: Language) -> str:
    """A series of measurements is said, with what it is measured from and how often; it is not drawn."""
    origin = quantity(part(value, "origin"))
    rest = [
        f"{label(name).in_language(language).lower()} {number(value.get(name))}"
        for name in ("period", "factor", "lowerLimit", "upperLimit", "dimensions")
        if number(value.get(name))
    ]
    return "; ".join([phrase("series").in_language(language), *([origin] if origin else []), *rest])
