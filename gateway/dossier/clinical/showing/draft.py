"""A line in the making: a family of records says what stands in front, and everything else follows under its label."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.dates import in_words, period
from gateway.dossier.clinical.showing.dosage import timing
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import kind_of, reference
from gateway.dossier.clinical.showing.shapes import said
from gateway.dossier.clinical.showing.wording import label
from gateway.dossier.clinical.shown import Attention, Detail
from gateway.dossier.clinical.trees import Tree, parts, text

_LISTED: Final = 3


@dataclass(slots=True)
class Draft:
    """What a family says of a record.

    `done` are the elements of which nothing more is to be said, `front` those that stand in front as far as they say the same.
    """

    what: str = ""
    value: str = ""
    when: str = ""
    author: str = ""
    kind: str = ""
    states: list[str] = field(default_factory=list)
    attention: Attention = Attention.NONE
    warnings: list[Detail] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    front: set[str] = field(default_factory=set)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def add(self, title: str, told: str) -> None:
        """One more detail; none where there is nothing to tell, or it stands there already."""
        if told and (title, told) not in self._told:
            self._told.add((title, told))
            self.details.append(Detail(title, told))


@dataclass(frozen=True, slots=True)
class Form:
    """Where the records of a type have what stands in front.

    Of `what`, `when` and `author` the first that is there; of `value` all that is there. A name that ends in `*` is a choice
    of types (`onset*`), one with a point leads into parts. `first` are the details that come first. `plainly` are the
    statuses that go without saying. `more` says what only this type has.
    """

    what: tuple[str, ...] = ("code",)
    value: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    plainly: frozenset[str] = frozenset()
    more: Callable[[Reader, Draft], None] | None = None


def fill(reader: Reader, form: Form, draft: Draft) -> None:
    """What stands in front, as the form says; what the family said itself stays."""
    draft.what = draft.what or next(filter(None, (at_path(reader, name) for name in form.what)), "")
    draft.value = draft.value or "; ".join(dict.fromkeys(filter(None, (at_path(reader, name) for name in form.value))))
    if not draft.when:
        dates = ((found, moment(reader, reader.tree[found], found)) for name in form.when for found in matching(reader.tree, name))
        found, draft.when = next((one for one in dates if one[1]), ("", ""))
        draft.front.add(found)
    for name in (*form.what, *form.value, *form.author):
        draft.front.update(matching(reader.tree, name.partition(".")[0]))
    draft.author = draft.author or next(filter(None, (by(reader, name) for name in form.author)), "")


def matching(tree: Tree, name: str) -> Iterable[str]:
    """The elements of a name, or of a choice of types."""
    if name.endswith("*"):
        return [one for one in tree if one.startswith(name[:-1]) and one[len(name) - 1 : len(name)].isupper()]
    return [name] if name in tree else []


def at_path(reader: Reader, path: str) -> str:
    """The text of an element, or of a part of it in each."""
    outer, _, inner = path.partition(".")
    if not inner and isinstance(value := reader.tree.get(outer), (dict, list)) and (found := concept(reader, value)):
        return found
    if not inner:
        return next(filter(None, (said(reader, name, reader.tree[name]) for name in matching(reader.tree, outer))), "")
    return ", ".join(dict.fromkeys(filter(None, (said(reader, inner, one.get(inner)) for one in parts(reader.tree, outer)))))


def moment(reader: Reader, value: object, name: str = "") -> str:
    """When: a date, a period or how often."""
    if isinstance(value, Mapping):
        if "repeat" in value or "event" in value:
            return timing(reader, value)
        return period(value, reader.language) or said(reader, name, value)
    if isinstance(value, list):
        return moment(reader, value[0], name) if value else ""
    return in_words(value, reader.language) if isinstance(value, str) else ""


def by(reader: Reader, path: str) -> str:
    """Who: all that are named, or the first three where there are more."""
    outer, _, inner = path.partition(".")
    found = []
    for one in parts(reader.tree, outer):
        who = one.get(inner) if inner else one
        if outer == "participant" and kind_of(who) in ("Patient", "RelatedPerson"):
            continue  # who was there did not write it
        told = reference(reader, who) if isinstance(who, Mapping) else ""
        role = said(reader, "function", one.get("function")) if inner else ""
        if told:
            found.append(f"{told} ({role})" if role else told)
    each = list(dict.fromkeys(found))
    return "; ".join(each[:_LISTED]) + (" …" if len(each) > _LISTED else "")


def title(reader: Reader, name: str) -> str:
    """The label of an element, whatever type its value has."""
    found = label(name)
    if found.nl == found.en and text(reader.tree, "resourceType"):
        for cut in range(len(name) - 1, 3, -1):
            if name[cut].isupper() and label(name[:cut]).nl != label(name[:cut]).en:
                return reader.say(label(name[:cut]))
    return reader.say(found)
