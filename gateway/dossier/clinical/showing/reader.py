"""What reading one record takes: the record, the reader's language, the concept table and the way to other records.

References may lead in circles, and records may be nested as deep as somebody likes: there is an end to both.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.showing.wording import label, phrase
from gateway.dossier.clinical.shown import Attachment
from gateway.dossier.clinical.trees import Follow, Tree, parts, text
from gateway.dossier.words import Language, Wording

#: From a record to its medicine to an ingredient, or from a plan to a goal to a problem: further nobody reads on one line.
_FURTHEST: Final = 3
_MOST: Final = 400
#: A questionnaire has some eight levels of groups and questions.
DEEPEST: Final = 40


@dataclass(slots=True)
class _Left:
    """How many references may still be followed for one line."""

    follows: int = _MOST


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one record. `attachments` gathers what is met on the way."""

    tree: Tree
    follow: Follow
    language: Language
    table: ConceptTable
    attachments: dict[Attachment, None] = field(default_factory=dict)
    _depth: int = 0
    _left: _Left = field(default_factory=_Left)

    def say(self, wording: Wording) -> str:
        """The wording in the reader's language."""
        return wording.in_language(self.language)

    def phrase(self, name: str) -> str:
        """One of our phrases in the reader's language."""
        return self.say(phrase(name))

    def label(self, name: str) -> str:
        """The label of an element."""
        return self.say(label(name))

    def at(self, reference: object) -> "Reader | None":
        """A reader of the record that a reference leads to, or that is contained here; none where there is none or it is too far."""
        address = text(reference, "reference")
        if not address or self._depth >= _FURTHEST or self._left.follows <= 0:
            return None
        self._left.follows -= 1
        if address.startswith("#"):
            found = next((one for one in parts(self.tree, "contained") if text(one, "id") == address[1:]), None)
        else:
            found = self.follow(address)
        return None if found is None else self.of(found)

    def of(self, tree: Tree) -> "Reader":
        """A reader of another record, for the same line. What is contained in the first stays in reach of none but it."""
        return replace(self, tree=tree, attachments={}, _depth=self._depth + 1)
