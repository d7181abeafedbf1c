"""Sending a file of messages, for trials: over MLLP as a laboratory does, or straight into a store."""

import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.limits import MIB
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.framing import FrameBroken, Frames, framed
from node_agent.feeding.taking import Taking

_FILE_BYTES: Final = 256 * MIB
_SECONDS: Final = 60.0
_AT_A_TIME: Final = 64
_ACCEPTED: Final = re.compile(rb"[\r\n]MSA.(AA|CA)[^A-Za-z0-9]")
_CODE: Final = re.compile(rb"[\r\n]ERR(.)[^\r\n]{0,200}?\1E\1([a-z-]{1,40})")


def messages_in(paths: Iterable[Path]) -> Iterator[bytes]:
    """The messages in files: framed as they travel, or one after the other, each from its MSH on.

    Raises:
        BadInput: `unsupported-file`.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                content = file.read(_FILE_BYTES + 1)
        except OSError:
            raise BadInput(Fault.UNSUPPORTED_FILE, str(path)) from None
        if len(content) > _FILE_BYTES:
            raise BadInput(Fault.TOO_LARGE, str(path))
        if content[:1] == b"\x0b":
            try:
                yield from Frames().feed(content)
            except FrameBroken:
                raise BadInput(Fault.UNSUPPORTED_FILE, str(path)) from None
            continue
        if not content.startswith(b"MSH"):
            raise BadInput(Fault.UNSUPPORTED_FILE, str(path))
        yield from (message.strip(b"\r\n") + b"\r" for message in re.split(rb"[\r\n]+(?=MSH[^A-Za-z0-9\s])", content))


def send_messages(target: str, messages: Iterable[bytes]) -> Counter[str]:
    """Send messages to a feed on this machine, each when the one before was acknowledged. What became of how many.

    Raises:
        BadInput: `loopback-only`, `invalid-setting`.
        Unavailable: `feed-unreachable`.
    """
    counts: Counter[str] = Counter()
    try:
        with closing(_connected(loopback(target))) as connection:
            for message in messages:
                connection.sendall(framed(message))
                counts[_outcome(_answer(connection))] += 1
    except (OSError, FrameBroken):
        raise Unavailable(Fault.FEED_UNREACHABLE) from None
    return counts


def take_messages(store: Path, settings: FeedSettings, messages: Iterable[bytes]) -> Counter[str]:
    """Take messages into a store without sending them. What became of how many.

    Raises:
        BadInput: `invalid-setting`.
        SourceUnavailable: The store cannot be written.
    """
    taking = Taking(store, settings)
    some: list[bytes] = []
    for message in messages:
        some.append(message)
        if len(some) == _AT_A_TIME:
            taking.take(some)
            some.clear()
    if some:
        taking.take(some)
    return taking.counts


def _connected(where: Address) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX if where.is_socket else socket.AF_INET6 if ":" in where.host else socket.AF_INET)
    connection.settimeout(_SECONDS)
    try:
        connection.connect(where.host if where.is_socket else (where.host, where.port))
    except OSError:
        connection.close()
        raise
    return connection


def _answer(connection: socket.socket) -> bytes:
    frames = Frames()
    while True:
        content = connection.recv(65_536)
        if not content:
            raise FrameBroken
        if answers := frames.feed(content):
            return answers[0]


def _outcome(answer: bytes) -> str:
    if _ACCEPTED.search(answer):
        return "taken"
    code = _CODE.search(answer)
    return code[2].decode("ascii") if code else Fault.INTERNAL.value
