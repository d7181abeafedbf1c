"""Who is who: patients, professionals, organisations, places, relatives, insurance and teams."""

from typing import Final

from node_agent.converting.moves import absent, code_system, encounter_of, listed, refuse, some
from node_agent.converting.trees import Node

#: What STU3 groups a coverage by, with the code of R4's class, and the element that names it.
_GROUPS: Final = (
    ("group", "group", "groupDisplay"),
    ("subGroup", "subgroup", "subGroupDisplay"),
    ("plan", "plan", "planDisplay"),
    ("subPlan", "subplan", "subPlanDisplay"),
    ("class", "class", "classDisplay"),
    ("subClass", "subclass", "subClassDisplay"),
)


def patient(node: Node) -> None:
    """A patient is a person: STU3's `animal` modifies all the rest, and R4 has no place for it."""
    if "animal" in node:
        raise refuse("animal")


def unchanged(_: Node) -> None:
    """Both generations have the same elements."""


def location(node: Node) -> None:
    """A place may be of several types."""
    listed(node, "type")


def related_person(node: Node) -> None:
    """A relative may be more than one thing to a person."""
    listed(node, "relationship")


def coverage(node: Node) -> None:
    """The groups of an insurance become classes. STU3 does not demand a status."""
    classes = [
        _class(code, grouping.pop(name), grouping.pop(display, None))
        for grouping in some(node.pop("grouping", None))
        for name, code, display in _GROUPS
        if name in grouping
    ]
    if "sequence" in node:
        classes.append(_class("sequence", node.pop("sequence"), None))
    if classes:
        node["class"] = [*some(node.get("class")), *classes]
    absent(node, "status")


def _class(code: str, value: str, name: str | None) -> Node:
    told: Node = {"type": {"coding": [{"system": code_system("coverage-class"), "code": code}]}, "value": value}
    return told if name is None else told | {"name": name}


def care_team(node: Node) -> None:
    """Members may have several roles."""
    encounter_of(node, "CareTeam")
    for participant in some(node.get("participant")):
        listed(participant, "role")
