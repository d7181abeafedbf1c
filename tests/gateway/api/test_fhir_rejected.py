"""A holder that turns out to be no good takes nothing of the others with it (promise P8)."""

import json
from typing import Any

import httpx2
import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio

BASE = "http://gateway.test/fhir"


def rejected_after(ending: Ending, evil: list[bytes], *good: list[bytes]) -> FakeDoor:
    """Evil sends first, then the good ones in order, and then evil's answer is set aside."""
    first = FakeHolder("evil", evil, [patient("p1")], ending=ending, code=Fault.OTHER_PATIENT)
    holders = [first]
    for name, records in zip(("good", "kind"), good, strict=False):
        holders.append(FakeHolder(name, records, [patient("p1")], waits_for=holders[-1].sent))
    first.closes_when = holders[-1].sent
    return FakeDoor(holders)


async def everything(client: httpx2.AsyncClient, suffix: str = "") -> dict[str, Any]:
    found = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    answer = await client.get(f"Patient/{found.json()['entry'][0]['resource']['id']}/$everything{suffix}")
    bundle: dict[str, Any] = json.loads(answer.content, parse_int=str, parse_float=str)
    return bundle


def observations(bundle: dict[str, Any]) -> list[str]:
    """The ids of the Observations that are shown."""
    return [entry["resource"]["id"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"]


def targets(bundle: dict[str, Any], holder: str) -> set[str]:
    """What the Provenance of a holder says that it contributed."""
    written = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Provenance"]
    return {target["reference"] for one in written if f"-{holder}-" in one["id"] for target in one["target"] if "Observation" in target["reference"]}


def issues_of(bundle: dict[str, Any], holder: str) -> set[str]:
    """The codes of all issues that name a holder."""
    outcomes = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    issues = [{coding["code"] for coding in issue["details"]["coding"]} for outcome in outcomes for issue in outcome["issue"]]
    return {code for codes in issues if holder in codes for code in codes}


@pytest.mark.parametrize("ending", [Ending.REJECTED, Ending.IDENTITY_UNVERIFIED])
async def test_what_was_folded_into_a_holder_that_is_then_set_aside_is_shown_after_all(face: Opened, ending: Ending) -> None:
    door = rejected_after(ending, [observation("a", "p1")], [observation("b", "p1")])
    async with face(door) as client:
        bundle = await everything(client)

    assert observations(bundle) == ["evil.a", "good.b"]
    assert targets(bundle, "good") == {"Observation/good.b"}
    assert targets(bundle, "evil") == {"Observation/evil.a"}
    assert "shown-before-rejected" in issues_of(bundle, "evil")


async def test_two_honest_holders_fold_into_each_other_instead(face: Opened) -> None:
    door = rejected_after(Ending.REJECTED, [observation("a", "p1")], [observation("b", "p1")], [observation("c", "p1")])
    async with face(door) as client:
        bundle = await everything(client)

    assert observations(bundle) == ["evil.a", "good.b"]
    assert targets(bundle, "kind") == {"Observation/good.b"}


async def test_what_the_set_aside_holder_held_back_is_never_shown(face: Opened) -> None:
    linked = ', "derivedFrom": [{"reference": "Observation/never-sent"}]'
    door = rejected_after(Ending.REJECTED, [observation("a", "p1", more=linked)], [observation("b", "p1", more=linked)])
    door.everyone.reverse()
    door.everyone[0].waits_for, door.everyone[1].waits_for = None, door.everyone[0].sent
    door.everyone[1].closes_when, door.everyone[0].closes_when = None, door.everyone[1].sent
    async with face(door) as client:
        bundle = await everything(client)

    assert observations(bundle) == ["good.b"]


async def test_a_page_never_folds_into_a_holder_that_is_set_aside(face: Opened) -> None:
    door = rejected_after(Ending.REJECTED, [observation("a", "p1")], [observation("b", "p1")])
    for holder in door.everyone:
        holder.waits_for = holder.closes_when = None
    async with face(door) as client:
        bundle = await everything(client, "?_count=10")

    assert observations(bundle) == ["good.b"]
    assert targets(bundle, "good") == {"Observation/good.b"}
    assert not targets(bundle, "evil")


async def test_a_record_that_cannot_be_shown_hides_no_other(face: Opened) -> None:
    unsound = observation("a", "p1").replace(b'"id": "a"', b'"id": "a b"')
    door = FakeDoor([FakeHolder("evil", [unsound], [patient("p1")]), FakeHolder("good", [observation("b", "p1")], [patient("p1")])])
    door.everyone[1].waits_for = door.everyone[0].sent
    async with face(door) as client:
        streamed, paged = await everything(client), await everything(client, "?_count=10")

    assert observations(streamed) == observations(paged) == ["good.b"]
    assert "records-unfit" in issues_of(streamed, "evil")


@pytest.mark.parametrize("moment", [2**62, 3 * 10**14, -(2**62)])
async def test_an_age_that_no_calendar_has_is_not_known(face: Opened, moment: int) -> None:
    async with face([FakeHolder("evil", [observation("a", "p1")], [patient("p1")], copy=True, data_as_of_ms=moment)]) as client:
        bundle = await everything(client)

    assert observations(bundle) == ["evil.a"]
    assert "copy" in issues_of(bundle, "evil")


@pytest.mark.parametrize(
    "members",
    [
        ', "text": {"status": []}',
        ', "text": {"status": {}}',
        ', "text": [], "meta": {"tag": 5, "security": 5}',
        ', "meta": {"tag": [["SUBSETTED"], 1], "security": 5}',
        ', "contained": [[], {"id": 5}, null]',
        ', "note": ' + "[" * 55 + "1" + "]" * 55,
        ', "valueString": "\\ud83d\\ude00", "code2": {"reference": 5, "identifier": []}',
        ', "big": 1e999999999, "long": ' + "9" * 5_000,
    ],
)
async def test_whatever_two_holders_write_the_bundle_is_closed(face: Opened, members: str) -> None:
    door = FakeDoor([FakeHolder(name, [observation("1", "p1", more=members)], [patient("p1")]) for name in ("evil", "good")])
    async with face(door) as client:
        streamed, paged = await everything(client), await everything(client, "?_count=10")

    for bundle in (streamed, paged):
        assert bundle["entry"][-1]["search"]["mode"] == "outcome"
        assert {name.partition(".")[0] for name in observations(bundle)} >= {"evil"} or observations(bundle) == ["good.1"]


async def test_a_holder_that_is_set_aside_on_a_later_page_calls_back_the_earlier_ones_in_words(face: Opened) -> None:
    records = [observation(str(number), "p1", day=f"2024-01-0{number}") for number in range(1, 5)]
    door = FakeDoor([FakeHolder("evil", records, [patient("p1")]), FakeHolder("good", records, [patient("p1")])])
    async with face(door) as client:
        first = await everything(client, "?_count=4")
        door.everyone[0].ending, door.everyone[0].code = Ending.REJECTED, Fault.OTHER_PATIENT
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        second = (await client.get(following)).json()

    assert "shown-before-rejected" not in issues_of(first, "evil")
    assert "shown-before-rejected" in issues_of(second, "evil")
    assert observations(second) == ["good.2", "good.1"]
