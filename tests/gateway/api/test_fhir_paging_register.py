"""Pages while the register changes: in the middle of one, and between two."""

from typing import Any

import httpx2
import pytest

from gateway.ports import RegisteredHolder
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import FakeDoor, FakeHolder
from tests.gateway.api.test_fhir_paging import all_pages, link, matches, missing, opaque_id, region_of

pytestmark = pytest.mark.anyio


def joins_behind_the_back(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Somebody joins, and somebody leaves, after the register was looked at for the time *at*."""
    looks = 0
    look: Any = FakeDoor.__dict__["holders"].fget

    def holders(door: FakeDoor) -> tuple[RegisteredHolder, ...]:
        nonlocal looks
        looks += 1
        seen: tuple[RegisteredHolder, ...] = look(door)
        if looks == at:
            door.everyone[:] = [holder for holder in door.everyone if holder.name != "beta"] + region_of({"newcomer": 3})
        return seen

    monkeypatch.setattr(FakeDoor, "holders", property(holders))


async def page(client: httpx2.AsyncClient, url: str) -> httpx2.Response:
    return await client.get(url, headers={"prefer": "noaber-fold=none"})


@pytest.mark.parametrize("at", [1, 2])
async def test_p8_a_register_that_changes_while_a_page_is_made_fails_nobody(face: Opened, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    async with face(region_of({"alfa": 4, "beta": 3})) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=50"
        joins_behind_the_back(monkeypatch, at)
        answer = await page(client, url)

    assert answer.status_code == 200, answer.text
    assert len({record["id"] for record in matches(answer.json())}) == 7


async def test_p8_who_was_missing_on_a_page_and_has_left_since_fails_nobody(face: Opened) -> None:
    everyone = region_of({"alfa": 8})
    async with face(everyone, first_frame_seconds=4.0) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=5"
        everyone.append(FakeHolder("beta", silent=True))
        first = (await page(client, url)).json()
        everyone[:] = [holder for holder in everyone if holder.name != "beta"]
        following = link(first, "next")
        assert following is not None
        rest = await all_pages(client, following)

    assert [code for _, *codes in missing(first) for code in codes] != []
    assert sum(len(matches(bundle)) for bundle in (first, *rest)) == 8


def joined_later(bundle: dict[str, Any]) -> list[str]:
    """Of whom a page says that they take part since after the first one."""
    outcomes = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    codings = [[coding["code"] for coding in issue["details"]["coding"]] for issue in outcomes[0]["issue"]]
    return sorted(codes[-1] for codes in codings if codes[0] == "joined-later")


def holders_of(bundle: dict[str, Any]) -> set[str]:
    return {record["id"].partition(".")[0] for record in matches(bundle)}


@pytest.mark.parametrize("known", [False, True])
async def test_p8_who_joins_between_two_pages_is_named_and_not_asked_for_the_rest(face: Opened, *, known: bool) -> None:
    """What it has that belongs on an earlier page was never shown: asked from here on it would look as if it was heard out. *known*: as a member to be."""
    door = FakeDoor([*region_of({"alfa": 12}), *([FakeHolder("gamma", active=False)] if known else [])])
    async with face(door) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=5"
        first = (await page(client, url)).json()
        door.everyone[1:] = region_of({"gamma": 12})
        later = await all_pages(client, link(first, "next") or "", {"prefer": "noaber-fold=none"})
        anew = await all_pages(client, url, {"prefer": "noaber-fold=none"})

    assert [joined_later(bundle) for bundle in (first, *later)] == [[], ["gamma"], ["gamma"]]
    assert [holders_of(bundle) for bundle in later] == [{"alfa"}, {"alfa"}]
    assert {frozenset(name.value for name in query.holders) for query in door.asked[2:4]} == {frozenset({"alfa"})}
    assert set.union(*(holders_of(bundle) for bundle in anew)) == {"alfa", "gamma"}
    assert [joined_later(bundle) for bundle in anew] == [[]] * len(anew)


async def test_p8_who_left_for_a_page_and_came_back_stays_out(face: Opened) -> None:
    """Its records of that page were never shown."""
    door = FakeDoor(region_of({"alfa": 12, "beta": 12}))
    async with face(door) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=5"
        first = (await page(client, url)).json()
        away = door.everyone.pop()
        second = (await page(client, link(first, "next") or "")).json()
        door.everyone.append(away)
        rest = await all_pages(client, link(second, "next") or "", {"prefer": "noaber-fold=none"})

    assert [joined_later(bundle) for bundle in (first, second, *rest)] == [[], [], *([["beta"]] * len(rest))]
    assert all(holders_of(bundle) <= {"alfa"} for bundle in rest)


async def test_p8_who_joins_while_a_later_page_is_made_is_not_shown_on_it(face: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    door = FakeDoor(region_of({"alfa": 12}))
    async with face(door) as client:
        first = (await page(client, f"Observation?patient={await opaque_id(client)}&_count=5")).json()
        # The page looks at the register, and only then is it planned.
        joins_behind_the_back(monkeypatch, 1)
        second = await page(client, link(first, "next") or "")

    assert second.status_code == 200
    assert holders_of(second.json()) == {"alfa"}
    assert joined_later(second.json()) == ["newcomer"]


async def test_a_search_of_a_holder_that_is_no_member_any_more_begins_anew(face: Opened) -> None:
    door = FakeDoor(region_of({"alfa": 12}))
    async with face(door) as client:
        first = (await page(client, f"Observation?patient={await opaque_id(client)}&_count=5")).json()
        door.everyone[:] = region_of({"gamma": 12})
        refused = await page(client, link(first, "next") or "")

    assert (refused.status_code, "cursor-invalid" in refused.text) == (400, True)
