"""Whoever takes all that it may leaves places for others, and every place comes back."""

from hypothesis import given
from hypothesis import strategies as st

from accord.rules.places import Places


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60), st.integers(1, 6), st.integers(1, 6))
def test_p7_no_party_has_more_than_its_part_and_all_together_no_more_than_there_are(moves: list[tuple[str, bool]], most: int, of_one: int) -> None:
    places, held = Places(most, of_one=of_one), dict.fromkeys("abc", 0)
    for party, takes in moves:
        if takes:
            free = held[party] < of_one and sum(held.values()) < most
            assert places.take(party) is free
            held[party] += free
        elif held[party]:
            places.give_back(party)
            held[party] -= 1
        assert places.held == sum(held.values())


def test_p7_one_that_takes_all_it_can_leaves_some() -> None:
    places = Places(6, of_one=4)
    taken = [places.take("a") for _ in range(9)]

    assert taken == [True] * 4 + [False] * 5
    assert places.take("b")
