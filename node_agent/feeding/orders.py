"""The segments of a message in order: each OBR with what follows it, and the lines of one text together."""

from dataclasses import dataclass, field
from typing import Final

from accord.terms.faults import Fault
from node_agent.feeding.er7 import Message, Segment
from node_agent.feeding.refusing import MessageRefused

#: OBX-2 of what is no value but a file.
FILES: Final = frozenset({"ED", "RP"})
#: OBX-2 of what is sent in lines: half a sentence may well mean the contrary of the whole.
_LINED: Final = frozenset({"TX", "FT"})
#: In what the lines of one text may differ: their number, and what they say.
_OF_A_LINE: Final = frozenset({1, 5})


@dataclass(slots=True)
class Line:
    """A result: its OBX, the further lines of its text, and its notes."""

    obx: Segment
    more: list[Segment] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)

    @property
    def all(self) -> list[Segment]:
        """All its OBX."""
        return [self.obx, *self.more]

    def goes_on_with(self, segment: Segment) -> bool:
        """Whether the next OBX is another line of this text."""
        if self.notes or self.obx.text(2) not in _LINED:
            return False
        fields = range(2, max(len(self.obx.fields), len(segment.fields)))
        return all(self.obx.repetitions(field) == segment.repetitions(field) for field in fields if field not in _OF_A_LINE)


@dataclass(slots=True)
class Order:
    """An OBR and what follows it."""

    obr: Segment
    orc: Segment | None
    lines: list[Line] = field(default_factory=list)
    specimens: list[Segment] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)

    @property
    def files(self) -> list[Segment]:
        """The lines that are files: their report shows them."""
        return [line.obx for line in self.lines if line.obx.text(2) in FILES]


def orders_of(message: Message) -> list[Order]:
    """All orders of a message.

    Raises:
        MessageRefused: `malformed-message`.
    """
    orders: list[Order] = []
    orc: Segment | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            orc = segment
        elif segment.name == "OBR":
            orders.append(Order(segment, orc))
            orc = None
        elif segment.name in ("OBX", "NTE", "SPM") and not orders:
            if segment.name == "OBX":  # about the patient, before any order: nothing says when or by whom it was found
                raise MessageRefused(Fault.MALFORMED_MESSAGE, segment.where(0))
        elif segment.name == "OBX":
            lines = orders[-1].lines
            if lines and lines[-1].goes_on_with(segment):
                lines[-1].more.append(segment)
            else:
                lines.append(Line(segment))
        elif segment.name == "SPM":
            orders[-1].specimens.append(segment)
        elif segment.name == "NTE":
            (orders[-1].lines[-1].notes if orders[-1].lines else orders[-1].notes).append(segment)
    if not orders:
        raise MessageRefused(Fault.MALFORMED_MESSAGE, "OBR^1^0")
    return orders
