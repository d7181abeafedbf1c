"""A line of the clinical view: one record (or one of several identical ones), what it is about and what it says of it.

A line is small and knows where its bytes are; what stands on the screen is read from them when somebody looks.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import Concept
from gateway.dossier.clinical.wishes import Wish
from gateway.dossier.window import Origin


class Moment(NamedTuple):
    """When a record says that it was: all moments that its date can mean, in milliseconds since 1970-01-01T00:00Z. `end` is exclusive."""

    begin: int
    end: int


@dataclass(slots=True, eq=False)
class Line:
    """One record as the clinical view has it.

    `number` is its place in the order of arrival: a name for it that tells nothing. `about` is what it says something
    about: lines of a section with the same are one thread. `says` is what it states of that, comparable with what others
    state. `also` are the records of other holders that state the identical thing.
    """

    number: int
    origin: Origin
    section: Section
    about: str
    says: str
    moment: Moment | None
    concept: Concept | None = None
    in_error: bool = False
    flags: int = 0
    identifier: int = 0
    wish: Wish | None = None
    also: list[Origin] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)

    @property
    def holder(self) -> HolderName:
        """Whose record it is."""
        return self.origin.holder
