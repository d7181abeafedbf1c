"""XML that came from outside, read with no document type, no entities, no references elsewhere, and within bounds."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB

#: An answer or notification of Mitz is a few kilobytes.
LARGEST: Final = 256 * KIB
_DEEPEST: Final = 40
_MOST_ELEMENTS: Final = 5_000


def read_xml(text: bytes) -> Element:
    """The root element.

    Raises:
        BadInput: `too-large`, `too-deep` or `invalid-encoding`; nothing of the text is told.
    """
    if len(text) > LARGEST:
        raise BadInput(Fault.TOO_LARGE, "xml")
    # Counted before parsing: the parser itself recurses only when an element is freed, and a tag is three bytes.
    if text.count(b"<") > 2 * _MOST_ELEMENTS:
        raise BadInput(Fault.TOO_LARGE, "xml")
    try:
        root: Element = fromstring(text, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise BadInput(Fault.INVALID_ENCODING, "xml") from None
    _check_depth(root)
    return root


def _check_depth(root: Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise BadInput(Fault.TOO_DEEP, "xml")
        level = [child for element in level for child in element]
