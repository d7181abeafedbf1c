"""How a medicine is to be used: the text of the record in full; else its codes put into one sentence, nothing computed."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.dates import in_words, period
from gateway.dossier.clinical.showing.quantities import between, number, quantity, ratio
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.wording import code_words
from gateway.dossier.clinical.trees import Tree, part, parts, text

NAMES: Final = frozenset({"dosage", "dosageInstruction"})


def in_full(reader: Reader, dosages: list[Tree]) -> str:
    """All instructions, in their own words where they have them, in the order in which they stand."""
    each = ((one, text(one, "text").strip() or composed(reader, one)) for one in dosages)
    return "; ".join(dict.fromkeys(f"{_step(reader, one)}{told}" if len(dosages) > 1 else told for one, told in each if told))


def _step(reader: Reader, value: Tree) -> str:
    """Where it stands in the order, in a word: "1. 2 times" could be read as a number."""
    order = number(value.get("sequence"))
    return f"{reader.phrase('step')} {order}: " if order else ""


def one(reader: Reader, value: Tree) -> str:
    """One instruction: its text, and what its codes say."""
    whole = text(value, "text").strip()
    codes = composed(reader, value)
    told = f"{whole} [{reader.phrase('coded')}: {codes}]" if whole and codes and codes != whole else whole or codes
    return f"{_step(reader, value)}{told}" if told else ""


def composed(reader: Reader, value: Tree) -> str:
    """What the codes of an instruction say."""
    found = [timing(reader, part(value, "timing")), *(_dose(reader, each) for each in _doses(value)), as_needed(reader, value)]
    found += [concept(reader, value.get(name)) for name in ("additionalInstruction", "method", "route", "site")]
    found.append(text(value, "patientInstruction").strip())
    for name in ("maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime"):
        limit = part(value, name)
        most = ratio(limit, reader.language) if "numerator" in limit else quantity(limit)
        found.append(f"{reader.phrase('maximum')} {most}" if most else "")
    return ", ".join(filter(None, found))


def as_needed(reader: Reader, value: Tree) -> str:
    """Whether it is to be used only when needed, and when that is."""
    when = concept(reader, value.get("asNeededCodeableConcept"))
    plain = reader.phrase("as-needed")
    if when:
        return when if plain in when.lower() else f"{plain}: {when}"
    return plain if value.get("asNeededBoolean") is True else ""


def _doses(value: Tree) -> list[Tree]:
    """Administrations have their dose beside the text; in STU3 it stood so everywhere."""
    return [*parts(value, "doseAndRate"), *([value] if any(name.startswith(("dose", "rate")) and name != "doseAndRate" for name in value) else [])]


def _dose(reader: Reader, value: Tree) -> str:
    found = [quantity(part(value, name)) for name in ("doseQuantity", "dose", "rateQuantity")]
    found += [between(part(value, name)) for name in ("doseRange", "rateRange")]
    found.append(ratio(rate, reader.language) if (rate := part(value, "rateRatio")) else "")
    return ", ".join(filter(None, found))


def timing(reader: Reader, value: Tree) -> str:
    """When and how often."""
    repeat = part(value, "repeat")
    found = [_often(reader, repeat), _days(reader, repeat), _clock(repeat, reader), *(_codes(reader, repeat, "when"))]
    offset = number(repeat.get("offset"))
    found.append(f"{offset} min" if offset else "")
    found += [_bounds(reader, repeat), _lasting(reader, repeat)]
    found.append(", ".join(in_words(each, reader.language) for each in _strings(value, "event")))
    named = concept(reader, value.get("code"))
    return ", ".join(filter(None, [named if not any(found) or text(value, "code", "text") else "", *found]))


def _often(reader: Reader, repeat: Tree) -> str:
    often = _spread(repeat, "frequency", "frequencyMax") or _spread(repeat, "count", "countMax")
    every = _spread(repeat, "period", "periodMax")
    unit = text(repeat, "periodUnit")
    times = reader.phrase("once" if often == "1" else "times")
    if every:
        many = code_words("periodUnit" if every == "1" else "periodUnits", unit)
        spoken = reader.say(many) if many else unit
        span = spoken if every == "1" else f"{every} {spoken}"
        return f"{often} {times} {reader.phrase('per')} {span}" if often else f"{reader.phrase('every')} {span}"
    return f"{often} {times}" if often else ""


def _spread(value: Tree, name: str, most: str) -> str:
    low, high = number(value.get(name)), number(value.get(most))
    return f"{low} – {high}" if low and high else low or high


def _days(reader: Reader, repeat: Tree) -> str:
    return ", ".join(_codes(reader, repeat, "dayOfWeek"))


def _clock(repeat: Tree, reader: Reader) -> str:
    times = ", ".join(in_words(each, reader.language) for each in _strings(repeat, "timeOfDay"))
    return f"{reader.phrase('at')} {times}" if times else ""


def _codes(reader: Reader, repeat: Tree, name: str) -> list[str]:
    found = []
    for code in _strings(repeat, name):
        words = code_words(name, code)
        found.append(reader.say(words) if words else code)
    return found


def _bounds(reader: Reader, repeat: Tree) -> str:
    lasting = quantity(part(repeat, "boundsDuration")) or between(part(repeat, "boundsRange"))
    return f"{reader.phrase('during')} {lasting}" if lasting else period(part(repeat, "boundsPeriod"), reader.language)


def _lasting(reader: Reader, repeat: Tree) -> str:
    """How long one time takes."""
    lasting, code = _spread(repeat, "duration", "durationMax"), text(repeat, "durationUnit")
    words = code_words("periodUnit" if lasting == "1" else "periodUnits", code)
    return f"{reader.phrase('lasting')} {lasting} {reader.say(words) if words else code}".strip() if lasting else ""


def _strings(value: Tree, name: str) -> list[str]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str) and each]
