"""`noaber agent`, as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from accord.terms.faults import Fault
from accord.terms.limits import MIB
from accord.wire import codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from testbed.contracts.records import ANNA, observation, patient
from tests.node_agent.asking import KEY, Answer
from tests.node_agent.test_servicer import asked, located

PROJECT = Path(__file__).resolve().parents[2]
AGENT = [sys.executable, "-m", "node_agent"]

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of an agent over a store that is still to be filled."""
    (tmp_path / "records.ndjson").write_bytes(b"\n".join([patient("a", ANNA), observation("1", "a")]))
    (tmp_path / "choices.ndjson").write_text(f'{{"bsn": "{ANNA}", "permits": true}}', encoding="ascii")
    (tmp_path / "pseudonym.key").write_text(KEY.value.hex(), encoding="ascii")
    path = tmp_path / "agent.toml"
    path.write_text(
        f'[holder]\nura = "90001003"\nname = "brinkhof"\n[listen]\naddress = "unix:{tmp_path}/agent.sock"\n[locate]\nkey_file = "pseudonym.key"\n',
        encoding="utf-8",
    )
    return path


def fill(folder: Path) -> None:
    """Fill both stores as people do."""
    for command in (
        ["import", str(folder / "records.ndjson"), "--store", str(folder / "records.db")],
        ["choices", "import", str(folder / "choices.ndjson"), "--store", str(folder / "choices.db")],
    ):
        done = agent(*command)
        assert done.returncode == 0, done.stderr


def agent(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 -- fixed arguments
        [*AGENT, *arguments], cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


@contextmanager
def running(config: Path, *arguments: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A running agent, and its address."""
    command = [*AGENT, "run", "--config", str(config), *arguments]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 -- as above
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("ready "), process.stderr.read() if process.stderr else ""
            yield process, line.split()[1]
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.parametrize("address", ["0.0.0.0:7001", "agent.example:7001"])
def test_any_address_but_loopback_is_refused(config: Path, address: str) -> None:
    done = agent("run", "--config", str(config), "--set", f"listen.address={address}")

    assert done.returncode == 2
    assert "loopback-only" in done.stderr
    assert "Hint:" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("environment", [{"GRPC_TRACE": "http"}, {"GRPC_VERBOSITY": "DEBUG"}, {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}])
def test_surroundings_that_leak_are_refused(config: Path, environment: dict[str, str]) -> None:
    done = agent("run", "--config", str(config), **environment)

    assert done.returncode == 2
    assert Fault.UNSAFE_ENVIRONMENT in done.stderr


@pytest.mark.parametrize(("setting", "named"), [("holder.ura=1", "ura"), ("locate.key_file=none.key", "locate.key_file"), ("holder.name=A", "unknown-holder")])
def test_a_wrong_setting_is_refused_by_name(config: Path, setting: str, named: str) -> None:
    done = agent("run", "--config", str(config), "--set", setting)

    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_config_example_can_be_shown_back(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(agent("config", "example").stdout, encoding="utf-8")
    done = agent("config", "show", "--config", str(tmp_path / "agent.toml"), "--set", "locate.key=hush")

    assert "holder.name = 'brinkhof'  # agent.toml" in done.stdout
    assert "locate.key = …" in done.stdout
    assert done.returncode == 0


def test_an_agent_answers_from_its_store_pauses_and_stops(config: Path) -> None:
    fill(config.parent)
    with running(config) as (process, address):
        with grpc.insecure_channel(address) as channel:
            stub = HolderServiceStub(channel)
            described = stub.Describe(pb.DescribeRequest(), timeout=10)
            assert stub.Locate(located(ANNA), timeout=10).located
            frames = [codec.frame_from_wire(message) for message in stub.Query(asked(), timeout=10)]
            told = Answer(frames)

            assert (described.ura, described.copy) == ("90001003", True)
            assert described.data_as_of_ms > 0
            assert told.records == [patient("a", ANNA), observation("1", "a")]
            told.check_account()

            watch = stub.Watch(pb.WatchRequest(), timeout=30)
            standings = [next(watch).serving]
            for sent in (signal.SIGUSR1, signal.SIGUSR2):
                process.send_signal(sent)
                standings.append(next(watch).serving)
            watch.cancel()

            assert standings == [True, False, True]
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how large a process is")
def test_an_idle_agent_is_small(config: Path) -> None:
    fill(config.parent)
    with running(config) as (process, _):
        pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])

    assert pages * os.sysconf("SC_PAGE_SIZE") <= 120 * MIB
