"""Wishes in the clinical view: the newest valid on top, the older visible, and whoever differs side by side."""

from typing import Any

import pytest

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.groups import Kind, Rule, Standing
from gateway.dossier.clinical.view import ClinicalView
from tests.gateway.dossier.clinical.dossiers import batch, view_of
from tests.gateway.dossier.clinical.wish_records import directive, other

A, B = "brinkhof", "wieke"


def wish(logical_id: str, answer: str | None, when: str, *modifiers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A directive on resuscitation."""
    return directive(answer, *modifiers, dateTime=when, **members) | {"id": logical_id}


def told(view: ClinicalView) -> list[tuple[str, str, list[list[str]]]]:
    """The only thread: how each group stands, and the words on each side of it."""
    (thread,) = view.threads(Section.PLANNING_AHEAD)
    return [
        (str(group.kind), str(group.standing), [[line.wish.words.nl for line in side if line.wish is not None] for side in group.sides])
        for group in thread.groups
    ]


def test_of_one_holder_the_newest_holds_and_the_older_stays_visible() -> None:
    view = view_of([batch(A, wish("1", "permit", "2021-04-08"), wish("2", "deny", "2026-11-07"))])

    assert told(view) == [("single", "valid", [["Niet reanimeren"]]), ("single", "earlier", [["Wel reanimeren"]])]


def test_of_two_holders_the_older_is_not_replaced_but_contradicts() -> None:
    view = view_of([batch(B, wish("1", "permit", "2021-04-08")), batch(A, wish("2", "deny", "2026-11-07"))])

    assert told(view) == [("conflict", "valid", [["Niet reanimeren"], ["Wel reanimeren"]])]


def test_of_one_day_none_takes_the_others_place_whatever_the_clock_says() -> None:
    view = view_of([batch(A, wish("1", "permit", "2018-11-28T13:23:43+01:00"), wish("2", "deny", "2018-11-28T13:24:04+01:00"))])

    ((kind, standing, sides),) = told(view)
    assert (kind, standing, sorted(sides)) == ("conflict", "valid", [["Niet reanimeren"], ["Wel reanimeren"]])


def test_that_nothing_was_decided_takes_no_place_and_contradicts_nothing() -> None:
    later = wish("2", None, "2026-11-07")
    same = view_of([batch(A, wish("1", "deny", "2021-04-08"), later)])
    elsewhere = view_of([batch(A, wish("1", "deny", "2021-04-08")), batch(B, later)])

    for view in (same, elsewhere):
        (thread,) = view.threads(Section.PLANNING_AHEAD)
        assert {group.standing for group in thread.groups} == {Standing.VALID}
        assert {group.kind for group in thread.groups} == {Kind.SINGLE}
        assert "Niet reanimeren" in str(told(view))


def test_yes_but_is_a_side_of_its_own() -> None:
    view = view_of([batch(A, wish("1", None, "2026-11-07", other("Ja, mits kort"))), batch(B, wish("2", "permit", "2026-10-01"))])

    (thread,) = view.threads(Section.PLANNING_AHEAD)
    assert [(group.kind, group.rule) for group in thread.groups] == [(Kind.CONFLICT, Rule.DIFFERENT_WISH)]
    assert "Ja, mits kort" in str(told(view))


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_what_is_not_in_force_never_stands_on_top(status: str) -> None:
    view = view_of([batch(A, wish("1", "deny", "2021-04-08"), wish("2", "permit", "2026-11-07", status=status))])

    first, second = told(view)
    assert (first[1], first[2]) == ("valid", [["Niet reanimeren"]])
    assert second[1] == ("in-error" if status == "entered-in-error" else "earlier")


def test_what_ended_is_earlier_and_does_not_bring_back_nor_hide_another() -> None:
    ended = wish("2", "permit", "2025-01-01", provision={"period": {"end": "2026-01-01"}})
    view = view_of([batch(A, wish("1", "deny", "2021-04-08"), ended)])

    assert [(kind, standing) for kind, standing, _ in told(view)] == [("single", "valid"), ("single", "earlier")]
