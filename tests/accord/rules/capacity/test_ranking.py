"""The order in which openings stand: the same for everybody, with its reasons, and with nothing left out."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from accord.rules.capacity.fitting import Suits
from accord.rules.capacity.ranking import Group, Offering, Ranked, distance_km, rank
from accord.rules.capacity.standing import KNOWN_FREE, State
from accord.terms.capacity import CareKind, Certainty, Need, Spot, Stop, StopReason, Wishes
from accord.terms.identifiers import HolderName
from tests.accord.rules.capacity.openings import NEED, NOW, names, needs, offering, opening, openings, spots

MARKSVEEN: Final = Spot(52.25, 6.75)
NEAR: Final = Spot(52.26, 6.76)
FAR: Final = Spot(52.60, 6.10)
STALE: Final[dict[str, Any]] = {"observed_at": NOW - timedelta(hours=26), "valid_until": NOW - timedelta(hours=2)}
WISHES: Final = st.builds(
    Wishes,
    within_km=st.none() | st.floats(0, 60),
    preferred=st.lists(names, max_size=2, unique=True).map(tuple),
    refused=st.frozensets(names, max_size=2),
)
OFFERINGS: Final = st.lists(st.builds(Offering, names, openings), max_size=8)


def order(*offerings: Offering, wishes: Wishes = Wishes(), need: Need = NEED) -> list[str]:  # noqa: B008 -- a frozen value
    return [one.provider.value for one in rank(need, wishes, offerings, NOW, MARKSVEEN)]


def test_free_stands_before_unknown_and_that_before_full_and_stopped_and_what_does_not_suit() -> None:
    ranked = rank(
        NEED,
        Wishes(),
        [
            offering("wrong", opening({"kind": CareKind.HOSPICE})),
            offering("stopped", opening(stop=Stop(StopReason.STAFF))),
            offering("havezate", opening(places=2, **STALE)),
            offering("full", opening(places=0)),
            offering("weefgetouw"),
        ],
        NOW,
        None,
    )

    assert [one.provider.value for one in ranked][:2] == ["weefgetouw", "havezate"]
    assert [one.group for one in ranked] == [Group.FREE, Group.UNKNOWN, Group.TAKEN, Group.TAKEN, Group.UNSUITABLE]
    assert ranked[1].stand.state is State.UNKNOWN


def test_what_the_family_wants_most_stands_first_among_what_is_free() -> None:
    wishes = Wishes(preferred=(HolderName("second"), HolderName("third")))

    assert order(offering("first"), offering("third"), offering("second"), wishes=wishes) == ["second", "third", "first"]
    assert order(offering("first"), offering("second", opening(**STALE)), wishes=wishes) == ["first", "second"]


def test_what_the_family_does_not_want_stands_last_and_is_not_hidden() -> None:
    wishes = Wishes(refused=frozenset({HolderName("refused")}))
    ranked = rank(NEED, wishes, [offering("refused"), offering("wrong", opening({"kind": CareKind.HOSPICE}))], NOW, None)

    assert [(one.provider.value, one.group) for one in ranked] == [("wrong", Group.UNSUITABLE), ("refused", Group.REFUSED)]


def test_the_nearest_stands_first_and_too_far_after_what_is_not_known() -> None:
    far, near, nowhere = (offering(name, opening({"spot": spot})) for name, spot in (("far", FAR), ("near", NEAR), ("nowhere", None)))

    assert order(far, near, nowhere) == ["near", "far", "nowhere"]
    ranked = rank(NEED, Wishes(within_km=10), [far, nowhere, near], NOW, MARKSVEEN)
    assert [(one.provider.value, one.too_far) for one in ranked] == [("near", False), ("nowhere", None), ("far", True)]


def test_distance_means_nothing_for_care_that_comes_to_the_person() -> None:
    need = Need(CareKind.DISTRICT_NURSING, NEED.since)
    [one] = rank(need, Wishes(within_km=1), [offering("wieke", opening({"kind": CareKind.DISTRICT_NURSING, "spot": FAR}))], NOW, MARKSVEEN)

    assert (one.distance_km, one.too_far, one.group) == (None, None, Group.FREE)


def test_all_before_part_confirmed_before_derived_and_new_before_old() -> None:
    two = replace(NEED, amount=2)

    assert order(offering("part"), offering("whole", opening(places=2)), need=two) == ["whole", "part"]
    assert order(offering("derived", opening(certainty=Certainty.DERIVED)), offering("confirmed")) == ["confirmed", "derived"]
    assert order(offering("old", opening(observed_at=NOW - timedelta(hours=2))), offering("young")) == ["young", "old"]


def test_a_known_distance_is_right() -> None:
    assert round(distance_km(Spot(52.2215, 6.8937), Spot(52.2661, 6.7931)), 1) == 8.5  # Enschede to Hengelo
    assert distance_km(Spot(0, 0), Spot(0, 180)) == distance_km(Spot(90, 0), Spot(-90, 33))


@given(spots, spots)
def test_it_is_as_far_there_as_back(one: Spot, other: Spot) -> None:
    assert abs(distance_km(one, other) - distance_km(other, one)) < 1e-6
    assert distance_km(one, one) == 0


@given(needs, WISHES, OFFERINGS, st.none() | spots, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_who_came_first_and_leaves_nothing_out(
    need: Need, wishes: Wishes, some: list[Offering], near: Spot | None, chance: Random
) -> None:
    ranked = rank(need, wishes, some, NOW, near)
    turned = list(some)
    chance.shuffle(turned)

    assert rank(need, wishes, turned, NOW, near) == ranked
    assert sorted(map(repr, ((one.provider, one.opening) for one in ranked))) == sorted(map(repr, ((one.provider, one.opening) for one in some)))


@given(needs, WISHES, OFFERINGS, st.none() | spots)
def test_p8_what_is_not_known_stands_after_what_is_free_and_before_what_is_not(need: Need, wishes: Wishes, some: list[Offering], near: Spot | None) -> None:
    ranked = rank(need, wishes, some, NOW, near)

    assert all(one.group <= other.group for one, other in pairwise(ranked))
    for one in ranked:
        _is_placed_by_its_reasons(one, wishes)


def _is_placed_by_its_reasons(one: Ranked, wishes: Wishes) -> None:
    assert (one.group is Group.REFUSED) is (one.provider in wishes.refused)
    if one.group is Group.FREE:
        assert one.stand.state in KNOWN_FREE
        assert one.fitting.suits is not Suits.NOT
    if one.group is Group.UNKNOWN:
        assert one.stand.state is State.UNKNOWN
    assert one.too_far is None or (one.distance_km is not None and wishes.within_km is not None)
