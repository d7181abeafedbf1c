"""The sixtieth practice: one command and a telephone call, and the house that runs serves it too, without a port and without a restart."""

import time
from collections.abc import Iterator

import pytest

from accord.terms.answers import Ending
from testbed.asking import Dossier
from testbed.fhir_source import fhir_source
from testbed.holders import BY_NAME
from testbed.joining import OfficeAtWork, free_address, joining
from testbed.processes import ProcessFailed, Running
from testbed.region import BlockingRegion

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: For a machine that is busy with other things.
PATIENCE = 150.0
FIRST, SIXTIETH = BY_NAME["havezate"], BY_NAME["noaberhoes"]


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=("dinkelhorst", "brinkhof"), patient=True) as region:
        yield region


@pytest.fixture(scope="module")
def office(region: BlockingRegion) -> Iterator[OfficeAtWork]:
    with joining(region) as office:
        # The house is not there yet: whoever moves in first makes it.
        yield office


@pytest.fixture(scope="module")
def base(region: BlockingRegion) -> Iterator[str]:
    records = [record.json for record in region.generated.kept[SIXTIETH.name.value]]
    with fhir_source(region.root / "source", records, hapi=False) as (base, _):
        yield base


def logged(running: Running, said: str) -> bool:
    """Whether it said so, on standard error, in the end."""
    until = time.monotonic() + PATIENCE
    while said not in (running.program.folder / "log").read_text(encoding="utf-8"):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def asked(region: BlockingRegion, bsn: str, ending: Ending) -> Dossier:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        line = (dossier := region.ask(bsn)).holders.get(SIXTIETH.name.value)
        if line is not None and line.ending is ending:
            break
        time.sleep(0.5)
    return dossier


def test_one_more_practice_is_one_command_and_the_running_house_answers_for_it_without_a_port(region: BlockingRegion, office: OfficeAtWork, base: str) -> None:
    house = office.folder / "house"
    taken = free_address()
    said = office.joins(FIRST, "--house", str(house), "--address", taken, "--fhir-base", "http://127.0.0.1:1/fhir")
    assert f"noaber agent check --house {house} --only {FIRST.name}" in said
    running = office.agent("run", "--house", str(house))
    assert running.wait_until_ready("ready") == "ready 1 of 1"

    with pytest.raises(ProcessFailed):
        office.joins(SIXTIETH, "--house", str(house), "--address", taken)
    assert not (house / SIXTIETH.name.value).exists(), "two with one address"

    office.joins(SIXTIETH, "--house", str(house), "--fhir-base", base)
    folder = house / SIXTIETH.name.value
    running.told = ""
    assert running.wait_until_ready(f"answers {SIXTIETH.name}", PATIENCE)
    assert 'address = ""' in (folder / "agent.toml").read_text(encoding="utf-8")

    office.chooses(SIXTIETH, folder)
    bsn = min(choice["bsn"] for choice in region.generated.choices_at(SIXTIETH.name.value))
    assert office.checked([bsn], "--house", str(house), "--only", SIXTIETH.name.value)["passed"]
    office.activates(folder)
    dossier = asked(region, bsn, Ending.ANSWERED)
    kept = {record.json for record in region.generated.kept[SIXTIETH.name.value]}
    assert dossier.holders[SIXTIETH.name.value].ending is Ending.ANSWERED
    assert {record.json for record in dossier.of(SIXTIETH.name.value)} <= kept
    assert dossier.of(SIXTIETH.name.value)


def test_a_gateway_to_call_that_is_no_address_is_refused_before_anything_is_made(office: OfficeAtWork) -> None:
    folder = office.folder / "lost"
    with pytest.raises(ProcessFailed):
        office.joins(BY_NAME["holterloo"], "--folder", str(folder), "--gateway", "no address")

    assert not list(folder.glob("*.key"))
