"""`noaber agent`, as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_signing_key
from accord.link.closing import closed_is_signed
from accord.link.mandate_claims import Wanted
from accord.link.mandates import make_mandate
from accord.link.proofs import make_proof
from accord.link.salts import seal_salt
from accord.terms.evidence import Asked, TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, Ura
from accord.terms.limits import MIB
from accord.terms.members import Part
from accord.terms.parties import DataUser
from accord.terms.queries import EVERYTHING
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from accord.wire import answer_codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from testbed.contracts.records import ANNA, observation, patient
from testbed.region_office import GATEWAY, Credentials, RegionOffice, member_of
from tests.node_agent.asking import ASKER, KEY, Answer
from tests.node_agent.test_servicer import asked, located

URA = Ura("90001003")
PROJECT = Path(__file__).resolve().parents[2]
AGENT = [sys.executable, "-m", "node_agent"]

pytestmark = pytest.mark.slow


@pytest.fixture
def office(tmp_path: Path) -> RegionOffice:
    """A region with one holder, whose professionals ask."""
    made = RegionOffice(tmp_path / "region")
    parts = {Part.DATA_HOLDER, Part.DATA_USER}
    made.enrol([member_of("brinkhof", URA, "Huisartsen", HolderKind.GP_PRACTICE, address=f"unix:{tmp_path}/agent.sock", parts=parts)])
    return made


@pytest.fixture
def config(tmp_path: Path, office: RegionOffice) -> Path:
    """Settings of an agent over a store that is still to be filled."""
    office.give(tmp_path)
    office.give_keys("brinkhof", tmp_path)
    (tmp_path / "records.ndjson").write_bytes(b"\n".join([patient("a", ANNA), observation("1", "a")]))
    (tmp_path / "choices.ndjson").write_text(f'{{"bsn": "{ANNA}", "permits": true}}', encoding="ascii")
    (tmp_path / "pseudonym.key").write_text(KEY.value.hex(), encoding="ascii")
    path = tmp_path / "agent.toml"
    path.write_text(
        f'[holder]\nura = "{URA}"\nname = "brinkhof"\n[listen]\naddress = "unix:{tmp_path}/agent.sock"\n[locate]\nkey_file = "pseudonym.key"\n'
        '[tls]\ncertificate = "tls.pem"\nkey = "tls.key"\n',
        encoding="utf-8",
    )
    return path


def evidence(office: RegionOffice) -> terms_pb2.Evidence:
    """A mandate of the holder's own professional about Anna, and a fresh proof that they ask for everything."""
    at, key = datetime.now(UTC), Ed25519PrivateKey.generate()
    asker = ASKER.professional
    wanted = Wanted(URA, "testbed", asker, PurposeOfUse.TREATMENT, Bsn(ANNA), key.public_key().public_bytes_raw(), TreatmentBasis.REGISTERED)
    made = make_mandate(wanted, read_signing_key(office.keys / "brinkhof" / "mandate.key"), at)
    proof = make_proof(Asked(PurposeOfUse.TREATMENT, EVERYTHING), made.mandate.digest, GATEWAY, key, at)
    return terms_pb2.Evidence(mandate=made.text, proofs=[proof], salt=seal_salt(made.salt, Bsn(ANNA), made.mandate.digest))


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
        [*AGENT, *arguments], cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=100
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
            process.wait(60)


@pytest.mark.parametrize("missing", ["tls.key", "answer.key", "register.jws", "region.pub"])
def test_without_its_keys_or_the_register_it_does_not_start(config: Path, missing: str) -> None:
    (config.parent / missing).unlink()
    done = agent("run", "--config", str(config))

    assert done.returncode == 2
    assert missing in done.stderr or "register-invalid" in done.stderr
    assert "Hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("environment", [{"GRPC_TRACE": "http"}, {"GRPC_VERBOSITY": "DEBUG"}, {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}])
def test_surroundings_that_leak_are_refused(config: Path, environment: dict[str, str]) -> None:
    done = agent("run", "--config", str(config), **environment)

    assert done.returncode == 2
    assert Fault.UNSAFE_ENVIRONMENT in done.stderr


@pytest.mark.parametrize(
    ("setting", "named"), [("holder.ura=1", "holder.ura"), ("locate.key_file=none.key", "locate.key_file"), ("holder.name=A", "holder.name")]
)
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


def test_an_agent_answers_from_its_store_pauses_and_stops(config: Path, office: RegionOffice, tmp_path: Path) -> None:
    fill(config.parent)
    own = tmp_path / "gateway"
    office.give(own)
    office.give_keys("gateway", own)
    credentials, options = Credentials(own).channel(URA)
    with running(config) as (process, address):
        with grpc.secure_channel(address, credentials, options=options) as channel:
            stub = HolderServiceStub(channel)
            described = stub.Describe(pb.DescribeRequest(), timeout=60)
            user = terms_pb2.DataUser(ura=URA.value, name="Huisartsen", kind="gp-practice")
            assert stub.Locate(located(ANNA, data_user=user, evidence=evidence(office)), timeout=60).located
            question = asked(holder=URA, asked_by=replace(ASKER, data_user=DataUser(URA, "Huisartsen", HolderKind.GP_PRACTICE)))
            with pytest.raises(grpc.RpcError, match=Fault.EVIDENCE_MISSING):
                list(stub.Query(question, timeout=60))
            question.evidence.CopyFrom(evidence(office))
            frames = [answer_codec.frame_from_wire(message) for message in stub.Query(question, timeout=60)]
            told = Answer(frames)

            assert (described.ura, described.copy) == (URA.value, True)
            assert described.data_as_of_ms > 0
            assert told.records == [patient("a", ANNA), observation("1", "a")]
            assert closed_is_signed(told.closed, Credentials(own, known=own / "again").live.newest)
            told.check_account()

            watch = stub.Watch(pb.WatchRequest(), timeout=100)
            standings = [next(watch).serving]
            for sent in (signal.SIGUSR1, signal.SIGUSR2):
                process.send_signal(sent)
                # What is only a heartbeat says the same once more.
                standings.append(next(told.serving for told in watch if told.serving is not standings[-1]))
            watch.cancel()

            assert standings == [True, False, True]
        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how large a process is")
def test_an_idle_agent_is_small(config: Path) -> None:
    fill(config.parent)
    with running(config) as (process, _):
        pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])

    assert pages * os.sysconf("SC_PAGE_SIZE") <= 120 * MIB
