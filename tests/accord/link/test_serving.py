"""A small server lets in whom it is meant for: on this machine, or whoever has the certificate that is named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from ssl import CERT_REQUIRED
from typing import Any

import anyio
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from accord.link.addresses import Address
from accord.link.certificates import Authority, certify, make_authority, write_private
from accord.link.credentials import TlsFiles, https_client_context, https_server_context
from accord.link.serving import serve_app
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC) - timedelta(minutes=2)
LOOPBACK = Address("127.0.0.1", 0)


async def answer(_request: Request) -> Response:
    return Response(status_code=204)


APP = Starlette(routes=[Route("/", answer)])


@asynccontextmanager
async def served(at: Address = LOOPBACK, **more: Any) -> AsyncIterator[str]:
    async with anyio.create_task_group() as tasks:
        yield await tasks.start(partial(serve_app, APP, at, setting="here.listen", **more))
        tasks.cancel_scope.cancel()


def files_of(authority: Authority, folder: Path, name: str) -> TlsFiles:
    """A certificate of that authority with this DNS name."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(certify(authority, key.public_key(), Ura("00000001"), [name, "127.0.0.1"], at=NOW, days=1), encoding="ascii")
    write_private(private, key)
    return TlsFiles(certificate, private)


async def status(address: str, authority: Authority, files: TlsFiles | None) -> int | None:
    """What is answered; none when the connection is not to be had."""
    async with httpx2.AsyncClient(verify=https_client_context([authority.certificate], files), trust_env=False) as client:
        try:
            return (await client.get(f"https://{address}/")).status_code
        except httpx2.HTTPError:
            return None


async def test_only_the_certificate_with_the_name_is_let_in(tmp_path: Path) -> None:
    authority, stranger = make_authority("one", at=NOW, days=1), make_authority("two", at=NOW, days=1)
    tls = https_server_context(files_of(authority, tmp_path, "here.example"), [authority.certificate], clients=CERT_REQUIRED)
    meant, other = files_of(authority, tmp_path, "notify.example"), files_of(authority, tmp_path, "other.example")
    forged = files_of(stranger, tmp_path, "notify.example.forged")

    async with served(tls=tls, only="notify.example") as address:
        told = [await status(address, authority, files) for files in (meant, other, forged, None)]

    assert told == [204, None, None, None]


async def test_plainly_it_is_served_on_this_machine_only() -> None:
    async with served() as address, httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://{address}/")).status_code == 204

    for host in ("0.0.0.0", "192.0.2.1", "example.nl"):  # noqa: S104 - refused
        with pytest.raises(BadInput) as refused:
            await serve_app(APP, Address(host, 0), setting="here.listen")
        assert refused.value.fault is Fault.LOOPBACK_ONLY


async def test_an_address_that_is_taken_is_told_by_the_name_of_its_setting() -> None:
    async with served() as address:
        host, _, port = address.partition(":")
        with pytest.raises(BadInput, match=r"here\.listen"):
            await serve_app(APP, Address(host, int(port)), setting="here.listen")


async def test_a_unix_socket_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    async with served(Address(str(path))), httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=str(path))) as client:
        assert (await client.get("http://here/")).status_code == 204

    assert not path.exists()
