"""Which elements a FHIR resource has: every path of a mapping is checked against the R4B models when it is loaded."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class

Steps = tuple[str | int, ...]
_STEP: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,63})(?:\[([0-9]{1,2})\])?", re.ASCII)
#: The same for every resource, and set by the table itself.
_SET_BY_THE_TABLE: Final = frozenset({"resourceType", "id"})


class UnknownElement(Exception):
    """A path is not one of this type. The text says what is wrong, and what may be meant."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What stands at the end of a path: a primitive of FHIR, by its name there, and the only codes that may stand there, if they are few."""

    kind: str
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Element:
    """An element of a model: what it holds, and whether it repeats."""

    name: str
    repeats: bool
    leaf: Leaf | None
    model: Any
    required: bool
    choice: str


def model_of(kind: str) -> Any:
    """The R4B model of a resource type.

    Raises:
        UnknownElement: There is none.
    """
    try:
        return get_fhir_model_class(kind)
    except (ValueError, KeyError):
        raise UnknownElement(f"{kind} is no type of FHIR R4") from None


def steps_of(path: str) -> Steps:
    """A path such as `code.coding[0].code` as its steps.

    Raises:
        UnknownElement: It is no path.
    """
    steps: list[str | int] = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise UnknownElement("write a path such as code.coding[0].code")
        steps.append(match[1])
        if match[2] is not None:
            steps.append(int(match[2]))
    if steps[0] in _SET_BY_THE_TABLE and len(steps) == 1:
        raise UnknownElement(f"{steps[0]} is set by the table itself: leave it out")
    return tuple(steps)


def leaf_at(kind: str, steps: Steps) -> Leaf:
    """The primitive at the end of a path from a resource of this type.

    Raises:
        UnknownElement: The path is not one of this type, or ends before a primitive.
    """
    model, label, rest = model_of(kind), kind, list(steps)
    while rest:
        name = str(rest.pop(0))
        element = _element(model, label, name)
        indexed = bool(rest) and isinstance(rest[0], int)
        if element.repeats and not indexed:
            raise UnknownElement(f"{label}.{name} repeats: write {name}[0]")
        if indexed and not element.repeats:
            raise UnknownElement(f"{label}.{name} does not repeat: leave [{rest[0]}] out")
        if indexed:
            rest.pop(0)
        if element.leaf is not None:
            if rest:
                raise UnknownElement(f"{label}.{name} has no elements of its own")
            return element.leaf
        model, label = element.model, f"{label}.{name}"
    few = ", ".join(sorted(_elements(model))[:4])
    raise UnknownElement(f"{label} has elements of its own: name one of them, such as {few}")


def missing_in(kind: str, paths: Iterable[Steps]) -> Iterator[str]:
    """What FHIR requires and no path gives, in everything that the paths touch; and gaps in what repeats."""
    tree: dict[str | int, Any] = {}
    for path in paths:
        place = tree
        for step in path:
            place = place.setdefault(step, {})
    yield from _missing(model_of(kind), kind, tree)


def _missing(model: Any, label: str, tree: dict[str | int, Any]) -> Iterator[str]:
    elements = _elements(model)
    choices: dict[str, list[str]] = {}
    for element in elements.values():
        if element.required and element.choice:
            choices.setdefault(element.choice, []).append(element.name)
        elif element.required and element.name not in tree:
            yield f"{label}.{element.name}"
    for choice, names in choices.items():
        if not any(name in tree for name in names):
            yield f"{label}.{choice}[x] ({', '.join(names)})"
    for name, inside in tree.items():
        element = elements[str(name)]
        if element.repeats:
            for number in range(len(inside)):
                if number not in inside:
                    yield f"{label}.{name}[{number}]"
        if element.model is not None:
            for place, one in [(f"[{number}]", one) for number, one in inside.items()] if element.repeats else [("", inside)]:
                yield from _missing(element.model, f"{label}.{name}{place}", one)


def _element(model: Any, label: str, name: str) -> _Element:
    elements = _elements(model)
    if name not in elements:
        near = get_close_matches(name, elements, 1)
        raise UnknownElement(f"{label} has no element {name}" + (f", did you mean {near[0]}?" if near else ""))
    return elements[name]


@cache
def _elements(model: Any) -> dict[str, _Element]:
    """The elements of a model by their FHIR names."""
    found = {}
    for name, field in model.model_fields.items():
        about = field.json_schema_extra or {}
        inner, repeats = _unwrapped(field.annotation)
        if name.endswith("__ext") or name == "fhir_comments" or inner is None:
            continue
        complex_ = inner.get_model_klass() if hasattr(inner, "get_model_klass") else None
        codes = frozenset(about.get("enum_values", ()))
        leaf = None if complex_ is not None else Leaf(_primitive(inner), frozenset() if "+" in codes else codes)
        needed = bool(field.is_required() or about.get("element_required") or about.get("one_of_many_required"))
        label = field.alias or name
        found[label] = _Element(label, repeats, leaf, complex_, needed, about.get("one_of_many", ""))
    return found


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """What an annotation holds, without `None` and the list around it."""
    repeats = False
    while get_origin(annotation) is not None and get_origin(annotation) is not Annotated:
        if get_origin(annotation) is list:
            repeats = True
        annotation = next((part for part in get_args(annotation) if part is not type(None)), None)
    return annotation, repeats


def _primitive(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return type(annotation.__metadata__[-1]).__name__
    return {"bool": "Boolean", "int": "Integer", "str": "String"}.get(getattr(annotation, "__name__", ""), "String")
