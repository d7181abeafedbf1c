"""Which of the records that a source brings are decided on and asked for; nothing leaves here yet.

Of what is not, there is no trace in what is counted. Where it cannot be known what a record is, it is counted only if
nothing at all is withheld that it could be.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from accord.rules.consent import Basis
from accord.rules.reading import Record, category_of
from accord.rules.scope import falls_inside
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import RecordRef, is_logical_id
from accord.terms.limits import MIB
from accord.terms.queries import Selection
from accord.terms.records import NEVER_RELEASED, ResourceType
from accord.terms.vocabulary import CareCategory
from node_agent.deciding import Decisions
from node_agent.judging import Judging
from node_agent.labelling import Looked, look, may_hide_labels
from node_agent.ports import SourceRecord
from node_agent.shortfall import Shortfall
from node_agent.sniffing import would_be_told

#: A record over this is not even read: to say what it is would cost the others their time.
_UNREAD_BYTES: Final = 16 * MIB
_CATEGORY_CACHE_ITEMS: Final = 1_024


class Candidate(NamedTuple):
    """A record that may be released as far as it holds all itself, and what it leads to."""

    given: SourceRecord
    record: Looked
    kind: ResourceType
    category: CareCategory
    basis: Basis
    contents: tuple[RecordRef, ...]

    @property
    def name(self) -> str:
        """Its type and id."""
        return f"{self.kind.name}/{self.record.id}"


class Sifting:
    """What is sifted for one answer. *names* has what was looked at and whether it was released."""

    __slots__ = ("_categories", "_decisions", "_names", "_selection", "_shortfall")

    def __init__(self, selection: Selection, decisions: Decisions, names: Mapping[str, bool], shortfall: Shortfall) -> None:
        self._selection = selection
        self._decisions = decisions
        self._names = names
        self._shortfall = shortfall
        self._categories: dict[tuple[str, bytes], CareCategory] = {}

    def candidate(self, given: SourceRecord, judging: Judging) -> Candidate | RecordRef | None:
        """A record that is decided on and asked for; of one that is not released, its name if what holds it need not wait for it; else no trace."""
        text = given.fhir_json
        if len(text) > _UNREAD_BYTES:
            self._shortfall.oversized += self._would_be_told(text)
            return None
        try:
            if given.unfit:
                raise BadInput(Fault.NOT_CONVERTIBLE)
            record = look(text)
        except BadInput:
            self._shortfall.unfit += self._would_be_told(text)
            return None
        kind = record.kind
        if record.resourceType in NEVER_RELEASED or (kind is not None and (kind.is_companion or kind.name == "Patient")):
            return None
        if kind is None or not is_logical_id(record.id):
            self._shortfall.unfit += self._would_be_told(text)
            return None
        category = self._category_of(record, kind)
        basis = judging.basis_of(text, record, kind, category)
        if basis is None or not falls_inside(self._selection, record, kind, category):
            return RecordRef(kind.name, record.id) if judging.note(given, record, kind, withheld=basis is None) else None
        contents = judging.contents_of(text, record, self._names)
        return None if contents is None else Candidate(given, record, kind, category, basis, contents)

    def _would_be_told(self, text: bytes) -> bool:
        return would_be_told(text, self._selection, self._decisions, labelled=may_hide_labels(text))

    def _category_of(self, record: Record, kind: ResourceType) -> CareCategory:
        if kind.name not in ("Observation", "Consent"):
            return kind.category
        # What a category element means depends on nothing else, and a dossier writes few different ones.
        key = kind.name, bytes(record.category)
        category = self._categories.get(key)
        if category is None:
            category = category_of(record, kind)
            if len(self._categories) < _CATEGORY_CACHE_ITEMS:
                self._categories[key] = category
        return category
