"""Records as a system of STU3 writes them down that never moved on: the same statements, in the elements and codes of 2017.

Only what the simulated region writes is known here; the way back is `node_agent.converting`, and is tested against this.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from node_agent.converting.names import RENAMED_TYPES
from node_agent.converting.stu3 import Converter
from testbed.holders import FictionalHolder
from testbed.people.wording import NICTIZ, Json

_THO: Final = "http://terminology.hl7.org/CodeSystem/"
_OWN: Final = "http://hl7.org/fhir/"
_PERMITTED: Final = f"{NICTIZ}/zib-TreatmentDirective-TreatmentPermitted"
#: R4's statuses of requests, and those of STU3.
_REQUESTS: Final = {"on-hold": "suspended", "revoked": "cancelled"}
_CONVERTER: Final = Converter()
_MADE_AS: Final = {"ServiceRequest": "ProcedureRequest"}


def older(record: bytes) -> bytes:
    """A record of R4 as one of STU3, with every number as it was."""
    tree: Json = _decode(record)
    turn = _TURNS.get(tree["resourceType"])
    if turn is not None:
        turn(tree)
    if "encounter" in tree and tree["resourceType"] in _WITH_CONTEXT:
        tree["context"] = tree.pop("encounter")
    _names(tree)
    return msgspec.json.encode(tree)


def told(holder: FictionalHolder, record: bytes) -> bytes:
    """A record as the agent of this holder tells it: where its system is one of STU3, converted back."""
    return _CONVERTER.convert(older(record)) if holder.source == "fhir-stu3" else record


def _number(written: str) -> msgspec.Raw:
    return msgspec.Raw(written.encode())


_decode: Final = msgspec.json.Decoder(float_hook=_number).decode
_WITH_CONTEXT: Final = frozenset("Observation Condition DiagnosticReport MedicationRequest Procedure ServiceRequest CarePlan CareTeam Communication".split())


def _names(value: object) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "system" and isinstance(inner, str):
                value[name] = _system(inner)
            elif name == "reference" and isinstance(inner, str):
                value[name] = inner.replace("ServiceRequest/", "ProcedureRequest/")
            _names(inner)
        if value.get("resourceType") in RENAMED_TYPES.values():
            value["resourceType"] = _MADE_AS[value["resourceType"]]
    elif isinstance(value, list):
        for inner in value:
            _names(inner)


def _system(system: str) -> str:
    if not system.startswith(_THO):
        return system
    name = system.removeprefix(_THO)
    return f"{_OWN}{name[:2]}/{name[3:]}" if name.startswith(("v2-", "v3-")) else _OWN + name


def _first(tree: Json, *names: str) -> None:
    """What R4 has in a list, STU3 has once."""
    for name in names:
        if name in tree:
            (tree[name],) = tree[name]


def _plain(tree: Json, *names: str) -> None:
    """Concepts of which STU3 has the code."""
    for name in names:
        if name in tree:
            tree[name] = tree[name]["coding"][0]["code"]


def _condition(tree: Json) -> None:
    _plain(tree, "clinicalStatus", "verificationStatus")
    if tree["resourceType"] == "Condition" and "recorder" in tree:
        tree.setdefault("asserter", tree.pop("recorder"))
    if "recordedDate" in tree:
        tree["assertedDate"] = tree.pop("recordedDate")


def _observation(tree: Json) -> None:
    related = [
        {"type": kind, "target": target} for name, kind in (("hasMember", "has-member"), ("derivedFrom", "derived-from")) for target in tree.pop(name, ())
    ]
    if related:
        tree["related"] = related
    _first(tree, "interpretation")
    if "note" in tree:
        (note,) = tree.pop("note")
        tree["comment"] = note["text"]


def _consent(tree: Json) -> None:
    """A wish of 2017; one of 2020 becomes one of 2017, too."""
    del tree["scope"]
    provision = tree.pop("provision", {})
    if "period" in provision:
        tree["period"] = provision["period"]
    if any(one["url"] == _PERMITTED for one in tree.get("modifierExtension", ())):
        return
    codes = {coding["code"] for category in tree["category"] for coding in category["coding"]}
    if "acd" in codes:
        tree["category"] = [_snomed("11341000146107"), *provision.get("code", ())]
        return
    tree["category"] = [_snomed("11291000146105")]
    texts = [one["valueString"] for one in tree.pop("modifierExtension", ())]
    answer = {"permit": "JA", "deny": "NEE"}.get(provision.get("type", ""), "JA_MAAR")
    tree["modifierExtension"] = [
        {"url": _PERMITTED, "valueCodeableConcept": {"coding": [{"system": "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4", "code": answer}]}}
    ]
    tree["extension"] = [{"url": f"{NICTIZ}/zib-TreatmentDirective-Treatment", "valueCodeableConcept": concept} for concept in provision.get("code", ())]
    if texts:
        restriction = f"{NICTIZ}/zib-TreatmentDirective-Restrictions"
        tree["except"] = [{"type": "deny", "extension": [{"url": restriction, "valueString": text} for text in texts]}]


def _snomed(code: str) -> Json:
    return {"coding": [{"system": "http://snomed.info/sct", "code": code}]}


def _medication_request(tree: Json) -> None:
    _first(tree, "category")
    for coding in tree.get("category", {}).get("coding", ()):
        # The code of a medication agreement in 2017.
        coding["code"] = {"33633005": "16076005"}.get(coding["code"], coding["code"])
    if "requester" in tree:
        tree["requester"] = {"agent": tree["requester"]}
    _doses(tree, "dosageInstruction")


def _doses(tree: Json, name: str) -> None:
    for dosage in tree.get(name, ()):
        for together in dosage.pop("doseAndRate", ()):
            dosage.update(together)


def _statement(tree: Json) -> None:
    tree["taken"] = "y"
    _doses(tree, "dosage")


def _report(tree: Json) -> None:
    _first(tree, "category")
    if "performer" in tree:
        tree["performer"] = [{"actor": performer} for performer in tree["performer"]]
    if "conclusionCode" in tree:
        tree["codedDiagnosis"] = tree.pop("conclusionCode")


def _document(tree: Json) -> None:
    if "category" in tree:
        (tree["class"],) = tree.pop("category")
    tree["indexed"] = tree.pop("date")
    context = tree.get("context", {})
    _first(context, "encounter")


def _immunization(tree: Json) -> None:
    tree["notGiven"] = False
    tree["date"] = tree.pop("occurrenceDateTime")
    if "performer" in tree:
        tree["practitioner"] = [{("role" if name == "function" else name): value for name, value in one.items()} for one in tree.pop("performer")]


def _encounter(tree: Json) -> None:
    if "reasonCode" in tree:
        tree["reason"] = tree.pop("reasonCode")
    if "reasonReference" in tree:
        tree["diagnosis"] = [{"condition": reference} for reference in tree.pop("reasonReference")]
    _first(tree, "appointment")
    for diagnosis in tree.get("diagnosis", ()):
        if "use" in diagnosis:
            diagnosis["role"] = diagnosis.pop("use")


def _procedure(tree: Json) -> None:
    for performer in tree.get("performer", ()):
        if "function" in performer:
            performer["role"] = performer.pop("function")


def _request(tree: Json) -> None:
    tree["status"] = _REQUESTS.get(tree["status"], tree["status"])
    _first(tree, "performer")
    if "requester" in tree:
        tree["requester"] = {"agent": tree["requester"]}


def _plan(tree: Json) -> None:
    tree["status"] = _REQUESTS.get(tree["status"], tree["status"])
    if "author" in tree:
        tree["author"] = [tree["author"]]


def _goal(tree: Json) -> None:
    tree["status"] = {"active": "in-progress", "completed": "achieved"}.get(tree["lifecycleStatus"], tree["lifecycleStatus"])
    del tree["lifecycleStatus"]
    _first(tree, "target")


def _use(tree: Json) -> None:
    if "timingPeriod" in tree:
        tree["whenUsed"] = tree.pop("timingPeriod")
    if "reasonCode" in tree:
        tree["indication"] = tree.pop("reasonCode")


def _diet(tree: Json) -> None:
    if tree.pop("intent") == "order" and tree["status"] == "active":
        tree["status"] = "requested"


def _binary(tree: Json) -> None:
    tree["content"] = tree.pop("data")


def _team(tree: Json) -> None:
    for participant in tree.get("participant", ()):
        _first(participant, "role")


def _first_of(*names: str) -> Callable[[Json], None]:
    return lambda tree: _first(tree, *names)


_TURNS: Final[dict[str, Callable[[Json], None]]] = {
    "AllergyIntolerance": _condition,
    "Condition": _condition,
    "Observation": _observation,
    "Consent": _consent,
    "MedicationRequest": _medication_request,
    "MedicationDispense": lambda tree: _doses(tree, "dosageInstruction"),
    "MedicationStatement": _statement,
    "DiagnosticReport": _report,
    "DocumentReference": _document,
    "Immunization": _immunization,
    "Encounter": _encounter,
    "Procedure": _procedure,
    "ServiceRequest": _request,
    "CarePlan": _plan,
    "CareTeam": _team,
    "Goal": _goal,
    "DeviceUseStatement": _use,
    "NutritionOrder": _diet,
    "Binary": _binary,
    "Flag": _first_of("category"),
    "Location": _first_of("type"),
}
