"""What a kind of document is: what is asked for it, its sections, and which record goes where."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from accord.terms.queries import Selection
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import CareCategory, Section
from gateway.dossier.clinical.trees import Follow, Tree
from gateway.dossier.words import Wording

#: Our own codes of sections, for those that no code system of others has a code for.
SECTION_SYSTEM: Final = "urn:noaber:document-section"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"


class Code(NamedTuple):
    """A code with its system and what it is called there."""

    system: str
    code: str
    display: str

    @property
    def coding(self) -> dict[str, str]:
        """As FHIR writes it."""
        return {"system": self.system, "code": self.code, "display": self.display}


class Candidate(NamedTuple):
    """A record that may have a place in a document: its type, its category of data, and its content. `follow` finds what it refers to."""

    kind: str
    category: CareCategory
    tree: Tree
    follow: Follow


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """One section. `fed_by` are the sections of the dossier that feed it: whoever feeds one of these and was not heard leaves a gap here.

    `types` are the types that may stand in it by the profile that the document may name.
    """

    code: Code
    title: Wording
    fed_by: frozenset[Section]
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class DocumentPlan:
    """One kind of document. `place` tells the section of a record by its code; none for a record that is no part of such a document.

    `profile` is named where every entry is of a type that it lets stand there; empty: there is none.
    """

    name: str
    title: Wording
    type: Code
    selection: Selection
    sections: tuple[SectionPlan, ...]
    place: Callable[[Candidate], str | None]
    profile: str = ""

    @property
    def asks(self) -> frozenset[CareCategory]:
        """The categories of all that is asked for it, but for what comes along with records."""
        of_types = frozenset[CareCategory]().union(*(categories_of_type(name) for name in self.selection.types))
        return of_types & self.selection.categories if self.selection.categories else of_types

    @property
    def fed_by(self) -> frozenset[Section]:
        """All sections of the dossier that feed it."""
        return frozenset[Section]().union(*(section.fed_by for section in self.sections))
