"""The words of the pages about places: both languages have the same, and every code that a page may show has some."""

import re
from importlib.resources import files

import pytest

from accord.rules.capacity.fitting import Point, Verdict
from accord.rules.capacity.needing import Fact, Known
from accord.rules.capacity.ranking import Group
from accord.rules.capacity.standing import Doubt
from accord.rules.placing.asker import Alarm, At
from accord.terms.capacity import CareKind, Condition, Funding, Light, StopReason
from accord.terms.placing import DeclineReason, EndReason, WithdrawReason
from gateway.pages.telling import Language, words
from gateway.places.pages_need_form import LANGUAGES
from gateway.places.pages_results import TIMES
from gateway.places.ports import Heeds
from gateway.places.site import PACKAGE

#: Every group with the codes that it needs.
GROUPS = {
    "kind": CareKind,
    "condition": Condition,
    "funding": Funding,
    "light": Light,
    "stop": StopReason,
    "at": At,
    "happened": At,
    "decline": DeclineReason,
    "withdraw": WithdrawReason,
    "end": EndReason,
    "alarm": Alarm,
    "known": Known,
    "tongue": LANGUAGES,
    "sheet.what": CareKind,
    "heeds": (Heeds.ANSWER, Heeds.ALARM, Heeds.OPENED),
    "stand": Doubt,
    "group": [group.name.lower() for group in Group],
    "put": [f"in_{minutes}" for minutes in TIMES],
}
#: What can be said about a point (`accord.rules.capacity.fitting`).
SAID = {
    Point.SPECIALTY: (Verdict.YES, Verdict.NO, Verdict.NOT_STATED),
    Point.CONDITIONS: (Verdict.YES, Verdict.NO, Verdict.NOT_STATED),
    Point.LANGUAGES: (Verdict.YES, Verdict.PART, Verdict.NOT_STATED),
    Point.FUNDING: (Verdict.YES, Verdict.NO, Verdict.NOT_STATED),
    Point.AREA: (Verdict.YES, Verdict.NO, Verdict.NOT_STATED),
    Point.DATE: (Verdict.YES, Verdict.PART, Verdict.NO),
}


def test_both_languages_have_the_same_sentences_with_the_same_places_in_them() -> None:
    dutch, english = (words(PACKAGE, language).sentences for language in Language)

    assert set(dutch) == set(english)
    for key, sentence in dutch.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(re.findall(r"\{(\w+)\}", english[key])), key


@pytest.mark.parametrize("language", list(Language))
def test_every_code_has_words(language: Language) -> None:
    sentences = words(PACKAGE, language).sentences
    needed = {f"places.{group}.{code}" for group, codes in GROUPS.items() for code in codes}
    needed |= {f"places.point.{point}.{verdict}" for point, verdicts in SAID.items() for verdict in verdicts}
    needed |= {f"places.fact.{fact}.{form}" for fact in Fact if fact is not Fact.AGE for form in ("name", "yes", "no", "ask")}

    assert not needed - set(sentences)


def test_every_sentence_that_a_page_names_is_there() -> None:
    sentences = set(words(PACKAGE, Language.DUTCH).sentences)
    folder = files(PACKAGE)
    sources = [one for one in folder.iterdir() if one.name.endswith(".py")] + list(folder.joinpath("templates", "places").iterdir())
    named = {key for one in sources for key in re.findall(r'(?:t|speech|words)\(\s*f?"(places\.[a-z_.-]+)"', one.read_text(encoding="utf-8"))}

    assert len(named) > 150
    assert {key for key in named if not key.endswith((".", "_"))} <= sentences


def test_the_sheet_for_the_patient_has_short_sentences() -> None:
    sentences = words(PACKAGE, Language.DUTCH).sentences
    sheet = [
        sentence for key, sentence in sentences.items() if key.startswith("places.sheet.") and not key.startswith(("places.sheet.bring", "places.sheet.how"))
    ]
    longest = max((len(one.split()) for sentence in sheet for one in re.split(r"[.?]", sentence)), default=0)

    assert longest <= 15
