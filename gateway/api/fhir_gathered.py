"""The records of a document: each once, found by its address, with everybody who states the same and everything that it refers to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from accord.rules.reading import references
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName
from accord.terms.records import TYPE_CODE
from accord.wire.columns import COMPANION, ENTERED_IN_ERROR, Row, rows
from gateway.api.fhir_answers import is_shown_anyway
from gateway.api.fhir_held import Held
from gateway.api.fhir_views import Shown, View
from gateway.api.http_turns import Turn
from gateway.dossier.alike import Placed, Step
from gateway.dossier.clinical.trees import Tree, parts, read_tree, text
from gateway.dossier.folding import Folding
from gateway.dossier.window import Origin
from gateway.merging import piece_of

#: Everything is in memory already: nothing need leave the window in which the identical is found.
_WHOLE_WINDOW: Final = 2**62
_PATIENT: Final = TYPE_CODE["Patient"]


@dataclass(slots=True, eq=False)
class Gathered:
    """A record: where it stands in the document, where at its holder, as it came and as it is shown."""

    holder: HolderName
    row: Row
    address: str
    origin: Origin
    text: bytes = field(repr=False)
    content: bytes = field(repr=False)
    mapping: str = ""
    #: The records of other holders that state the identical thing.
    also: list["Gathered"] = field(default_factory=list)

    def read(self) -> Tree:
        """The record as its holder has it; an empty one where it is no JSON object, which screening lets none be. Not kept: trees are large."""
        try:
            return read_tree(self.text)
        except (ValueError, TypeError, RecursionError):
            return {}

    @property
    def is_patient(self) -> bool:
        """Whether it is a holder's own record of the person."""
        return self.row.type_code == _PATIENT

    @property
    def is_companion(self) -> bool:
        """Whether it belongs to no patient."""
        return bool(self.row.flags & COMPANION)

    @property
    def in_error(self) -> bool:
        """Whether its source says that it should never have been there; of a Goal another member says so."""
        return bool(self.row.flags & ENTERED_IN_ERROR) or (self.origin.type == "Goal" and text(self.read(), "lifecycleStatus") == "entered-in-error")

    def refers_to(self) -> Iterator[str]:
        """The addresses that its references lead to; a relative one stands at the base that its own address is below."""
        base = self.address.rsplit("/", 2)[0]
        for raw in references(self.content):
            named = raw.replace(b"\\/", b"/").decode(errors="replace").partition("/_history/")[0]
            yield named if ":" in named else f"{base}/{named}"


@dataclass(slots=True)
class Records:
    """All records that came. `unfit` counts those that could not be shown."""

    view: View
    shown: dict[str, Gathered] = field(default_factory=dict)
    folded: dict[str, Gathered] = field(default_factory=dict)
    unfit: dict[HolderName, int] = field(default_factory=dict)
    _at_holder: dict[Origin, Gathered] = field(default_factory=dict)

    async def gather(self, held: Held) -> None:
        """Take in what may be shown of what is held."""
        folding = Folding(_WHOLE_WINDOW, shown_anyway=is_shown_anyway) if self.view.folds else None
        for batches in held.batches():
            mapping = next((batch.mapping for batch in batches if batch.mapping), "")
            holder = batches[0].holder
            for batch in batches:
                if folding is not None:
                    await self._place(folding.folding(batch), mapping)
                else:
                    await self._place(_one_by_one(holder, batch.batch.columns, batch.batch.blob), mapping)
            if folding is not None:
                await self._place(folding.settling(holder), mapping)
        if folding is not None:
            await self._place(folding.finishing(), "")

    def followed(self, holder: HolderName, record: Tree, reference: str) -> Tree | None:
        """The record that a reference of a record leads to, at the same holder or inside the record; none when it is not here."""
        if reference.startswith("#"):
            return next((one for one in parts(record, "contained") if text(one, "id") == reference[1:]), None)
        kind, _, logical_id = reference.partition("/_history/")[0].partition("/")
        found = self._at_holder.get(Origin(holder, kind, logical_id))
        return found.read() if found is not None else None

    @property
    def patients(self) -> list[Gathered]:
        """The holders' own records of the person."""
        return [record for record in self.shown.values() if record.is_patient]

    async def with_what_they_refer_to(self, first: Iterable[Gathered]) -> list[Gathered]:
        """These, and all that they lead to, each once and in that order; a record that another states too comes itself where it is named."""
        found = {record.address: record for record in first}
        waiting, turn = list(found.values()), Turn()
        while waiting:
            if turn.is_over:
                await turn.pass_on()
            for address in waiting.pop().refers_to():
                record = self.shown.get(address) or self.folded.get(address)
                if record is not None and address not in found:
                    found[address] = record
                    waiting.append(record)
        return list(found.values())

    async def _place(self, steps: Iterable[Step], mapping: str) -> None:
        turn = Turn()
        for placed in steps:
            if placed is not None:
                self._take(placed, mapping)
            if turn.is_over:
                await turn.pass_on()

    def _take(self, placed: Placed, mapping: str) -> None:
        holder, row = placed.holder, placed.row
        try:
            shown: Shown = self.view.shown(holder, row, placed.content)
            piece = piece_of(holder, row, placed.content)
            record = Gathered(holder, row, shown.address, Origin(holder, piece.type, piece.id), placed.content, shown.content, mapping)
        except BadInput:
            self.unfit[holder] = self.unfit.get(holder, 0) + 1
            return
        if (before := self.shown.get(record.address) or self.folded.get(record.address)) is not None:
            # Sent twice it is there once. Two under one id cannot both be there, and nobody knows which is meant.
            self.unfit[holder] = self.unfit.get(holder, 0) + (before.text != record.text)
            return
        self._at_holder[record.origin] = record
        kept = None if placed.fold is None or is_shown_anyway(row) else self._at_holder.get(placed.fold)
        if kept is None:
            self.shown[record.address] = record
        else:
            kept.also.append(record)
            self.folded[record.address] = record


def _one_by_one(holder: HolderName, columns: bytes, blob: bytes) -> Iterator[Step]:
    start = 0
    for row in rows(columns):
        yield Placed(holder, row, blob[start : row.end], None)
        start = row.end
