"""The hash of a question changes with everything in it and with nothing else; the digest with every byte."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Batch
from accord.terms.identifiers import Bsn, QueryId, RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import DateBound, HolderQuery, Order, Selection, SortKey, Token
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from accord.wire import question_codec
from accord.wire.hashing import StreamDigest, question_hash
from accord.wire.v1 import holder_service_pb2 as holder_pb
from tests.accord import asked

#: For every field of a question, values that differ from the one in `A_QUESTION`.
OTHERS: dict[str, list[Any]] = {
    "HolderQuery.id": [QueryId("q-2")],
    "HolderQuery.holder": [Ura("90000009")],
    "HolderQuery.about": [Bsn("999970045"), RecordRef("Observation", "1"), RecordRef("Observation", "999970008")],
    "HolderQuery.birth_date": [None, date(1950, 11, 1)],
    "HolderQuery.purpose": [PurposeOfUse.EMERGENCY_TREATMENT],
    "Asker.treats_the_patient": [False],
    "DataUser.ura": [Ura("90000009")],
    "DataUser.name": ["", "Reggerbrug "],
    "DataUser.kind": [HolderKind.PHARMACY],
    "Professional.identifier": ["", "124"],
    "Professional.role": ["", "01.016"],
    "Professional.name": ["", "a. de vries"],
    "Selection.types": [frozenset(), frozenset({"Observation"}), frozenset({"Observation,Condition"})],
    "Selection.categories": [frozenset(), frozenset({CareCategory.CONDITION})],
    "Selection.codes": [(), (Token("urn:a", "1"),), (Token("urn:a", "2"), Token("urn:b", "1"))],
    "Selection.category_tokens": [(), (Token("urn:a", "1"),), (Token("1", "urn:a"), Token("urn:b", "2"))],
    "Selection.statuses": [(), ("final",), ("finalamended",)],
    "Selection.identifiers": [(), (Token("urn:a1", ""), Token("urn:b", "2"))],
    "Selection.ids": [(), ("12",)],
    "Selection.dates": [(), (DateBound("gt", "2021"), DateBound("lt", "2022")), (DateBound("lt", "2021"), DateBound("ge", "2022"))],
    "Selection.updated": [(), (DateBound("ge", "2021-01"), DateBound("lt", "2022"))],
    "Selection.includes": [(), ("*",)],
    "Selection.order": [Order.ARRIVAL],
    "Selection.after": [None, SortKey(-5, 4, 2**63, "o-2"), SortKey(-5, 4, 2**63 + 1, "o-1"), SortKey(-5, 5, 2**63, "o-1"), SortKey(-4, 4, 2**63, "o-1")],
    "Selection.after_inclusive": [False],
    "Selection.limit": [0, 51],
}
PARTS: dict[str, type[Any]] = {"HolderQuery": HolderQuery, "Asker": Asker, "DataUser": DataUser, "Professional": Professional, "Selection": Selection}
WHOLES = {("HolderQuery", "asked_by"), ("HolderQuery", "selection"), ("Asker", "data_user"), ("Asker", "professional")}
#: The evidence travels beside the question, and is no part of it.
BESIDE = {("HolderQuery", "evidence")}

LISTS = ("codes", "category_tokens", "statuses", "identifiers", "ids", "dates", "updated", "includes")


def changed(name: str, value: object) -> HolderQuery:
    """The question with one field of one of its parts changed."""
    part, _, field = name.partition(".")
    query = asked.A_QUESTION
    who = query.asked_by
    match part:
        case "HolderQuery":
            return replace(query, **{field: value})  # type: ignore[arg-type]
        case "Selection":
            return replace(query, selection=replace(query.selection, **{field: value}))  # type: ignore[arg-type]
        case "Asker":
            return replace(query, asked_by=replace(who, **{field: value}))  # type: ignore[arg-type]
        case "DataUser":
            return replace(query, asked_by=replace(who, data_user=replace(who.data_user, **{field: value})))  # type: ignore[arg-type]
        case _:
            return replace(query, asked_by=replace(who, professional=replace(who.professional, **{field: value})))  # type: ignore[arg-type]


def in_order(query: HolderQuery) -> HolderQuery:
    """The question with its lists in order: the order of conditions means nothing."""
    listed: dict[str, Any] = {name: tuple(sorted(getattr(query.selection, name), key=repr)) for name in LISTS}
    return replace(query, selection=replace(query.selection, **listed))


def test_every_field_of_a_question_is_tried() -> None:
    assert {f"{name}.{field.name}" for name, part in PARTS.items() for field in fields(part) if (name, field.name) not in WHOLES | BESIDE} == set(OTHERS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in OTHERS.items() for value in values])
def test_p1_whatever_changes_in_a_question_changes_its_hash(name: str, value: object) -> None:
    assert question_hash(changed(name, value)) != question_hash(asked.A_QUESTION)


@given(asked.questions, asked.questions)
def test_p1_two_questions_have_one_hash_only_when_they_are_one_message(one: HolderQuery, two: HolderQuery) -> None:
    assert len(question_hash(one)) == 32
    assert (question_hash(one) == question_hash(two)) == (in_order(one) == in_order(two))


@given(st.permutations(range(2)))
def test_the_order_in_which_conditions_are_listed_does_not_matter(turn: list[int]) -> None:
    selection = asked.A_QUESTION.selection
    turned: dict[str, Any] = {name: tuple(getattr(selection, name)[at] for at in turn) for name in LISTS}

    assert question_hash(replace(asked.A_QUESTION, selection=replace(selection, **turned))) == question_hash(asked.A_QUESTION)


@given(asked.questions)
def test_both_ends_of_the_wire_have_the_same_hash(query: HolderQuery) -> None:
    message = holder_pb.HolderQuery.FromString(question_codec.holder_query_to_wire(query).SerializeToString())

    assert question_hash(question_codec.holder_query_from_wire(message)) == question_hash(query)


def test_the_canonical_form_is_the_one_that_was_agreed() -> None:
    # A change here is a change of the wire: every holder would seem to answer another question.
    assert question_hash(asked.A_QUESTION).hex() == "400443fb506ce682810893e3983da61c81ce6f31dde62f4f259130927bce5aa2"


_batches = st.lists(st.builds(Batch, st.binary(max_size=80), st.binary(max_size=40), st.just(0)), max_size=5)


@given(_batches)
def test_the_digest_is_blake3_over_columns_and_blobs_in_order(batches: list[Batch]) -> None:
    digest = StreamDigest()
    for batch in batches:
        digest.add(batch)

    assert digest.value() == blake3(b"".join(batch.columns + batch.blob for batch in batches)).digest()


@given(_batches.filter(bool), st.data())
def test_a_byte_that_changed_or_went_missing_shows(batches: list[Batch], data: st.DataObject) -> None:
    whole = b"".join(batch.columns + batch.blob for batch in batches)
    if not whole:
        return
    at = data.draw(st.integers(0, len(whole) - 1))

    def digest_of(content: bytes) -> bytes:
        digest = StreamDigest()
        digest.add_chunk(content)
        return digest.value()

    assert digest_of(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]) != digest_of(whole)
    assert digest_of(whole[:at] + whole[at + 1 :]) != digest_of(whole)
    assert digest_of(whole[:at]) != digest_of(whole)
