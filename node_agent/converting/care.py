"""Care as it was given and planned: contacts, procedures, requests, plans, goals, appointments, messages and tasks."""

from typing import Final

from node_agent.converting.devices import REQUESTS
from node_agent.converting.moves import (
    absent,
    code_system,
    each,
    encounter_of,
    extend,
    is_negated,
    keep,
    kept,
    listed,
    nodes,
    refuse,
    rename,
    renamed_list,
    requester_of,
    some,
    told,
    turned,
)
from node_agent.converting.trees import Node

_EVENTS: Final = {"suspended": "on-hold", "aborted": "stopped"}
_GOALS: Final = {
    "in-progress": "active",
    "on-target": "active",
    "ahead-of-target": "active",
    "behind-target": "active",
    "sustaining": "active",
    "achieved": "completed",
}
_ACHIEVED: Final = frozenset({"in-progress", "sustaining", "achieved"})


def encounter(node: Node) -> None:
    """A contact."""
    rename(node, "reason", "reasonCode")
    renamed_list(node, "incomingReferral", "basedOn")
    listed(node, "appointment")
    each(node, "diagnosis", lambda diagnosis: rename(diagnosis, "role", "use"))
    absent(node, "class", concept=True)
    absent(node, "status")


def procedure(node: Node) -> None:
    """What was done, or was not; an error stays one."""
    _not_done(node, "Procedure")
    encounter_of(node, "Procedure")
    keep(node, "definition", "Procedure.definition", "Reference")
    each(node, "performer", lambda performer: rename(performer, "role", "function"))


def _not_done(node: Node, name: str) -> None:
    if is_negated(node, "notDone", f"{name}.notDone", "notDoneReason"):
        told(node, "status", "not-done", f"{name}.status", node.get("status"))
    turned(node, "status", _EVENTS, f"{name}.status")
    rename(node, "notDoneReason", "statusReason")
    absent(node, "status")


def procedure_request(node: Node) -> None:
    """A request for a procedure is a request for a service."""
    node["resourceType"] = "ServiceRequest"
    turned(node, "status", REQUESTS, "ProcedureRequest.status")
    keep(node, "definition", "ProcedureRequest.definition", "Reference")
    encounter_of(node, "ProcedureRequest")
    requester_of(node, "ProcedureRequest")
    listed(node, "performer")


def referral_request(node: Node) -> None:
    """A referral is a request for a service, too."""
    node["resourceType"] = "ServiceRequest"
    turned(node, "status", REQUESTS, "ReferralRequest.status")
    keep(node, "definition", "ReferralRequest.definition", "Reference")
    keep(node, "description", "ReferralRequest.description", "String")
    rename(node, "groupIdentifier", "requisition")
    renamed_list(node, "type", "category")
    asked = some(node.pop("serviceRequested", None))
    if len(asked) == 1 and "code" not in node:
        node["code"] = asked[0]
    else:
        # Which of several would be *the* service, nobody can tell.
        for service in asked:
            extend(node, kept("ReferralRequest.serviceRequested", "CodeableConcept", service))
    rename(node, "specialty", "performerType")
    rename(node, "recipient", "performer")
    encounter_of(node, "ReferralRequest")
    requester_of(node, "ReferralRequest")


def care_plan(node: Node) -> None:
    """A plan; of several authors R4 has only one, and the others as who contributed."""
    turned(node, "status", REQUESTS, "CarePlan.status")
    keep(node, "definition", "CarePlan.definition", "Reference")
    encounter_of(node, "CarePlan")
    authors = some(node.pop("author", None))
    if len(authors) == 1:
        node["author"] = authors[0]
    elif authors:
        node["contributor"] = authors
    for activity in nodes(node.get("activity")):
        for detail in nodes(activity.get("detail")):
            _planned(detail)


def _planned(detail: Node) -> None:
    place = "CarePlan.activity.detail"
    keep(detail, "category", f"{place}.category", "CodeableConcept")
    keep(detail, "definition", f"{place}.definition", "Reference")
    rename(detail, "prohibited", "doNotPerform")
    reason = detail.get("statusReason")
    if isinstance(reason, str):
        detail["statusReason"] = {"text": reason}
    absent(detail, "status")


def goal(node: Node) -> None:
    """How far a goal is and whether it is reached are told apart in R4."""
    status = node.get("status")
    rename(node, "status", "lifecycleStatus")
    turned(node, "lifecycleStatus", _GOALS, "Goal.status")
    if isinstance(status, str) and status in _ACHIEVED and "achievementStatus" not in node:
        node["achievementStatus"] = {"coding": [{"system": code_system("goal-achievement"), "code": status}]}
    reason = node.get("statusReason")
    if isinstance(reason, list) and len(reason) > 1:
        raise refuse("statusReason")
    absent(node, "lifecycleStatus")
    listed(node, "target")


def appointment(node: Node) -> None:
    """An appointment."""
    listed(node, "serviceCategory")
    rename(node, "reason", "reasonCode")
    rename(node, "indication", "reasonReference")
    renamed_list(node, "incomingReferral", "basedOn")


def communication(node: Node) -> None:
    """A message that was sent, or was not."""
    _not_done(node, "Communication")
    encounter_of(node, "Communication")
    rename(node, "topic", "about")
    keep(node, "definition", "Communication.definition", "Reference")


def task(node: Node) -> None:
    """Something to do."""
    rename(node, "definitionUri", "instantiatesUri")
    keep(node, "definitionReference", "Task.definition", "Reference")
    encounter_of(node, "Task")
    requester_of(node, "Task")
    rename(node, "reason", "reasonCode")
    absent(node, "intent", "status")
