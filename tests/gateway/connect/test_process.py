"""`noaber connect` as a process: from a settings file to a question, over HTTP and over gRPC, and to a quiet end."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import grpc
import httpx2
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from grpc import aio
from typer.testing import CliRunner

from accord.link.certificates import public_pem
from accord.link.credentials import TlsMaterial, server_credentials
from accord.link.failures import only_cause
from accord.link.mandates import read_mandate
from accord.link.proofs import read_proof
from accord.region.member_keys import signing_key_file
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.members import KeyUse
from accord.terms.queries import EVERYTHING
from accord.terms.vocabulary import PurposeOfUse
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from gateway.connect.cli import app
from gateway.connect.composition import run
from gateway.connect.settings import EXAMPLE, read_settings
from tests.accord.link.small_region import GATEWAY, HOSPITAL, SmallRegion

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BSN: Final = "999900006"
SERVICE: Final = "accord.wire.v1.DossierService"
#: Not how the relay would write it: the fields stand in another order.
RAW: Final = pb.OpenResponse(status=pb.HolderStatus(holder="esdoorn", state="asking")).SerializeToString() + b"\x82\x7d\x03abc"
COMMAND: Final = "from gateway.connect.cli import app; app()"


def written(region: SmallRegion, **changes: str) -> Path:
    folder = region.folder
    (folder / "region.pub.pem").write_text(public_pem(region.office.public_key))
    path = folder / "connect.toml"
    path.write_text(
        f"""
        [listen]
        http = "127.0.0.1:0"
        grpc = "unix:{folder}/connect.sock"
        [region]
        register = "{region.office.register_path.relative_to(folder)}"
        key = "region.pub.pem"
        known = "register.known"
        [gateway]
        url = "{changes.get("url", f"unix:{folder}/gateway.http")}"
        grpc = "{changes.get("grpc", f"unix:{folder}/gateway.grpc")}"
        ura = "{GATEWAY.ura}"
        certificate = "{changes.get("certificate", "")}"
        key = "{changes.get("key", "")}"
        [organisation]
        ura = "{HOSPITAL.ura}"
        mandate_key = "{signing_key_file(Path(HOSPITAL.name.value), KeyUse.MANDATE)}"
        [professional]
        id = "900000001"
        role = "01.015"
        name = "J. de Vries"
        treatment = "admitted"
        """
    )
    return path


@asynccontextmanager
async def started(settings: Path) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    command = [sys.executable, "-c", COMMAND, "run", "--config", str(settings)]
    async with await anyio.open_process(command, stderr=subprocess.STDOUT) as process:
        try:
            assert process.stdout is not None
            line = ""
            with anyio.fail_after(90):
                async for text in TextReceiveStream(process.stdout):
                    line += text
                    if "ready " in line and line.endswith("\n"):
                        break
            assert "ready " in line, line
            words = line[line.index("ready ") :].split()[1:3]
            yield process, dict(word.split("=", 1) for word in words)
        finally:
            if process.returncode is None:
                process.kill()


class FakeDossiers:
    """A gateway's gRPC face that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def open(self, request: pb.OpenRequest, context: Any) -> AsyncIterator[bytes]:
        """Say one thing."""
        assert context is not None
        self.asked.append(request)
        yield RAW

    async def fetch(self, request: pb.DossierServiceFetchAttachmentRequest, context: Any) -> AsyncIterator[bytes]:
        """Refuse."""
        self.asked.append(request)
        await context.abort(grpc.StatusCode.NOT_FOUND, "not-found")
        yield b""

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Open": grpc.unary_stream_rpc_method_handler(self.open, pb.OpenRequest.FromString, None),
                "FetchAttachment": grpc.unary_stream_rpc_method_handler(self.fetch, pb.DossierServiceFetchAttachmentRequest.FromString, None),
            },
        )


async def test_it_starts_without_a_gateway_answers_locally_and_ends_when_told(tmp_path: Path) -> None:
    settings = written(SmallRegion(tmp_path))
    async with started(settings) as (process, addresses), httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{addresses['http']}/fhir/metadata")
        process.send_signal(signal.SIGTERM)
        with anyio.fail_after(60):
            code = await process.wait()

        assert answer.status_code == 502
        assert json.loads(answer.content)["resourceType"] == "OperationOutcome"
        assert code == 0


@pytest.mark.parametrize("tls", [False, True])
async def test_p1_a_question_over_grpc_gets_evidence_and_its_answer_comes_in_its_own_bytes(tmp_path: Path, tls: bool) -> None:  # noqa: FBT001
    region, dossiers = SmallRegion(tmp_path), FakeDossiers()
    server = aio.server()
    server.add_generic_rpc_handlers((dossiers.handler(),))
    changes: dict[str, str] = {}
    if tls:
        credentials = server_credentials(TlsMaterial(region.files(GATEWAY), region.live("gateway-known")))
        own = region.files(HOSPITAL)
        port = server.add_secure_port("127.0.0.1:0", credentials)
        changes = {"grpc": f"127.0.0.1:{port}", "url": "https://127.0.0.1:1", "certificate": str(own.certificate), "key": str(own.key)}
    else:
        server.add_insecure_port(f"unix:{tmp_path}/gateway.grpc")
    await server.start()
    about = pb.OpenRequest(bsn=BSN, treats_the_patient=True, purpose=terms_pb2.PURPOSE_OF_USE_TREAT, holders=["esdoorn"])
    fetching = pb.DossierServiceFetchAttachmentRequest(about=about, holder="esdoorn", url="Binary/b1", record="DocumentReference/d1")
    async with started(written(region, **changes)) as (_, addresses), aio.insecure_channel(addresses["grpc"]) as channel:
        opening: Any = channel.unary_stream(f"/{SERVICE}/Open", request_serializer=pb.OpenRequest.SerializeToString, response_deserializer=None)
        answers = [answer async for answer in opening(about)]
        fetch: Any = channel.unary_stream(
            f"/{SERVICE}/FetchAttachment", request_serializer=pb.DossierServiceFetchAttachmentRequest.SerializeToString, response_deserializer=None
        )
        with pytest.raises(aio.AioRpcError) as refused:
            _ = [answer async for answer in fetch(fetching)]
        with pytest.raises(aio.AioRpcError) as wrong:
            _ = [answer async for answer in opening(pb.OpenRequest(bsn="123456789"))]
    await server.stop(None)

    assert answers == [RAW]
    assert refused.value.details() == "not-found"
    assert BSN not in str(wrong.value)
    opened, fetched = dossiers.asked
    assert proven(region, opened.evidence) == [Asked(PurposeOfUse.TREATMENT, EVERYTHING, frozenset({HolderName("esdoorn")}))]
    assert proven(region, fetched.about.evidence) == [
        Asked(PurposeOfUse.TREATMENT, EVERYTHING, frozenset({HolderName("esdoorn")}), "Binary/b1", "DocumentReference/d1")
    ]


def proven(region: SmallRegion, evidence: terms_pb2.Evidence) -> list[Asked]:
    now = datetime.now(UTC)
    mandate = read_mandate(evidence.mandate, region.live().newest, now)
    assert len(evidence.salt) == 32
    return [read_proof(text, mandate, GATEWAY.ura, now).asked for text in evidence.proofs]


def test_the_example_is_a_whole_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "connect.toml"
    path.write_text(CliRunner().invoke(app, ["example"]).output)
    settings = read_settings([path], []).values

    assert path.read_text() == EXAMPLE
    assert settings.professionals.usual.name == "S. ten Esker"
    assert settings.gateway.ura == "90000100"


def test_a_token_is_printed_once_with_the_line_that_lets_it_in() -> None:
    token, line = CliRunner().invoke(app, ["token", "epd", "--trusted"]).output.split("\n")[:2]

    assert line.startswith("epd ")
    assert line.endswith(" trusted")
    assert token not in line


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("organisation.mandate_url=https://a.test/b", Fault.INVALID_SETTING),
        ("organisation.ura=1", Fault.INVALID_QUESTION),
        ("gateway.url=http://192.0.2.1:8480", Fault.LOOPBACK_ONLY),
        ("gateway.url=https://a.test:8443/path", Fault.INVALID_SETTING),
        ("gateway.certificate=tls.pem", Fault.INVALID_SETTING),
        ("professional.treatment=guessed", Fault.INVALID_SETTING),
        ("professional.second_factor_at=2026-01-01T10:00:00", Fault.INVALID_SETTING),
        ("region.key=gone.pem", Fault.INVALID_SETTING),
        ("applications.tokens=gone", Fault.INVALID_SETTING),
        ("listen.http=192.0.2.1:8480", Fault.LOOPBACK_ONLY),
    ],
)
async def test_a_setting_that_cannot_work_ends_it_at_once(tmp_path: Path, setting: str, fault: Fault) -> None:
    settings = read_settings([written(SmallRegion(tmp_path))], [setting, "listen.grpc="]).values
    said: list[str] = []
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - out of a task group it comes in a group
        await run(settings, tmp_path, said.append)
    failure = only_cause(caught.value)

    assert isinstance(failure, BadInput)
    assert failure.fault is fault
    assert said == []
