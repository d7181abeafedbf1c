"""What a message says about who may see a result (ORC-28, OBX-13, ARV), as security labels: only these decide later on."""

from collections.abc import Iterable
from typing import Final

from accord.rules.labels import ACT_CODE, CONFIDENTIALITY
from node_agent.feeding.er7 import Message, Segment
from node_agent.feeding.values import Json

_RESTRICTED: Final = (CONFIDENTIALITY, "R")
_VERY: Final = (CONFIDENTIALITY, "V")
#: ORC-28 (HL7 table 0177), and codes of FHIR that stand there as well. What nobody knows is taken for the highest.
_CODES: Final = {
    **dict.fromkeys(("", "U", "N", "L", "M"), ()),
    **dict.fromkeys(("R", "EMP", "UWM", "VIP"), (_RESTRICTED,)),
    "V": (_VERY,),
    "PSY": (_RESTRICTED, (ACT_CODE, "PSY")),
    "AID": (_RESTRICTED, (ACT_CODE, "HIV")),
    "HIV": (_RESTRICTED, (ACT_CODE, "HIV")),
    "ETH": (_RESTRICTED, (ACT_CODE, "ETH")),
}

Labels = frozenset[tuple[str, str]]


def of_order(message: Message, orc: Segment | None) -> Labels:
    """The labels of all that belongs to an order. Which part of a message an ARV restricts is not looked up: it restricts all."""
    named = frozenset(_CODES.get(orc.text(28).upper(), (_VERY,))) if orc is not None else frozenset()
    return named | ({_RESTRICTED} if message.first("ARV") is not None else frozenset())


def of_lines(lines: Iterable[Segment]) -> Labels:
    """The labels that lines bear by themselves: what stands in OBX-13, two parties agreed on, and we are neither."""
    return frozenset({_RESTRICTED} if any(obx.repetitions(13) for obx in lines) else ())


def as_security(labels: Labels) -> list[Json]:
    """As `meta.security` has them."""
    return [{"system": system, "code": code} for system, code in sorted(labels)]
