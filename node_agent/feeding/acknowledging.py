"""The acknowledgement of a message: what became of it, and what is to be done, without anything of what it says.

A message that can never be taken as it is gets AE (of its content) or AR (of its kind); one that may be sent again gets AR
with the HL7 code 207. A sender that asks for enhanced mode (MSH-15, MSH-16) gets CA, CE or CR, and the other kind as well
where it asks for that.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from accord.terms.faults import Fault, Faulted
from node_agent.feeding.er7 import Message, Segment
from node_agent.feeding.refusing import MessageRefused, NotForUs
from node_agent.feeding.understanding import now_as_written

#: HL7 table 0357, by our code; 207 is an error of the application.
_HL7_CODES: Final = {
    Fault.MALFORMED_MESSAGE: "100",
    Fault.WRONG_CHARSET: "102",
    Fault.NO_BSN: "101",
    Fault.INVALID_BSN: "204",
    Fault.SEVERAL_BSNS: "205",
    Fault.BSN_CHANGED: "204",
    Fault.ORDER_CLASH: "205",
    Fault.UNSUPPORTED_VALUE: "102",
    Fault.UNSUPPORTED_MESSAGE: "200",
    Fault.SENDER_UNKNOWN: "207",
}
_HL7_OF_PLACE: Final = {"MSH^1^9": "200", "MSH^1^11": "202", "MSH^1^12": "203"}
_ECHOED: Final = re.compile(r"[^\r\n\x00-\x1f]{0,250}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message. No `failure`: it is on the disk, or was before."""

    failure: Faulted | None = None

    @property
    def letter(self) -> str:
        """Accepted, refused for what it says, or rejected."""
        if self.failure is None:
            return "A"
        return "E" if isinstance(self.failure, MessageRefused) and not isinstance(self.failure, NotForUs) else "R"


def acknowledgements(raw: bytes, message: Message | None, verdict: Verdict) -> Iterator[bytes]:
    """What is sent back, in order; nothing where the sender asked for nothing.

    *message* is none when *raw* could not be read.
    """
    accept, application = (message.header.text(15), message.header.text(16)) if message else ("", "")
    if not accept and not application:
        yield _written(raw, message, verdict, f"A{verdict.letter}")
        return
    for asked, mode in ((accept, "C"), (application, "A")):
        if asked == "AL" or (asked == "ER" and verdict.failure) or (asked == "SU" and not verdict.failure):
            yield _written(raw, message, verdict, f"{mode}{verdict.letter}")


def _written(raw: bytes, message: Message | None, verdict: Verdict, code: str) -> bytes:
    marks = message.separators if message else "|^~\\&"
    bar, component = marks[0], marks[1]
    header = _Echo(raw, message)
    kind = component.join(filter(None, ("ACK", header.plain(9, 2), "ACK")))
    own = secrets.token_hex(10)
    lines = [
        bar.join(
            (
                f"MSH{bar}{marks[1:5]}",
                *(header.field(at) for at in (5, 6, 3, 4)),
                now_as_written(datetime.now(UTC)),
                "",
                kind,
                own,
                header.field(11) or "P",
                header.field(12) or "2.5",
                *("" for _ in range(5)),
                header.field(18),
            )
        ).rstrip(bar),
        bar.join(("MSA", code, header.field(10))),
    ]
    if verdict.failure is not None:
        lines.append(_error(verdict.failure, bar, component))
    return (
        "".join(f"{line}\r" for line in lines).encode("utf-8", "replace")
        if header.is_utf8
        else "".join(f"{line}\r" for line in lines).encode("latin-1", "replace")
    )


def _error(failure: Faulted, bar: str, component: str) -> str:
    place = failure.where if isinstance(failure, MessageRefused) else ""
    hl7_code = _HL7_OF_PLACE.get(place) or _HL7_CODES.get(failure.fault, "207")
    told = failure.explanation
    words = re.sub(r"[^\w .,:;`'()-]", " ", f"{told.happened} {told.next_step}")
    table = component.join((hl7_code, "", "HL70357"))
    return bar.join(("ERR", "", component.join(place.split("^")), table, "E", failure.fault.value, "", "", words))


class _Echo:
    """Fields of MSH in the very characters in which they came."""

    def __init__(self, raw: bytes, message: Message | None) -> None:
        self._header: Segment | None = message.header if message else None
        self._fields: list[str] = []
        self.is_utf8 = False
        if message is not None:
            line = re.split(rb"[\r\n]", raw, maxsplit=1)[0]
            self.is_utf8 = message.header.text(18) == "UNICODE UTF-8"
            self._fields = ["MSH", *line.decode("utf-8" if self.is_utf8 else "latin-1", "replace").split(message.separators[0])]

    def field(self, at: int) -> str:
        """A field, as MSH counts them; empty where it is too long to be one."""
        found = self._fields[at] if at < len(self._fields) else ""
        return found if _ECHOED.fullmatch(found) else ""

    def plain(self, at: int, component: int) -> str:
        """A component that is a word; empty when it is none."""
        found = self._header.text(at, component) if self._header else ""
        return found if re.fullmatch(r"[A-Z0-9]{1,10}", found) else ""
