"""A dosage as it is compared: how much a day, where record and product say it plainly; else the words, as they stand.

Only for the eye: two doses that cannot be brought to the same amount count as different, and stand side by side. So does
what is taken once a week and once a day, however little it differs in total: that is how methotrexate kills.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, NamedTuple

from gateway.dossier.clinical.trees import Tree, part, parts, text, words_of

_DAYS: Final = {"h": Fraction(1, 24), "d": Fraction(1), "wk": Fraction(7)}
_MICROGRAMS: Final = {"ug": 1, "µg": 1, "μg": 1, "mcg": 1, "mg": 1000, "g": 1_000_000}
#: What makes a dosage more than so much each time, so many times: it then stands in its own words.
_NOT_PLAIN: Final = frozenset({"dayOfWeek", "count", "frequencyMax", "periodMax", "boundsDuration", "boundsRange", "boundsPeriod"})
#: A strength in a name, where nothing follows that makes it a concentration: `2,5mg`, not `5 mg/ml`.
_STRENGTH: Final = re.compile(r"(?<![\d.,/])(\d{1,6}(?:[.,]\d{1,4})?) ?(ug|µg|μg|mcg|mg|g)\b(?! ?/| per\b)", re.ASCII | re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)
_PIECES: Final = frozenset({"1", "stuk", "stuks", "tablet", "tabletten", "tab", "capsule", "capsules", "caps", "{tbl}", "{tablet}", "{capsule}", "245"})
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
#: The first word, with those of the other substances of a combination: `paracetamol/codeïne`.
_SUBSTANCE: Final = re.compile(r"[^\W\d_]{4,}(?: ?/ ?[^\W\d_]{3,})*")
#: Words with which the names of many substances, or of none, begin.
_OF_MANY: Final = frozenset(
    "aluminium calcium ferro ijzer insulin insuline isosorbide kalium lithium magnesium natrium potassium sodium vitamin vitamine zink zinc "
    "tablet tabletten capsule capsules drank creme crème zalf oogdruppels injectie pleister infuus inhalatie spray product middel geneesmiddel "
    "medicatie onbekend onbekende overige combinatie combinatiepreparaat magistrale bereiding".split()
)


class _Amount(NamedTuple):
    """So many micrograms, in so many days."""

    micrograms: Fraction
    days: Fraction


def amount_a_day(dosages: list[Tree], product: Tree, product_name: str) -> str:
    """How much a day, as `5000 µg/d`; the dosage's words and the product's name where that is not plain.

    What is not taken every day is told with its own period, as `10000 µg/7 d`. Steps that follow each other are no sum.
    """
    strength = strength_of(product, product_name)
    amounts = [_one(dosage, strength) for dosage in dosages]
    plain = [one for one in amounts if one is not None]
    is_in_steps = len({text(dosage, "sequence") for dosage in dosages}) > 1
    if not plain or len(plain) < len(amounts) or is_in_steps:
        return _in_words(dosages, product_name)
    totals: dict[Fraction, Fraction] = {}
    for micrograms, days in plain:
        totals[days] = totals.get(days, Fraction(0)) + micrograms
    return " + ".join(f"{totals[days]} µg/{'' if days == 1 else f'{days} '}d" for days in sorted(totals))


def strength_of(product: Tree, product_name: str) -> Fraction | None:
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
    # 1.000 mg is a gram to whoever writes decimals with a comma, and 0.125 mg is not.
    is_doubtful = _THOUSANDS.fullmatch(number) is not None
    return None if is_doubtful else Fraction(number.replace(",", ".")) * _MICROGRAMS[unit.lower()]


def words_of_product(name: str) -> list[str]:
    """The words of a product's name, without strengths and short ones."""
    return [word.casefold() for word in _WORD.findall(name)]


def substance_word(name: str) -> str:
    """What a product's name says of its substance: with most its first word; empty where it has none.

    What stands before many substances is taken with the word after it, and a combination is never one of its parts.
    """
    found = _SUBSTANCE.search(name)
    if found is None:
        return ""
    words = found.group(0).casefold().replace(" ", "").split("/")
    if len(words) == 1 and words[0] in _OF_MANY:
        words += words_of_product(name[found.end() :])[:1]
    return "/".join(words)


def _one(dosage: Tree, strength: Fraction | None) -> _Amount | None:
    """Micrograms a day by one instruction; none where it depends on anything, or is not said in numbers."""
    conditional = dosage.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dosage
    rates = list(parts(dosage, "doseAndRate"))
    repeat = part(dosage, "timing", "repeat")
    if conditional or len(rates) != 1 or "modifierExtension" in dosage or _NOT_PLAIN & repeat.keys():
        return None
    quantity = part(rates[0], "doseQuantity")
    value, often = _decimal(text(quantity, "value")), _how_often(repeat)
    if value is None or often is None:
        return None
    times, days = often
    held = _micrograms(quantity)
    if held is None and strength is not None and _unit(quantity) in _PIECES:
        held = value * strength
    return None if held is None else _Amount(held * times, days)


def _how_often(repeat: Tree) -> tuple[Fraction, Fraction] | None:
    """So many times in so many days: in one day, where it is every day."""
    per, unit = _decimal(text(repeat, "period")), _DAYS.get(text(repeat, "periodUnit"))
    if not per or unit is None:
        return None
    moments = [found for name in ("when", "timeOfDay") if isinstance(found := repeat.get(name), list)]
    if not moments:
        times = _decimal(text(repeat, "frequency") or "1")
    elif len(moments) == 1 and text(repeat, "frequency") in ("", str(len(moments[0]))):
        times = Fraction(len(moments[0]))
    else:
        return None
    days = per * unit
    return None if times is None else (times / days, Fraction(1)) if days <= 1 else (times, days)


def _micrograms(quantity: Tree) -> Fraction | None:
    value, factor = _decimal(text(quantity, "value")), _MICROGRAMS.get(_unit(quantity))
    return None if value is None or factor is None else value * factor


def _unit(quantity: Tree) -> str:
    return (text(quantity, "code") or text(quantity, "unit")).casefold()


def _decimal(written: str) -> Fraction | None:
    # A number of an endless exponent is no dose, and would be an endless text.
    try:
        value = Decimal(written) if 0 < len(written) <= 12 else None
    except InvalidOperation:
        return None
    return Fraction(value) if value is not None and value.is_finite() and abs(value.adjusted()) <= 12 else None


def _in_words(dosages: list[Tree], product_name: str) -> str:
    said = [text(one, "text") or words_of(part(one, "timing", "code")) or repr(_sorted(one)) for one in dosages]
    return " / ".join(" ".join(words.split()).casefold() for words in (product_name, *said))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return [(name, _sorted(value[name])) for name in sorted(value)]
    return [_sorted(one) for one in value] if isinstance(value, list) else value
