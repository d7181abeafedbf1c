"""Narrowing: whoever carries a question may make it smaller, and nobody may make it larger (promise P1)."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accord.rules.narrowing import narrows, selection_narrows
from accord.terms.evidence import Asked
from accord.terms.identifiers import Bsn, HolderName, QueryId, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import EVERYTHING, DateBound, HolderQuery, Order, Selection, SortKey, Token
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

HOSPITAL: Final = HolderName("hospital")
TREAT: Final = PurposeOfUse.TREATMENT
ASKER: Final = Asker(DataUser(Ura("00000001"), "GP", HolderKind.GP_PRACTICE), Professional("1", "01.015", "x"), treats_the_patient=True)

texts: Final = st.sampled_from(["a", "b", "c"])
tokens: Final = st.builds(Token, st.sampled_from(["", "s"]), texts)
bounds: Final = st.builds(DateBound, st.sampled_from(["ge", "lt"]), st.sampled_from(["2020", "2021"]))
#: Of each dimension that holds alternatives: what can stand in it.
ALTERNATIVES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "types": texts,
    "categories": st.sampled_from([CareCategory.CONDITION, CareCategory.PROCEDURE, CareCategory.DOCUMENT]),
    "codes": tokens,
    "category_tokens": tokens,
    "statuses": texts,
    "identifiers": tokens,
    "ids": texts,
}
BOUNDS: Final = ("dates", "updated")


def several(items: st.SearchStrategy[Any], name: str, least: int = 0) -> st.SearchStrategy[Any]:
    unique = st.lists(items, unique=True, min_size=least, max_size=3)
    return unique.map(frozenset) if name in ("types", "categories") else unique.map(tuple)


selections: Final = st.builds(
    Selection,
    **{name: several(items, name) for name, items in ALTERNATIVES.items()},
    **{name: several(bounds, name) for name in BOUNDS},
    includes=several(st.sampled_from(["*", "A:b", "C:d"]), "includes"),
)


def put(selection: Selection = EVERYTHING, purpose: PurposeOfUse = TREAT) -> HolderQuery:
    return HolderQuery(QueryId("q"), Ura("00000002"), Bsn("999900006"), None, ASKER, purpose, selection)


def fewer(data: st.DataObject, name: str, had: Any) -> Any:
    """Any narrowing of one dimension."""
    if name in ALTERNATIVES:
        chosen = several(st.sampled_from(sorted(had, key=repr)), name, 1) if had else several(ALTERNATIVES[name], name)
        return data.draw(chosen)
    if name in BOUNDS:
        return had + data.draw(several(bounds, name))
    if "*" in had:
        return data.draw(several(st.sampled_from(["*", "A:b", "E:f"]), name))
    return data.draw(several(st.sampled_from(had), name)) if had else ()


def narrowed(data: st.DataObject, selection: Selection) -> Selection:
    names = [*ALTERNATIVES, *BOUNDS, "includes"]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True))
    return replace(selection, **{name: fewer(data, name, getattr(selection, name)) for name in chosen})


@given(selections, st.data())
def test_whatever_is_narrower_is_let_through(asked: Selection, data: st.DataObject) -> None:
    less = replace(
        narrowed(data, asked),
        order=data.draw(st.sampled_from(Order)),
        after=data.draw(st.none() | st.just(SortKey(1, 2, 3, "x"))),
        after_inclusive=data.draw(st.booleans()),
        limit=data.draw(st.integers(0, 9)),
    )

    assert narrows(Asked(TREAT, asked), put(less), HOSPITAL)


@given(selections, st.data(), st.sampled_from(list(ALTERNATIVES)))
def test_p1_an_alternative_more_is_refused(asked: Selection, data: st.DataObject, name: str) -> None:
    had = getattr(asked, name)
    more = data.draw(ALTERNATIVES[name])
    assume(had and more not in had)
    wider = replace(narrowed(data, asked), **{name: type(had)([*had, more])})

    assert not narrows(Asked(TREAT, asked), put(wider), HOSPITAL)


@given(selections, st.data(), st.sampled_from([*ALTERNATIVES, *BOUNDS]))
def test_p1_a_condition_left_out_is_refused(asked: Selection, data: st.DataObject, name: str) -> None:
    had = getattr(asked, name)
    assume(had)
    wider = replace(narrowed(data, asked), **{name: type(had)()})

    assert not narrows(Asked(TREAT, asked), put(wider), HOSPITAL)


@given(selections, st.data(), st.sampled_from(BOUNDS))
def test_p1_a_bound_that_is_replaced_is_refused(asked: Selection, data: st.DataObject, name: str) -> None:
    had = getattr(asked, name)
    assume(had)
    other: dict[str, Any] = {name: (*had[1:], DateBound("ge", "1900"))}
    wider = replace(narrowed(data, asked), **other)

    assert not narrows(Asked(TREAT, asked), put(wider), HOSPITAL)


@given(selections, st.sampled_from(["*", "E:f"]))
def test_p1_a_companion_more_is_refused(asked: Selection, more: str) -> None:
    assume("*" not in asked.includes)

    assert not narrows(Asked(TREAT, asked), put(replace(asked, includes=(*asked.includes, more))), HOSPITAL)


@given(selections, selections, selections, st.data())
def test_what_narrows_what_narrows_narrows(first: Selection, second: Selection, third: Selection, data: st.DataObject) -> None:
    near = data.draw(st.sampled_from([second, narrowed(data, first)]))
    far = data.draw(st.sampled_from([third, narrowed(data, near)]))

    assert selection_narrows(first, first)
    if selection_narrows(first, near) and selection_narrows(near, far):
        assert selection_narrows(first, far)


@pytest.mark.parametrize(("asked", "sent"), [(TREAT, PurposeOfUse.EMERGENCY_TREATMENT), (PurposeOfUse.EMERGENCY_TREATMENT, TREAT)])
def test_p1_another_purpose_is_refused(asked: PurposeOfUse, sent: PurposeOfUse) -> None:
    assert narrows(Asked(asked, EVERYTHING), put(purpose=asked), HOSPITAL)
    assert not narrows(Asked(asked, EVERYTHING), put(purpose=sent), HOSPITAL)


def test_p1_a_holder_that_was_not_named_is_refused() -> None:
    asked = Asked(TREAT, EVERYTHING, frozenset({HOSPITAL}))

    assert narrows(asked, put(), HOSPITAL)
    assert not narrows(asked, put(), HolderName("hospital-2"))


def test_p1_an_attachment_is_asked_for_by_its_own_address_only() -> None:
    asked = Asked(TREAT, EVERYTHING, attachment="Binary/7", record="DocumentReference/3")

    assert narrows(asked, put(), HOSPITAL, attachment="Binary/7", record="DocumentReference/3")
    assert not narrows(asked, put(), HOSPITAL, attachment="Binary/8", record="DocumentReference/3")
    assert not narrows(asked, put(), HOSPITAL, attachment="Binary/7", record="DocumentReference/4")
    assert not narrows(asked, put(), HOSPITAL)
    assert not narrows(Asked(TREAT, EVERYTHING), put(), HOSPITAL, attachment="Binary/7", record="DocumentReference/3")
