"""The catalogue is whole, reads well, and a failure carries a code and nothing else."""

import re

import pytest

from accord.terms.faults import CATALOGUE, BadInput, Fault, Faulted, Unavailable


def test_every_fault_is_explained_and_nothing_else_is() -> None:
    assert set(CATALOGUE) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_an_explanation_is_a_sentence_on_what_happened_and_one_on_what_to_do(fault: Fault) -> None:
    explanation = CATALOGUE[fault]

    for sentence in (explanation.happened, explanation.next_step):
        assert re.fullmatch(r"[A-Z`].{8,200}\.", sentence)
        # A fixed text has no place where content could go.
        assert not set(sentence) & set("{}%\n")
    assert explanation.happened != explanation.next_step


def test_codes_are_words_for_urls_and_logs_and_each_is_there_once() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", fault) for fault in Fault)
    assert len({fault.value for fault in Fault}) == len(Fault.__members__)


def test_no_two_faults_tell_the_same_story() -> None:
    told = [explanation.happened for explanation in CATALOGUE.values()]

    assert len(set(told)) == len(told)


@pytest.mark.parametrize("kind", [Faulted, BadInput, Unavailable])
def test_a_failure_says_its_code_and_where(kind: type[Faulted]) -> None:
    assert str(kind(Fault.TOO_LARGE)) == "too-large"
    assert str(kind(Fault.INVALID_QUESTION, "purpose")) == "invalid-question (purpose)"
    assert kind(Fault.TOO_LARGE).explanation is CATALOGUE[Fault.TOO_LARGE]
    assert issubclass(kind, Faulted)
