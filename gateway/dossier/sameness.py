"""When two holders state the identical thing, and nothing less.

A record is read strictly and written down as its *statement*: members in the order of their names, numbers as they
were written, without logical id, meta and narrative, and with every reference replaced by what it refers to. Two
records are identical when their statements are the same text; that makes sameness an equivalence, so it does not
matter in which order, or through which third record, two of them meet.

Closed on doubt: a record that cannot be read strictly, or whose references cannot be followed, states nothing that
another can equal. Beyond the rule as it was agreed, three doubts count: security labels must be equal, a record that
says it is a part (SUBSETTED) is never identical to another, and a narrative that may say more than the data
(`text.status` other than generated, extensions or empty) is compared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, cast

from accord.rules.strictness import Json, strict_json
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, is_logical_id
from accord.terms.limits import MIB
from gateway.dossier.referring import InDoubt, RecordName, is_logical, means_the_same_everywhere, own_record
from gateway.dossier.stating import anchors, member, without_what_is_set_aside

#: Gives the bytes of a holder's record (`Medication/3`) that is in this dossier, or none.
Targets = Callable[[HolderName, str], bytes | None]

_MOST_STEPS: Final = 4
#: What reading one record may cost, and once more what reading all that it leads to may: about 25 ms each.
_MOST_COST: Final = 1 * MIB
_COST_OF_A_PART: Final = 100
_REFERENCE_MEMBERS: Final = frozenset({"id", "extension", "identifier", "display", "type"})


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as one holder keeps it.

    `patients` are the logical ids of this person's Patient record(s) there; `bases` the addresses under which the
    holder's own records are also known.
    """

    holder: HolderName
    content: bytes = field(repr=False)
    patients: frozenset[str] = field(default=frozenset(), repr=False)
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record states. Without `text` it equals nothing; `missing` are the targets that could still change that."""

    text: str | None = field(repr=False)
    missing: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class _Followed:
    """A target that was written down before, with how far it led and how much was read for it."""

    digest: str
    height: int
    cost: int


Memory = dict[tuple[HolderName, str], _Followed]


def identical(a: HeldRecord, b: HeldRecord, targets: Targets) -> bool:
    """Whether two records state the identical thing."""
    stated = statement_of(a, targets).text
    return stated is not None and stated == statement_of(b, targets).text


def statement_of(record: HeldRecord, targets: Targets, memory: Memory | None = None) -> Statement:
    """What *record* states. *memory* spares following the same target again; give the same one for one dossier."""
    try:
        if _cost_of(record.content) > _MOST_COST:
            return Statement(None)
        content = strict_json(record.content)
        if not isinstance(content, dict) or not (isinstance(own := content.get("id"), str) and is_logical_id(own)):
            # Without a sound id it cannot be shown, and then it must not stand for another.
            return Statement(None)
        walk = _Walk(record, targets, memory if memory is not None else {})
        writing = _Writing(walk, content, (f"{content.get('resourceType')}/{content.get('id')}",))
        text = writing.written()
    except (BadInput, InDoubt, RecursionError):
        # However deep a chain of records nests: what cannot be written down equals nothing.
        return Statement(None)
    return Statement(None, frozenset(walk.missing)) if walk.missing else Statement(text)


def _cost_of(content: bytes) -> int:
    """What reading a record costs: its bytes, and much more its parts."""
    return len(content) + _COST_OF_A_PART * content.count(b",")


class _Walk:
    """What one statement shares with the targets that it leads to."""

    def __init__(self, record: HeldRecord, targets: Targets, memory: Memory) -> None:
        self.holder = record.holder
        self.patients = record.patients
        self.bases = tuple(base.rstrip("/") + "/" for base in record.bases)
        self.targets = targets
        self.memory = memory
        self.missing: set[str] = set()


class _Writing:
    """Writes one resource down; `path` are the records that led here, itself last."""

    def __init__(self, walk: _Walk, resource: dict[str, Any], path: tuple[str, ...]) -> None:
        self._walk = walk
        self._resource = resource
        self._path = path
        self._out: list[str] = []
        self._anchors = anchors(resource)
        self.height = 0
        self.cost = 0
        self.cyclic = False

    def written(self) -> str:
        """The statement's text; of no use when the walk is missing something."""
        self._value(self._resource)
        return "".join(self._out)

    def _value(self, value: Json) -> None:
        kind = type(value)
        if kind is dict:
            self._object(cast("dict[str, Any]", value))
        elif kind is list:
            self._out.append("[")
            for item in cast("list[Any]", value):
                self._value(item)
                self._out.append(",")
            self._out.append("]")
        elif kind is str:
            text = cast("str", value)
            own = own_record(text, self._walk.bases) if "/" in text else None
            if own is None:
                self._out.append(quoted(text))
            else:
                self._record(own)
        else:
            self._out.append(str(value))  # a number as it was written, True, False or None

    def _object(self, members: Mapping[str, Any]) -> None:
        reference = members.get("reference")
        if isinstance(reference, str):
            self._reference(reference, members.get("identifier"))
            members = {name: value for name, value in members.items() if name != "reference"}
        elif isinstance(members.get("identifier"), dict) and members.keys() <= _REFERENCE_MEMBERS and not is_logical(members["identifier"]):
            raise InDoubt  # a number without its system is another thing at each holder
        elif "resourceType" in members:
            members = without_what_is_set_aside(members)
        self._out.append("{")
        for name in sorted(members):
            self._out.append(quoted(name) + ":")
            self._value(members[name])
            self._out.append(",")
        self._out.append("}")

    def _reference(self, text: str, identifier: Json) -> None:
        """Write what a reference refers to, in a form that no JSON value has."""
        if text.startswith("#"):
            place = self._anchors.get(text[1:]) if text != "#" else -1
            if place is None:
                raise InDoubt
            self._out.append(f"<contained {place}>")
            return
        own = own_record(text, self._walk.bases)
        if own and own.type == "Patient" and own.id in self._walk.patients:
            self._out.append("<this person>")
        elif is_logical(identifier):
            self._out.append("<by identifier>")  # which is compared with the other members
        elif own:
            self._record(own)
        elif means_the_same_everywhere(text):
            self._out.append(f"<at {quoted(text)}>")
        else:
            raise InDoubt

    def _record(self, own: RecordName) -> None:
        """Write the statement of another record of the same holder."""
        name = str(own)
        if own.type == "Patient" and own.id in self._walk.patients:
            self._out.append("<this person>")
            return
        if name in self._path:
            self.cyclic = True
            self._out.append(f"<{len(self._path) - self._path.index(name)} steps back>")
            return
        known = self._walk.memory.get((self._walk.holder, name)) if own.version is None else None
        if known is None:
            known = self._follow(own)
        if known:
            self._count(known.height, known.cost)
            self._out.append(f"<record {known.digest}>")

    def _follow(self, own: RecordName) -> _Followed | None:
        """Write a target down; none when it was written in full on the spot, or is missing."""
        walk, name = self._walk, str(own)
        if len(self._path) > _MOST_STEPS:
            raise InDoubt
        content = walk.targets(walk.holder, name)
        if content is None:
            walk.missing.add(name)
            return None
        if _cost_of(content) > _MOST_COST:
            raise InDoubt
        target = strict_json(content)
        if not isinstance(target, dict) or target.get("resourceType") != own.type or target.get("id") != own.id:
            raise InDoubt
        if own.version is not None and member(target, "meta", "versionId") != own.version:
            raise InDoubt
        inner = _Writing(walk, target, (*self._path, name))
        text = inner.written()
        cost = inner.cost + _cost_of(content)
        if inner.cyclic:
            # What leads back here depends on where it started: it has no name of its own to remember.
            self.cyclic = True
            self._count(inner.height, cost)
            self._out.append(f"<record {text}>")
            return None
        followed = _Followed(blake2b(text.encode(), digest_size=32).hexdigest(), inner.height, cost)
        if own.version is None and not walk.missing:
            walk.memory[walk.holder, name] = followed
        return followed

    def _count(self, height: int, cost: int) -> None:
        """Keep the same bounds whether a target was followed now or before."""
        self.height = max(self.height, height + 1)
        self.cost += cost
        if len(self._path) + height > _MOST_STEPS or self.cost > _MOST_COST:
            raise InDoubt
