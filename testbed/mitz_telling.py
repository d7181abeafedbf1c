"""What the simulated Mitz sends: answers to closed questions, faults, notifications of what a patient chose."""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import uuid4
from xml.etree.ElementTree import Element, register_namespace, tostring
from xml.sax.saxutils import escape

from testbed.mitz_reading import Question, Subscribed

_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
_XACML: Final = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"
_STATUS: Final = "urn:oasis:names:tc:xacml:1.0:status"
_FHIR: Final = "http://hl7.org/fhir"
_OTV: Final = "http://fhir.nl/otv/CodeSystem"
_VERSION: Final = "3960100"

register_namespace("xacml3", _XACML)
register_namespace("hl7", "urn:hl7-org:v3")


def decision(word: str, relates_to: str, groups: Iterable[Element]) -> bytes:
    """The answer to a closed question, which repeats the question's attributes."""
    repeated = "".join(tostring(group, encoding="unicode") for group in groups)
    status = "processing-error" if word == "Indeterminate" else "ok"
    return _envelope(
        f'<Response xmlns="{_XACML}"><Result><Decision>{word}</Decision>'
        f'<Status><StatusCode Value="{_STATUS}:{status}"/></Status>{repeated}</Result></Response>',
        f'<wsa:RelatesTo xmlns:wsa="http://www.w3.org/2005/08/addressing">{escape(relates_to)}</wsa:RelatesTo>',
    )


def fault(code: str, why: str) -> bytes:
    """A SOAP fault."""
    return _envelope(
        f"<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>"
        f'<soap:Reason><soap:Text xml:lang="en">{escape(why)}</soap:Text></soap:Reason></soap:Fault>'
    )


def notification(subscribed: Subscribed, said: Mapping[tuple[str, str], bool]) -> bytes:
    """What a patient chose about one holder: from data category and provider category to whether it is permitted."""
    patient, organisation = f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}"
    groups: dict[tuple[str, bool], list[str]] = {}
    for (data, provider), permits in sorted(said.items()):
        groups.setdefault((data, permits), []).append(provider)
    consents = "".join(_consent(data, providers, permits, (patient, organisation)) for (data, permits), providers in groups.items())
    person = f'<identifier><system value="http://fhir.nl/fhir/NamingSystem/bsn"/><value value="{subscribed.bsn}"/></identifier>'
    holder = (
        f'<identifier><system value="http://fhir.nl/fhir/NamingSystem/ura"/><value value="{subscribed.holder}"/></identifier>'
        f"<type>{_coding('http://nictiz.nl/fhir/NamingSystem/organization-type', subscribed.holder_type)}</type>"
    )
    entries = consents + _entry(patient, "Patient", person) + _entry(organisation, "Organization", holder)
    return f'<Bundle xmlns="{_FHIR}"><id value="{uuid4()}"/><type value="transaction"/>{entries}</Bundle>'.encode()


def hostile(question: Question, which: str) -> bytes:
    """Answers that should never be believed, by name; see `MitzFaults.lie`."""
    permit = decision("Permit", question.message, question.groups)
    if which == "other-message":
        return decision("Permit", f"urn:uuid:{uuid4()}", question.groups)
    if which == "other-patient":
        return permit.replace(f'extension="{question.said["patient"]}"'.encode(), b'extension="999999990"')
    if which == "two-decisions":
        return permit.replace(b"</Result>", b"</Result><Result><Decision>Deny</Decision></Result>")
    if which == "obligation":
        return permit.replace(b"</Decision>", b'</Decision><Obligations><Obligation ObligationId="urn:tell-the-patient"/></Obligations>')
    if which == "entity":
        return b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + permit.replace(b"Permit<", b"Permit&e;<")
    if which == "bomb":
        laughs = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
        return f'<!DOCTYPE r [<!ENTITY l0 "Permit">{laughs}]><r>&l9;</r>'.encode()
    if which == "huge":
        return permit + b"<!--" + b"x" * 1_000_000 + b"-->"
    if which == "garbage":
        return permit[: len(permit) // 2]
    raise ValueError(which)


def _envelope(body: str, header: str = "") -> bytes:
    return f'<soap:Envelope xmlns:soap="{_SOAP}"><soap:Header>{header}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>'.encode()


def _consent(data: str, providers: list[str], permits: bool, about: tuple[str, str]) -> str:  # noqa: FBT001 - what was chosen
    patient, organisation = about
    categories = "".join(
        '<extension url="http://fhir.nl/StructureDefinition/OTV-ProviderCategory"><valueCodeableConcept>'
        f"{_coding(f'{_OTV}/raadplegende-zorgaanbiedercategorie', code)}</valueCodeableConcept></extension>"
        for code in providers
    )
    # As Mitz is seen to write it: what is not permitted is inactive, and then has no type.
    state, kind = ("active", '<type value="permit"/>') if permits else ("inactive", "")
    role = _coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "CST")
    url = f"urn:uuid:{uuid4()}"
    return _entry(
        url,
        "Consent",
        '<meta><profile value="http://vzvz.nl/fhir/StructureDefinition/Consent-Mitz-Notify|3.8.0"/></meta>'
        f'{categories}<status value="{state}"/>'
        f"<scope>{_coding('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy')}</scope>"
        f"<category>{_coding(f'{_OTV}/gegevenscategorie', data)}</category>"
        f'<patient><reference value="{patient}"/></patient>'
        f'<provision>{kind}<actor><role>{role}</role><reference><reference value="{organisation}"/></reference></actor>'
        '<purpose><system value="http://hl7.org/fhir/v3/ActReason"/><code value="TREAT"/></purpose></provision>',
    )


def _entry(url: str, kind: str, inside: str) -> str:
    return (
        f'<entry><fullUrl value="{url}"/><resource><{kind}><id value="{url.removeprefix("urn:uuid:")}"/>{inside}</{kind}></resource>'
        f'<request><method value="POST"/><url value="{kind}"/></request></entry>'
    )


def _coding(system: str, code: str) -> str:
    return f'<coding><system value="{system}"/><version value="{_VERSION}"/><code value="{code}"/></coding>'
