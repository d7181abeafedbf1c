"""What a provider's own people are told of its places on this machine, and how one without records passes its check."""

from datetime import timedelta
from pathlib import Path

import pytest

from accord.ops.doctor.findings import Verdict
from node_agent.conformance.run import Given, check_agent
from node_agent.doctor import examine
from node_agent.naming import Named
from node_agent.places.doctor import check_places
from node_agent.places.ports import Observation, Seen
from node_agent.places_settings import PlacesSettings
from node_agent.settings import read_settings
from tests.node_agent.places_agent import PlacesAgent, right_now
from tests.node_agent.places_world import SERVICES

pytestmark = pytest.mark.anyio

SETTINGS = PlacesSettings(services="services.toml")


async def test_places_are_told_of_from_the_first_start_until_a_count_is_too_old(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    nothing_set, before = check_places(PlacesSettings(), agent.folder), check_places(SETTINGS, agent.folder)
    async with agent.store() as places:
        never = check_places(SETTINGS, agent.folder)
        await places.planning.count("elv", 2, "gea")
        fresh = check_places(SETTINGS, agent.folder)
        seen = right_now() - timedelta(days=1)
        await places.planning.observe(Observation("planning", (Seen("snel", seen, seen + timedelta(hours=4), 3),)))
        old = check_places(SETTINGS, agent.folder)

    assert nothing_set == []
    assert [one.seen for one in before] == ["2 services; places.db is made at the first start"]
    assert [one.verdict for one in never] == [Verdict.WARNING]
    assert [(one.verdict, one.seen) for one in fresh] == [(Verdict.OK, "2 services, 1 opening, 0 requests not answered yet")]
    assert [one.verdict for one in old] == [Verdict.WARNING]
    assert old[0].seen.endswith("shown as unknown: snel")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (SERVICES.replace('"short-stay-low"', '"a bed"'), "service 1: Invalid enum value"),
        (SERVICES.replace('id = "snel"', 'id = "elv"'), "service 2: its id is there twice"),
        (SERVICES.replace('id = "elv"', 'id = "Elv 2"'), "service 1: id:"),
        (SERVICES.replace("instant = true", "instant = true\nspot = [152.0, 6.9]"), "service 2: spot"),
        (SERVICES.replace("instant = true", 'instant = true\narea = ["Twente"]'), "service 2: area"),
        (SERVICES.replace("hold_minutes = 60", "hold_minutes = 0"), "service 1: Expected"),
        (SERVICES.replace("instant = true", "instand = true"), "service 2: Object contains unknown field"),
        ("[[service", "cannot be read as TOML"),
        ('title = "x"', "holds [[service]] entries and nothing else"),
        ("service = 3", "holds [[service]] entries and nothing else"),
    ],
)
def test_what_is_wrong_in_the_file_of_services_is_named(tmp_path: Path, wrong: str, told: str) -> None:
    (tmp_path / "services.toml").write_text(wrong, encoding="utf-8")
    (found,) = check_places(SETTINGS, tmp_path)

    assert found.verdict is Verdict.PROBLEM
    assert told in found.seen
    assert "docs/places.md" in found.next


def test_a_file_that_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "services.toml").write_text(SERVICES, encoding="utf-8")
    (tmp_path / "places.db").write_bytes(b"geen database")

    assert [one.verdict for one in check_places(SETTINGS, tmp_path)] == [Verdict.PROBLEM]


async def test_who_has_no_source_passes_its_check_and_the_doctor_misses_nothing(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    config = agent.folder / "agent.toml"
    settings = read_settings([config], []).values
    checked = await check_agent(settings, agent.folder, Given())
    found = await examine(lambda: read_settings([config], []), agent.folder, Named((config,)))

    assert checked.report.passed
    assert [(one.about, one.verdict) for one in found if one.about in ("source", "choices", "places", "places.key_file")] == [
        ("source", Verdict.OK),
        ("places", Verdict.OK),
    ]
