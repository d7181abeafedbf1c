"""SMART v2 scopes: what they let through is asked for, is inside the scope, and is covered by the proof of what was asked."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.narrowing import selection_narrows
from accord.rules.reading import category_of, read_record
from accord.rules.scope import falls_inside
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.queries import EVERYTHING, Selection, Token
from accord.terms.vocabulary import CareCategory
from gateway.smart.scopes import Scope, Scopes, read_scopes

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
LAB: Final = Token(SYSTEM, "laboratory")
VITAL: Final = Token(SYSTEM, "vital-signs")
TOKENS: Final = (LAB, VITAL, Token("", "laboratory"), Token(SYSTEM, ""), Token("urn:x", "laboratory"))
TYPES: Final = ("Observation", "Condition", "Encounter")

scopes = st.builds(
    Scope,
    st.sampled_from(("", *TYPES)),
    st.booleans(),
    st.just(True),
    st.lists(st.sampled_from((LAB, VITAL, Token("urn:x", "laboratory"))), max_size=2, unique=True).map(tuple),
)
grants = st.lists(scopes, max_size=4).map(lambda granted: Scopes("c", Ura("00000001"), tuple(granted)))
selections = st.builds(
    Selection,
    types=st.frozensets(st.sampled_from(TYPES)),
    categories=st.frozensets(st.sampled_from((CareCategory.OBSERVATION_LABORATORY, CareCategory.CONDITION, CareCategory.ENCOUNTER))),
    category_tokens=st.lists(st.sampled_from(TOKENS), max_size=3, unique=True).map(tuple),
    includes=st.sampled_from(((), ("*",), ("Observation:performer",))),
)
categories = st.frozensets(st.sampled_from((CareCategory.OBSERVATION_LABORATORY, CareCategory.CONDITION)))


def record(kind: str, *tokens: Token) -> bytes:
    coded = ",".join(f'{{"coding":[{{"system":"{token.system}","code":"{token.code}"}}]}}' for token in tokens)
    return f'{{"resourceType":"{kind}","id":"1","status":"final","category":[{coded}],"code":{{"text":"x"}}}}'.encode()


RECORDS: Final = [record(kind, *tokens) for kind in TYPES for tokens in ((), (LAB,), (VITAL,), (LAB, VITAL), (Token("urn:x", "laboratory"),))]


def inside(selection: Selection, text: bytes) -> bool:
    read = read_record(text)
    assert read.kind is not None
    return falls_inside(selection, read, read.kind, category_of(read, read.kind))


def granted(scope: Scope, text: bytes) -> bool:
    """By the words of the scope alone: its type, and any of its categories."""
    kind = read_record(text).resourceType
    return scope.type in ("", kind) and inside(Selection(category_tokens=scope.categories), text)


@given(grants, selections, categories)
def test_a5_what_scopes_let_through_was_asked_for_and_is_in_scope_and_is_covered_by_the_proof(
    held: Scopes, asked: Selection, mandated: frozenset[CareCategory]
) -> None:
    try:
        narrowed = held.narrow(asked, mandated=mandated)
    except BadInput:
        return

    assert selection_narrows(asked, narrowed)
    for text in RECORDS:
        if inside(narrowed, text):
            assert inside(asked, text)
            assert any(granted(scope, text) for scope in held.granted)
            assert inside(Selection(categories=mandated), text)


@given(selections)
def test_everything_in_scope_is_everything_that_was_asked(asked: Selection) -> None:
    everything = Scopes("c", Ura("00000001"), read_scopes("system/*.rs"))

    assert everything.narrow(asked) == asked


@given(st.lists(scopes.filter(lambda scope: scope.reads), min_size=1, max_size=5, unique=True))
def test_scopes_that_are_written_are_read_back(written: list[Scope]) -> None:
    assert read_scopes(" ".join(map(str, written))) == tuple(written)


def held_to(text: str) -> Scopes:
    return Scopes("c", Ura("00000001"), read_scopes(text))


def test_a_search_is_held_to_the_category_of_its_scope() -> None:
    held = held_to(f"system/Observation.rs?category={SYSTEM}|laboratory")

    assert held.narrow(Selection(types=frozenset({"Observation"}))).category_tokens == (LAB,)
    assert held.narrow(EVERYTHING) == Selection(types=frozenset({"Observation"}), category_tokens=(LAB,), includes=())
    assert held.narrow(Selection(category_tokens=(VITAL, LAB))).category_tokens == (LAB,)


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("system/Observation.rs", Selection(types=frozenset({"Condition"}))),
        ("system/Observation.r", EVERYTHING),
        (f"system/Observation.rs?category={SYSTEM}|laboratory", Selection(category_tokens=(VITAL,))),
        # The proof knows it by its spelling: `laboratory` of any system is more than the scope has.
        (f"system/Observation.rs?category={SYSTEM}|laboratory", Selection(category_tokens=(Token("", "laboratory"),))),
        # Two types that are held to different categories are two questions.
        (f"system/Observation.rs?category={SYSTEM}|laboratory system/Condition.rs", EVERYTHING),
    ],
)
def test_what_is_out_of_scope_is_refused_and_not_made_less_of(scope: str, asked: Selection) -> None:
    with pytest.raises(BadInput) as caught:
        held_to(scope).narrow(asked)

    assert caught.value.fault is Fault.QUESTION_WIDENED


def test_reading_and_searching_are_granted_apart() -> None:
    one = Selection(types=frozenset({"Observation"}), ids=("o1",), includes=())

    assert held_to("system/Observation.r").narrow(one) == held_to("system/Observation.s").narrow(one) == one
    for more in (replace(one, ids=("o1", "o2")), replace(one, ids=()), replace(one, types=frozenset({"Observation", "Condition"}))):
        with pytest.raises(BadInput):
            held_to("system/Observation.r").narrow(more)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "system/*.rs ",
        "system/*.rs  system/Patient.r",
        "system/*.rs system/*.rs",
        "patient/*.rs",
        "user/Observation.rs",
        "launch",
        "openid",
        "system/*.*",
        "system/*.read",
        "system/Observation.cruds",
        "system/Observation.sr",
        "system/Observation.",
        "system/observation.rs",
        "system/Nonsense.rs",
        "System/Observation.rs",
        "system/Observation.rs?",
        "system/Observation.rs?category=",
        "system/Observation.rs?category=laboratory",
        f"system/Observation.rs?category={SYSTEM}|",
        "system/Observation.rs?category=|laboratory",
        f"system/Observation.rs?category={SYSTEM}|laboratory&status=final",
        f"system/Observation.rs?category={SYSTEM}|laboratory,",
        "system/Observation.rs?status=final",
        f"system/Observation.rs?category={SYSTEM}%7Claboratory",
        f"system/Observation.rs?category={SYSTEM}|a|b",
        "system/Observation.rs\n",
        "system/Observation.rs\tsystem/Condition.rs",
        "system/Observation.rs\u00a0",
        " ".join(f"system/Observation.rs?category=urn:x|{number}" for number in range(60)),
    ],
)
def test_a5_a_scope_that_cannot_be_held_to_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_scopes(text)

    assert caught.value.fault is Fault.INVALID_PARAMETER
