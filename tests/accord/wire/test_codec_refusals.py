"""What no party may say is refused with a code that names the field and shows nothing of it."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import FIELD_CHARACTERS, LIST_ITEMS
from accord.terms.queries import Selection
from accord.wire import answer_codec, holder_codec, question_codec
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2 as pb
from tests.accord import asked


def fault_of(read: Callable[[Any], object], message: object) -> Fault | None:
    """The code that this message is refused with, if it is; the refusal names a field and shows no content."""
    try:
        read(message)
    except BadInput as refused:
        shown, fault = str(refused), refused.fault
    else:
        return None
    assert "canary" not in shown
    return fault


@pytest.mark.parametrize("number", [0, 3, 99, -1, 2**31 - 1])
def test_a_purpose_that_nobody_knows_is_refused(number: int) -> None:
    message = question_codec.holder_query_to_wire(asked.A_QUESTION)
    message.purpose = number  # type: ignore[assignment]  # an open enum takes any number

    assert fault_of(question_codec.holder_query_from_wire, message) is Fault.INVALID_QUESTION
    assert fault_of(question_codec.purpose_from_wire, number) is Fault.INVALID_QUESTION


@pytest.mark.parametrize("number", [0, 3, 99, -1])
def test_an_order_that_nobody_knows_is_refused(number: int) -> None:
    message = question_codec.selection_to_wire(Selection())
    message.order = number  # type: ignore[assignment]

    assert fault_of(question_codec.selection_from_wire, message) is Fault.INVALID_QUESTION


@pytest.mark.parametrize("number", [0, 13, 99, -1])
def test_an_ending_that_nobody_knows_is_refused(number: int) -> None:
    message = pb.Closed(ending=number, holder_ura="90000001")  # type: ignore[arg-type]

    assert fault_of(answer_codec.closed_from_wire, message) is Fault.BROKEN_BATCH


TEXT_FIELDS = ["data_user.name", "professional.identifier", "professional.role", "professional.name"]
LIST_FIELDS = ["types", "categories", "codes", "category_tokens", "statuses", "identifiers", "ids", "dates", "updated", "includes"]
UNPRINTABLE = ["canary\n", "\x00canary", "can\tary", "canary\x7f", "canary\u2028", "canary\u202e", "canary\x1b[2J", "\ufeffcanary", "canary\xa0", "canary\x85"]


def question_with(path: str, value: str) -> holder_pb.HolderQuery:
    """A good question with one text changed."""
    message = question_codec.holder_query_to_wire(asked.A_QUESTION)
    *parents, name = path.split(".")
    part: Any = message
    for parent in parents:
        part = getattr(part, parent)
    setattr(part, name, value)
    return message


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_a_text_that_is_too_long_or_breaks_a_line_is_refused(field: str) -> None:
    assert fault_of(question_codec.holder_query_from_wire, question_with(field, "x" * FIELD_CHARACTERS)) is None
    assert fault_of(question_codec.holder_query_from_wire, question_with(field, "x" * (FIELD_CHARACTERS + 1))) is Fault.INVALID_QUESTION
    for text in UNPRINTABLE:
        assert fault_of(question_codec.holder_query_from_wire, question_with(field, text)) is Fault.INVALID_QUESTION


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("query_id", "", Fault.INVALID_QUESTION),
        ("query_id", "canary\n", Fault.INVALID_QUESTION),
        ("holder_ura", "", Fault.INVALID_QUESTION),
        ("holder_ura", "canary", Fault.INVALID_QUESTION),
        ("data_user.ura", "１２３４５６７８", Fault.INVALID_QUESTION),
        ("data_user.kind", "canary", Fault.INVALID_QUESTION),
        ("data_user.kind", "", Fault.INVALID_QUESTION),
        ("bsn", "999970009", Fault.INVALID_BSN),
        ("bsn", "", Fault.INVALID_BSN),
        ("record", "canary", Fault.INVALID_ID),
        ("record", "Observation/1\n", Fault.INVALID_QUESTION),
        ("record", "", Fault.INVALID_ID),
        ("birth_date", "1950", Fault.INVALID_QUESTION),
        ("birth_date", "1950-02-30", Fault.INVALID_QUESTION),
        ("birth_date", "1950-01-11\n", Fault.INVALID_QUESTION),
        ("birth_date", "2026-W01-1", Fault.INVALID_QUESTION),
        ("birth_date", "19500111", Fault.INVALID_QUESTION),
        ("birth_date", "１９５０-01-11", Fault.INVALID_QUESTION),
        ("birth_date", "0000-01-01", Fault.INVALID_QUESTION),
        ("birth_date", "canary", Fault.INVALID_QUESTION),
        ("selection.after.id", "", Fault.INVALID_QUESTION),
        ("selection.after.id", "can_ary", Fault.INVALID_QUESTION),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_refused(field: str, value: str, fault: Fault) -> None:
    assert fault_of(question_codec.holder_query_from_wire, question_with(field, value)) is fault


def test_a_question_about_nobody_is_refused() -> None:
    message = question_codec.holder_query_to_wire(asked.A_QUESTION)
    message.ClearField("bsn")

    assert fault_of(question_codec.holder_query_from_wire, message) is Fault.NO_PATIENT
    assert fault_of(question_codec.holder_query_from_wire, holder_pb.HolderQuery()) is Fault.NO_PATIENT


def item(field: str, text: str) -> Any:
    """One good item of a list, with this text in it where it takes a text."""
    if field in ("codes", "category_tokens", "identifiers"):
        return pb.Token(system="urn:x", code=text)
    if field in ("dates", "updated"):
        return pb.DateBound(prefix="ge", value="2021")
    return "Condition" if field == "categories" else text


@pytest.mark.parametrize("field", LIST_FIELDS)
def test_a_list_that_is_too_long_is_refused(field: str) -> None:
    for number, fault in ((LIST_ITEMS, None), (LIST_ITEMS + 1, Fault.INVALID_QUESTION)):
        message = pb.Selection(order=pb.ORDER_ARRIVAL, **{field: [item(field, "x")] * number})  # type: ignore[arg-type]
        assert fault_of(question_codec.selection_from_wire, message) is fault


@pytest.mark.parametrize("field", [field for field in LIST_FIELDS if field not in ("categories", "dates", "updated")])
def test_a_text_in_a_list_is_held_to_the_same(field: str) -> None:
    for text in ("x" * (FIELD_CHARACTERS + 1), *UNPRINTABLE):
        message = pb.Selection(order=pb.ORDER_ARRIVAL, **{field: [item(field, text)]})  # type: ignore[arg-type]
        assert fault_of(question_codec.selection_from_wire, message) is Fault.INVALID_QUESTION


@pytest.mark.parametrize(
    "selection",
    [
        pb.Selection(order=pb.ORDER_ARRIVAL, categories=["canary"]),
        pb.Selection(order=pb.ORDER_ARRIVAL, categories=["condition"]),
        pb.Selection(order=pb.ORDER_ARRIVAL, dates=[pb.DateBound(prefix="ne", value="2021")]),
        pb.Selection(order=pb.ORDER_ARRIVAL, dates=[pb.DateBound(prefix="", value="2021")]),
        pb.Selection(order=pb.ORDER_ARRIVAL, dates=[pb.DateBound(prefix="ge", value="canary")]),
        pb.Selection(order=pb.ORDER_ARRIVAL, updated=[pb.DateBound(prefix="ge", value="2021-02-30")]),
        pb.Selection(order=pb.ORDER_ARRIVAL, codes=[pb.Token(system="x\n")]),
    ],
)
def test_a_condition_that_nobody_understands_is_refused(selection: pb.Selection) -> None:
    assert fault_of(question_codec.selection_from_wire, selection) is Fault.INVALID_QUESTION


@pytest.mark.parametrize(
    "frame",
    [
        holder_pb.QueryResponse(),
        holder_pb.QueryResponse(outcome=holder_pb.Outcome(released=["canary"])),
        holder_pb.QueryResponse(outcome=holder_pb.Outcome(basis="canary\n")),
        holder_pb.QueryResponse(outcome=holder_pb.Outcome(bases=["canary\x00"])),
        holder_pb.QueryResponse(outcome=holder_pb.Outcome(bases=["x" * 300])),
        holder_pb.QueryResponse(hint=holder_pb.Hint(code="canary")),
        holder_pb.QueryResponse(hint=holder_pb.Hint()),
        holder_pb.QueryResponse(closed=pb.Closed()),
        holder_pb.QueryResponse(closed=pb.Closed(ending=pb.ENDING_ANSWERED)),
        holder_pb.QueryResponse(closed=pb.Closed(ending=pb.ENDING_ANSWERED, holder_ura="canary")),
        holder_pb.QueryResponse(closed=pb.Closed(ending=pb.ENDING_ANSWERED, holder_ura="90000001", code="canary")),
    ],
)
def test_a_frame_that_is_not_built_as_agreed_is_refused(frame: holder_pb.QueryResponse) -> None:
    assert fault_of(answer_codec.frame_from_wire, frame) is Fault.BROKEN_BATCH


def test_a_frame_of_a_later_version_is_refused_and_not_guessed() -> None:
    later = holder_pb.QueryResponse.FromString(b"\xfa\x01\x02\x08\x01")  # field 31

    assert fault_of(answer_codec.frame_from_wire, later) is Fault.BROKEN_BATCH
    assert fault_of(answer_codec.attachment_frame_from_wire, holder_pb.FetchAttachmentResponse()) is Fault.BROKEN_BATCH
    assert fault_of(answer_codec.attachment_frame_from_wire, holder_pb.FetchAttachmentResponse(chunk=b"")) is Fault.BROKEN_BATCH
    assert fault_of(answer_codec.attachment_frame_from_wire, holder_pb.FetchAttachmentResponse(content_type="text/plain\ncanary")) is Fault.BROKEN_BATCH


@pytest.mark.parametrize(
    "description",
    [
        holder_pb.DescribeResponse(),
        holder_pb.DescribeResponse(ura="canary"),
        holder_pb.DescribeResponse(ura="90000001", name="canary\x1b[2J"),
        holder_pb.DescribeResponse(ura="90000001", software="x" * 257),
        holder_pb.DescribeResponse(ura="90000001", capabilities=["x"] * 201),
        holder_pb.DescribeResponse(ura="90000001", types=["canary\n"]),
    ],
)
def test_a_description_is_held_to_the_same_bounds(description: holder_pb.DescribeResponse) -> None:
    assert fault_of(holder_codec.description_from_wire, description) is Fault.INVALID_QUESTION


@pytest.mark.parametrize("moment", [-1, -(2**63), 253_402_300_800_000, 2**63 - 1])
def test_a_moment_outside_every_calendar_is_refused(moment: int) -> None:
    assert fault_of(holder_codec.description_from_wire, holder_pb.DescribeResponse(ura="90000001", data_as_of_ms=moment)) is Fault.BROKEN_BATCH
    assert fault_of(holder_codec.standing_from_wire, holder_pb.WatchResponse(since_ms=moment)) is Fault.BROKEN_BATCH
    assert fault_of(holder_codec.standing_from_wire, holder_pb.WatchResponse(data_as_of_ms=moment)) is Fault.BROKEN_BATCH


def test_a_standing_with_a_foreign_code_is_refused() -> None:
    assert fault_of(holder_codec.standing_from_wire, holder_pb.WatchResponse(sequence=1, code="canary")) is Fault.BROKEN_BATCH


@given(st.binary(max_size=60))
def test_whatever_the_bytes_of_a_frame_nothing_but_a_code_comes_out(content: bytes) -> None:
    for message, read in (
        (holder_pb.QueryResponse, answer_codec.frame_from_wire),
        (holder_pb.FetchAttachmentResponse, answer_codec.attachment_frame_from_wire),
        (holder_pb.HolderQuery, question_codec.holder_query_from_wire),
        (holder_pb.DescribeResponse, holder_codec.description_from_wire),
        (holder_pb.WatchResponse, holder_codec.standing_from_wire),
    ):
        wire = message()
        try:
            wire.MergeFromString(content)
        except DecodeError:
            # Not a message at all: protobuf's own business.
            continue
        fault_of(read, wire)
