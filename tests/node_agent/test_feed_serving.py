"""The listener on real sockets: whatever arrives in whatever pieces, from whomever, and what is acknowledged is kept."""

import ssl
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Any

import anyio
import msgspec
import pytest
from anyio.abc import ByteStream, SocketStream
from anyio.streams.tls import TLSStream
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from accord.link.certificates import Authority, certify, make_authority, write_private
from accord.link.credentials import TlsFiles, https_client_context
from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef, Ura
from node_agent.cli import app
from node_agent.feeding.framing import MESSAGE_BYTES, Frames, framed
from node_agent.feeding.sending import messages_in, send_messages
from node_agent.feeding.serving import serve_feed
from node_agent.sources.fed_store import FedStore
from tests.node_agent.feed_messages import SETTINGS, Fed, header, lines, obr, obx, pid, result

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC) - timedelta(minutes=2)
Serving = Callable[..., AbstractAsyncContextManager[tuple[str, int]]]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    """Serves a feed into the store `records.db`, with these settings changed; gives host and port."""

    @asynccontextmanager
    async def served(**changed: Any) -> AsyncGenerator[tuple[str, int], None]:
        settings = msgspec.structs.replace(SETTINGS, **changed)
        async with anyio.create_task_group() as tasks:
            told = await tasks.start(partial(serve_feed, settings, tmp_path, tmp_path / "records.db"))
            host, _, port = told.rpartition(":")
            yield host, int(port)
            tasks.cancel_scope.cancel()

    return served


def files_of(authority: Authority, folder: Path, name: str) -> TlsFiles:
    """A certificate of that authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    files = TlsFiles(folder / f"{name}.pem", folder / f"{name}.key")
    files.certificate.write_text(certify(authority, key.public_key(), Ura("00000001"), [name, "127.0.0.1"], at=NOW, days=1), encoding="ascii")
    write_private(files.key, key)
    return files


async def _answers(stream: ByteStream, count: int = 1) -> list[str]:
    frames = Frames()
    found: list[bytes] = []
    with anyio.fail_after(30):
        while len(found) < count:
            found += frames.feed(await stream.receive())
    return [answer.decode("latin-1").split("\r")[1] for answer in found]


async def _is_ended(stream: SocketStream) -> bool:
    with anyio.fail_after(30), suppress(anyio.BrokenResourceError):
        while True:
            try:
                await stream.receive()
            except anyio.EndOfStream:
                return True
    return True


async def _kept(folder: Path) -> int:
    fed = Fed(folder)
    return len(await fed.of_type("Observation"))


async def test_a_message_in_single_bytes_and_ten_in_one_piece(serving: Serving, tmp_path: Path) -> None:
    async with serving() as at, await anyio.connect_tcp(*at) as stream:
        for byte in framed(result()):
            await stream.send(bytes([byte]))
        assert await _answers(stream) == ["MSA|AA|1"]
        many = [result("1", str(turn)).replace(b"ORD-1", f"ORD-{turn}".encode()) for turn in range(2, 12)]
        await stream.send(b"\r\n".join(framed(message) for message in many))

        assert await _answers(stream, 10) == [f"MSA|AA|{turn}" for turn in range(2, 12)]
    assert await _kept(tmp_path) == 11


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x0bMSH|\x0bMSH|", b"\x0bMSH\x1cX", b"\x16\x03\x01", b"\x0b" + b"x" * (MESSAGE_BYTES + 2)])
async def test_what_is_no_frame_ends_the_connection_and_no_other(serving: Serving, garbage: bytes) -> None:
    async with serving() as at, await anyio.connect_tcp(*at) as sound, await anyio.connect_tcp(*at) as wrong:
        with suppress(anyio.BrokenResourceError):
            await wrong.send(garbage)

        assert await _is_ended(wrong)
        await sound.send(framed(result()))
        assert await _answers(sound) == ["MSA|AA|1"]


async def test_a_message_of_the_largest_size_is_read(serving: Serving) -> None:
    whole = lines(header(), pid(), obr(), obx("x" * 1_000_000, kind="TX"))
    async with serving() as at, await anyio.connect_tcp(*at) as stream:
        await stream.send(framed(whole))

        assert await _answers(stream) == ["MSA|AA|1"]


async def test_a_message_that_drips_and_one_who_says_nothing_lose_their_place(serving: Serving) -> None:
    async with serving(message_seconds=0.3, idle_seconds=0.3) as at, await anyio.connect_tcp(*at) as slow, await anyio.connect_tcp(*at) as silent:
        await slow.send(framed(result())[:20])

        assert await _is_ended(slow)
        assert await _is_ended(silent)


async def test_twenty_senders_at_once_and_the_next_is_turned_away(serving: Serving, tmp_path: Path) -> None:
    async with serving(connections=20) as at:
        streams = [await anyio.connect_tcp(*at) for _ in range(20)]

        async def send(place: int) -> None:
            for turn in range(5):
                number = f"{place}-{turn}"
                await streams[place].send(framed(result("1", number).replace(b"ORD-1", f"ORD-{number}".encode())))
                assert await _answers(streams[place]) == [f"MSA|AA|{number}"]

        async with anyio.create_task_group() as tasks:
            for place in range(20):
                tasks.start_soon(send, place)
        async with await anyio.connect_tcp(*at) as one_more:
            assert await _is_ended(one_more)
        for stream in streams:
            await stream.aclose()
    assert await _kept(tmp_path) == 100


async def test_who_hangs_up_before_the_acknowledgement_disturbs_nobody(serving: Serving, tmp_path: Path) -> None:
    async with serving() as at:
        for turn in range(5):
            gone = await anyio.connect_tcp(*at)
            await gone.send(framed(result("1", str(turn))))
            await anyio.aclose_forcefully(gone)
        async with await anyio.connect_tcp(*at) as stream:
            await stream.send(framed(result("1", "last")))

            assert await _answers(stream) == ["MSA|AA|last"]
    assert await _kept(tmp_path) == 1


@pytest.mark.parametrize(
    ("asked", "sound", "unsound"),
    [
        ("||", ["AA"], ["AE"]),
        ("AL|NE", ["CA"], ["CE"]),
        ("AL|AL", ["CA", "AA"], ["CE", "AE"]),
        ("ER|SU", ["AA"], ["CE"]),
        ("NE|ER", [], ["AE"]),
    ],
)
async def test_each_sender_gets_the_acknowledgements_that_it_asks_for(serving: Serving, asked: str, sound: list[str], unsound: list[str]) -> None:
    async with serving() as at, await anyio.connect_tcp(*at) as stream:
        for who, told in ((pid(), sound), (pid("123456789"), unsound)):
            await stream.send(framed(lines(header(more=f"|||{asked}"), who, obr(), obx())))
            assert [answer.split("|")[1] for answer in await _answers(stream, len(told))] == told


async def test_an_acknowledgement_says_the_place_and_what_to_do_and_nothing_of_the_person(serving: Serving) -> None:
    async with serving() as at, await anyio.connect_tcp(*at) as stream:
        await stream.send(framed(lines(header("C-7"), pid("123456789", "geheim"), obr(), obx())))
        answer = (await stream.receive()).decode()

    assert "\rMSA|AE|C-7\r" in answer
    assert "ERR||PID^1^3|204^^HL70357|E|invalid-bsn|||" in answer
    assert "123456789" not in answer
    assert "geheim" not in answer


async def test_with_certificates_only_who_shows_one_of_ours_may_send(serving: Serving, tmp_path: Path) -> None:
    ours, others = (make_authority(name, at=NOW, days=2) for name in ("ours", "others"))
    own = files_of(ours, tmp_path, "feed")
    (tmp_path / "senders.pem").write_text(ours.certificate, encoding="ascii")
    async with serving(certificate=own.certificate.name, key=own.key.name, authorities="senders.pem") as at:
        for authority, name, is_taken in ((ours, "lab", True), (others, "stranger", False), (None, "", False)):
            context = https_client_context([ours.certificate], files_of(authority, tmp_path, name) if authority else None)
            told = None
            with suppress(ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                async with await TLSStream.wrap(await anyio.connect_tcp(*at), hostname="127.0.0.1", ssl_context=context, standard_compatible=False) as stream:
                    await stream.send(framed(result()))
                    told = await _answers(stream)

            assert (told == ["MSA|AA|1"]) is is_taken


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"senders": []}, "feed.senders"),
        ({"senders": ["LIS"]}, "feed.senders"),
        ({"listen": "0.0.0.0:0"}, "loopback-only"),
        ({"key": "a.key"}, "feed.certificate"),
        ({"certificate": "a", "key": "b", "authorities": "c"}, "feed.certificate"),
        ({"listen": "nergens"}, "invalid-setting"),
    ],
)
async def test_a_feed_that_would_not_be_safe_does_not_start(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        await serve_feed(msgspec.structs.replace(SETTINGS, **changed), tmp_path, tmp_path / "records.db")


_PROGRAM = """
import anyio, sys
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.serving import serve_feed
async def main(folder):
    async with anyio.create_task_group() as tasks:
        print(await tasks.start(partial(serve_feed, FeedSettings(listen="127.0.0.1:0", senders=["LIS|TWK"]), folder, folder / "records.db")), flush=True)
        await anyio.sleep_forever()
anyio.run(main, Path(sys.argv[1]))
"""


@asynccontextmanager
async def _killed_at_the_end(folder: Path) -> AsyncGenerator[tuple[str, int], None]:
    process = await anyio.open_process([sys.executable, "-c", _PROGRAM, str(folder)], stderr=None)
    async with process:
        assert process.stdout is not None
        host, _, port = (await process.stdout.receive()).decode().strip().rpartition(":")
        yield host, int(port)
        process.send_signal(SIGKILL)
        await process.wait()


@pytest.mark.slow
async def test_what_was_acknowledged_is_there_after_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged = []
    for turn in range(3):
        async with _killed_at_the_end(tmp_path) as at, await anyio.connect_tcp(*at) as stream:
            for number in range(8 + turn):
                await stream.send(framed(result("1", f"{turn}-{number}").replace(b"ORD-1", f"ORD-{turn}-{number}".encode())))
                if number < 7 + turn:  # it is killed while it is at work on the last one, of which it has said nothing
                    acknowledged += await _answers(stream)
    fed = Fed(tmp_path)
    orders = {report["identifier"][0]["value"] for report in await fed.of_type("DiagnosticReport")}

    assert len(acknowledged) == 24
    assert orders >= {f"ORD-{said.split('|')[2]}" for said in acknowledged}
    source = FedStore(fed.path)
    for report in await fed.of_type("DiagnosticReport"):  # whole messages, or nothing of them
        refs = [RecordRef("Observation", one["reference"].partition("/")[2]) for one in report["result"]]
        assert len(await source.read(refs)) == 1
    await source.close()


async def test_a_file_is_sent_once_more_and_once_more_taken(serving: Serving, tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.hl7", tmp_path / "framed.hl7"
    plain.write_bytes(result("1", "1").replace(b"\r", b"\n") + result("2", "2", changed="20261114"))
    packed.write_bytes(framed(result("1", "1")) + framed(lines(header(), pid(""), obr(), obx())))
    async with serving() as (host, port):
        counts = await anyio.to_thread.run_sync(lambda: send_messages(f"{host}:{port}", messages_in([plain, packed])))

    assert counts == {"taken": 3, "no-bsn": 1}
    (tmp_path / "agent.toml").write_text('[feed]\nsenders = ["LIS|TWK"]\n', encoding="utf-8")
    told = CliRunner().invoke(app, ["feed", str(packed), "--config", str(tmp_path / "agent.toml")])
    assert (told.exit_code, "1 of 2 messages taken" in told.stdout, "no-bsn" in told.stdout) == (1, True, True)
    told = CliRunner().invoke(app, ["feed", "--refused", "--config", str(tmp_path / "agent.toml")])
    assert "2 messages refused so far" in told.stdout


def test_a_feed_needs_an_embedded_store() -> None:
    told = CliRunner().invoke(app, ["feed", "--set", "source.kind=fhir-server"])

    assert told.exit_code == 2
