"""The audit of places finds every wrong that is planted in what two parties have on disk, and none where there is none."""

from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import At as Gives
from testbed.placing_audit import AtAsker, AtProvider, audit

_HAS = {"spoel": 1, "grz": 2}
_GIVEN = AtProvider("weefgetouw", "a", Gives.GRANTED, "spoel")
_TAKEN = AtAsker("weefgetouw", "a", Has.GRANTED)
_RELEASED = AtProvider("reviant", "a", Gives.ENDED, "grz"), AtAsker("reviant", "a", Has.ENDED)


def test_a_place_that_was_given_once_is_sound() -> None:
    verdict = audit([_GIVEN, _RELEASED[0]], [_TAKEN, _RELEASED[1]], _HAS, requests=["a"])

    assert verdict.is_sound
    assert (verdict.requests, verdict.placed) == (1, 1)


def test_one_place_for_two_people_is_found() -> None:
    second = AtProvider("weefgetouw", "b", Gives.GRANTED, "spoel"), AtAsker("weefgetouw", "b", Has.GRANTED)

    verdict = audit([_GIVEN, second[0]], [_TAKEN, second[1]], _HAS)

    assert verdict.twice == ["spoel has 1 places, of which 2 are taken"]


def test_a_place_that_is_held_and_was_given_already_is_found() -> None:
    held = AtProvider("weefgetouw", "b", Gives.OFFERED, "spoel"), AtAsker("weefgetouw", "b", Has.OFFERED)

    assert audit([_GIVEN, held[0]], [_TAKEN, held[1]], _HAS).twice


def test_two_places_for_one_person_are_found_on_either_side() -> None:
    elsewhere = AtProvider("reviant", "a", Gives.GRANTED, "grz"), AtAsker("reviant", "a", Has.GRANTED)

    verdict = audit([_GIVEN, elsewhere[0]], [_TAKEN, elsewhere[1]], _HAS)

    assert verdict.twice == ["a has a place at reviant and weefgetouw, say the providers", "a has a place at reviant and weefgetouw, say the asker"]


def test_a_grant_that_nobody_heard_of_is_lost() -> None:
    assert audit([_GIVEN], [AtAsker("weefgetouw", "a", Has.ENDED)], _HAS).lost
    assert audit([_GIVEN], [], _HAS).lost


def test_a_place_that_its_provider_does_not_know_of_is_lost() -> None:
    assert audit([], [_TAKEN], _HAS).lost
    assert audit([AtProvider("weefgetouw", "a", Gives.LAPSED, "spoel")], [_TAKEN], _HAS).lost


def test_a_request_that_its_asker_forgot_is_lost() -> None:
    assert audit([_GIVEN], [_TAKEN], _HAS, requests=["a", "b"]).lost == ["b is not at its asker"]


def test_what_is_under_way_for_ever_is_unknown() -> None:
    for at in (Has.SENT, Has.CHOSEN):
        assert audit([AtProvider("weefgetouw", "a", Gives.OFFERED, "spoel")], [AtAsker("weefgetouw", "a", at)], _HAS).unknown
    assert audit([_GIVEN], [_TAKEN], _HAS, waiting={"weefgetouw": 2}).unknown == ["2 letters of weefgetouw were not brought"]
