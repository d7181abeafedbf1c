"""Devices: what they are, who uses them, and who asked for them."""

from typing import Final

from node_agent.converting.moves import absent, encounter_of, extend, keep, kept, nodes, rename, renamed_list, requester_of, some, told, turned
from node_agent.converting.trees import Node

REQUESTS: Final = {"suspended": "on-hold", "cancelled": "revoked"}
_INTENTS: Final = frozenset({"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"})


def device(node: Node) -> None:
    """A device; its names, model and version have a form of their own."""
    renamed_list(node, "udi", "udiCarrier")
    for carrier in nodes(node.get("udiCarrier")):
        name = carrier.pop("name", None)
        if name is not None:
            node["deviceName"] = [*some(node.get("deviceName")), {"name": name, "type": "udi-label-name"}]
    rename(node, "model", "modelNumber")
    version = node.get("version")
    if isinstance(version, str):
        node["version"] = [{"value": version}]


def use(node: Node) -> None:
    """The use of a device: when it was used is when the statement is about."""
    if any(name.lstrip("_").startswith("timing") for name in node):
        keep(node, "whenUsed", "DeviceUseStatement.whenUsed", "Period")
    else:
        rename(node, "whenUsed", "timingPeriod")
    rename(node, "indication", "reasonCode")


def request(node: Node) -> None:
    """A request for a device; how firm it is becomes a code."""
    intent = node.get("intent")
    if isinstance(intent, dict):
        del node["intent"]
        codes = [coding.get("code") for coding in nodes(intent.get("coding"))]
        known = [code for code in codes if code in _INTENTS]
        if len(known) == 1:
            told(node, "intent", known[0], "DeviceRequest.intent", known[0])
            extend(node.setdefault("_intent", {}), kept("DeviceRequest.intent", "CodeableConcept", intent))
        else:
            extend(node, kept("DeviceRequest.intent", "CodeableConcept", intent))
    absent(node, "intent")
    turned(node, "status", REQUESTS, "DeviceRequest.status")
    keep(node, "definition", "DeviceRequest.definition", "Reference")
    encounter_of(node, "DeviceRequest")
    requester_of(node, "DeviceRequest")
