"""docs/places.md: its file of services and its settings are read as they stand there, and its words are those of the product."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from accord.terms.capacity import CareKind, Condition, Stop, StopReason
from node_agent.places.inputs.exports import Export
from node_agent.places.services_file import read_services
from node_agent.settings import AgentSettings, read_settings
from node_agent.settings_example import EXAMPLE
from tests.printed_commands import check_printed

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "places.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_the_file_of_services_is_one(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith("[[service]]")]
    path = tmp_path / "services.toml"
    path.write_text(block, encoding="utf-8")
    services = read_services(path)

    assert [offering.service.instant for offering in services.values()] == [False, True]
    assert [offering.service.kind for offering in services.values()] == [CareKind.SHORT_STAY_LOW, CareKind.DISTRICT_NURSING]


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith("[[service]]")])
def test_settings_are_settings(tmp_path: Path, block: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(block, encoding="utf-8")

    assert read_settings([path], []).values != AgentSettings()


def test_every_kind_and_condition_is_named() -> None:
    assert [word.value for word in (*CareKind, *Condition) if f"`{word.value}`" not in TEXT] == []


def test_the_defaults_are_those_of_the_page_and_of_the_example(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith("[places]") and "keep_days" in block]
    example = "\n".join(line.removeprefix("# ") for line in EXAMPLE.partition("# [places]")[2].splitlines()[1:6] if " = " in line)
    for number, text in enumerate((block, f"[places]\n{example}\n")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert read_settings([path], []).values.places == read_settings([], ["places.services=services.toml"]).values.places


def test_the_export_of_the_page_is_read_by_the_settings_of_the_page(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "[[places.exports]]" in block]
    (table,) = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "agent.toml"
    path.write_text(block, encoding="utf-8")
    (export,) = read_settings([path], []).values.places.exports
    at = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
    seen = {one.service: one for one in Export(export).read(table.encode(), at, at).observation.seen}

    assert seen["elv-laag"].places == 3
    # Whoever takes nobody has no place, whether or not somebody counted.
    assert seen["wijkteam-zuid"].places == 0
    assert seen["wijkteam-zuid"].stop == Stop(StopReason.OUTBREAK, datetime(2026, 12, 1, 7, tzinfo=UTC))
    assert [reason.value for reason in StopReason if reason.value not in TEXT] == []


def test_the_settings_of_the_example_are_whole_once_they_are_used(tmp_path: Path) -> None:
    lines = EXAMPLE.partition("# [places]")[2].partition("# For whoever")[0].splitlines()[1:]
    given = "\n".join(line.removeprefix("# ") for line in lines if " = " in line or line.startswith("# [["))
    path = tmp_path / "agent.toml"
    path.write_text(f"[places]\n{given}\n", encoding="utf-8")
    places = read_settings([path], []).values.places

    assert [export.name for export in places.exports] == ["planning"]
    assert [counted.locations for counted in places.fhir] == [["ward-3"]]
    assert sorted(Export(places.exports[0]).services) == ["elv-laag"]
    assert places.listen == "127.0.0.1:8484"


def test_its_commands_can_be_given() -> None:
    for command in re.findall(r"`noaber [^`]+`", TEXT):
        check_printed(command)
