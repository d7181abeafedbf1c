"""What was found: observations, problems, allergies, reports, samples, alerts, diets and answers to questionnaires."""

from typing import Final

from node_agent.converting.moves import (
    absent,
    coded,
    each,
    encounter_of,
    extend,
    is_negated,
    keep,
    keep_parts,
    kept,
    listed,
    nodes,
    refuse,
    rename,
    renamed_list,
    some,
    told,
    turned,
)
from node_agent.converting.trees import Node

_CLINICAL: Final = frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"})
_OVER: Final = frozenset({"inactive", "remission", "resolved"})
_VERIFIED: Final = frozenset({"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"})
_ALLERGY_CLINICAL: Final = frozenset({"active", "inactive", "resolved"})
_ALLERGY_VERIFIED: Final = frozenset({"unconfirmed", "confirmed", "refuted", "entered-in-error"})
_RELATED: Final = {"has-member": "hasMember", "derived-from": "derivedFrom"}
_DIETS: Final = {"proposed": "draft", "planned": "draft", "requested": "active", "cancelled": "revoked"}
_INTENTS: Final = {"proposed": "proposal", "planned": "plan", "requested": "order"}


def observation(node: Node) -> None:
    """What it is related to is told by how: its members and what it was worked out from; the rest is kept."""
    encounter_of(node, "Observation")
    listed(node, "interpretation")
    if "comment" in node or "_comment" in node:
        note = {name: node.pop(old) for name, old in (("text", "comment"), ("_text", "_comment")) if old in node}
        node["note"] = [note]
    keep(node, "valueAttachment", "Observation.value", "Attachment")
    each(node, "component", _component)
    for related in nodes(node.pop("related", None)):
        element = _RELATED.get(related.get("type", ""))
        if element is not None and related.keys() == {"type", "target"}:
            node.setdefault(element, []).append(related["target"])
            continue
        extension = keep_parts(related, "Observation.related", {"type": "Code", "target": "Reference"})
        if extension is not None:
            extend(node, extension)


def _component(component: Node) -> None:
    listed(component, "interpretation")
    keep(component, "valueAttachment", "Observation.component.value", "Attachment")


def condition(node: Node) -> None:
    """Codes of its standing become concepts; when it was asserted is when it was recorded.

    Raises:
        BadInput: `not-convertible`: it is said to be over, which R4 tells by the standing alone, and that says otherwise.
    """
    if node.get("abatementBoolean") is True and node.get("clinicalStatus") not in _OVER and node.get("verificationStatus") != "entered-in-error":
        raise refuse("abatementBoolean")
    coded(node, "clinicalStatus", "condition-clinical", _CLINICAL, "Condition.clinicalStatus")
    coded(node, "verificationStatus", "condition-ver-status", _VERIFIED, "Condition.verificationStatus")
    encounter_of(node, "Condition")
    rename(node, "assertedDate", "recordedDate")
    keep(node, "abatementBoolean", "Condition.abatement", "Boolean")
    listed(node, "stage")
    for evidence in some(node.get("evidence")):
        listed(evidence, "code")


def allergy(node: Node) -> None:
    """Codes of its standing become concepts; when it was asserted is when it was recorded."""
    coded(node, "clinicalStatus", "allergyintolerance-clinical", _ALLERGY_CLINICAL, "AllergyIntolerance.clinicalStatus")
    coded(node, "verificationStatus", "allergyintolerance-verification", _ALLERGY_VERIFIED, "AllergyIntolerance.verificationStatus")
    rename(node, "assertedDate", "recordedDate")


def flag(node: Node) -> None:
    """An alert may be of several categories."""
    listed(node, "category")


def nutrition_order(node: Node) -> None:
    """A status that says how firm it is becomes an intent; where it does not, the intent is not known."""
    status = node.get("status")
    if isinstance(status, str) and "intent" not in node and status in _INTENTS:
        node["intent"] = _INTENTS[status]
    absent(node, "intent")
    turned(node, "status", _DIETS, "NutritionOrder.status")
    absent(node, "status")


def specimen(_: Node) -> None:
    """Both generations have the same elements."""


def diagnostic_report(node: Node) -> None:
    """Who performed it is a plain reference; in which role is kept with it."""
    listed(node, "category")
    encounter_of(node, "DiagnosticReport")
    performers = []
    for performer in nodes(node.pop("performer", None)):
        person = performer.pop("actor", None)
        person = dict(person) if isinstance(person, dict) else {}
        for extension in some(performer.pop("extension", None)):
            extend(person, extension)
        keep(performer, "role", "DiagnosticReport.performer.role", "CodeableConcept", onto=person)
        performer.pop("id", None)
        if performer:
            raise refuse("performer")
        performers.append(person)
    if performers:
        node["performer"] = performers
    rename(node, "image", "media")
    rename(node, "codedDiagnosis", "conclusionCode")


def questionnaire_response(node: Node) -> None:
    """The questionnaire is told by its address."""
    encounter_of(node, "QuestionnaireResponse")
    rename(node, "parent", "partOf")
    questionnaire = node.get("questionnaire")
    if isinstance(questionnaire, dict):
        del node["questionnaire"]
        address = questionnaire.pop("reference", None)
        if isinstance(address, str):
            node["questionnaire"] = address
        if questionnaire:
            extend(node.setdefault("_questionnaire", {}), kept("QuestionnaireResponse.questionnaire", "Reference", questionnaire))
    _items(node)


def _items(node: Node) -> None:
    for item in nodes(node.get("item")):
        keep(item, "subject", "QuestionnaireResponse.item.subject", "Reference")
        _items(item)
        for answer in nodes(item.get("answer")):
            _items(answer)


def immunization(node: Node) -> None:
    """One that was not given is told by its status; an error stays one."""
    is_explained = any(explanation.get("reasonNotGiven") for explanation in nodes(node.get("explanation")))
    if is_explained and node.get("notGiven") is not True and node.get("status") != "entered-in-error":
        raise refuse("explanation.reasonNotGiven")
    if is_negated(node, "notGiven", "Immunization.notGiven"):
        told(node, "status", "not-done", "Immunization.status", node.get("status"))
    absent(node, "status")
    if not any(name.lstrip("_").startswith("occurrence") for name in node):
        rename(node, "date", "occurrenceDateTime")
        if "occurrenceDateTime" not in node:
            absent(node, "occurrenceDateTime")
    rename(node, "practitioner", "performer")
    each(node, "performer", lambda performer: rename(performer, "role", "function"))
    for explanation in nodes(node.pop("explanation", None)):
        if "reason" in explanation:
            node["reasonCode"] = [*some(node.get("reasonCode")), *some(explanation.pop("reason"))]
        reasons = some(explanation.pop("reasonNotGiven", None))
        if len(reasons) == 1 and "statusReason" not in node:
            node["statusReason"] = reasons[0]
        else:
            for reason in reasons:
                extend(node, kept("Immunization.explanation.reasonNotGiven", "CodeableConcept", reason))
        rest = keep_parts(explanation, "Immunization.explanation", {})
        if rest is not None:
            extend(node, rest)
    renamed_list(node, "vaccinationProtocol", "protocolApplied")
    each(node, "protocolApplied", _protocol)


def _protocol(protocol: Node) -> None:
    rename(protocol, "doseSequence", "doseNumberPositiveInt")
    rename(protocol, "seriesDoses", "seriesDosesPositiveInt")
    if "doseNumberString" not in protocol:
        absent(protocol, "doseNumberPositiveInt")
    place = "Immunization.vaccinationProtocol"
    keep(protocol, "description", f"{place}.description", "String")
    keep(protocol, "doseStatus", f"{place}.doseStatus", "CodeableConcept")
    keep(protocol, "doseStatusReason", f"{place}.doseStatusReason", "CodeableConcept")


def immunization_recommendation(node: Node) -> None:
    """When and by whom it was recommended stands with each recommendation in STU3, and once in R4."""
    place = "ImmunizationRecommendation.recommendation"
    recommendations = nodes(node.get("recommendation"))
    dates = {one["date"] for one in recommendations if isinstance(one.get("date"), str)}
    if len(dates) == 1 and "date" not in node:
        node["date"] = next(iter(dates))
    absent(node, "date")
    protocols = [protocol for one in recommendations for protocol in nodes(one.get("protocol"))]
    authorities = [protocol["authority"] for protocol in protocols if "authority" in protocol]
    if len(authorities) == 1 and len(recommendations) == 1 and "authority" not in node:
        node["authority"] = authorities[0]
    for one in recommendations:
        if node.get("date") == one.get("date"):
            one.pop("date", None)
        keep(one, "date", f"{place}.date", "DateTime")
        listed(one, "vaccineCode")
        rename(one, "doseNumber", "doseNumberPositiveInt")
        for protocol in nodes(one.pop("protocol", None)):
            for name in ("description", "series"):
                if name in protocol and name not in one:
                    one[name] = protocol.pop(name)
            if "authority" in node and protocol.get("authority") is node["authority"]:
                del protocol["authority"]
            rest = keep_parts(protocol, f"{place}.protocol", _PROTOCOL)
            if rest is not None:
                extend(one, rest)


_PROTOCOL: Final = {"doseSequence": "Integer", "description": "String", "authority": "Reference", "series": "String"}
