"""Values to messages and back: nothing is lost, and every word has one number."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from google.protobuf.message import Message
from hypothesis import given

from accord.terms.answers import AttachmentFrame, Description, Ending, Frame, Standing
from accord.terms.identifiers import Bsn
from accord.terms.queries import HolderQuery, Order, Selection
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import answer_codec, holder_codec, question_codec
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2 as pb
from tests.accord import asked


def over_the_wire(message: Any) -> Any:
    """The message as the other side gets it."""
    return type(message).FromString(message.SerializeToString())


# -- Round trips


@given(asked.questions)
def test_a_question_arrives_as_it_was_put(query: HolderQuery) -> None:
    assert question_codec.holder_query_from_wire(over_the_wire(question_codec.holder_query_to_wire(query))) == query


@given(asked.selections)
def test_equal_selections_are_equal_messages(selection: Selection) -> None:
    wire = question_codec.selection_to_wire(selection)
    turned = replace(selection, types=frozenset(sorted(selection.types, reverse=True)), categories=frozenset(sorted(selection.categories, reverse=True)))

    assert question_codec.selection_from_wire(over_the_wire(wire)) == selection
    assert question_codec.selection_to_wire(turned) == wire


@given(asked.frames)
def test_a_frame_arrives_as_it_was_sent(frame: Frame) -> None:
    assert answer_codec.frame_from_wire(over_the_wire(answer_codec.frame_to_wire(frame))) == frame


@given(asked.attachment_frames)
def test_a_frame_of_an_attachment_arrives_as_it_was_sent(frame: AttachmentFrame) -> None:
    assert answer_codec.attachment_frame_from_wire(over_the_wire(answer_codec.attachment_frame_to_wire(frame))) == frame


@given(asked.descriptions)
def test_a_description_arrives_as_it_was_given(description: Description) -> None:
    assert holder_codec.description_from_wire(over_the_wire(holder_codec.description_to_wire(description))) == description


@given(asked.standings)
def test_a_standing_arrives_as_it_was_told(standing: Standing) -> None:
    assert holder_codec.standing_from_wire(over_the_wire(holder_codec.standing_to_wire(standing))) == standing


@pytest.mark.parametrize("frames", [Frame, AttachmentFrame])
def test_every_kind_of_frame_has_its_place_in_a_message(frames: object) -> None:
    message: type[Message] = holder_pb.QueryResponse if frames is Frame else holder_pb.FetchAttachmentResponse

    assert len(get_args(frames)) == len(message.DESCRIPTOR.oneofs_by_name["frame"].fields)


# -- Enums are total both ways


@pytest.mark.parametrize(
    ("table", "ours", "wire"),
    [
        (answer_codec.ENDING_TO_WIRE, Ending, pb.Ending),
        (question_codec.PURPOSE_TO_WIRE, PurposeOfUse, pb.PurposeOfUse),
        (question_codec.ORDER_TO_WIRE, Order, pb.Order),
    ],
)
def test_every_word_has_one_number_and_zero_has_none(table: dict[Any, int], ours: Any, wire: Any) -> None:
    assert set(table) == set(ours)
    assert sorted([0, *table.values()]) == sorted(wire.values())
    for word, number in table.items():
        # The names agree too, so that no two are swapped: ENDING_NOT_ASKED is not-asked.
        assert wire.Name(number).endswith("_" + (word.value if ours is PurposeOfUse else word.name))


def test_a_question_about_a_person_never_names_a_record_too() -> None:
    message = question_codec.holder_query_to_wire(asked.A_QUESTION)

    assert message.WhichOneof("about") == "bsn"
    assert Bsn(message.bsn) == asked.A_QUESTION.about
    assert message.record == ""
