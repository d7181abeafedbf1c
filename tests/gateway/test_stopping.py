"""A gateway that is told to stop in the very moment in which it says that it is ready, stops in order."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from testbed.region_gateway import write_gateway
from testbed.region_office import RegionOffice

#: Whoever reads the ready line may send its signal before another line of the gateway runs.
_SERVE: Final = """
import os, signal, sys
from pathlib import Path
import anyio
from gateway.composition import run
from gateway.settings import read_settings

file = Path(sys.argv[1])

def ready(told):
    print(told, flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))

anyio.run(run, read_settings([file], []).values, file.parent, ready, backend_options={"use_uvloop": True})
print("stopped in order", flush=True)
"""


@pytest.fixture
def settings() -> Iterator[Path]:
    """Those of a gateway of a region without anybody else, in a folder whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="noaber-") as made:
        root = Path(made)
        (root / "s").mkdir()
        office = RegionOffice(root)
        office.enrol([])
        yield write_gateway(root, office, [], seconds=8.0).folder / "gateway.toml"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_that_is_told_to_stop_as_it_says_ready_stops_in_order(settings: Path, number: signal.Signals) -> None:
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", _SERVE, str(settings), str(int(number))], cwd=settings.parent, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "stopped in order"
    assert done.stdout.startswith("ready http=")
