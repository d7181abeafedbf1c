"""Consents: what a patient wishes for their treatment, and any other.

A treatment directive of zib2017 becomes one of zib2020. Yes is `permit` and no is `deny`; whatever else was answered has
no type, and the text that belongs to it stands in a modifier extension, so that nobody takes it for either. What STU3
excepts (`Consent.except`) is a provision inside the provision: a permit inside what denies, or the other way round.
"""

from typing import Any, Final

from node_agent.converting.moves import absent, code_system, listed, nodes, refuse, rename, some
from node_agent.converting.trees import Node

_NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"
_PERMITTED: Final = _NICTIZ + "zib-TreatmentDirective-TreatmentPermitted"
_TREATMENT: Final = _NICTIZ + "zib-TreatmentDirective-Treatment"
_RESTRICTIONS: Final = _NICTIZ + "zib-TreatmentDirective-Restrictions"
_OTHER: Final = _NICTIZ + "ext-TreatmentDirective2.SpecificationOther"
_SPECIFICATION: Final = _NICTIZ + "ext-CodeSpecification"
_ANSWERS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
_LIVING_WILLS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"
_SNOMED: Final = "http://snomed.info/sct"
_TREATMENT_DIRECTIVE: Final = (_SNOMED, "11291000146105")
_ADVANCE_DIRECTIVE: Final = (_SNOMED, "11341000146107")
_TYPES: Final = {"JA": "permit", "NEE": "deny"}
#: What stands at the root of a consent in STU3, and in its provision in R4.
_CONDITIONS: Final = ("period", "actor", "action", "securityLabel", "purpose", "dataPeriod", "data")


def consent(node: Node) -> None:
    """A consent.

    Raises:
        BadInput: `not-convertible`: answers contradict each other.
    """
    said = {(coding.get("system"), coding.get("code")) for concept in nodes(node.get("category")) for coding in nodes(concept.get("coding"))}
    listed(node, "identifier")
    provision: Node = {}
    for name in _CONDITIONS:
        for member in (name, f"_{name}"):
            if member in node:
                provision[member] = node.pop(member)
    excepted = nodes(node.pop("except", None))
    if _TREATMENT_DIRECTIVE in said:
        _scope(node, "treatment", _SNOMED, "129125009")
        excepted = _treatment(node, provision, excepted)
    elif _ADVANCE_DIRECTIVE in said:
        _scope(node, "adr", code_system("consentcategorycodes"), "acd")
        _living_will(node, provision)
    absent(node, "scope", "category", concept=True)
    listed(node, "category")
    rename(node, "consentingParty", "performer")
    listed(node, "organization")
    if "sourceIdentifier" in node:
        node["sourceReference"] = {"identifier": node.pop("sourceIdentifier")}
    rule = node.get("policyRule")
    if isinstance(rule, str):
        node["policyRule"] = {"coding": [{"system": "urn:ietf:rfc:3986", "code": rule}]}
    if excepted:
        provision["provision"] = [_excepted(one) for one in excepted]
    if provision:
        node["provision"] = provision


def _scope(node: Node, code: str, system: str, category: str) -> None:
    """The code of this generation beside those that are there: whoever searches by either finds it."""
    node["scope"] = {"coding": [{"system": code_system("consentscope"), "code": code}]}
    node["category"] = [*some(node["category"]), {"coding": [{"system": system, "code": category}]}]


def _excepted(one: Node) -> Node:
    """An exception has its own type; codes become concepts."""
    if not isinstance(one.get("type"), str):
        # A rule of which nobody says whether it permits or denies says nothing for certain.
        raise refuse("except.type")
    if "code" in one:
        one["code"] = [{"coding": [coding]} for coding in nodes(one["code"])]
    return one


def _treatment(node: Node, provision: Node, excepted: list[Node]) -> list[Node]:
    """The answer and the treatment of a directive; returns the exceptions that say more than a text."""
    answers = _answers(node)
    worded = [(one, _restrictions(one)) for one in excepted]
    texts = [text for _, words in worded for text in words]
    more = [one for one in excepted if one.keys() - {"type", "id"}]
    is_silent = any(not words and one not in more for one, words in worded)
    codes = {_TYPES.get(coding.get("code", ""), "") for answer in answers for coding in nodes(answer.get("coding")) if coding.get("system") == _ANSWERS}
    if len(answers) > 1 or len(codes) > 1:
        raise refuse("modifierExtension")
    code = next(iter(codes), "")
    if code and is_silent:
        # A bare `deny` restricts the yes in a way that nobody wrote down; and so does a bare `permit` with the no.
        raise refuse("except")
    if code == "permit" and (texts or more):
        code = ""  # a yes with a restriction is no yes
    if code:
        provision["type"] = code
    if answers:
        provision["_type"] = {"extension": [{"url": _SPECIFICATION, "valueCodeableConcept": answers[0]}]}
    told = texts or ([] if code else [text for answer in answers for text in _words(answer)])
    for text in told[: None if texts else 1]:
        node["modifierExtension"] = [*some(node.get("modifierExtension")), {"url": _OTHER, "valueString": text}]
    for one in some(node.get("extension")):
        if isinstance(one, dict) and one.get("url") == _TREATMENT and "valueCodeableConcept" in one:
            provision.setdefault("code", []).append(one["valueCodeableConcept"])
    if provision.get("code"):
        _taken(node, "extension", _TREATMENT)
    return more


def _answers(node: Node) -> list[Node]:
    """What was answered; also where it stands as a plain extension, for it modifies the rest all the same.

    Raises:
        BadInput: `not-convertible`: there is an answer, and nobody knows which.
    """
    answers: list[Node] = []
    for one in (*_taken(node, "modifierExtension", _PERMITTED), *_taken(node, "extension", _PERMITTED)):
        answer = one.get("valueCodeableConcept")
        if not isinstance(answer, dict):
            raise refuse("modifierExtension")
        if answer not in answers:
            answers.append(answer)
    return answers


def _restrictions(excepted: Node) -> list[str]:
    texts = [one.get("valueString") for one in _taken(excepted, "extension", _RESTRICTIONS)]
    if not all(isinstance(text, str) for text in texts):
        raise refuse("except.extension")
    return [text for text in texts if isinstance(text, str)]


def _words(answer: Node) -> list[str]:
    """What an answer that is no yes and no no says, in words."""
    displays = [coding.get("display") or coding.get("code") for coding in nodes(answer.get("coding"))]
    return [word for word in (answer.get("text"), *displays) if isinstance(word, str)]


def _living_will(node: Node, provision: Node) -> None:
    """Its kind stands among the categories, and who speaks for the patient is the one who consents."""
    kinds = [concept for concept in nodes(node.get("category")) if any(coding.get("system") == _LIVING_WILLS for coding in nodes(concept.get("coding")))]
    if kinds:
        provision["code"] = kinds
    role = {"coding": [{"system": code_system("v3-RoleCode"), "code": "RESPRSN"}]}
    for party in nodes(node.get("consentingParty")):
        reference = party.get("reference")
        if isinstance(reference, str) and "RelatedPerson/" in reference:
            provision["actor"] = [*some(provision.get("actor")), {"role": role, "reference": party}]


def _taken(node: Node, name: str, url: str) -> list[Node]:
    """The extensions of this kind, which are taken from where they stand."""
    found: list[Any] = some(node.get(name))
    taken = [one for one in found if isinstance(one, dict) and one.get("url") == url]
    if taken:
        left = [one for one in found if one not in taken]
        node[name] = left
        if not left:
            del node[name]
    return taken
