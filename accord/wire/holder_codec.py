"""What a holder says of itself, to messages and back: what it can answer for, and whether it does now.

A gateway that is a holder of another gateway says the same. What comes in is checked here once and then never again.
"""

from typing import Final

from accord.terms.answers import Description, Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.wire import checked
from accord.wire.v1 import holder_service_pb2 as holder_pb

#: The last millisecond of the year 9999: beyond it no calendar can say what was meant.
_LAST_MOMENT: Final = 253_402_300_799_999


def description_to_wire(description: Description) -> holder_pb.DescribeResponse:
    """The message of a description."""
    return holder_pb.DescribeResponse(
        ura=description.ura.value,
        name=description.name,
        capabilities=sorted(description.capabilities),
        types=sorted(description.types),
        copy=description.copy,
        data_as_of_ms=description.data_as_of_ms,
        software=description.software,
    )


def description_from_wire(wire: holder_pb.DescribeResponse) -> Description:
    """The description.

    Raises:
        BadInput: `invalid-question`, for a URA that is none and for texts that are none.
    """
    return Description(
        Ura(wire.ura),
        checked.text(wire.name, "description.name"),
        frozenset(checked.texts(wire.capabilities, "description.capabilities")),
        frozenset(checked.texts(wire.types, "description.types")),
        wire.copy,
        _moment(wire.data_as_of_ms),
        checked.text(wire.software, "description.software"),
    )


def standing_to_wire(standing: Standing) -> holder_pb.WatchResponse:
    """The message of a standing."""
    return holder_pb.WatchResponse(
        sequence=standing.sequence,
        serving=standing.serving,
        code=standing.code.value if standing.code else "",
        since_ms=standing.since_ms,
        data_as_of_ms=standing.data_as_of_ms,
        places_mark=standing.places_mark,
        letters_mark=standing.letters_mark,
    )


def standing_from_wire(wire: holder_pb.WatchResponse) -> Standing:
    """The standing.

    Raises:
        BadInput: `broken-batch`.
    """
    code = checked.word(Fault, wire.code, "standing.code", Fault.BROKEN_BATCH) if wire.code else None
    return Standing(wire.sequence, wire.serving, code, _moment(wire.since_ms), _moment(wire.data_as_of_ms), wire.places_mark, wire.letters_mark)


def _moment(milliseconds: int) -> int:
    if not 0 <= milliseconds <= _LAST_MOMENT:
        raise BadInput(Fault.BROKEN_BATCH, "moment")
    return milliseconds
