"""The words of the pages: the same in both languages, and easy to read."""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from string import Formatter

import pytest

from accord.rules.consent import Basis
from accord.rules.data_kinds import DataKind
from accord.rules.emergency import ReasonCode
from accord.rules.speaking import Denied
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from gateway.pages.telling import Language, preferred, spoken_number, words
from gateway.pages.templates import make_templates
from gateway.patient.changes import Stays
from gateway.patient.visits import PACKAGE

DUTCH, ENGLISH = words(PACKAGE, Language.DUTCH), words(PACKAGE, Language.ENGLISH)
#: Words that the reader already has where they come: they are there for the test to read whole sentences.
FILLED = {
    "who": "de huisarts", "data": "uw medicijnen", "what": "uw medicijnen", "name": "Jan", "patient": "Dina", "day": "maandag", "at": "tien uur",
    "times": "3", "first": "9", "last": "10 uur", "holders": "de huisarts", "since": "1 mei", "until": "2 mei", "region": "de regio", "reason": "ziek", "to": "de huisarts",
}  # fmt: skip


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    assert set(DUTCH.sentences) == set(ENGLISH.sentences)
    for key, sentence in DUTCH.sentences.items():
        assert places(sentence) == places(ENGLISH.sentences[key]), key
    assert len(DUTCH.months) == len(ENGLISH.months) == 12
    assert len(DUTCH.days) == len(ENGLISH.days) == 7


def test_every_code_has_its_word() -> None:
    for group, codes in {"provider": HolderKind, "data": DataKind, "purpose": PurposeOfUse, "basis": Basis, "reason": ReasonCode, "stays": Stays}.items():
        assert {f"{group}.{code}" for code in codes} <= set(DUTCH.sentences)
    assert {f"message.{code}.title" for code in Denied} <= set(DUTCH.sentences)


def test_no_sentence_lies_unused_and_none_is_missing() -> None:
    folder = files("gateway.patient")
    sources = [path.read_text() for path in folder.iterdir() if path.name.endswith(".py")]
    sources += [path.read_text() for path in folder.joinpath("templates").iterdir()]
    text = "\n".join(sources)
    named = set(re.findall(r'\bt\("([a-z_.0-9]+)"[,)]', text)) | set(re.findall(r'words\("([a-z_.0-9]+)"[,)]', text))

    assert not {key for key in named if key not in DUTCH.sentences and not key.endswith(".")}
    groups = {key.partition(".")[0] for key in DUTCH.sentences}
    assert all(f"{group}." in text for group in groups)


def test_every_template_can_be_read() -> None:
    templates = make_templates(PACKAGE)
    for name in templates.list_templates():
        assert templates.get_template(name).name == name


@pytest.mark.parametrize(
    ("moment", "dutch", "english"),
    [
        ("2026-11-21T01:41", ("twee uur eenenveertig", "02.41 uur"), ("two forty-one", "02:41")),
        ("2026-11-21T23:00", ("nul uur", "00.00 uur"), ("zero hundred hours", "00:00")),
        ("2026-07-21T20:05", ("tweeëntwintig uur vijf", "22.05 uur"), ("twenty-two oh five", "22:05")),
        ("2026-07-21T21:33", ("drieëntwintig uur drieëndertig", "23.33 uur"), ("twenty-three thirty-three", "23:33")),
    ],
)
def test_times_read_well_and_sound_well(moment: str, dutch: tuple[str, str], english: tuple[str, str]) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert (DUTCH.spoken_time(at), DUTCH.time(at)) == dutch
    assert (ENGLISH.spoken_time(at), ENGLISH.time(at)) == english


def test_a_day_is_the_day_in_the_region() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    assert DUTCH.day(late) == "zaterdag 21 november 2026"
    assert DUTCH.spoken_day(late) == "zaterdag eenentwintig november"


def test_telephone_numbers_are_heard_digit_by_digit() -> None:
    assert spoken_number("0541-555 0104") == "0 5 4 1, 5 5 5, 0 1 0 4"


@pytest.mark.parametrize(
    ("accepted", "language"), [("", "nl"), ("en-GB,nl;q=0.5", "en"), ("nl-NL,en", "nl"), ("de,en", "en"), ("fr", "nl"), ("x" * 9999, "nl")]
)
def test_the_browsers_language_is_used_when_we_have_it(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def pages() -> Iterator[tuple[str, str]]:
    catalogue = tomllib.loads(files("gateway.patient").joinpath("words", "nl.toml").read_text())
    for name in (
        "home",
        "overview",
        "choices",
        "choosing",
        "changing",
        "changes",
        "result",
        "accesses",
        "purpose",
        "reason",
        "basis",
        "printing",
        "help",
        "accessibility",
        "message",
    ):
        yield name, " ".join(_sentences(catalogue[name]))


def _sentences(part: dict[str, object]) -> Iterator[str]:
    for value in part.values():
        if isinstance(value, dict):
            yield from _sentences(value)
        else:
            sentence = str(value).format(**FILLED)
            yield sentence if sentence[-1] in ".?!:" else f"{sentence}."


@pytest.mark.parametrize(("name", "text"), tuple(pages()))
def test_every_page_is_plain_dutch(name: str, text: str) -> None:
    textstat = pytest.importorskip("textstat", reason="the readability lint needs textstat")
    textstat.set_lang("nl")
    long = [sentence for sentence in re.split(r"(?<=[.?!:])\s+", text) if len(sentence.split()) > 15]

    assert not long, name
    assert textstat.flesch_reading_ease(text) >= 60, name
    if name != "message":  # a child is spoken to as one speaks to a child
        assert not re.search(r"\b(je|jij|jou|jouw)\b", text)


def test_the_readability_lint_finds_officialese() -> None:
    textstat = pytest.importorskip("textstat", reason="the readability lint needs textstat")
    textstat.set_lang("nl")

    assert textstat.flesch_reading_ease("Ingevolge de toestemmingsregistratie worden gegevensuitwisselingsverzoeken geautoriseerd.") < 60
