"""The form in which a question is signed: it says what is asked, and cannot be read as more."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.queries import EVERYTHING, Order, Selection, SortKey, Token
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from accord.wire.asked import asked_form, asked_from_form
from tests.accord import asked as shapes

holders: Final = st.frozensets(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).map(HolderName), max_size=3)
pointers: Final = st.just(("", "")) | st.tuples(st.just("Binary/7"), shapes.records.map(str))
questions: Final = st.builds(
    lambda purpose, selection, names, pointer: Asked(purpose, selection, names, *pointer),
    st.sampled_from(PurposeOfUse),
    shapes.selections,
    holders,
    pointers,
)


def canonical(asked: Asked) -> Asked:
    """What is left of a question in its form: lists sorted, each item once, no paging."""
    s = asked.selection

    def tokens(items: tuple[Token, ...]) -> tuple[Token, ...]:
        return tuple(sorted(set(items), key=lambda token: (token.system, token.code)))

    selection = Selection(
        s.types,
        s.categories,
        tokens(s.codes),
        tokens(s.category_tokens),
        tuple(sorted(set(s.statuses))),
        tokens(s.identifiers),
        tuple(sorted(set(s.ids))),
        tuple(sorted(set(s.dates), key=lambda bound: (bound.prefix, bound.value))),
        tuple(sorted(set(s.updated), key=lambda bound: (bound.prefix, bound.value))),
        tuple(sorted(set(s.includes))),
    )
    return replace(asked, selection=selection)


@given(questions)
def test_what_is_asked_is_read_back_from_its_form_as_json(asked: Asked) -> None:
    form = json.loads(json.dumps(asked_form(asked)))

    assert asked_from_form(form) == canonical(asked)
    assert asked_form(asked_from_form(form)) == form


def test_paging_is_no_part_of_what_is_asked() -> None:
    paged = replace(EVERYTHING, order=Order.GLOBAL, after=SortKey(1, 2, 3, "a"), after_inclusive=True, limit=10)

    assert asked_form(Asked(PurposeOfUse.TREATMENT, paged)) == asked_form(Asked(PurposeOfUse.TREATMENT, EVERYTHING))


GOOD: Final[dict[str, Any]] = {
    "purpose": "TREAT",
    "includes": ["*"],
    "types": ["Observation"],
    "categories": ["Condition"],
    "codes": [["http://loinc.org", "1"]],
    "dates": [["ge", "2021"]],
    "holders": ["hospital"],
}
BAD: Final[dict[str, dict[str, Any]]] = {
    "unknown member": GOOD | {"limit": 3},
    "no purpose": {"includes": ["*"]},
    "no includes": {"purpose": "TREAT"},
    "unknown purpose": GOOD | {"purpose": "HMARKT"},
    "purpose a list": GOOD | {"purpose": ["TREAT"]},
    "empty list": GOOD | {"types": []},
    "null list": GOOD | {"types": None},
    "list a text": GOOD | {"types": "Observation"},
    "list an object": GOOD | {"types": {"Observation": 1}},
    "item a number": GOOD | {"types": [1]},
    "item true": GOOD | {"ids": [True]},
    "item null": GOOD | {"ids": [None]},
    "item a list": GOOD | {"ids": [["a"]]},
    "item twice": GOOD | {"ids": ["a", "a"]},
    "unknown category": GOOD | {"categories": ["Everything"]},
    "token of three": GOOD | {"codes": [["a", "b", "c"]]},
    "token a text": GOOD | {"codes": ["ab"]},
    "unknown prefix": GOOD | {"dates": [["ne", "2021"]]},
    "no date": GOOD | {"dates": [["ge", "yesterday"]]},
    "holder in capitals": GOOD | {"holders": ["Hospital"]},
    "too many": GOOD | {"ids": [str(number) for number in range(201)]},
    "too long": GOOD | {"ids": ["a" * 257]},
    "control character": GOOD | {"ids": ["a\nb"]},
    "attachment without record": GOOD | {"attachment": "Binary/7"},
    "record without attachment": GOOD | {"record": "Observation/1"},
    "attachment empty": GOOD | {"attachment": "", "record": ""},
    "record that is none": GOOD | {"attachment": "Binary/7", "record": "7"},
    "attachment a number": GOOD | {"attachment": 7, "record": "Observation/1"},
}


def test_the_form_that_the_others_spoil_is_sound() -> None:
    assert asked_form(asked_from_form(GOOD)) == GOOD
    assert asked_from_form(GOOD).selection.categories == {CareCategory.CONDITION}


@pytest.mark.parametrize("form", BAD.values(), ids=BAD.keys())
def test_a_form_that_says_something_else_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        asked_from_form(form)
    assert caught.value.fault is Fault.TOKEN_INVALID


_json: Final = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@given(st.dictionaries(st.sampled_from([*GOOD, "ids", "attachment", "record", "x"]), _json, max_size=6))
def test_any_form_is_read_or_refused_in_one_way(more: dict[str, Any]) -> None:
    try:
        asked = asked_from_form(GOOD | more)
    except BadInput as refused:
        fault: Fault | None = refused.fault
    else:
        fault = Fault.TOKEN_INVALID if asked_from_form(asked_form(asked)) == asked else None

    assert fault is Fault.TOKEN_INVALID
