"""The commands that fill the stores: what they print, and how they end."""

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from accord.terms.faults import BadInput, Fault
from node_agent.importing.cli import import_command
from testbed.contracts.records import ANNA, observation, patient


@pytest.fixture
def app() -> Typer:
    app = Typer(pretty_exceptions_enable=False)
    app.command()(import_command)
    return app


def test_a_delivery_without_faults_ends_well(app: Typer, tmp_path: Path) -> None:
    (tmp_path / "d.ndjson").write_bytes(patient("a", ANNA) + b"\n" + observation("1", "a"))
    result = CliRunner().invoke(app, [str(tmp_path / "d.ndjson"), "--store", str(tmp_path / "s.db"), "--as-of", "2024-05-01"])

    assert result.exit_code == 0
    assert "2 new, 0 unchanged" in result.output
    assert "2024-05-01 00:00:00 CEST" in result.output


def test_what_is_refused_is_told_with_what_to_do(app: Typer, tmp_path: Path) -> None:
    (tmp_path / "d.ndjson").write_bytes(patient("a", ANNA) + b"\n{\n")
    result = CliRunner().invoke(app, [str(tmp_path / "d.ndjson"), "--store", str(tmp_path / "s.db")])

    assert result.exit_code == 1
    assert "malformed-json: The text is not JSON." in result.output
    assert "d.ndjson:2" in result.output


def test_the_report_can_be_read_by_machines(app: Typer, tmp_path: Path) -> None:
    (tmp_path / "d.ndjson").write_bytes(patient("a", ANNA) + b"\n{\n")
    result = CliRunner().invoke(app, [str(tmp_path / "d.ndjson"), "--store", str(tmp_path / "s.db"), "--json"])
    report = json.loads(result.stdout)

    assert result.stderr == ""
    assert (report["new"], report["refused"], report["files"][0]["refused"]) == (1, {"malformed-json": 1}, {"malformed-json": 1})


@pytest.mark.parametrize("wrong", [["--as-of", "yesterday"], ["--resolve-dates", "today"]])
def test_a_wrong_option_is_named(app: Typer, tmp_path: Path, wrong: list[str]) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--store", str(tmp_path / "s.db"), *wrong])

    assert isinstance(result.exception, BadInput)
    assert (result.exception.fault, result.exception.where) == (Fault.INVALID_SETTING, wrong[0])


def test_a_path_that_does_not_exist_is_named(app: Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "nothing"), "--store", str(tmp_path / "s.db")])

    assert isinstance(result.exception, BadInput)
    assert not (tmp_path / "s.db").exists()
