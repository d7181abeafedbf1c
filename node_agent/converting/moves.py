"""The moves that conversions are made of: an element gets another name, form or place, or goes into an extension.

Every move takes along what stands beside a primitive value under `_name`. Where an element is already in the form it
would get, it is left so: servers in the field are ahead of their generation here and there.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from accord.terms.faults import BadInput, Fault
from node_agent.converting.trees import Node

_PLACE: Final = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
_ABSENT: Final[Node] = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"


def refuse(where: str) -> BadInput:
    """What a record is refused with that cannot be told in R4 without guessing; *where* is the name of an element."""
    return BadInput(Fault.NOT_CONVERTIBLE, where)


def code_system(name: str) -> str:
    """The address of a code system of HL7 as R4 writes it."""
    return _TERMINOLOGY + name


def some(value: Any) -> list[Any]:
    """A list of what is there: one or many alike, nothing for none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def nodes(value: Any) -> list[Node]:
    """The objects in an element that holds one or many.

    Raises:
        BadInput: `not-convertible`: something else stands there.
    """
    found = some(value)
    if not all(isinstance(one, dict) for one in found):
        raise refuse("element")
    return found


def rename(node: Node, old: str, new: str) -> None:
    """Give an element another name.

    Raises:
        BadInput: `not-convertible`: there is one of that name already.
    """
    for before, after in ((old, new), (f"_{old}", f"_{new}")):
        if before in node:
            if after in node:
                raise refuse(new)
            node[after] = node.pop(before)


def listed(node: Node, *names: str) -> None:
    """What STU3 has once, R4 has in a list."""
    for name in names:
        value = node.get(name)
        if value is not None and not isinstance(value, list):
            node[name] = [value]


def renamed_list(node: Node, old: str, new: str) -> None:
    """Another name, and in a list."""
    rename(node, old, new)
    listed(node, new)


def extend(node: Node, extension: Node) -> None:
    """Put an extension beside those that are there."""
    node.setdefault("extension", []).append(extension)


def kept(place: str, kind: str, value: Any) -> Node:
    """The extension that holds what R4 has no place for, by the place it has in STU3 (`Procedure.definition`)."""
    return {"url": _PLACE + place, f"value{kind}": value}


def keep(node: Node, name: str, place: str, kind: str, *, onto: Node | None = None) -> None:
    """Move an element that R4 has not into extensions, one for each value."""
    values, beside = some(node.pop(name, None)), some(node.pop(f"_{name}", None))
    for number in range(max(len(values), len(beside))):
        extension: Node = {"url": _PLACE + place}
        if number < len(values) and values[number] is not None:
            extension[f"value{kind}"] = values[number]
        if number < len(beside) and beside[number] is not None:
            extension[f"_value{kind}"] = beside[number]
        extend(node if onto is None else onto, extension)


def keep_parts(node: Node, place: str, parts: Mapping[str, str]) -> Node | None:
    """An extension with an extension for each of these elements of *node* (name: type), which are taken from it; none when none is there.

    Raises:
        BadInput: `not-convertible`: something else is left, of which nobody knows the type.
    """
    inner: Node = {}
    for name, kind in parts.items():
        if name in node or f"_{name}" in node:
            held: Node = {name: node.pop(name, None), f"_{name}": node.pop(f"_{name}", None)}
            held = {key: value for key, value in held.items() if value is not None}
            keep(held, name, name, kind, onto=inner)
    for extension in inner.get("extension", ()):
        extension["url"] = extension["url"].removeprefix(_PLACE)
    found = [*inner.get("extension", ()), *some(node.pop("extension", None))]
    node.pop("id", None)
    if node:
        raise refuse(place)
    return {"url": _PLACE + place, "extension": found} if found else None


def keep_each(node: Node, name: str, place: str, parts: Mapping[str, str]) -> None:
    """Move an element with parts that R4 has not into extensions, one for each time it is there."""
    for one in nodes(node.pop(name, None)):
        extension = keep_parts(one, place, parts)
        if extension is not None:
            extend(node, extension)


def coded(node: Node, name: str, system: str, codes: frozenset[str], place: str) -> None:
    """A code becomes a concept with that code, of the same meaning; one that R4 does not know is only kept.

    Raises:
        BadInput: `not-convertible`: it is no code.
    """
    code, beside = node.pop(name, None), node.pop(f"_{name}", None)
    if code is None and beside is None:
        return
    concept: Node = dict(beside) if isinstance(beside, dict) else {}
    if isinstance(code, str):
        if code in codes:
            concept["coding"] = [{"system": code_system(system), "code": code}]
        else:
            extend(concept, kept(place, "Code", code))
    elif code is not None:
        raise refuse(name)
    node[name] = concept


def turned(node: Node, name: str, codes: Mapping[str, str], place: str) -> None:
    """A code becomes the code of R4; where that is another, the old one is kept beside it."""
    code = node.get(name)
    if isinstance(code, str) and code in codes:
        told(node, name, codes[code], place, code)


def told(node: Node, name: str, code: str, place: str, old: Any) -> None:
    """Set a code, and keep the one that stood there beside it."""
    node[name] = code
    if isinstance(old, str) and old != code:
        extend(node.setdefault(f"_{name}", {}), kept(place, "Code", old))


def is_negated(node: Node, name: str, place: str, *reasons: str) -> bool:
    """Whether STU3 says with this element that what the record tells of was not done; it is taken from *node*. An error stays one.

    Raises:
        BadInput: `not-convertible`: it is no yes and no no, or there are *reasons* why it was not done, and nothing says that it was not.
    """
    said, is_error = node.pop(name, None), node.get("status") == "entered-in-error"
    if not isinstance(said, bool) and (said is not None or f"_{name}" in node):
        raise refuse(name)
    keep(node, name, place, "Boolean")
    for reason in reasons:
        if node.get(reason) and said is not True and not is_error:
            raise refuse(reason)
    return said is True and not is_error


def absent(node: Node, *names: str, concept: bool = False) -> None:
    """Say of elements that R4 demands and the source has not that they are not known."""
    for name in names:
        if name not in node and f"_{name}" not in node:
            node[name if concept else f"_{name}"] = {"extension": [dict(_ABSENT)]}


def is_about(reference: Any, kind: str) -> bool:
    """Whether a reference is to a record of this type."""
    written = reference.get("reference") if isinstance(reference, dict) else None
    return isinstance(written, str) and (written.startswith(f"{kind}/") or f"/{kind}/" in written)


def encounter_of(node: Node, name: str) -> None:
    """A context that is an encounter is told so; an episode, or what nobody can tell, is kept as it was."""
    context = node.get("context")
    if context is None:
        return
    if is_about(context, "Encounter"):
        rename(node, "context", "encounter")
    else:
        keep(node, "context", f"{name}.context", "Reference")


def requester_of(node: Node, name: str) -> None:
    """Who asked becomes a plain reference; on whose behalf is kept with it."""
    requester = node.get("requester")
    if not isinstance(requester, dict) or "reference" in requester or "identifier" in requester:
        return
    behalf: Node = {}
    keep(requester, "onBehalfOf", f"{name}.requester.onBehalfOf", "Reference", onto=behalf)
    agent = requester.pop("agent", None)
    person: Node = dict(agent) if isinstance(agent, dict) else {}
    for extension in (*some(requester.pop("extension", None)), *behalf.get("extension", ())):
        person["extension"] = [*person.get("extension", ()), extension]
    requester.pop("id", None)
    if requester:
        raise refuse("requester")
    node["requester"] = person


def each(node: Node, name: str, change: Callable[[Node], None]) -> None:
    """Change every object of an element."""
    for one in nodes(node.get(name)):
        change(one)
