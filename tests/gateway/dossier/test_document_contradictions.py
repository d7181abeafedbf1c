"""A line of a document says who contradicts it, by the same grouping as the screen."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from accord.wire.columns import rows
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.groups import Kind
from gateway.dossier.documents.contradicting import Contradiction, Stated, contradictions
from gateway.dossier.window import Origin
from gateway.ports import HolderBatch
from tests.gateway.dossier.clinical.dossiers import AT, SNOMED, agreement, allergy, batch, coded, observation, view_of

Json = dict[str, Any]


def stated(*batches: HolderBatch) -> list[Stated]:
    found = []
    for one in batches:
        start = 0
        for row in rows(one.batch.columns):
            found.append(Stated(one.holder, row, one.batch.blob[start : row.end], lambda _: None))
            start = row.end
    return found


def told(records: list[Stated]) -> dict[str, list[str]]:
    """By whom each record is contradicted, by its name."""
    found = contradictions(records, table(), AT)
    names = [f"{one.holder}.{json.loads(one.content)['id']}" for one in records]
    return {names[place]: sorted(one.holder.value for one in those) for place, those in found.items()}


def directive(logical_id: str, kind: str, when: str = "2026-01-01", *codes: str, **more: Any) -> Json:
    provision = {"type": kind, "code": [coded(SNOMED, code) for code in codes or ("89666000",)]}
    return {
        "resourceType": "Consent",
        "id": logical_id,
        "status": "active",
        "category": [coded(SNOMED, "129125009")],
        "dateTime": when,
        "provision": provision,
    } | more


def test_an_allergy_confirmed_here_and_refuted_there_names_the_other_at_both() -> None:
    records = stated(
        batch("gp", allergy("a"), observation("o", "4.1", "2026-01-01")), batch("hospital", allergy("b", "refuted")), batch("pharmacy", allergy("c"))
    )

    assert told(records) == {"gp.a": ["hospital"], "hospital.b": ["gp", "pharmacy"], "pharmacy.c": ["hospital"]}


def test_resuscitation_yes_and_no_names_the_other_and_what_a_newer_one_replaced_is_no_contradiction() -> None:
    records = stated(batch("gp", directive("old", "deny", "2020-01-01"), directive("new", "permit")), batch("home", directive("other", "deny")))

    assert told(records) == {"gp.new": ["home"], "home.other": ["gp"]}


def test_a_wish_that_ended_before_the_document_contradicts_nothing() -> None:
    ended = directive("a", "deny")
    ended["provision"]["period"] = {"end": "2026-02-01"}

    assert told(stated(batch("gp", ended), batch("home", directive("b", "permit")))) == {}


def test_two_wishes_of_one_holder_of_one_day_that_differ_name_that_holder() -> None:
    assert told(stated(batch("gp", directive("a", "deny"), directive("b", "permit")))) == {"gp.a": ["gp"], "gp.b": ["gp"]}


def test_a_record_that_says_several_things_tells_which_of_them_is_contradicted() -> None:
    several = directive("a", "permit", "2026-01-01", "89666000", "305351004")
    found = contradictions(stated(batch("gp", several), batch("home", directive("b", "deny"))), table(), AT)

    assert found[0] == {Contradiction(batch("home").holder, table().named("wish.resuscitation").label)}
    assert found[1] == {Contradiction(batch("gp").holder, None)}


def test_everybody_who_states_the_identical_is_named() -> None:
    one, other = stated(batch("gp", allergy("a")), batch("hospital", allergy("b", "refuted")))
    also = Stated(one.holder, one.row, one.content, one.follow, [Origin(batch("pharmacy").holder, "AllergyIntolerance", "c")])

    assert told([also, other])["hospital.b"] == ["gp", "pharmacy"]


def test_what_was_entered_in_error_and_what_agrees_contradicts_nothing() -> None:
    assert told(stated(batch("gp", allergy("a")), batch("hospital", allergy("b", "entered-in-error")), batch("pharmacy", allergy("c")))) == {}


_RECORDS = st.sampled_from(
    [
        allergy("x"),
        allergy("x", "refuted"),
        agreement("x", "metoprolol", 1, atc="C07AB02"),
        agreement("x", "metoprolol", 2, atc="C07AB02"),
        directive("x", "permit"),
        directive("x", "deny"),
        directive("x", "deny", "2025-01-01"),
        observation("x", "4.1", "2026-01-01T10:00:00Z"),
        observation("x", "5.1", "2026-01-01T10:00:00Z"),
    ]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["gp", "hospital", "pharmacy"]), _RECORDS), max_size=8), st.randoms(use_true_random=False))
def test_the_document_marks_what_the_screen_marks_in_whatever_order_it_came(drawn: list[tuple[str, Json]], chance: Any) -> None:
    batches = [batch(holder, {**content, "id": f"r{place}"}) for place, (holder, content) in enumerate(drawn)]
    view = view_of(batches)
    also = {line.origin.id: line.also for line in view.lines}
    # What several state identically stands once, in a document as on the screen.
    records = [Stated(one.holder, one.row, one.content, one.follow, also[name]) for one in stated(*batches) if (name := json.loads(one.content)["id"]) in also]
    marked = told(records)
    groups = [one for section in {line.section for line in view.lines} for thread in view.threads(section) for one in thread.groups]
    chance.shuffle(records)

    assert set(marked) == {f"{line.holder}.{line.origin.id}" for one in groups if one.kind is Kind.CONFLICT for line in one.lines}
    assert told(records) == marked


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_MEMBERS = (
    "code category provision status clinicalStatus verificationStatus dateTime effectiveDateTime dosageInstruction medicationCodeableConcept name item".split()
)


@settings(max_examples=200)
@given(
    st.sampled_from([allergy("x"), agreement("x", "metoprolol", 1), directive("x", "permit"), observation("x", "4.1", "2026-01-01")]),
    st.dictionaries(st.sampled_from(_MEMBERS), _JSON, max_size=3),
)
def test_no_shape_of_a_record_breaks_the_grouping_of_a_document(content: Mapping[str, Any], broken: Json) -> None:
    row = next(iter(rows(batch("gp", content).batch.columns)))
    bent = Stated(batch("gp").holder, row, json.dumps({**content, **broken}).encode(), lambda _: None)
    whole = stated(batch("hospital", content))

    assert set(contradictions([bent, *whole], table(), AT)) <= {0, 1}
