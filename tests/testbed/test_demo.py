"""The demonstration and `noaber ask`: what is shown on a terminal, in a pipe, and to programs."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console
from typer.testing import CliRunner

from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from testbed import asking
from testbed.cli import ask_app, demo_app
from testbed.demo import emergency_lines, from_here
from testbed.demo_addresses import free_or_any, said_of_taken
from testbed.demo_dossier import stated_in_merged
from testbed.demo_merged import read_everything
from testbed.demo_reading import date_of, differing, line_of, read_exactly
from testbed.demo_screen import follow, show_account, show_dossier
from testbed.demo_words import remark_on
from testbed.free_ports import free_port
from testbed.people import BENNIE, DINA
from testbed.region import BlockingRegion

slow = pytest.mark.slow
EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(holders=["dinkelhorst", "brinkhof", "marksveen", "twickelaar", "wieke", "eschrand", "reviant"], patient=True) as running:
        yield running


@pytest.fixture(scope="module")
def demonstrated() -> dict[str, Any]:
    told = CliRunner().invoke(demo_app, ["--once", "--json"])
    assert told.exit_code == 0, told.output
    content: dict[str, Any] = json.loads(told.stdout)
    return content


@slow
def test_the_demo_tells_programs_everything_that_it_shows(demonstrated: dict[str, Any]) -> None:
    assert demonstrated["completeness"] == {"answered": 6, "nothing-shown": 2, "not-asked": 1, "too-late": 1, "unreachable": 1}
    assert not demonstrated["complete"]
    assert demonstrated["note"]
    assert {line["name"]: line["telephone"] for line in demonstrated["holders"]}["marksveen"] == "053-5550104"
    egfr = [row for row in demonstrated["dossier"]["lab"] if row["line"].startswith("eGFR") and " 34 " in row["line"]]
    assert [sorted(row["origins"]) for row in egfr] == [["Lab Twickelaar", "Ziekenhuis Dinkelhorst"]]
    assert DINA.bsn not in json.dumps(demonstrated)


@slow
@pytest.mark.parametrize(
    ("language", "words"),
    [("nl", ("Niet bereikbaar", "bellen 053-5550104", "Allergieën", "niet gehoord")), ("en", ("Out of reach", "call 053-5550104", "Allergies", "not heard"))],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_the_screen_says_who_was_heard_and_who_was_not(region: BlockingRegion, language: Any, words: tuple[str, ...], *, terminal: bool) -> None:
    screen = Console(force_terminal=terminal, width=160, record=True, file=StringIO())
    dossier = follow(asking.events(region.gateway_address, asking.request(DINA.bsn)), screen, language)
    show_dossier(stated_in_merged(read_everything(region.fhir_url, DINA.bsn)), dossier, screen, language)
    show_account(dossier, screen, language)
    shown = screen.export_text()

    for word in (*words, "CRP 37.50 mg/L", "Lab Twickelaar + Ziekenhuis Dinkelhorst", "Ja, mits: alleen als thuis"):
        assert word in shown
    assert DINA.bsn not in shown


@slow
def test_ask_reads_the_number_from_standard_input_without_a_warning(region: BlockingRegion) -> None:
    told = CliRunner().invoke(ask_app, ["--bsn", "-", "--gateway", region.gateway_address, "--json"], input=f"{DINA.bsn}\n")

    content = json.loads(told.stdout)
    assert told.exit_code == 0
    assert told.stderr == ""
    assert content["completeness"]["answered"] == 4
    assert len([row for row in content["dossier"]["lab"] if row["line"].startswith("eGFR") and " 34 " in row["line"]]) == 2


@slow
def test_ask_warns_that_a_command_line_is_visible(region: BlockingRegion) -> None:
    told = CliRunner().invoke(ask_app, ["--bsn", BENNIE.bsn, "--gateway", region.gateway_address, "--language", "en"])

    assert told.exit_code == 0
    assert "can see a command line" in told.stderr
    assert "Nothing shown" in told.stdout
    assert BENNIE.bsn not in told.output


@slow
def test_ask_says_what_to_do_when_nobody_answers(region: BlockingRegion) -> None:
    told = CliRunner().invoke(ask_app, ["--bsn", "-", "--gateway", "127.0.0.1:1"], input=f"{DINA.bsn}\n")
    refused = CliRunner().invoke(ask_app, ["--bsn", "-", "--gateway", region.gateway_address, "--holder", "bakery"], input=f"{DINA.bsn}\n")

    assert (told.exit_code, refused.exit_code) == (1, 1)
    assert "Is a region running there" in told.stderr
    assert "unknown-holder" in refused.stderr


@slow
def test_ask_fails_when_nobody_at_all_was_heard(region: BlockingRegion) -> None:
    for more in ([], ["--json"]):
        told = CliRunner().invoke(ask_app, ["--bsn", "-", "--gateway", region.gateway_address, "--holder", "marksveen", *more], input=f"{DINA.bsn}\n")

        assert told.exit_code == 1
        assert told.stderr.startswith("Nobody was heard: ")
        assert "marksveen" in told.stdout or "Marksveen" in told.stdout


@slow
def test_ask_at_the_http_port_is_told_which_port_is_meant(region: BlockingRegion) -> None:
    address = region.fhir_url.removeprefix("http://").removesuffix("/fhir")
    told = CliRunner().invoke(ask_app, ["--bsn", "-", "--gateway", address], input=f"{DINA.bsn}\n")

    assert told.exit_code == 1
    assert "gRPC port (8481 by default" in told.stderr


def test_ask_refuses_a_type_that_does_not_exist() -> None:
    told = CliRunner().invoke(ask_app, ["--bsn", "-", "--type", "Observation", "--type", "Foo"], input=f"{DINA.bsn}\n")

    assert isinstance(told.exception, BadInput)
    assert (told.exception.fault, told.exception.where) == (Fault.INVALID_PARAMETER, "--type Foo")


def test_a_section_that_does_not_exist_is_answered_with_those_that_do() -> None:
    sections = asking.ByName({"lab": 1, "medication": 2})

    with pytest.raises(KeyError, match="'laboratory' is not in the account; there are: lab, medication"):
        _ = sections["laboratory"]


def test_who_has_no_telephone_is_not_to_be_called() -> None:
    line = asking.HolderAnswer("x", "X", "pharmacy", "1", "", Ending.UNREACHABLE, 0, "holder-unreachable", 0, copy=False, data_as_of_ms=0, last_heard_ms=0)

    assert remark_on(line, "en")
    assert "call ." not in remark_on(line, "en")
    assert remark_on(replace(line, telephone="053-1"), "en").startswith("call 053-1. ")


def test_a_path_is_printed_as_it_works_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert from_here(tmp_path / ".venv" / "bin" / "noaber") == ".venv/bin/noaber"
    assert from_here(Path("/usr/bin/python")) == "/usr/bin/python"


@slow
@pytest.mark.parametrize("piped", [True, False])
def test_the_example_of_twenty_lines_shows_progress(region: BlockingRegion, *, piped: bool) -> None:
    script = EXAMPLES / "ask_the_region.py"
    done = subprocess.run(  # noqa: S603 - an example of ours
        [sys.executable, str(script), region.gateway_address, "-" if piped else DINA.bsn],
        input=f"{DINA.bsn}\n" if piped else None,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)},
    )
    lines = done.stdout.splitlines()

    assert lines[0] == "asked 6 holders"
    assert any(line.startswith("twickelaar: ENDING_ANSWERED after") for line in lines)
    assert lines[-1].startswith("not complete - ")
    assert len([line for line in script.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith('"""')]) <= 20


@slow
def test_p12_the_emergency_that_the_demo_prints_opens_bennie_and_nothing_else_does(region: BlockingRegion) -> None:
    plain = f"curl -s {region.fhir_url}/Patient/_search -d 'identifier=http://fhir.nl/fhir/NamingSystem/bsn|{BENNIE.bsn}'"
    commands = (plain, "\n".join(emergency_lines(region.fhir_url, region.token)), "\n".join(emergency_lines(region.fhir_url, "of-an-earlier-start")))
    told = [json.loads(subprocess.run(["/bin/sh", "-c", one], capture_output=True, check=True, timeout=60).stdout) for one in commands]  # noqa: S603 - as printed
    silent, opened, refused = told

    kept = [{link["other"]["reference"].split("/at/")[1] for link in answer["entry"][0]["resource"].get("link", ())} for answer in (silent, opened)]
    assert kept == [set(), {"brinkhof/Patient/2", "dinkelhorst/Patient/2", "twickelaar/Patient/2"}]
    assert refused["issue"][0]["details"]["coding"][0]["code"] == "login-required"


@slow
def test_a_polite_request_ends_the_demo_and_all_that_it_started() -> None:
    command = [sys.executable, "-c", "from testbed.cli import demo_app; demo_app()", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=EXAMPLES.parent) as demo:  # noqa: S603 - our own command
        assert demo.stdout is not None
        address = next(line.split()[-1] for line in demo.stdout if line.lstrip().startswith("FHIR "))
        ask = next(line.strip() for line in demo.stdout if " ask " in line)
        asked = subprocess.run(ask, shell=True, capture_output=True, text=True, check=True, cwd=EXAMPLES.parent, timeout=60)  # noqa: S602 - as it was printed
        assert "CRP 37.50 mg/L" in asked.stdout
        assert not asked.stderr
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()

        assert demo.wait(timeout=30) == 0
    with pytest.raises(asking.RegionDidNotAnswer):
        asking.ask(address, asking.request(DINA.bsn), 5)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_address_that_is_taken_is_told_in_one_line_with_the_one_that_is_used(language: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        host, port = other.getsockname()
        taken, free, any_port = f"{host}:{port}", f"127.0.0.1:{free_port()}", "127.0.0.1:0"
        found = [free_or_any(address) for address in (taken, free, any_port)]

    said = said_of_taken((taken, free, any_port), found, ("http://127.0.0.1:31999/fhir", free, "https://127.0.0.1:31998"), language)
    assert found == [any_port, free, any_port]
    assert "\n" not in said
    assert taken in said
    assert "http://127.0.0.1:31999/fhir" in said
    assert free not in said
    assert said_of_taken((free,) * 3, (free,) * 3, (free,) * 3, language) == ""


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"resourceType": "Observation", "code": {"text": "CRP"}, "valueQuantity": {"value": "37.50", "unit": "mg/L"}}, "CRP 37.50 mg/L"),
        ({"resourceType": "Condition", "code": {"coding": [{"display": "hartfalen"}]}}, "hartfalen"),
        ({"resourceType": "AllergyIntolerance", "code": {"text": "latex"}, "verificationStatus": {"coding": [{"code": "refuted"}]}}, "latex, weerlegd"),
        ({"resourceType": "Organization", "name": "Lab Twickelaar"}, "Lab Twickelaar"),
        ({"resourceType": "Basic"}, "Basic"),
    ],
)
def test_a_record_is_told_in_one_line(record: dict[str, Any], line: str) -> None:
    assert line_of(record, lambda _: None, "nl") == line


def test_what_a_record_says_by_another_one_is_told_in_words() -> None:
    kept: dict[str, dict[str, Any]] = {
        "Device/1": {"resourceType": "Device", "type": {"coding": [{"display": "pacemaker"}]}},
        "Condition/1": {"resourceType": "Condition", "code": {"text": "hypertensie"}},
    }
    device = {"resourceType": "DeviceUseStatement", "device": {"reference": "Device/1"}}
    episode = {"resourceType": "EpisodeOfCare", "diagnosis": [{"condition": {"reference": "Condition/1"}}]}

    assert [line_of(one, kept.get, "nl") for one in (device, episode)] == ["Gebruik hulpmiddel: pacemaker", "Zorgepisode: hypertensie"]
    assert [line_of(one, lambda _: None, "en") for one in (device, episode)] == ["Device use", "Episode of care"]


def test_numbers_are_shown_as_they_are_written() -> None:
    assert read_exactly(b'{"value":37.50,"count":1e2}') == {"value": "37.50", "count": "1e2"}


def test_the_day_of_a_record_is_where_its_type_has_it() -> None:
    assert date_of({"period": {"start": "2026-11-21T02:10:00+01:00"}}) == "2026-11-21"
    assert date_of({"recordedDate": "2011"}) == "2011"
    assert date_of({}) == ""


def test_only_what_is_about_the_same_thing_can_differ() -> None:
    assert list(differing([("", "a"), ("", "b"), ("x", "a"), ("x", "b"), ("y", "a"), ("y", "a")])) == ["x"]
