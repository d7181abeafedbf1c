"""Treatment and advance directives in both generations of codes: clinical content, never access choices."""

from datetime import datetime
from typing import Final, Literal

from testbed.people.desk import File
from testbed.people.wording import NICTIZ, Json, coding, concept, day, extension, hl7, profile, snomed

RESUSCITATION: Final = ("89666000", "cardiopulmonale resuscitatie")
INTENSIVE_CARE: Final = ("305351004", "opname op intensive care")
HOSPITAL_ADMISSION: Final = ("32485007", "opname in ziekenhuis")
VENTILATION: Final = ("40617009", "kunstmatige beademing")

_LIVING_WILLS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"
_PERMITTED_2017: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
_POLICY: Final = [{"uri": "https://wetten.overheid.nl/"}]


def directive(file: File, treatment: tuple[str, str], answer: Literal["permit", "deny"] | None, when: datetime, *, text: str | None = None) -> Json:
    """A treatment directive of 2020. "Yes, but" has no answer: there is only the text, and no `provision.type`."""
    provision: Json = {"actor": [{"role": hl7("v3-RoleCode", "CONSENTER"), "reference": file.subject}], "code": [snomed(*treatment)]}
    record: Json = {
        "resourceType": "Consent",
        "meta": {"profile": [profile("TreatmentDirective2")]},
        "status": "active",
        "scope": hl7("consentscope", "treatment", "Treatment"),
        "category": [snomed("129125009", "verrichting met expliciete context")],
        "patient": file.subject,
        "dateTime": day(when),
        "policy": _POLICY,
        "provision": provision if answer is None else {"type": answer} | provision,
    }
    if text is not None:
        record["modifierExtension"] = [extension("ext-TreatmentDirective2.SpecificationOther", valueString=text)]
    return record


def directive_of_2017(file: File, treatment: tuple[str, str], answer: Literal["JA", "JA_MAAR", "NEE"], when: datetime) -> Json:
    """A treatment directive in the codes of 2017, in the R4 form that a system gives it which never moved on."""
    display = {"JA": "Ja", "JA_MAAR": "Ja, maar met beperkingen", "NEE": "Nee"}[answer]
    verified = [{"url": "Verified", "valueBoolean": True}, {"url": "VerifiedWith", "valueCodeableConcept": snomed("116154003", "patiënt")}]
    return {
        "resourceType": "Consent",
        "meta": {"profile": [f"{NICTIZ}/zib-TreatmentDirective"]},
        "extension": [
            extension("zib-TreatmentDirective-Verification", extension=[*verified, {"url": "VerificationDate", "valueDateTime": day(when)}]),
            extension("zib-TreatmentDirective-Treatment", valueCodeableConcept=snomed(*treatment)),
        ],
        "modifierExtension": [extension("zib-TreatmentDirective-TreatmentPermitted", valueCodeableConcept=concept(_PERMITTED_2017, answer, display))],
        "status": "active",
        "scope": hl7("consentscope", "treatment"),
        "category": [snomed("11291000146105", "behandelaanwijzing")],
        "patient": file.subject,
        "dateTime": day(when),
        "policy": _POLICY,
        "provision": {"period": {"start": day(when)}},
    }


def living_will(file: File, code: str, display: str, when: datetime) -> Json:
    """An advance directive: that a written will exists, and of what kind."""
    return {
        "resourceType": "Consent",
        "meta": {"profile": [profile("AdvanceDirective")]},
        "status": "active",
        "scope": hl7("consentscope", "adr", "Advanced Care Directive"),
        "category": [hl7("consentcategorycodes", "acd", "Advance Directive")],
        "patient": file.subject,
        "dateTime": day(when),
        "policy": _POLICY,
        "provision": {"code": [{"coding": [coding(_LIVING_WILLS, code, display)]}]},
    }


def goal(file: File, code: str, display: str, when: datetime) -> Json:
    """What treatment is for."""
    return {
        "resourceType": "Goal",
        "meta": {"profile": [profile("TreatmentObjective")]},
        "lifecycleStatus": "active",
        "description": snomed(code, display),
        "subject": file.subject,
        "startDate": day(when),
        "expressedBy": file.subject,
    }
