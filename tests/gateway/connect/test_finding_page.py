"""docs/finding-a-place.md: its settings and its table are read as they stand there, and what it says of figures is so."""

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from accord.region.office import Office
from accord.terms.members import KeyUse, MemberStatus
from accord.terms.placing import MOST_LEGS
from gateway.connect.settings import EXAMPLE, ConnectSettings, PlacesSettings, read_settings
from gateway.neighbours import region_of
from gateway.places import courier, watching, writing
from gateway.places.due import SILENCE
from gateway.places.neighbourhoods import read_neighbourhoods
from gateway.places.twice import PATIENCE
from tests.printed_commands import check_printed

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "finding-a-place.md"
NOABER: Final = Path(sys.executable).with_name("noaber")
TEXT: Final = PAGE.read_text(encoding="utf-8")


def _block(kind: str) -> str:
    (block,) = re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    return str(block)


def test_its_settings_are_settings_with_the_defaults_that_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "connect.toml"
    path.write_text(_block("toml"), encoding="utf-8")
    given, usual = read_settings([path], []).values.places, PlacesSettings()

    assert (given.keep_days, given.patience_ms, given.needing) == (usual.keep_days, usual.patience_ms, usual.needing)
    assert (given.folder, usual.folder, ConnectSettings().places.folder) == ("places", "", "")
    assert usual.patience_ms == PATIENCE * 1000


def test_the_example_that_is_printed_has_every_setting(tmp_path: Path) -> None:
    path = tmp_path / "connect.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    (section,) = re.findall(r"\[places\]\n(.*?)\n\n", EXAMPLE, re.DOTALL)

    assert [line.split(" = ")[0] for line in section.splitlines()] == list(PlacesSettings.__struct_fields__)
    assert read_settings([path], []).values.places == PlacesSettings()


def test_its_table_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "near.csv"
    path.write_text(_block("csv"), encoding="utf-8")

    assert read_neighbourhoods(path).name("7591") == "Marksveen"


def test_its_figures_are_those_of_the_product() -> None:
    assert MOST_LEGS == 20
    assert timedelta(minutes=10) == SILENCE
    assert watching.ROUND_SECONDS == 300
    assert courier.ROUND_SECONDS == 15
    assert (courier._FIRST_PAUSE, courier._LONGEST_PAUSE) == (0.5, 60)
    assert timedelta(days=30) == writing._REFERRED


@pytest.mark.parametrize("name", ["noaber_place_searches", "noaber_place_alarms", "noaber_place_letters_waiting", "searches.db", "places.key", "journal.key"])
def test_it_names_what_there_is(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_its_commands_can_be_given() -> None:
    for command in re.findall(r"`noaber [a-z]+ [^`]+`", TEXT):
        check_printed(command)


@pytest.mark.slow
@pytest.mark.skipif(not NOABER.is_file() or not all(map(shutil.which, ("bash", "openssl"))), reason="needs the command noaber, bash and openssl")
def test_an_office_takes_in_a_neighbour_by_its_commands_and_takes_all_of_it_back(tmp_path: Path) -> None:
    """What the other office sends is made as that page says; then its block, and its commands for the end, as they stand there."""
    theirs = """
noaber region init --region berkelmarke --folder theirs
noaber region add --folder theirs --ura 90002000 --name gateway --title G --kind public-health --part gateway --make-keys their-gateway
mkdir berkelmarke && cp theirs/authority.pem their-gateway/tls.pem berkelmarke/
(cd their-gateway && openssl pkey -in answer.key -pubout -out answer.pub) && cp their-gateway/answer.pub berkelmarke/
noaber region init --region ours
"""
    told = _run(f"set -e\n{theirs}\n{_block('sh')}", tmp_path)
    register = Office(tmp_path / "region").signed().register
    (gateway,) = register.members
    assert "regio-berkelmarke" in told
    assert (region_of(gateway), gateway.telephone, len(register.authorities)) == ("berkelmarke", "0545-5550200", 2)
    assert {use for key in gateway.keys for use in key.uses} == {KeyUse.ANSWER}

    (taking_back,) = re.findall(r"`(noaber region trust\s+\S+ --no-longer)`", TEXT)
    _run(f"set -e\nnoaber region block 90002000\n{' '.join(taking_back.split())}", tmp_path)
    register = Office(tmp_path / "region").signed().register
    assert register.members[0].status is MemberStatus.BLOCKED
    assert register.authorities == ((tmp_path / "region" / "authority.pem").read_text(encoding="ascii"),)


def _run(script: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["bash", "-c", script],  # noqa: S607 - as whoever runs it has it
        cwd=folder,
        env={**os.environ, "PATH": f"{NOABER.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([a-z0-9/.-]+)\)", TEXT):
        assert (PAGE.parent / link).is_file(), link
