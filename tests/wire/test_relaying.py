"""Relaying a batch in its own bytes is the same as going through messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Batch, Frame, Outcome, Progress
from accord.terms.faults import BadInput, Fault
from accord.terms.vocabulary import CareCategory
from accord.wire import answer_codec
from accord.wire.relaying import batch_event, frame_from_bytes
from accord.wire.v1 import dossier_service_pb2 as dossier_pb
from accord.wire.v1 import holder_service_pb2 as holder_pb

batches = st.builds(Batch, st.binary(max_size=300), st.binary(max_size=70_000), st.integers(0, 2**64 - 1))


def written(frame: Frame) -> bytes:
    """The frame as a holder sends it."""
    return answer_codec.frame_to_wire(frame).SerializeToString()


@given(batches)
def test_p13_a_batch_cut_out_of_its_frame_is_the_batch_that_was_sent(batch: Batch) -> None:
    assert frame_from_bytes(written(batch)) == batch


@given(batches, st.sampled_from(["a", "dinkelhorst", "x" * 20]))
def test_p13_a_batch_relayed_in_its_bytes_is_the_event_that_messages_would_make(batch: Batch, holder: str) -> None:
    arrived = frame_from_bytes(written(batch))
    assert isinstance(arrived, Batch)
    for mapping in ("", "older-to-newer 2026-01-01"):
        event = dossier_pb.OpenResponse.FromString(batch_event(holder, arrived, mapping))

        assert event == dossier_pb.OpenResponse(batch=dossier_pb.HolderBatch(holder=holder, batch=answer_codec.batch_to_wire(batch), mapping=mapping))


@given(batches, st.lists(st.text(min_size=1, max_size=64), max_size=3), st.lists(st.text(min_size=1, max_size=200), max_size=4))
def test_the_persons_own_ids_and_the_holders_addresses_stand_beside_the_batch(batch: Batch, patients: list[str], bases: list[str]) -> None:
    event = dossier_pb.OpenResponse.FromString(batch_event("dinkelhorst", batch, patients=patients, bases=bases))

    sent = dossier_pb.HolderBatch(holder="dinkelhorst", batch=answer_codec.batch_to_wire(batch), patients=patients, bases=bases)
    assert event == dossier_pb.OpenResponse(batch=sent)


def test_other_frames_go_through_the_codec() -> None:
    for frame in (Progress(7), Outcome(frozenset({CareCategory.PATIENT}), "patient-consented", ("http://127.0.0.1:1",), "older-to-newer 2026-01-01")):
        assert frame_from_bytes(written(frame)) == frame


def test_a_batch_with_fields_in_another_order_or_unknown_ones_goes_the_long_way() -> None:
    batch = holder_pb.Batch(columns=b"c" * 40, blob=b"{}", categories=3)
    plain = batch.SerializeToString()
    swapped = plain[42:46] + plain[:42] + plain[46:]
    unknown = plain + b"\xf8\x01\x07"
    for payload in (swapped, unknown):
        arrived = frame_from_bytes(b"\x12" + bytes([len(payload)]) + payload)

        assert arrived == Batch(b"c" * 40, b"{}", 3)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_frame_end_in_a_fixed_code(noise: bytes) -> None:
    fault = Fault.BROKEN_BATCH
    try:
        frame_from_bytes(noise)
    except BadInput as failure:
        fault = failure.fault

    assert fault is Fault.BROKEN_BATCH


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_frame_is_never_a_shorter_batch(cut: int) -> None:
    whole = written(Batch(b"c" * 40, b"{}", 3))

    with pytest.raises(BadInput):
        frame_from_bytes(whole[:-cut] if cut < len(whole) else b"\x12\x7f")


def test_the_field_numbers_in_code_are_those_of_the_proto_files() -> None:
    numbers = {
        ("QueryResponse", "batch"): holder_pb.QueryResponse.DESCRIPTOR.fields_by_name["batch"].number,
        ("Batch", "columns"): holder_pb.Batch.DESCRIPTOR.fields_by_name["columns"].number,
        ("Batch", "blob"): holder_pb.Batch.DESCRIPTOR.fields_by_name["blob"].number,
        ("Batch", "categories"): holder_pb.Batch.DESCRIPTOR.fields_by_name["categories"].number,
        ("OpenResponse", "batch"): dossier_pb.OpenResponse.DESCRIPTOR.fields_by_name["batch"].number,
        ("HolderBatch", "holder"): dossier_pb.HolderBatch.DESCRIPTOR.fields_by_name["holder"].number,
        ("HolderBatch", "batch"): dossier_pb.HolderBatch.DESCRIPTOR.fields_by_name["batch"].number,
        ("HolderBatch", "mapping"): dossier_pb.HolderBatch.DESCRIPTOR.fields_by_name["mapping"].number,
        ("HolderBatch", "patients"): dossier_pb.HolderBatch.DESCRIPTOR.fields_by_name["patients"].number,
        ("HolderBatch", "bases"): dossier_pb.HolderBatch.DESCRIPTOR.fields_by_name["bases"].number,
    }

    assert list(numbers.values()) == [2, 1, 2, 3, 3, 1, 2, 3, 4, 5]
