"""Questions, statements and letters as JSON: what is written is read, and whatever else comes is refused by one code."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.capacity import Need, PlacesQuestion, Spot, Statement
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import WORDS_CHARACTERS, FromAsker, FromProvider, Told
from accord.wire.place_forms import from_form, is_readable, to_form
from tests.accord.letters.letters_world import STATEMENT, from_askers, from_providers, needs, questions, statements

ASKER: Any = FromAsker
PROVIDER: Any = FromProvider
ALL = (PlacesQuestion, Statement, Need, ASKER, PROVIDER)


def refused(content: bytes, kind: Any) -> None:
    with pytest.raises(BadInput) as caught:
        from_form(content, kind)
    assert (caught.value.fault, caught.value.where, caught.value.__cause__) == (Fault.INVALID_QUESTION, "places", None)


def is_read_or_refused(content: bytes, kind: Any) -> None:
    with suppress(BadInput):
        from_form(content, kind)
        return
    refused(content, kind)


@given(from_askers)
def test_what_an_asker_writes_is_read(letter: FromAsker) -> None:
    assert from_form(to_form(letter), ASKER) == letter


@given(from_providers)
def test_what_a_provider_writes_is_read(letter: FromProvider) -> None:
    assert from_form(to_form(letter), PROVIDER) == letter


@given(questions, statements, needs)
def test_questions_statements_and_needs_are_read(question: PlacesQuestion, statement: Statement, need: Need) -> None:
    assert from_form(to_form(question), PlacesQuestion) == question
    assert from_form(to_form(statement), Statement) == statement
    assert from_form(to_form(need), Need) == need


def test_a_member_that_we_do_not_know_is_passed_over() -> None:
    assert from_form(b'{"type":"told","words":"x","newer":{"a":[1]}}', ASKER) == Told("x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from(["told", "offered", "2026-11-23", "2026-11-23T10:00:00Z"]),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "words", "terms", "number", "need", "kinds", "openings", "now", "title"]) | st.text(max_size=3), some, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(ALL))
def test_p7_whatever_json_says_it_is_read_or_refused_by_one_code(said: Any, kind: Any) -> None:
    is_read_or_refused(json.dumps(said).encode(), kind)


@given(st.binary(max_size=60), st.sampled_from(ALL))
def test_p7_whatever_bytes_come_they_are_refused_by_one_code(content: bytes, kind: Any) -> None:
    is_read_or_refused(content, kind)


STATED = json.loads(to_form(STATEMENT))
SPOT = b'{"latitude":%s,"longitude":5.0}'


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999", b"91", b"-91", b'"52"', b"null"])
def test_a_spot_that_is_none_is_refused(number: bytes) -> None:
    assert from_form(SPOT % b"52.5", Spot) == Spot(52.5, 5.0)
    refused(SPOT % number, Spot)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"[" * 100_000, ASKER),
        (b'{"type":"told","words":' + b"[" * 100_000, ASKER),
        (b'{"type":"told","words":"x","newer":' + b"[" * 5_000 + b"]" * 5_000 + b"}", ASKER),
        (json.dumps(STATED | {"now": "2026-03-02T10:00:00"}).encode(), Statement),  # no zone
        (json.dumps(STATED | {"places_mark": 1 << 53}).encode(), Statement),
        (json.dumps(STATED | {"places_mark": -(1 << 70)}).encode(), Statement),
        (json.dumps(STATED | {"places_mark": 1.5}).encode(), Statement),
        (json.dumps(STATED | {"title": "x" * (WORDS_CHARACTERS + 1)}).encode(), Statement),
        (json.dumps(STATED | {"openings": {}}).encode(), Statement),
        (b'{"type":"told","words":"\\ud800"}', ASKER),
        (b'{"type":"told","words":"\xff"}', ASKER),
        (b'{"type":"nonsense"}', ASKER),
        (b'{"type":"granted","number":1}', ASKER),  # a provider's word
        (b'{"words":"x"}', ASKER),
        (b'{"a":%d}' % (1 << 63), dict[str, int]),
        (b'{"a\\u0000":1}', dict[str, int]),
        (b"[" + b",".join([b"1"] * 30_000) + b"]", list[int]),
        (b"", ASKER),
    ],
    ids=lambda value: value[:30].decode("utf-8", "replace") if isinstance(value, bytes) else "",
)
def test_p7_what_is_too_deep_too_large_or_of_a_wrong_shape_is_refused(content: bytes, kind: Any) -> None:
    refused(content, kind)


@pytest.mark.parametrize("text", ["é\u00a0ö", "👩\u200d⚕️", "a\r\n\tb", "x" * WORDS_CHARACTERS, ""])
def test_what_people_write_is_readable(text: str) -> None:
    assert is_readable(text)
    assert from_form(to_form(Told(text)), ASKER) == Told(text)


@pytest.mark.parametrize("text", ["a\0b", "\x1b[2J", "\u202eabc", "\u2066abc", "\x7f", "\u2028", "x" * (WORDS_CHARACTERS + 1)])
def test_what_shows_other_than_it_says_is_not_readable(text: str) -> None:
    assert not is_readable(text)
    refused(to_form(Told(text)), ASKER)
