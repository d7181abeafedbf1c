"""What of a record is a statement, and what is only how its holder keeps it."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.dossier.referring import InDoubt

_NARRATIVE_REPEATS_DATA: Final = frozenset({"generated", "extensions", "empty"})


def anchors(resource: Mapping[str, Any]) -> dict[str, int]:
    """The place of each contained resource by its id: holders name them as they like, and keep their order.

    Raises:
        InDoubt: Two have the same id.
    """
    places: dict[str, int] = {}
    contained = resource.get("contained")
    for place, inner in enumerate(contained if isinstance(contained, list) else []):
        if isinstance(inner, dict) and isinstance(name := inner.get("id"), str) and places.setdefault(name, place) != place:
            raise InDoubt
    return places


def without_what_is_set_aside(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a resource that say something, whoever keeps it.

    Raises:
        InDoubt: It says of itself that it is a part.
    """
    stated = {name: value for name, value in resource.items() if name not in ("id", "meta")}
    status = member(resource, "text", "status")
    if isinstance(status, str) and status in _NARRATIVE_REPEATS_DATA:
        del stated["text"]
    if labels := member(resource, "meta", "security"):
        stated["meta.security"] = labels
    tags = member(resource, "meta", "tag")
    if any(isinstance(tag, dict) and tag.get("code") == "SUBSETTED" for tag in (tags if isinstance(tags, list) else [])):
        raise InDoubt
    return stated


def member(value: Mapping[str, Any], outer: str, inner: str) -> Any:
    """A member of a member, or none."""
    found = value.get(outer)
    return found.get(inner) if isinstance(found, dict) else None
