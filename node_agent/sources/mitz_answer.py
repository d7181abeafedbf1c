"""The answer of Mitz to one closed question, read strictly: a decision that is surely the answer to this question, or doubt."""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from accord.terms.faults import BadInput
from node_agent.consents import Deny, Permit, Reason, Unclear, Word
from node_agent.sources.mitz_question import ADDRESSING, HL7, SOAP, XACML, ClosedQuestion, Coded, Identifier, Value
from node_agent.sources.mitz_xml import read_xml

_DECISIONS: Final[dict[str, Word]] = {
    "Permit": Permit(),
    "Deny": Deny(),
    "NotApplicable": Deny(Reason.NOT_APPLICABLE),
    "Indeterminate": Deny(Reason.INDETERMINATE),
}
_UNREADABLE: Final = Unclear(Reason.UNREADABLE)
_OTHER_QUESTION: Final = Unclear(Reason.OTHER_QUESTION)
#: Statuses that say why no decision was made.
_STATUSES: Final = {429: Reason.BUSY, 503: Reason.BUSY}


def word_of(status: int, body: bytes, question: ClosedQuestion) -> Word:
    """What Mitz says. Everything but exactly one decision on exactly this question is `Unclear`.

    What a decision repeats of the question must be what was asked; a message that says which it answers must say ours.
    A permit under an obligation that must be met is a no: we know of none that we could meet.
    """
    if status != 200:
        return Unclear(_STATUSES.get(status, Reason.TURNED_AWAY), _fault_code(body) or f"HTTP {status}")
    try:
        root = read_xml(body)
    except BadInput:
        return _UNREADABLE
    contents = _body_of(root)
    if contents is None or len(contents) != 1:
        return _UNREADABLE
    if contents[0].tag == f"{{{SOAP}}}Fault":
        return Unclear(Reason.TURNED_AWAY, _code_in(contents[0]))
    related = [(element.text or "").strip() for element in root.iter(f"{{{ADDRESSING}}}RelatesTo")]
    if any(message != question.message for message in related):
        return _OTHER_QUESTION
    return _decision(contents[0], question)


def _decision(content: Element, question: ClosedQuestion) -> Word:
    responses = [element for element in content.iter() if _local(element) == "Response" and _ours(element)]
    results = [element for response in responses for element in response if _local(element) == "Result" and _ours(element)]
    decisions = [element for element in content.iter() if _local(element) == "Decision"]
    if len(responses) != 1 or len(results) != 1 or len(decisions) != 1 or decisions[0] not in list(results[0]):
        return _UNREADABLE
    word = _DECISIONS.get((decisions[0].text or "").strip())
    if word is None or len(decisions[0]):
        return _UNREADABLE
    if any(value is None or question.attributes.get(place) != value for place, value in _attributes(results[0])):
        return _OTHER_QUESTION
    if isinstance(word, Permit) and any(_local(element) == "Obligations" and len(element) for element in results[0]):
        return Deny(Reason.OBLIGED)
    return word


def _attributes(result: Element) -> Iterator[tuple[tuple[str, str], Value | None]]:
    """What the answer repeats of the question."""
    for group in result:
        if _local(group) == "Attributes":
            for attribute in group:
                if _local(attribute) == "Attribute":
                    yield (group.get("Category", ""), attribute.get("AttributeId", "")), value_in(attribute)


def value_in(attribute: Element) -> Value | None:
    """The one value of an attribute; none when it has another number of them, or of another type."""
    values = list(attribute)
    if len(values) != 1 or len(values[0]) != 1:
        return None
    kind, value = values[0].get("DataType"), values[0][0]
    if kind == f"{HL7}#II" and value.tag == f"{{{HL7}}}InstanceIdentifier":
        return Identifier(value.get("root", ""), value.get("extension", ""))
    if kind == f"{HL7}#CV" and value.tag == f"{{{HL7}}}CodedValue":
        return Coded(value.get("codeSystem", ""), value.get("code", ""))
    return None


def _body_of(root: Element) -> list[Element] | None:
    bodies = [element for element in root if element.tag == f"{{{SOAP}}}Body"]
    return list(bodies[0]) if root.tag == f"{{{SOAP}}}Envelope" and len(bodies) == 1 else None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _ours(element: Element) -> bool:
    """Of XACML, or of no namespace at all: Mitz is seen to write either."""
    return element.tag.startswith(f"{{{XACML}}}") or not element.tag.startswith("{")


def _fault_code(body: bytes) -> str:
    """The code of a SOAP fault; empty when there is none to be read."""
    try:
        contents = _body_of(read_xml(body))
    except BadInput:
        return ""
    return _code_in(contents[0]) if contents and contents[0].tag == f"{{{SOAP}}}Fault" else ""


def _code_in(fault: Element) -> str:
    """`Sender`, `Receiver` and the like: a word of SOAP, never the text of the fault, which may repeat the question."""
    code = (fault.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value") or "").strip().rpartition(":")[2]
    return code if code in ("Sender", "Receiver", "MustUnderstand", "VersionMismatch", "DataEncodingUnknown") else "fault"
