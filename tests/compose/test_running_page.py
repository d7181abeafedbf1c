"""docs/running.md works as it stands: its commands, in its order, in an empty folder. Only the ports are others."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from testbed.free_ports import free_port

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "running.md"
PORTS: Final = ("7003", "8443", "8444", "8480", "8481")
NOABER: Final = Path(sys.executable).with_name("noaber")

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.slow,
    pytest.mark.skipif(not NOABER.is_file() or not all(map(shutil.which, ("bash", "curl"))), reason="needs the command noaber, bash and curl"),
]


def free_ports() -> list[str]:
    """As many ports as the page uses, that nobody listens on now."""
    found = set[int]()
    while len(found) < len(PORTS):
        found.add(free_port())
    return [str(port) for port in found]


def run(script: str, folder: Path, environment: dict[str, str]) -> str:
    """What the script prints; whatever it started is gone afterwards."""
    process = subprocess.Popen(  # noqa: S603 - fixed arguments
        ["bash", "-c", script],  # noqa: S607 - as whoever runs it has it
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # It says no more only when all that was started has ended.
        told, _ = process.communicate(timeout=200)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return told


def test_the_commands_of_the_page_make_a_region_that_answers_and_whose_journals_agree(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    ports = dict(zip(PORTS, free_ports(), strict=True))
    script = re.sub("|".join(PORTS), lambda found: ports[found[0]], "\n".join(blocks))
    # What the page leaves to defaults, or does not name.
    faces = {"NOABER_GATEWAY__LISTEN__HTTP": f"127.0.0.1:{ports['8443']}", "NOABER_GATEWAY__LISTEN__GRPC": f"127.0.0.1:{ports['8444']}"}
    script = script.replace("noaber ask ", f"noaber ask --gateway 127.0.0.1:{ports['8481']} ")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOABER_", "PYTHON"))}

    told = run(script, tmp_path, {**clean, **faces, "PATH": f"{NOABER.parent}:{os.environ['PATH']}"})

    assert "37.50 kg" in told, told
    assert '"other":{"reference":' in told, told
    assert "2 batches agree, 0 do not" in told, told
    assert "BROKEN" not in told, told
    assert '"code":"organisation-blocked"' in told, told
    assert "ERROR" not in told, told
    assert "Traceback" not in told, told
