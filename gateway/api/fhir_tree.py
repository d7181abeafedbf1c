"""A resource that a client sent, read member by member: whatever has another shape than it should is refused by its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from accord.rules.strictness import Number, strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import FIELD_CHARACTERS
from gateway.places.wanting import refused, text

_MOST_ITEMS: Final = 100
_LARGEST: Final = 6
#: Elements of R4 that somebody may write into a ServiceRequest, a Task or an entry: only of these a refusal says the name.
_R4_ELEMENTS: Final = frozenset(
    "asNeededBoolean asNeededCodeableConcept basedOn bodySite businessStatus category contained description doNotPerform encounter executionPeriod extension "
    "for fullUrl groupIdentifier identifier implicitRules instantiatesCanonical instantiatesUri insurance language lastModified location locationReference "
    "modifierExtension note occurrenceTiming output partOf patientInstruction performer performerType priority quantityRange quantityRatio reasonCode "
    "reasonReference reference relevantHistory replaces requisition search specimen statusReason type ifMatch ifModifiedSince ifNoneMatch link".split()
)


@dataclass(frozen=True, slots=True)
class Part:
    """An object, and the path by which a refusal names it. Nothing that the client wrote is in a path."""

    tree: Mapping[str, Any] = field(repr=False)
    path: str

    def only(self, *names: str) -> None:
        """Refuse what is not taken along: whoever wrote it may think that it was.

        Raises:
            BadInput: `unknown-parameter`.
        """
        more = self.tree.keys() - {*names}
        if more:
            named = sorted(more & _R4_ELEMENTS)
            raise BadInput(Fault.UNKNOWN_PARAMETER, self.at(named[0]) if named else self.path)

    def text(self, name: str, most: int = FIELD_CHARACTERS) -> str:
        """A text; empty where there is none.

        Raises:
            BadInput: `invalid-parameter`.
        """
        value = self.tree.get(name, "")
        # A number was read as it was written, and is no text.
        if type(value) is not str:
            raise refused(self.at(name))
        return text(value, self.at(name), most)

    def needed(self, name: str, *values: str) -> str:
        """A text that must be there, and be one of *values* where there are some.

        Raises:
            BadInput: `invalid-parameter`.
        """
        found = self.text(name)
        if not found or (values and found not in values):
            raise refused(self.at(name))
        return found

    def whole(self, name: str, otherwise: int = 0) -> int:
        """A whole number that is not negative.

        Raises:
            BadInput: `invalid-parameter`.
        """
        if name not in self.tree:
            return otherwise
        value = self.tree[name]
        if not isinstance(value, Number) or not value.isdecimal() or len(value) > _LARGEST:
            raise refused(self.at(name))
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false; false where it is not said.

        Raises:
            BadInput: `invalid-parameter`.
        """
        value = self.tree.get(name, False)
        if not isinstance(value, bool):
            raise refused(self.at(name))
        return value

    def part(self, name: str) -> "Part":
        """An object; an empty one where there is none.

        Raises:
            BadInput: `invalid-parameter`.
        """
        value = self.tree.get(name, {})
        if not isinstance(value, Mapping):
            raise refused(self.at(name))
        return Part(value, self.at(name))

    def parts(self, name: str, most: int = _MOST_ITEMS) -> tuple["Part", ...]:
        """A list of objects.

        Raises:
            BadInput: `invalid-parameter`.
        """
        value = self.tree.get(name, [])
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, Mapping) for one in value):
            raise refused(self.at(name))
        return tuple(Part(one, self.at(name)) for one in value)

    def codings(self, name: str) -> Iterator[tuple[str, str]]:
        """System and code of every coding of a list of concepts, each of which must have one."""
        for concept in self.parts(name):
            yield concept.coding()

    def coding(self) -> tuple[str, str]:
        """System and code of a concept.

        Raises:
            BadInput: `invalid-parameter`: it has none, or several.
        """
        found = self.parts("coding")
        if len(found) != 1:
            raise refused(self.path)
        return found[0].text("system"), found[0].needed("code")

    def texts(self, name: str) -> list[str]:
        """A list of texts.

        Raises:
            BadInput: `invalid-parameter`.
        """
        value = self.tree.get(name, [])
        if not isinstance(value, list) or len(value) > _MOST_ITEMS or not all(type(one) is str for one in value):
            raise refused(self.at(name))
        return [text(one, self.at(name)) for one in value]

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}"


def resource_in(body: bytes, *kinds: str) -> Part:
    """The resource in a body.

    Raises:
        BadInput: It is no JSON that all read alike, or `not-a-resource`: none of *kinds*.
    """
    read = strict_json(body)
    kind = read.get("resourceType") if isinstance(read, dict) else None
    if not isinstance(read, dict) or kind not in kinds:
        raise BadInput(Fault.NOT_A_RESOURCE)
    return Part(read, str(kind))
