"""Batches on the hot path, past protobuf's objects.

A gateway that relays a batch through messages copies its bytes five times. Here a batch is cut out of the frame it
came in and set into the event it goes out in as it stands: the bytes of a message are also the bytes of that
message as a field of another (protobuf encoding, length-delimited fields). What is not built in the plainest way
goes the long way, through the codec.
"""

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError

from accord.terms.answers import Batch, Frame
from accord.terms.faults import BadInput, Fault
from accord.wire import answer_codec
from accord.wire.v1 import holder_service_pb2 as pb

# Tags of the fields, as bytes: QueryResponse.batch; Batch.columns, .blob, .categories; OpenResponse.batch; HolderBatch.holder, .batch, .mapping,
# .patients, .bases.
_COLUMNS: Final = 0x0A
_BLOB: Final = 0x12
_CATEGORIES: Final = 0x19
_EVENT_BATCH: Final = b"\x1a"
_HOLDER: Final = b"\x0a"
_HOLDER_BATCH: Final = b"\x12"
_MAPPING: Final = b"\x1a"
_PATIENT: Final = b"\x22"
_BASE: Final = b"\x2a"


def frame_from_bytes(message: bytes) -> Frame:
    """A frame of a holder's answer, from the bytes of its message.

    Raises:
        BadInput: `broken-batch`.
    """
    if message[:1] == b"\x12":
        batch = _plain_batch(message)
        if batch is not None:
            return batch
    try:
        return answer_codec.frame_from_wire(pb.QueryResponse.FromString(message))
    except DecodeError:
        # Its text may quote the message.
        raise BadInput(Fault.BROKEN_BATCH) from None


def batch_event(holder: str, batch: Batch, mapping: str = "", *, patients: Iterable[str] = (), bases: Iterable[str] = ()) -> bytes:
    """The bytes of an `OpenResponse` that relays a batch of a holder, as it came.

    *mapping* is how its derived records were made, *patients* are the ids of the person's own records there, *bases* the
    addresses under which the holder's records are also known.
    """
    payload = batch.wire or answer_codec.batch_to_wire(batch).SerializeToString()
    inner = _field(_HOLDER, holder) + _HOLDER_BATCH + _length(len(payload))
    after = [_field(_MAPPING, mapping)] if mapping else []
    after += [_field(_PATIENT, one) for one in patients]
    after += [_field(_BASE, one) for one in bases]
    rest = b"".join(after)
    return b"".join((_EVENT_BATCH, _length(len(inner) + len(payload) + len(rest)), inner, payload, rest))


def _field(tag: bytes, text: str) -> bytes:
    encoded = text.encode()
    return tag + _length(len(encoded)) + encoded


def _plain_batch(message: bytes) -> Batch | None:
    """The batch in a frame whose fields stand once and in order, as every serialiser writes them; else none."""
    try:
        size, start = _read_length(message, 1)
        if start + size != len(message) or message[start] != _COLUMNS:
            return None
        columns_size, at = _read_length(message, start + 1)
        columns = message[at : at + columns_size]
        at += columns_size
        if message[at] != _BLOB:
            return None
        blob_size, at = _read_length(message, at + 1)
        blob = message[at : at + blob_size]
        at += blob_size
        if at + 9 != len(message) or message[at] != _CATEGORIES:
            return None
    except IndexError:
        return None
    return Batch(columns, blob, int.from_bytes(message[at + 1 :], "little"), memoryview(message)[start:])


def _read_length(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 28:
            raise IndexError


def _length(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
