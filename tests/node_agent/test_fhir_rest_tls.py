"""TLS to a FHIR server: by which authority it is believed, which certificate of ours it sees, and a proxy that opens it."""

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.certificates import Authority, certify, make_authority, write_private
from accord.terms.identifiers import Ura
from testbed.fhir_server_desk import BASE_PATH, Desk
from testbed.fhir_server_serving import ServerTls, serving
from tests.node_agent.ways_in import RECORDS, opens, settings, stays_shut

pytestmark = pytest.mark.anyio

SERVER: Final = Ura("92000001")
AGENT: Final = Ura("92000002")


@dataclass(frozen=True)
class Files:
    """An authority, and what it certified."""

    authority: Authority
    folder: Path

    def certified(self, name: str, ura: Ura, *names: str) -> tuple[Path, Path]:
        """The files of a certificate and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_text(certify(self.authority, key.public_key(), ura, names, at=datetime.now(UTC), days=1), encoding="ascii")
        write_private(private, key)
        return certificate, private


@pytest.fixture
def files(tmp_path: Path) -> Files:
    authority = make_authority("somewhere", at=datetime.now(UTC), days=1)
    (tmp_path / "ca.pem").write_text(authority.certificate, encoding="ascii")
    return Files(authority, tmp_path)


async def test_a_server_of_a_private_authority_is_believed_with_its_file_and_not_without(files: Files, tmp_path: Path) -> None:
    tls = ServerTls(*files.certified("server", SERVER, "127.0.0.1"))
    async with serving(Desk(RECORDS).app, tls=tls) as origin:
        await opens(settings(origin + BASE_PATH, ca_file="ca.pem"), tmp_path)
        await stays_shut(settings(origin + BASE_PATH), tmp_path)


async def test_a_server_with_another_name_is_not_believed(files: Files, tmp_path: Path) -> None:
    tls = ServerTls(*files.certified("server", SERVER, "fhir.example"))
    async with serving(Desk(RECORDS).app, tls=tls) as origin:
        await stays_shut(settings(origin + BASE_PATH, ca_file="ca.pem"), tmp_path)


async def test_a_server_that_wants_to_see_a_certificate_sees_ours(files: Files, tmp_path: Path) -> None:
    tls = ServerTls(*files.certified("server", SERVER, "127.0.0.1"), clients=tmp_path / "ca.pem")
    files.certified("agent", AGENT)
    async with serving(Desk(RECORDS).app, tls=tls) as origin:
        await opens(settings(origin + BASE_PATH, ca_file="ca.pem", certificate="agent.pem", certificate_key="agent.key"), tmp_path)
        await stays_shut(settings(origin + BASE_PATH, ca_file="ca.pem"), tmp_path)


class OpeningProxy:
    """A proxy as hospitals have them: takes CONNECT, shows a certificate of its own authority, and reads along."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._port = port

    async def serve(self, client: SocketStream) -> None:
        """One connection: whatever place is asked for, it is led to ours."""
        async with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await client.receive(1)
            self.asked.append(head.split()[1].decode())
            await client.send(b"HTTP/1.1 200 OK\r\n\r\n")
            async with await anyio.connect_tcp("127.0.0.1", self._port) as server, anyio.create_task_group() as tasks:
                tasks.start_soon(self._carry, client, server, tasks.cancel_scope)
                tasks.start_soon(self._carry, server, client, tasks.cancel_scope)

    async def _carry(self, there: SocketStream, here: SocketStream, scope: anyio.CancelScope) -> None:
        try:
            async for some in there:
                await here.send(some)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        scope.cancel()


async def test_the_proxy_of_the_environment_is_asked_and_believed_by_its_authority(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = ServerTls(*files.certified("proxy", SERVER, "fhir.example"))
    async with serving(Desk(RECORDS).app, tls=tls) as origin:
        proxy = OpeningProxy(int(origin.rpartition(":")[2]))
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", family=socket.AF_INET) as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, proxy.serve)
            address = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610 - of a socket
            for name in ("HTTPS_PROXY", "https_proxy"):
                monkeypatch.setenv(name, address)
            for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.delenv(name, raising=False)
            await opens(settings("https://fhir.example/fhir", ca_file="ca.pem"), tmp_path)
            await stays_shut(settings("https://fhir.example/fhir"), tmp_path)
            tasks.cancel_scope.cancel()

    assert set(proxy.asked) == {"fhir.example:443"}
