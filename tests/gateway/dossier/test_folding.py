"""Folding: the identical once, in whatever order it arrives, and never a record lost."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.reading import check_record, content_hint, identifier_hint, read_record
from accord.terms.answers import Batch
from accord.terms.identifiers import HolderName
from accord.terms.queries import NO_TIME
from accord.terms.records import TYPE_CODE
from accord.wire.columns import ENTERED_IN_ERROR, ROW
from gateway.dossier.alike import Folded, Placed
from gateway.dossier.folding import Folding
from gateway.dossier.window import Origin
from gateway.ports import HolderBatch

A, B, C = HolderName("dinkelhorst"), HolderName("twickelaar"), HolderName("de-wieke")
Record = dict[str, Any]


def batch(holder: HolderName, *records: Record, hint: int | None = None) -> HolderBatch:
    """Records of one holder with the columns that its agent makes of them; *hint* stands in for the content hint."""
    columns, blob = [], b""
    for content in records:
        text = json.dumps(content).encode()
        record = read_record(text)
        kind = check_record(record)
        blob += text
        flags = ENTERED_IN_ERROR if record.entered_in_error else 0
        columns.append(
            ROW.pack(identifier_hint(record), content_hint(record, kind) if hint is None else hint, NO_TIME, flags, len(blob), TYPE_CODE[kind.name], 0)
        )
    return HolderBatch(holder, Batch(b"".join(columns), blob, 0), frozenset({f"patient-{holder}"}))


def result(holder: HolderName, logical_id: str, value: str = "34", **members: Any) -> Record:
    """A laboratory result about the person."""
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "subject": {"reference": f"Patient/patient-{holder}"},
        "valueString": value,
        **members,
    }


def request(holder: HolderName, logical_id: str, medication: str) -> Record:
    """A prescription that refers to a Medication."""
    return {
        "resourceType": "MedicationRequest",
        "id": logical_id,
        "status": "active",
        "subject": {"reference": f"Patient/patient-{holder}"},
        "medicationReference": {"reference": f"Medication/{medication}"},
    }


def medication(logical_id: str, code: str) -> Record:
    """A Medication."""
    return {"resourceType": "Medication", "id": logical_id, "code": {"text": code}}


def ids(placed: Iterable[Placed]) -> list[str]:
    """Logical ids in order; `=` before those that are shown as another."""
    return [("=" if one.fold else "") + json.loads(one.content)["id"] for one in placed]


def test_the_identical_is_shown_once_and_both_origins_are_known() -> None:
    folding = Folding()

    first = folding.fold(batch(A, result(A, "1"), result(A, "2", "other")))
    second = folding.fold(batch(B, result(B, "lab-1")))

    assert ids(first) == ["1", "2"]
    assert [(one.holder, one.fold) for one in second] == [(B, Origin(A, "Observation", "1"))]
    assert folding.folded == [Folded(Origin(A, "Observation", "1"), Origin(B, "Observation", "lab-1"))]


def test_the_caller_may_give_the_ids_that_it_has() -> None:
    folding = Folding()
    folding.fold(batch(A, result(A, "1")), ["1"])
    folding.fold(batch(B, result(B, "lab-1")), ["lab-1"])

    assert folding.folded == [Folded(Origin(A, "Observation", "1"), Origin(B, "Observation", "lab-1"))]


def test_three_holders_are_one_group() -> None:
    folding = Folding()

    placed = [one for holder in (A, B, C) for one in folding.fold(batch(holder, result(holder, f"id-{holder}")))]

    assert ids(placed) == ["id-dinkelhorst", "=id-twickelaar", "=id-de-wieke"]
    assert {fold.kept for fold in folding.folded} == {Origin(A, "Observation", "id-dinkelhorst")}


def test_what_one_holder_states_twice_are_two_records() -> None:
    folding = Folding()

    assert ids(folding.fold(batch(A, result(A, "1"), result(A, "2")))) == ["1", "2"]
    assert ids(folding.fold(batch(B, result(B, "3"), result(B, "4"), result(B, "5")))) == ["=3", "=4", "5"]
    assert [fold.kept.id for fold in folding.folded] == ["1", "2"]
    assert ids(folding.fold(batch(A, result(A, "6")))) == ["=6"]


def test_equal_hints_are_not_enough() -> None:
    folding = Folding()
    folding.fold(batch(A, result(A, "1", "34"), hint=5))

    assert ids(folding.fold(batch(B, result(B, "2", "35"), hint=5))) == ["2"]
    assert ids(folding.fold(batch(B, result(B, "3", "34"), hint=5))) == ["=3"]


def test_without_equal_hints_nothing_is_compared() -> None:
    folding = Folding()
    folding.fold(batch(A, result(A, "1"), hint=0))

    assert ids(folding.fold(batch(B, result(B, "2"), hint=0))) == ["2"]


@pytest.mark.parametrize(
    "otherwise",
    [
        {"valueQuantity": {"value": 37.5}},
        {"status": "amended"},
        {"status": "entered-in-error"},
        {"identifier": [{"system": "http://orders.example", "value": "43"}]},
        {"identifier": []},
        {"note": [{"text": "x"}]},
        {"subject": {"reference": "Patient/somebody-else"}},
    ],
)
def test_near_is_not_identical(otherwise: Record) -> None:
    base: Record = {"valueQuantity": {"value": 37}, "identifier": [{"system": "http://orders.example", "value": "42"}]}
    folding = Folding()
    folding.fold(batch(A, result(A, "1", **base), hint=5))

    placed = folding.fold(batch(B, result(B, "2", **{**base, **otherwise}), hint=5)) + folding.finish()

    assert ids(placed) == ["2"]
    assert ids(folding.fold(batch(C, result(C, "3", **base), hint=5))) == ["=3"]


def test_entered_in_error_by_its_row_is_not_folded_with_a_valid_one() -> None:
    marked = batch(B, result(B, "2"))
    row = list(ROW.unpack(marked.batch.columns))
    row[3] = ENTERED_IN_ERROR
    folding = Folding()
    folding.fold(batch(A, result(A, "1")))

    assert ids(folding.fold(HolderBatch(B, Batch(ROW.pack(*row), marked.batch.blob, 0), marked.patients))) == ["2"]


def test_a_companion_may_come_after_what_refers_to_it() -> None:
    folding = Folding()

    assert ids(folding.fold(batch(A, request(A, "1", "a")))) == ["1"]
    assert ids(folding.fold(batch(B, request(B, "2", "b"), medication("b", "apixaban")))) == ["b"]
    assert folding.held_back == 1
    assert ids(folding.fold(batch(A, medication("a", "apixaban")))) == ["=2", "=a"]
    assert folding.held_back == 0


def test_what_waits_is_shown_when_the_other_has_nothing_more() -> None:
    folding = Folding()
    folding.fold(batch(A, request(A, "1", "a")))

    assert ids(folding.fold(batch(B, medication("b", "apixaban"), request(B, "2", "b")))) == ["b"]
    assert ids(folding.settle(A)) == ["2"]
    assert folding.finish() == []


def test_what_waits_meets_also_what_was_shown_while_it_waited() -> None:
    folding = Folding()
    folding.fold(batch(B, medication("b", "apixaban"), request(B, "1", "never-comes")))

    assert ids(folding.fold(batch(A, medication("a", "apixaban"), request(A, "2", "a")))) == ["=a"]
    assert ids(folding.fold(batch(B, request(B, "3", "b")))) == ["3"]
    assert ids(folding.settle(B)) == ["=2"]


def test_another_medication_behind_the_same_reference_does_not_fold() -> None:
    folding = Folding()
    folding.fold(batch(A, medication("a", "apixaban"), request(A, "1", "a")))

    assert ids(folding.fold(batch(B, medication("a", "rivaroxaban"), request(B, "1", "a")))) == ["a", "1"]


def test_what_left_the_window_is_no_longer_folded_and_is_counted() -> None:
    folding = Folding(window_bytes=1_500)
    folding.fold(batch(A, result(A, "1", "34")))
    for number in range(5):
        folding.fold(batch(A, result(A, f"filler-{number}", f"filler {number}")))

    assert ids(folding.fold(batch(B, result(B, "2", "34")))) == ["2"]
    assert folding.unfolded_for_space >= 1
    assert folding.folded == []


def test_what_is_held_is_shown_when_the_window_moves_on() -> None:
    folding = Folding(window_bytes=1_500)
    folding.fold(batch(A, request(A, "1", "a")))
    assert folding.fold(batch(B, request(B, "2", "b"))) == []

    placed = [one for number in range(5) for one in folding.fold(batch(A, result(A, f"filler-{number}", f"filler {number}")))]

    assert "2" in ids(placed)
    assert folding.finish() == []


def test_what_was_folded_into_a_holder_that_is_withdrawn_is_shown_after_all() -> None:
    folding = Folding()
    for holder in (A, B, C):
        folding.fold(batch(holder, result(holder, f"id-{holder}")))
    folding.folded.clear()

    placed = folding.withdraw(A)

    assert [(one.holder, one.fold) for one in placed] == [(B, None), (C, Origin(B, "Observation", f"id-{B}"))]
    assert folding.folded == [Folded(Origin(B, "Observation", f"id-{B}"), Origin(C, "Observation", f"id-{C}"))]
    assert folding.withdraw(C) == []
    assert not folding.lost


def test_nobody_folds_into_a_holder_that_was_withdrawn() -> None:
    folding = Folding()
    folding.fold(batch(A, result(A, "1"), result(A, "2"), medication("a", "apixaban"), request(A, "3", "a")))
    folding.withdraw(A)

    assert ids(folding.fold(batch(B, result(B, "1"), medication("b", "apixaban"), request(B, "3", "b")))) == ["1", "b", "3"]
    assert ids(folding.fold(batch(C, result(C, "1")))) == ["=1"]


def test_what_a_withdrawn_holder_held_back_is_never_placed_and_what_waited_for_it_is() -> None:
    folding = Folding()
    folding.fold(batch(A, request(A, "1", "a")))
    folding.fold(batch(B, request(B, "2", "b"), medication("b", "apixaban")))
    folding.fold(batch(C, request(C, "3", "never-comes")))

    assert ids(folding.withdraw(A)) == ["2"]
    assert ids(folding.withdraw(C)) == []
    assert folding.finish() == []


def test_what_left_the_window_before_its_holder_was_withdrawn_is_counted() -> None:
    folding = Folding(window_bytes=1_500)
    folding.fold(batch(A, result(A, "1")))
    folding.fold(batch(B, result(B, "2")))
    for number in range(8):
        folding.fold(batch(C, result(C, f"filler-{number}", f"filler {number}")))

    assert folding.withdraw(A) == []
    assert folding.lost == {B: 1}


def test_what_left_the_window_after_its_holder_was_heard_out_is_not_lost() -> None:
    folding = Folding(window_bytes=1_500)
    folding.fold(batch(A, result(A, "1")))
    folding.fold(batch(B, result(B, "2")))
    folding.settle(A)
    for number in range(8):
        folding.fold(batch(C, result(C, f"filler-{number}", f"filler {number}")))

    assert not folding.withdraw(B)
    assert not folding.lost


def test_a_record_without_a_sound_name_stands_for_no_other() -> None:
    unsound = batch(A, result(A, "1"))
    unsound = HolderBatch(A, Batch(unsound.batch.columns, unsound.batch.blob.replace(b'"id": "1"', b'"id": "%"'), 0), unsound.patients)
    misnamed = batch(B, result(B, "2"))
    row = list(ROW.unpack(misnamed.batch.columns))
    row[5] = TYPE_CODE["Condition"]
    folding = Folding()
    folding.fold(unsound)
    folding.fold(HolderBatch(B, Batch(ROW.pack(*row), misnamed.batch.blob, 0), misnamed.patients))

    assert ids(folding.fold(batch(C, result(C, "3")))) == ["3"]


def test_others_may_have_their_turn_after_every_record_that_is_read() -> None:
    folding = Folding()
    folding.fold(batch(A, *(result(A, str(number)) for number in range(50))))

    steps = list(folding.folding(batch(B, *(result(B, str(number)) for number in range(10)))))

    assert steps.count(None) == 50
    assert len(steps) == 60


# -- In any order

_HOLDERS = (A, B, C)


def dossier(draw: st.DrawFn) -> dict[HolderName, list[Record]]:
    """Three holders that state some things alike, some nearly, some twice, some behind references."""
    records: dict[HolderName, list[Record]] = {}
    for holder in _HOLDERS:
        mine: list[Record] = []
        for number in range(draw(st.integers(0, 6))):
            what = draw(st.sampled_from(["result", "request", "linked"]))
            name = f"{holder}-{number}"
            if what == "result":
                mine.append(result(holder, name, draw(st.sampled_from(["34", "34.0"]))))
            elif what == "request":
                mine.append(request(holder, name, f"m{draw(st.integers(0, 2))}"))
            else:
                mine.append(result(holder, name, "linked", derivedFrom=[{"reference": f"Observation/{holder}-{draw(st.integers(0, 6))}"}]))
        mine += [medication(f"m{number}", draw(st.sampled_from(["apixaban", "rivaroxaban"]))) for number in range(2)]
        records[holder] = mine
    return records


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[HolderName, list[Record]], list[list[HolderBatch]]]:
    """A dossier and two ways in which it may arrive: other orders, other batches."""
    records = dossier(draw)
    ways = []
    for _ in range(2):
        pieces = []
        for holder, mine in records.items():
            left = draw(st.permutations(mine))
            while left:
                size = draw(st.integers(1, len(left)))
                pieces.append(batch(holder, *left[:size]))
                left = left[size:]
        ways.append(draw(st.permutations(pieces)))
    return records, ways


def arrive(batches: Sequence[HolderBatch]) -> tuple[list[Placed], Folding]:
    """Fold all of it; a holder is settled after its last batch."""
    folding, placed = Folding(), []
    for number, each in enumerate(batches):
        placed += folding.fold(each)
        if not any(later.holder == each.holder for later in batches[number + 1 :]):
            placed += folding.settle(each.holder)
    return placed + folding.finish(), folding


def sets(placed: Iterable[Placed], folded: Iterable[Folded]) -> Counter[tuple[tuple[HolderName, ...], str]]:
    """What folded together: by what is stated, which holders stated it. Which of two copies in one holder is no matter."""
    groups = {Origin(one.holder, (content := json.loads(one.content))["resourceType"], content["id"]): [one.holder] for one in placed if one.fold is None}
    texts = {origin: _stated(one) for origin in groups for one in placed if (one.holder, json.loads(one.content)["id"]) == (origin.holder, origin.id)}
    for kept, also in folded:
        groups[kept].append(also.holder)
    return Counter((tuple(sorted(holders)), texts[origin]) for origin, holders in groups.items())


def _stated(one: Placed) -> str:
    content = json.loads(one.content)
    return str((content["resourceType"], content.get("valueString"), content.get("code")))


@given(deliveries())
def test_the_order_of_arrival_does_not_matter_for_what_folds_together(delivered: tuple[dict[HolderName, list[Record]], list[list[HolderBatch]]]) -> None:
    _, (one_way, another) = delivered
    first, first_folding = arrive(one_way)
    second, second_folding = arrive(another)

    assert sets(first, first_folding.folded) == sets(second, second_folding.folded)


@given(deliveries(), st.sampled_from([600, 2_000, 24_000_000]))
def test_every_record_is_in_exactly_one_place(delivered: tuple[dict[HolderName, list[Record]], list[list[HolderBatch]]], window: int) -> None:
    records, (way, _) = delivered
    folding = Folding(window_bytes=window)
    placed = [one for each in way for one in folding.fold(each)] + folding.finish()

    stated = Counter((holder, json.dumps(record)) for holder, mine in records.items() for record in mine)
    assert Counter((one.holder, one.content.decode()) for one in placed) == stated
    shown = {(one.holder, json.loads(one.content)["id"]) for one in placed if one.fold is None}
    assert sum(one.fold is not None for one in placed) == len(folding.folded)
    assert all((kept.holder, kept.id) in shown and kept.holder != also.holder for kept, also in folding.folded)
    assert len({fold.also for fold in folding.folded}) == len(folding.folded)
    assert folding.held_back == 0


@given(deliveries(), st.sampled_from(_HOLDERS), st.integers(0, 30), st.sampled_from([600, 2_000, 24_000_000]))
def test_whenever_a_holder_is_withdrawn_all_of_the_others_is_shown_or_counted(
    delivered: tuple[dict[HolderName, list[Record]], list[list[HolderBatch]]], gone: HolderName, when: int, window: int
) -> None:
    records, (way, _) = delivered
    folding, placed = Folding(window_bytes=window), []
    before = [each for number, each in enumerate(way) if number < when or each.holder != gone]
    for number, each in enumerate(before):
        if number == when:
            placed += folding.withdraw(gone)
        if number < when or each.holder != gone:
            placed += folding.fold(each)
    placed += folding.withdraw(gone) + folding.finish()

    shown = {(one.holder, json.loads(one.content)["id"]) for one in placed if one.fold is None}
    stands_for = {(one.holder, json.loads(one.content)["id"]): one.fold for one in placed if one.fold is not None}
    missing: Counter[HolderName] = Counter()
    for holder in set(_HOLDERS) - {gone}:
        for record in records[holder]:
            name = (holder, record["id"])
            kept = stands_for.get(name)
            if name not in shown and (kept is None or kept.holder == gone or (kept.holder, kept.id) not in shown):
                missing[holder] += 1
    assert missing == folding.lost
