"""What is wrong with a source of numbers, in words for a planner; the code beside it is for whoever looks after the source."""

from collections.abc import Mapping
from typing import Final

from accord.review.words import Language, Text
from accord.terms.faults import Fault

_NO_ROWS: Final = Text("het bestand zegt niets over uw plekken, of niet over alle.", "the file says nothing about your places, or not about all.")
_OTHER: Final = Text("het werkt niet.", "it does not work.")
_WORDS: Final[Mapping[Fault, Text]] = {
    Fault.EXPORT_INVALID: Text("het bestand klopt niet; er is niets uit overgenomen.", "the file is not right; nothing of it was taken."),
    Fault.INVALID_ENCODING: Text("het bestand is niet te lezen.", "the file cannot be read."),
    Fault.TOO_LARGE: Text("het bestand is te groot.", "the file is too large."),
    Fault.SOURCE_UNAVAILABLE: Text("het bestand of het systeem is er niet.", "the file or the system is not there."),
    Fault.SOURCE_ANSWER_INVALID: Text("het systeem antwoordt, maar zo is niet te tellen.", "the system answers, and not so that anybody can count."),
    Fault.JOURNAL_UNAVAILABLE: Text("het logboek is dicht; er wordt niets overgenomen.", "the journal is closed; nothing is taken."),
}


def trouble_words(told: str, language: Language) -> str:
    """In words, of what was told: a code, and where."""
    code, _, where = told.partition(" ")
    if code == Fault.EXPORT_INVALID.value and ": no rows" in where:
        return _NO_ROWS.in_language(language)
    return next((words for fault, words in _WORDS.items() if fault.value == code), _OTHER).in_language(language)
