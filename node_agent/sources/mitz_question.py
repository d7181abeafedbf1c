"""The closed question to Mitz as it travels: XACML 3 in a SOAP 1.2 envelope, one for each category of data.

The optional XML signature (rsa-sha256) is not made: the connection's own certificate says who asks.
"""

import re
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from node_agent.consents import ConsentQuestion, Reason
from node_agent.sources.mitz_catalogue import Catalogue

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
XACML: Final = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"
QUERY: Final = "urn:oasis:names:tc:xacml:3.0:profile:saml2.0:v2:schema:protocol:wd-14"
HL7: Final = "urn:hl7-org:v3"

RESOURCE: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource"
ACTION: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:action"
SUBJECT: Final = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject"
ENVIRONMENT: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment"

PATIENT: Final = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
HOLDER_TYPE: Final = "urn:ihe:iti:appc:2016:document-entry:healthcare-facility-type-code"
HOLDER: Final = "urn:ihe:iti:appc:2016:author-institution:id"
DATA: Final = "urn:ihe:iti:appc:2016:document-entry:event-code"
ROLE: Final = "urn:oasis:names:tc:xacml:2.0:subject:role"
MANDATED: Final = "urn:nl:otv:names:tc:1.0:subject:mandated"
RESPONSIBLE: Final = "urn:ihe:iti:xua:2017:subject:provider-identifier"
USER: Final = "urn:nl:otv:names:tc:1.0:subject:provider-institution"
USER_TYPE: Final = "urn:nl:otv:names:tc:1.0:subject:consulting-healthcare-facility-type-code"
PURPOSE: Final = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"

BSN_ROOT: Final = "2.16.840.1.113883.2.4.6.3"
URA_ROOT: Final = "2.16.528.1.1007.3.3"
UZI_ROOT: Final = "2.16.528.1.1007.3.1"
TYPE_SYSTEM: Final = "2.16.840.1.113883.2.4.15.1060"
DATA_SYSTEM: Final = "2.16.840.1.113883.2.4.3.111.5.10.1"
ROLE_SYSTEM: Final = "2.16.840.1.113883.2.4.15.111"
PURPOSE_SYSTEM: Final = "2.16.840.1.113883.1.11.20448"
#: Explicit consent. Break-the-glass is asked the same way: Mitz knows no other purpose but assumed consent (COC).
TREAT: Final = "TREAT"

_PROFESSIONAL: Final = re.compile(r"[0-9A-Za-z-]{1,32}")
_ROLE_CODE: Final = re.compile(r"[0-9]{2}\.[0-9]{3}")


class NotCovered(Exception):
    """A question that Mitz has no words for. `reason` says so to whoever asked."""

    reason = Reason.NOT_COVERED


@dataclass(frozen=True, slots=True, repr=False)
class Identifier:
    """An HL7 v3 instance identifier (II)."""

    root: str
    extension: str


@dataclass(frozen=True, slots=True)
class Coded:
    """An HL7 v3 coded value (CV)."""

    system: str
    code: str


Value = Identifier | Coded
#: From the category of attributes and the attribute's id to its value.
Attributes = dict[tuple[str, str], Value]


@dataclass(frozen=True, slots=True, repr=False)
class ClosedQuestion:
    """One question as it is sent: the id of its message, and its attributes."""

    message: str
    attributes: Attributes


def attributes_of(question: ConsentQuestion, data: str, catalogue: Catalogue) -> Attributes:
    """The attributes by which a category of data is asked for.

    Under a delegation the responsible person is whoever delegated, the role code is that of the delegation, and the
    professional who asks is the mandated one.

    Raises:
        NotCovered: There is no code for a kind of organisation, no role code, or no number of the professional.
    """
    asked_by, delegation = question.asked_by, question.delegation
    professional = asked_by.professional
    role, responsible = (professional.role, professional.identifier) if delegation is None else (delegation.role, delegation.responsible)
    holder_type = catalogue.types.get(question.holder_kind) if question.holder_kind is not None else None
    user_type = catalogue.types.get(asked_by.data_user.kind)
    if holder_type is None or user_type is None or not _ROLE_CODE.fullmatch(role):
        raise NotCovered
    if not _PROFESSIONAL.fullmatch(responsible) or not _PROFESSIONAL.fullmatch(professional.identifier):
        raise NotCovered
    mandated: Attributes = {} if delegation is None else {(SUBJECT, MANDATED): Identifier(UZI_ROOT, professional.identifier)}
    return {
        (RESOURCE, PATIENT): Identifier(BSN_ROOT, question.bsn.value),
        (RESOURCE, HOLDER_TYPE): Coded(TYPE_SYSTEM, holder_type),
        (RESOURCE, HOLDER): Identifier(URA_ROOT, question.holder.value),
        (ACTION, DATA): Coded(DATA_SYSTEM, data),
        (SUBJECT, ROLE): Coded(ROLE_SYSTEM, role),
        **mandated,
        (SUBJECT, RESPONSIBLE): Identifier(UZI_ROOT, responsible),
        (SUBJECT, USER): Identifier(URA_ROOT, asked_by.data_user.ura.value),
        (SUBJECT, USER_TYPE): Coded(TYPE_SYSTEM, user_type),
        (ENVIRONMENT, PURPOSE): Coded(PURPOSE_SYSTEM, TREAT),
    }


def envelope(question: ClosedQuestion, to: str) -> bytes:
    """The whole message."""
    groups = "".join(_group(category, name, question.attributes) for category, name in _GROUPS)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:wsa="{ADDRESSING}"><soap:Header>'
        "<wsa:Action>XACMLAuthorizationDecisionQueryRequest</wsa:Action>"
        f"<wsa:MessageID>{escape(question.message)}</wsa:MessageID>"
        f"<wsa:ReplyTo><wsa:Address>{ADDRESSING}/anonymous</wsa:Address></wsa:ReplyTo>"
        f"<wsa:To>{escape(to)}</wsa:To></soap:Header><soap:Body>"
        f'<xacml:XACMLAuthzDecisionQuery xmlns:xacml="{QUERY}">'
        f'<Request xmlns="{XACML}" CombinedDecision="false" ReturnPolicyIdList="false">{groups}</Request>'
        "</xacml:XACMLAuthzDecisionQuery></soap:Body></soap:Envelope>"
    ).encode()


_GROUPS: Final = ((RESOURCE, "resource"), (ACTION, "action0"), (SUBJECT, "subject"), (ENVIRONMENT, "environment"))


def _group(category: str, name: str, attributes: Attributes) -> str:
    inside = "".join(_attribute(attribute, value) for (group, attribute), value in attributes.items() if group == category)
    return f'<Attributes Category="{category}" xml:id="{name}">{inside}</Attributes>'


def _attribute(attribute: str, value: Value) -> str:
    return f'<Attribute AttributeId="{attribute}" IncludeInResult="true">{_value(value)}</Attribute>'


def _value(value: Value) -> str:
    if isinstance(value, Coded):
        coded = f'<CodedValue xmlns="{HL7}" code={quoteattr(value.code)} codeSystem={quoteattr(value.system)}/>'
        return f'<AttributeValue DataType="{HL7}#CV">{coded}</AttributeValue>'
    authority = ' assigningAuthorityName="CIBG"' if value.root == UZI_ROOT else ""
    identifier = f'<InstanceIdentifier xmlns="{HL7}"{authority} extension={quoteattr(value.extension)} root={quoteattr(value.root)}/>'
    return f'<AttributeValue DataType="{HL7}#II">{identifier}</AttributeValue>'
