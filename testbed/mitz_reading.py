"""What the simulated Mitz takes in: a closed question and a subscription, each exactly as agreed or not at all.

The table of attributes stands here once more, apart from the agent's own: two that agree were written from the agreement.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn
from node_agent.sources.mitz_catalogue import Catalogue

_SOAP: Final = "{http://www.w3.org/2003/05/soap-envelope}"
_WSA: Final = "{http://www.w3.org/2005/08/addressing}"
_QUERY: Final = "{urn:oasis:names:tc:xacml:3.0:profile:saml2.0:v2:schema:protocol:wd-14}XACMLAuthzDecisionQuery"
_XACML: Final = "{urn:oasis:names:tc:xacml:3.0:core:schema:wd-17}"
_HL7: Final = "{urn:hl7-org:v3}"
_FHIR: Final = "{http://hl7.org/fhir}"
_GROUP: Final = {
    "urn:oasis:names:tc:xacml:3.0:attribute-category:resource": "resource",
    "urn:oasis:names:tc:xacml:3.0:attribute-category:action": "action",
    "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject": "subject",
    "urn:oasis:names:tc:xacml:3.0:attribute-category:environment": "environment",
}
_TYPES: Final = "2.16.840.1.113883.2.4.15.1060"
_PEOPLE: Final = "2.16.528.1.1007.3.1"
_ORGANISATIONS: Final = "2.16.528.1.1007.3.3"
#: Group, attribute, the word for it here, type of data, root or code system, and what its value looks like.
_AGREED: Final = (
    ("resource", "urn:oasis:names:tc:xacml:2.0:resource:resource-id", "patient", "II", "2.16.840.1.113883.2.4.6.3", r"[0-9]{9}"),
    ("resource", "urn:ihe:iti:appc:2016:document-entry:healthcare-facility-type-code", "holder_type", "CV", _TYPES, r"[A-Z0-9]{2,3}"),
    ("resource", "urn:ihe:iti:appc:2016:author-institution:id", "holder", "II", _ORGANISATIONS, r"[0-9]{8}"),
    ("action", "urn:ihe:iti:appc:2016:document-entry:event-code", "data", "CV", "2.16.840.1.113883.2.4.3.111.5.10.1", r"GGC[0-9]{3}"),
    ("subject", "urn:oasis:names:tc:xacml:2.0:subject:role", "role", "CV", "2.16.840.1.113883.2.4.15.111", r"[0-9]{2}\.[0-9]{3}"),
    ("subject", "urn:nl:otv:names:tc:1.0:subject:mandated", "mandated", "II", _PEOPLE, r"[0-9A-Za-z-]{1,32}"),
    ("subject", "urn:ihe:iti:xua:2017:subject:provider-identifier", "responsible", "II", _PEOPLE, r"[0-9A-Za-z-]{1,32}"),
    ("subject", "urn:nl:otv:names:tc:1.0:subject:provider-institution", "user", "II", _ORGANISATIONS, r"[0-9]{8}"),
    ("subject", "urn:nl:otv:names:tc:1.0:subject:consulting-healthcare-facility-type-code", "user_type", "CV", _TYPES, r"[A-Z0-9]{2,3}"),
    ("environment", "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse", "purpose", "CV", "2.16.840.1.113883.1.11.20448", r"TREAT|COC"),
)
_OPTIONAL: Final = frozenset({"mandated"})
_CRITERIA: Final = frozenset({"_query", "patientid", "providerid", "providertype"})


class NotAgreed(Exception):
    """What came is not as agreed; its text says where, with nothing of what came."""


class NoXml(Exception):
    """What came is no XML, or XML that no one should read."""


@dataclass(frozen=True, slots=True)
class Question:
    """A closed question: the id of its message, its attributes by our words, and the elements that an answer repeats."""

    message: str
    said: dict[str, str]
    groups: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription."""

    bsn: str
    holder: str
    holder_type: str
    endpoint: str


def read_question(text: bytes, catalogue: Catalogue) -> Question:
    """Read a closed question.

    Raises:
        NoXml: It is no XML.
        NotAgreed: Something is missing, there twice, unknown or of another type.
    """
    root = _xml(text)
    if root.tag != f"{_SOAP}Envelope":
        raise NotAgreed("Envelope")
    if root.findtext(f"{_SOAP}Header/{_WSA}Action") != "XACMLAuthorizationDecisionQueryRequest":
        raise NotAgreed("Action")
    message = root.findtext(f"{_SOAP}Header/{_WSA}MessageID") or ""
    if not re.fullmatch(r"urn:uuid:[0-9a-fA-F-]{36}", message, re.ASCII) or not root.findtext(f"{_SOAP}Header/{_WSA}To"):
        raise NotAgreed("MessageID, To")
    body = root.findall(f"{_SOAP}Body/*")
    if len(body) != 1 or body[0].tag != _QUERY or len(body[0].findall(f"{_XACML}Request")) != 1:
        raise NotAgreed("XACMLAuthzDecisionQuery")
    groups = body[0].findall(f"{_XACML}Request/*")
    said = _said(groups)
    _check(said, catalogue)
    return Question(message, said, tuple(groups))


def read_subscription(text: bytes, catalogue: Catalogue) -> Subscribed:
    """Read a subscription.

    Raises:
        NoXml: It is no XML.
        NotAgreed: As `read_question`.
    """
    root = _xml(text)
    if root.tag != f"{_FHIR}Subscription":
        raise NotAgreed("Subscription")
    agreed = {"status": "requested", "reason": "OTV", "channel/type": "rest-hook", "channel/payload": "application/fhir+xml"}
    for path, value in agreed.items():
        if _fhir(root, path) != value:
            raise NotAgreed(path)
    if any(extension.get("url", "").rpartition("/")[0] != "http://fhir.nl/StructureDefinition" for extension in root.findall(f"{_FHIR}extension")):
        raise NotAgreed("extension")
    kind, _, query = _fhir(root, "criteria").partition("?")
    parameters = parse_qsl(query)
    given = dict(parameters)
    if kind != "Consent" or len(parameters) != len(_CRITERIA) or given.keys() != _CRITERIA or given["_query"] != "otv":
        raise NotAgreed("criteria")
    _check_person(given["patientid"])
    if not re.fullmatch(r"[0-9]{8}", given["providerid"], re.ASCII) or given["providertype"] not in catalogue.types.values():
        raise NotAgreed("criteria")
    return Subscribed(given["patientid"], given["providerid"], given["providertype"], _fhir(root, "channel/endpoint"))


def _xml(text: bytes) -> Element:
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise NoXml from None
    return root


def _said(groups: list[Element]) -> dict[str, str]:
    said: dict[str, str] = {}
    for group in groups:
        for attribute in group:
            place = _GROUP.get(group.get("Category", "")), attribute.get("AttributeId")
            agreed = next((line for line in _AGREED if line[:2] == place), None)
            if agreed is None or attribute.get("IncludeInResult") != "true":
                raise NotAgreed("unknown attribute")
            _, _, word, kind, system, looks = agreed
            if word in said:
                raise NotAgreed(f"{word}: twice")
            said[word] = _read(attribute, word, kind, system)
            if not re.fullmatch(looks, said[word], re.ASCII):
                raise NotAgreed(word)
    return said


def _read(attribute: Element, word: str, kind: str, system: str) -> str:
    tag, where, what = ("InstanceIdentifier", "root", "extension") if kind == "II" else ("CodedValue", "codeSystem", "code")
    values = attribute.findall(f"{_XACML}AttributeValue")
    inside = list(values[0]) if len(values) == 1 else []
    if len(inside) != 1 or values[0].get("DataType") != f"urn:hl7-org:v3#{kind}" or inside[0].tag != _HL7 + tag or inside[0].get(where) != system:
        raise NotAgreed(word)
    if system == _PEOPLE and inside[0].get("assigningAuthorityName") != "CIBG":
        raise NotAgreed(f"{word}: who assigned it")
    return inside[0].get(what, "")


def _check(said: dict[str, str], catalogue: Catalogue) -> None:
    missing = {line[2] for line in _AGREED} - _OPTIONAL - said.keys()
    if missing:
        raise NotAgreed(f"missing: {min(missing)}")
    _check_person(said["patient"])
    if said["data"] not in catalogue.data:
        raise NotAgreed("data: not in the catalogue")
    if any(catalogue.provider_of(said[word]) is None for word in ("holder_type", "user_type")):
        raise NotAgreed("type: not in the catalogue")
    if said.get("mandated") == said["responsible"]:
        raise NotAgreed("mandated by oneself")


def _check_person(number: str) -> None:
    try:
        Bsn(number)
    except BadInput:
        raise NotAgreed("patient: no BSN") from None


def _fhir(root: Element, path: str) -> str:
    found = root.findall("/".join(_FHIR + step for step in path.split("/")))
    if len(found) != 1:
        raise NotAgreed(path)
    return found[0].get("value", "")
