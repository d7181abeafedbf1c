"""A provider with places only joins by what docs/joining.md says: from the invitation to the status, with its files as they stand there."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from node_agent.settings import read_settings
from testbed.free_ports import free_port
from tests.region.joining_processes import ROOT, Process, done, eventually, join_command, process
from tests.region.joining_processes import run as command_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

URA: Final = "90001012"
SECTION: Final = (ROOT / "docs" / "joining.md").read_text(encoding="utf-8").partition("\n## With places only\n")[2].partition("\n## ")[0]
SERVICES, SETTINGS = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
COMMANDS: Final = [shlex.split(line.partition(" >>")[0].removesuffix(" &"))[1:] for line in re.findall(r"^(noaber .*)$", SECTION, re.MULTILINE)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Path]:
    done(tmp_path, "region", "init", "--region", "twente")
    done(tmp_path, "region", "add", "--ura", "90009000", "--name", "gateway", "--title", "Gateway", "--kind", "public-health", "--part", "gateway",
         "--address", "127.0.0.1:1", "--make-keys", "gateway")  # fmt: skip
    with process(tmp_path, "desk", "region", "serve", "--listen", "127.0.0.1:0") as desk:
        desk.wait_for(r"^ready ")
        yield tmp_path


def _approve(office: Path, joining: Process) -> None:
    phrase = joining.wait_for(r"^ +([a-z]{5}(?:-[a-z]{5}){4})$")[1]
    done(office, "region", "approve", URA, "--phrase", phrase)
    assert joining.wait() == 0, joining.log.read_text()


def test_a_provider_with_places_only_takes_part_by_the_page_alone(office: Path) -> None:
    invite, planner, check, run, activate, status = COMMANDS
    join = [*join_command(done(office, *invite)), "--address", f"127.0.0.1:{free_port()}", "--telephone", "053-5550105"]
    with process(office, "join", *join) as joining:
        _approve(office, joining)
    folder = office / "noaberhoes"
    written = (folder / "agent.toml").read_text(encoding="utf-8")
    (folder / "services.toml").write_text(SERVICES, encoding="utf-8")
    (folder / "planners.toml").write_text(done(office, *planner), encoding="utf-8")
    (folder / "agent.toml").write_text(re.sub(r"^# (services|listen|people) = ", r"\1 = ", written, flags=re.MULTILINE), encoding="utf-8")
    (office / "page.toml").write_text(SETTINGS, encoding="utf-8")
    meant, shown = (read_settings([path], []).values for path in (folder / "agent.toml", office / "page.toml"))
    assert (meant.places, meant.source) == (shown.places, shown.source)

    # Where the page listens may be taken on this machine.
    here = ("--set", f"places.listen=127.0.0.1:{free_port()}")
    assert "--bsns" not in command_run(office, "agent", "status", "--folder", "noaberhoes").stdout
    done(office, *check)
    with process(office, "agent", *run, *here) as agent:
        agent.wait_for(r"^ready ")
        done(office, *activate)
        told = eventually(lambda: _well(office, status), "nothing to repair")

    assert {"places", "source", "conformance"} <= {one["about"] for one in told}


def _well(office: Path, status: list[str]) -> list[dict[str, str]] | None:
    found: list[dict[str, str]] = json.loads(done(office, *status, "--json"))["findings"]
    return found if all(one["verdict"] != "problem" for one in found) else None
