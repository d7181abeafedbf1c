"""What a record was made from, cut out of its message: nothing that stands beside it may leave with it.

A message tells of a person and of several results. Of the segments that a record was made from, only the fields that are
read go along: a free text about the reason of an order tells of its other results, too. An OBX and its notes are all about
their own result, and stay whole.
"""

from collections.abc import Iterable
from typing import Final

from node_agent.feeding.er7 import Message, Segment

#: As the standard counts them; what is not here stays whole.
_FIELDS: Final = {
    "MSH": frozenset({2, 3, 4, 7, 9, 10, 11, 12, 18}),
    "EVN": frozenset({2, 6}),
    "PID": frozenset({3, 5, 7, 8, 11, 13, 14, 29, 30}),
    "PV1": frozenset({2, 19, 44, 45}),
    "ORC": frozenset({3, 28}),
    "SPM": frozenset({1, 2, 4, 17, 18}),
}
#: Of an OBR, for a result or a specimen; its report is made from more.
_OF_A_RESULT: Final = frozenset({2, 3, 7, 22, 24, 25})
_OF_A_REPORT: Final = _OF_A_RESULT | {4}


def cut_out(message: Message, segments: Iterable[Segment | None], *, of_report: bool = False) -> bytes:
    """The header and these segments of a message, in its own characters."""
    bar = message.separators[0]
    obr = _OF_A_REPORT if of_report else _OF_A_RESULT
    lines = [_line(one, bar, obr if one.name == "OBR" else _FIELDS.get(one.name)) for one in (message.header, *segments) if one is not None]
    return "".join(f"{line}\r" for line in lines).encode(message.codec)


def _line(segment: Segment, bar: str, fields: frozenset[int] | None) -> str:
    if fields is None:
        return segment.line
    # The first field of MSH is the separator itself.
    shift = 1 if segment.name == "MSH" else 0
    name, *told = segment.line.split(bar)
    return bar.join((name, *(field if number in fields else "" for number, field in enumerate(told, 1 + shift)))).rstrip(bar)
