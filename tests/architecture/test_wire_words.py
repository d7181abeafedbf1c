"""Every word of the wire has its value and every value its word; only `_UNSPECIFIED` has none."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from accord.terms.answers import Ending
from accord.terms.queries import Order
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import answer_codec, question_codec
from accord.wire.v1 import terms_pb2 as pb

TABLES = [
    pytest.param(Ending, answer_codec.ENDING_TO_WIRE, pb.Ending, id="Ending"),
    pytest.param(Order, question_codec.ORDER_TO_WIRE, pb.Order, id="Order"),
    pytest.param(PurposeOfUse, question_codec.PURPOSE_TO_WIRE, pb.PurposeOfUse, id="PurposeOfUse"),
]


@pytest.mark.parametrize(("values", "table", "words"), TABLES)
def test_values_and_words_pair_off(values: type[StrEnum], table: Mapping[StrEnum, int], words: EnumTypeWrapper) -> None:
    assert set(table) == set(values)
    assert sorted(table.values()) == sorted(set(words.values()) - {0})
    assert words.Name(0).endswith("_UNSPECIFIED")


def test_no_enum_of_the_wire_is_forgotten_here() -> None:
    covered = {str(table.id) for table in TABLES}

    assert set(pb.DESCRIPTOR.enum_types_by_name) == covered
