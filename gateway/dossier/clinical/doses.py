"""A dosage as it is compared: how much a day, where record and product say it plainly; else the words, as they stand.

Only for the eye: two doses that cannot be brought to the same amount count as different, and stand side by side.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from gateway.dossier.clinical.trees import Tree, part, parts, text, words_of

_DAYS: Final = {"h": Decimal(1) / 24, "d": Decimal(1), "wk": Decimal(7)}
_MICROGRAMS: Final = {"ug": Decimal(1), "µg": Decimal(1), "μg": Decimal(1), "mcg": Decimal(1), "mg": Decimal(1000), "g": Decimal(1_000_000)}
#: A strength in a name, where nothing follows that makes it a concentration: `2,5mg`, not `5 mg/ml`.
_STRENGTH: Final = re.compile(r"(?<![\d.,/])(\d{1,6}(?:[.,]\d{1,4})?) ?(ug|µg|μg|mcg|mg|g)\b(?! ?/)", re.ASCII | re.IGNORECASE)
_PIECES: Final = frozenset({"1", "stuk", "stuks", "tablet", "tabletten", "tab", "capsule", "capsules", "caps", "{tbl}", "{tablet}", "{capsule}", "245"})
_FIRST_WORD: Final = re.compile(r"[^\W\d_]{4,}")


def amount_a_day(dosages: list[Tree], product: Tree, product_name: str) -> str:
    """How much a day, as `5000 µg/d`; the dosage's words and the product's name where that is not plain."""
    total, strength = Decimal(0), strength_of(product, product_name)
    for dosage in dosages:
        one = _one(dosage, strength)
        if one is None:
            return _in_words(dosages, product_name)
        total += one
    return f"{total.normalize():f} µg/d" if dosages else _in_words(dosages, product_name)


def strength_of(product: Tree, product_name: str) -> Decimal | None:
    """Micrograms in one piece of a product with one active substance; none where neither record nor name says it plainly."""
    ingredients = list(parts(product, "ingredient"))
    if len(ingredients) > 1:
        return None
    for ingredient in ingredients:
        above, below = part(ingredient, "strength", "numerator"), part(ingredient, "strength", "denominator")
        held, per = _micrograms(above), _decimal(text(below, "value"))
        if held is not None and per and _unit(below) in _PIECES:
            return held / per
    found = _STRENGTH.findall(product_name)
    if len(found) != 1:
        return None
    number, unit = found[0]
    return Decimal(number.replace(",", ".")) * _MICROGRAMS[unit.lower()]


def first_word(name: str) -> str:
    """The first word of a product's name, which with most products is its substance; empty where there is none."""
    found = _FIRST_WORD.search(name)
    return found.group(0).casefold() if found else ""


def _one(dosage: Tree, strength: Decimal | None) -> Decimal | None:
    """Micrograms a day by one instruction; none where it depends on anything, or is not said in numbers."""
    conditional = dosage.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dosage
    rates = list(parts(dosage, "doseAndRate"))
    repeat = part(dosage, "timing", "repeat")
    if conditional or len(rates) != 1 or "modifierExtension" in dosage or {"dayOfWeek", "count", "frequencyMax", "periodMax"} & repeat.keys():
        return None
    quantity = part(rates[0], "doseQuantity")
    value, times = _decimal(text(quantity, "value")), _times_a_day(repeat)
    if value is None or times is None:
        return None
    direct = _micrograms(quantity)
    if direct is not None:
        return direct * times
    return value * strength * times if strength is not None and _unit(quantity) in _PIECES else None


def _times_a_day(repeat: Tree) -> Decimal | None:
    per, unit = _decimal(text(repeat, "period")), _DAYS.get(text(repeat, "periodUnit"))
    if not per or unit is None:
        return None
    when = repeat.get("when")
    times = Decimal(len(when)) if isinstance(when, list) and "frequency" not in repeat else _decimal(text(repeat, "frequency") or "1")
    return None if times is None else times / (per * unit)


def _micrograms(quantity: Tree) -> Decimal | None:
    value, factor = _decimal(text(quantity, "value")), _MICROGRAMS.get(_unit(quantity))
    return None if value is None or factor is None else value * factor


def _unit(quantity: Tree) -> str:
    return (text(quantity, "code") or text(quantity, "unit")).casefold()


def _decimal(written: str) -> Decimal | None:
    # A number of an endless exponent is no dose, and would be an endless text.
    try:
        value = Decimal(written) if 0 < len(written) <= 12 else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() and abs(value.adjusted()) <= 12 else None


def _in_words(dosages: list[Tree], product_name: str) -> str:
    said = [text(one, "text") or words_of(part(one, "timing", "code")) or repr(_sorted(one)) for one in dosages]
    return " / ".join(" ".join(words.split()).casefold() for words in (product_name, *said))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return [(name, _sorted(value[name])) for name in sorted(value)]
    return [_sorted(one) for one in value] if isinstance(value, list) else value
