"""Frames of HTTP/2 that do harm: floods, resets, headers without end, and one call as it should be, to compare with."""

from collections.abc import Iterable, Iterator
from typing import Final

from hpack import Encoder
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame

QUERY: Final = "/accord.wire.v1.HolderService/Query"
DESCRIBE: Final = "/accord.wire.v1.HolderService/Describe"
OPEN: Final = "/accord.wire.v1.DossierService/Open"
#: The longest that is served, so that nothing is refused for its deadline.
DEADLINE: Final = "300S"
_CANCEL: Final = 8


def rapid_reset(times: int, path: str = QUERY) -> Iterator[bytes]:
    """Begin a question and take it back at once, so many times (CVE-2023-44487)."""
    for number in range(times):
        yield _opening(number, path) + RstStreamFrame(2 * number + 1, error_code=_CANCEL).serialize()


def ping_flood(times: int) -> Iterator[bytes]:
    """Ask whether anybody is there, so many times."""
    for number in range(times):
        yield PingFrame(0, opaque_data=number.to_bytes(8, "big")).serialize()


def settings_flood(times: int) -> Iterator[bytes]:
    """Change the settings, so many times: each must be acknowledged."""
    for number in range(times):
        yield SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 65_535 + number % 2}).serialize()


def continuation_flood(times: int, size: int = 8_192, path: str = QUERY) -> Iterator[bytes]:
    """Begin headers that never end, in so many pieces of so many bytes."""
    yield _opening(0, path, ends=False)
    for number in range(times):
        yield ContinuationFrame(1, data=_block([(f"x-{number}", "a" * (size - 64))])).serialize()


def giant_metadata(size: int, path: str = QUERY) -> Iterator[bytes]:
    """One question with metadata of so many bytes."""
    yield _opening(0, path, ends=False)
    block = _block([("x-giant", "a" * size)])
    pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    for number, piece in enumerate(pieces, 1):
        yield ContinuationFrame(1, data=piece, flags=["END_HEADERS"] if number == len(pieces) else []).serialize()
    yield DataFrame(1, data=bytes(5), flags=["END_STREAM"]).serialize()


def many_streams(number: int, path: str = QUERY) -> Iterator[bytes]:
    """So many questions of which nothing follows."""
    for one in range(number):
        yield _opening(one, path)


def crumbs(times: int, path: str = QUERY) -> Iterator[bytes]:
    """One message, a byte to a frame (CVE-2026-84304); as many bytes as it says, and not its end."""
    yield _opening(0, path)
    yield DataFrame(1, data=b"\0" + (2 * times).to_bytes(4, "big")).serialize()
    for _ in range(times):
        yield DataFrame(1, data=b"a").serialize()


def large_message(size: int, path: str = QUERY) -> Iterator[bytes]:
    """One message that says to be this large, and the first 64 KiB of it: all that may be sent without asking."""
    yield _opening(0, path)
    yield DataFrame(1, data=b"\0" + size.to_bytes(4, "big")).serialize()
    for _ in range(3):
        yield DataFrame(1, data=bytes(16_000)).serialize()


def call(path: str = DESCRIBE, message: bytes = b"", *, deadline: str = DEADLINE) -> Iterator[bytes]:
    """One call as it should be, with one message; without a *deadline* when that is empty."""
    yield _opening(0, path, deadline=deadline)
    yield DataFrame(1, data=b"\0" + len(message).to_bytes(4, "big") + message, flags=["END_STREAM"]).serialize()


def _opening(number: int, path: str, *, ends: bool = True, deadline: str = DEADLINE) -> bytes:
    """The headers of a call; each header stands for itself, so that one block serves for every stream."""
    head = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "region"), ("te", "trailers"), ("content-type", "application/grpc")]
    head += [("grpc-timeout", deadline)] if deadline else []
    return HeadersFrame(2 * number + 1, data=_block(head), flags=["END_HEADERS"] if ends else []).serialize()


def _block(headers: Iterable[tuple[str, str]]) -> bytes:
    return Encoder().encode([(name, value, True) for name, value in headers], huffman=False)
