"""The face behind a real server: progress, disconnects, cut connections, loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx2
import pytest

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault
from gateway.api.fhir_app import FhirApp
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(door: FakeDoor, address: str = "127.0.0.1:0", **settings: Any) -> AsyncIterator[str]:
    async with anyio.create_task_group() as tasks:
        settings.setdefault("first_frame_seconds", 60.0)
        told = HttpSettings(**settings)
        taken = await tasks.start(serve_http, partial(FhirApp, door, FakeCallers.of(told)), told, loopback(address))
        yield taken
        tasks.cancel_scope.cancel()


async def opaque_id(client: httpx2.AsyncClient) -> str:
    answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = answer.json()["entry"][0]["resource"]["id"]
    return logical_id


def region(**late: Any) -> FakeDoor:
    return FakeDoor(
        [FakeHolder("alfa", [observation("1", "p1")], [patient("p1")]), FakeHolder("beta", [observation("2", "p1", value="1")], [patient("p1")], **late)]
    )


async def test_records_reach_the_client_while_another_holder_is_still_at_work() -> None:
    door = region()
    async with served(door) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        gate = door.everyone[1].waits_for = anyio.Event()
        seen = ""
        async with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
            async for part in answer.aiter_text():
                seen += part
                if "alfa.1" in seen and not gate.is_set():
                    before = seen
                    gate.set()

    assert "beta.2" not in before
    assert "beta.2" in seen
    assert f"http://{address}/fhir/Observation/beta.2" in seen
    assert "server" not in answer.headers


async def test_when_the_client_leaves_every_question_is_withdrawn() -> None:
    door = region()
    # Longer than is waited below: it is not the deadline that withdraws them.
    async with served(door, seconds=110.0) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        door.everyone[1].silent = True
        async with client.stream("GET", path) as answer:
            await anext(answer.aiter_raw())
        with anyio.fail_after(60):
            await door.someone_left.wait()

    assert door.withdrawn == 1


async def test_an_attachment_that_breaks_off_does_not_look_whole() -> None:
    door = FakeDoor([FakeHolder("alfa", files={("Binary/9", "DocumentReference/d"): ("application/pdf", b"%PDF" * 100 + b"BROKEN")})])
    async with served(door) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("at/alfa/Binary/9?record=DocumentReference/d")
        metadata = await client.get("metadata")

    assert metadata.status_code == 200


async def test_a_request_with_endless_headers_is_cut_off() -> None:
    async with served(region()) as address:
        host, port = address.split(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(b"GET /fhir/metadata HTTP/1.1\r\n")
            answer = b""
            with anyio.fail_after(60):
                try:
                    for _ in range(100):
                        await stream.send(b"x-more: " + b"y" * 2_000 + b"\r\n")
                    answer = await stream.receive()
                except (anyio.BrokenResourceError, anyio.EndOfStream):
                    pass

    assert b" 200 " not in answer


async def test_a_unix_socket_is_served_and_cleaned_up(tmp_path: Path) -> None:
    path = tmp_path / "fhir.sock"
    async with served(region(), f"unix:{path}") as taken:
        transport = httpx2.AsyncHTTPTransport(uds=str(path))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost/fhir/") as client:
            answer = await client.get("metadata")

    assert (taken, answer.status_code) == (f"unix:{path}", 200)
    assert not path.exists()


async def test_an_address_that_is_taken_or_not_loopback_is_refused() -> None:
    settings = HttpSettings()
    async with served(region()) as taken:
        with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
            await serve_http(partial(FhirApp, region(), FakeCallers.of(settings)), settings, loopback(taken))
    with pytest.raises(BadInput, match=Fault.LOOPBACK_ONLY):
        await serve_http(partial(FhirApp, region(), FakeCallers.of(settings)), settings, Address("192.0.2.1", 8080))


def large_region() -> FakeDoor:
    """Two holders with more than any buffer between a gateway and its client takes."""
    note = f', "note": [{{"text": "{"x" * 20_000}"}}]'
    records = [observation(str(i), "p1", value=str(i), more=note) for i in range(1_500)]
    return FakeDoor([FakeHolder("alfa", records, [patient("p1")], batch_bytes=200_000), FakeHolder("beta", [observation("2", "p1")], [patient("p1")])])


async def test_a_client_that_stops_reading_loses_its_place_and_its_connection() -> None:
    door = large_region()
    async with served(door, write_seconds=0.2, questions_at_once=1) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        host, port = address.split(":")
        async with await anyio.connect_tcp(host, int(port)) as stalled:
            await stalled.send(f"GET /fhir/{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            with anyio.fail_after(60):
                await door.someone_left.wait()
                after = await opaque_id(client)
                # Its connection is gone, too: what was on its way is all there is.
                await until_closed(stalled)

    assert after in path
    assert door.withdrawn == 1


async def test_a_client_that_reads_slowly_gets_everything() -> None:
    async with served(large_region(), write_seconds=3.0) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        size = parts = 0
        async with client.stream("GET", f"Patient/{await opaque_id(client)}/$everything", headers={"accept-encoding": "identity"}) as answer:
            async for part in answer.aiter_raw():
                size += len(part)
                last, parts = part, parts + 1
                # Of all these rests together the server would not have the patience; of each it has.
                await (anyio.sleep(0.2) if parts % 16 == 0 else anyio.lowlevel.checkpoint())

    assert size > 30_000_000
    assert last.endswith(b"}")
    assert "trailer" not in answer.headers
    assert "noaber-completeness" not in answer.headers


async def until_closed(stream: anyio.abc.SocketStream) -> bytes:
    """All that comes until the other side ends the connection."""
    found = b""
    with anyio.fail_after(60):
        try:
            while True:
                found += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return found


_METADATA = b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(("before", "sent"), [(b"", b""), (b"", _METADATA[:-6]), (_METADATA, _METADATA[:-6])])
async def test_a_request_that_never_ends_is_cut_off(before: bytes, sent: bytes) -> None:
    # Where one comes whole first, that must not be late on a busy machine.
    async with served(region(), body_seconds=3.0 if before else 0.1) as address:
        host, port = address.split(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            if before:
                await stream.send(before)
                assert (await stream.receive()).startswith(b"HTTP/1.1 200")
            if sent:
                await stream.send(sent)
            answer = await until_closed(stream)

    assert b"HTTP/1.1" not in answer


@pytest.mark.slow
async def test_a_client_that_stops_reading_at_the_very_end_loses_its_connection() -> None:
    note = f', "note": [{{"text": "{"x" * 100_000}"}}]'
    door = FakeDoor([FakeHolder("alfa", [observation(str(i), "p1", value=str(i), more=note) for i in range(100)], [patient("p1")])])
    # How much it is, from a server that has the patience for it.
    async with served(door) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        path = f"Observation?patient={await opaque_id(client)}&_count=1000"
        whole = len((await client.get(path, headers={"accept-encoding": "identity"})).content)
    async with served(door, write_seconds=0.2) as address, httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
        path = f"Observation?patient={await opaque_id(client)}&_count=1000"
        host, port = address.split(":")
        async with await anyio.connect_tcp(host, int(port)) as stalled:
            await stalled.send(f"GET /fhir/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            await stalled.receive(1)
            await anyio.sleep(2.0)
            rest = await until_closed(stalled)

    assert len(rest) < whole


async def test_a_body_that_never_ends_is_answered_and_cut_off() -> None:
    async with served(region(), body_seconds=0.1) as address:
        host, port = address.split(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(f"POST /fhir/Patient/_search HTTP/1.1\r\nHost: {host}\r\nContent-Length: 60\r\n\r\nident".encode())
            answer = await until_closed(stream)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"deadline-passed"' in answer
