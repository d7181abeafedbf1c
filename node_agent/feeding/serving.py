"""The listener: bounded in connections, bytes and time. Messages that wait together are kept together."""

import ssl
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from anyio import to_thread
from anyio.abc import ByteStream, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.tls import TLSStream

from accord.link.addresses import Address, address, loopback
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import TAKEN, TLS_FILES
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.framing import FrameBroken, Frames, framed
from node_agent.feeding.taking import Taking

_log = structlog.get_logger("noaber.agent")

_AT_A_TIME: Final = 64
_PIECE_BYTES: Final = 65_536
_HANDSHAKE_SECONDS: Final = 10.0


class _Waiting:
    """A message of a connection, until its acknowledgements are known."""

    __slots__ = ("answers", "done", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.done = anyio.Event()
        self.answers: tuple[bytes, ...] = ()


async def serve_feed(settings: FeedSettings, folder: Path, store: Path, *, task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED) -> None:
    """Listen until cancelled; started with the address. Relative paths in the settings are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`, `loopback-only`.
        SourceUnavailable: The store cannot be written.
    """
    where, context = check_feed(settings, folder)
    taking = await to_thread.run_sync(Taking, store, settings)
    try:
        if where.is_socket:
            await anyio.Path(where.host).unlink(missing_ok=True)
            listener: Any = await anyio.create_unix_listener(where.host, mode=0o600)
            told = where.target
        else:
            listener = await anyio.create_tcp_listener(local_host=where.host, local_port=where.port)
            told = Address(where.host, listener.extra(anyio.abc.SocketAttribute.local_port)).target  # noqa: S610 - no database is asked
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "feed.listen: it is taken, or cannot be listened on", then=TAKEN) from None
    sending, receiving = anyio.create_memory_object_stream[_Waiting](settings.connections)
    places = anyio.CapacityLimiter(settings.connections)

    async def one(stream: ByteStream) -> None:
        try:
            places.acquire_nowait()
        except anyio.WouldBlock:
            _log.warning("a connection of the feed was refused: there are too many", connections=settings.connections)
            await anyio.aclose_forcefully(stream)
            return
        try:
            await _Connection(settings, sending).serve(stream, context)
        finally:
            places.release()

    async with listener, sending, receiving, anyio.create_task_group() as tasks:
        tasks.start_soon(_take_all, taking, receiving)
        task_status.started(told)
        await listener.serve(one)


def check_feed(settings: FeedSettings, folder: Path) -> tuple[Address, ssl.SSLContext | None]:
    """Where it listens, and by which certificates.

    Raises:
        BadInput: `invalid-setting`; `loopback-only` without certificates.
    """
    if not settings.senders or not all(sender.count("|") == 1 for sender in settings.senders):
        raise BadInput(Fault.INVALID_SETTING, "feed.senders: name who may send, as application|facility")
    if not settings.certificate:
        if settings.key or settings.authorities:
            raise BadInput(Fault.INVALID_SETTING, "feed.certificate, feed.key and feed.authorities: all three or none")
        return loopback(settings.listen), None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        # An encrypted key would have OpenSSL ask for a password at the terminal.
        context.load_cert_chain(folder / settings.certificate, folder / settings.key, password="")
        context.load_verify_locations(folder / settings.authorities)
    except (OSError, ssl.SSLError):
        raise BadInput(Fault.INVALID_SETTING, "feed.certificate, feed.key or feed.authorities: cannot be used", then=TLS_FILES) from None
    return address(settings.listen), context


async def _take_all(taking: Taking, receiving: MemoryObjectReceiveStream[_Waiting]) -> None:
    async for first in receiving:
        some = [first]
        while len(some) < _AT_A_TIME:
            try:
                some.append(receiving.receive_nowait())
            except anyio.WouldBlock:
                break
        answers = await to_thread.run_sync(taking.take, [one.raw for one in some])
        for one, answer in zip(some, answers, strict=True):
            one.answers = answer
            one.done.set()


class _Connection:
    """One sender's connection: its messages one after the other, each acknowledged before the next is looked at."""

    def __init__(self, settings: FeedSettings, sending: MemoryObjectSendStream[_Waiting]) -> None:
        self._settings = settings
        self._sending = sending

    async def serve(self, stream: ByteStream, context: ssl.SSLContext | None) -> None:
        """Until it ends, falls silent, or sends what is no message."""
        try:
            if context is not None:
                with anyio.fail_after(_HANDSHAKE_SECONDS):
                    stream = await TLSStream.wrap(stream, server_side=True, ssl_context=context, standard_compatible=False)
            await self._serve(stream)
        except FrameBroken as broken:
            _log.warning("a connection of the feed was ended: what came is no message", kind=type(broken).__name__)
        except TimeoutError:
            _log.info("a connection of the feed was ended: it was silent, or too slow")
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError, OSError):
            pass
        except Exception as failure:  # noqa: BLE001 - one connection never ends the others; its text may hold content
            _log.error("a connection of the feed failed", kind=type(failure).__name__)
        finally:
            await anyio.aclose_forcefully(stream)

    async def _serve(self, stream: ByteStream) -> None:
        frames = Frames()
        until = anyio.current_time() + self._settings.idle_seconds
        while True:
            with anyio.fail_after(until - anyio.current_time()):
                content = await stream.receive(_PIECE_BYTES)
            was_between = frames.is_between
            messages = frames.feed(content)
            for raw in messages:
                waiting = _Waiting(raw)
                await self._sending.send(waiting)
                await waiting.done.wait()
                with anyio.fail_after(self._settings.message_seconds):
                    for answer in waiting.answers:
                        await stream.send(framed(answer))
            if frames.is_between:
                until = anyio.current_time() + self._settings.idle_seconds
            elif was_between or messages:  # a message has begun: from now on it has its own time, however slowly it drips
                until = anyio.current_time() + self._settings.message_seconds
