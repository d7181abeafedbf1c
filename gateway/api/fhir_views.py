"""From where a client looks: the merged view, or one holder as a FHIR base of its own."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode

from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName
from accord.terms.records import TYPE_NAME
from accord.wire.columns import Row
from gateway.dossier.splicing import splice
from gateway.dossier.window import Origin
from gateway.merging import piece_of


class Shown(NamedTuple):
    """A record in a view: its full URL, its bytes there, and where it stands at its holder."""

    address: str
    content: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class View:
    """A FHIR base. `base` is that of the merged view; without a holder it is the one that is looked at.

    `exact` leaves ids and references as the holders have them; `unfolded` shows the identical of several holders each
    for itself. Both hold at a holder's own base, and where a client of the merged view prefers so.
    """

    base: str
    holder: HolderName | None = None
    exact: bool = False
    unfolded: bool = False

    @property
    def own_base(self) -> str:
        """The address of this base."""
        return self.base if self.holder is None else self.base_of(self.holder)

    @property
    def folds(self) -> bool:
        """Whether the identical is shown once."""
        return self.holder is None and not self.exact and not self.unfolded

    def base_of(self, holder: HolderName) -> str:
        """The address of a holder's own base."""
        return f"{self.base}/at/{holder.value}"

    def shown(self, holder: HolderName, row: Row, text: bytes) -> "Shown":
        """A record as it stands in this view.

        Raises:
            BadInput: It cannot be shown: its id or its JSON is not sound.
        """
        if self.holder is not None or self.exact:
            return self._untouched(holder, row, text)
        try:
            spliced = splice(text, holder, self.base)
        except BadInput:
            # Untouched under its holder's own base every reference in it is right as well.
            return self._untouched(holder, row, text)
        kind = piece_of(holder, row, text).type if row.type_code >= len(TYPE_NAME) else TYPE_NAME[row.type_code] or piece_of(holder, row, text).type
        prefix = f"{holder.value}."
        if spliced.id.startswith(prefix):
            return Shown(f"{self.base}/{kind}/{spliced.id}", spliced.content, Origin(holder, kind, spliced.id.removeprefix(prefix)))
        return Shown(f"{self.base_of(holder)}/{kind}/{spliced.id}", spliced.content, Origin(holder, kind, spliced.id))

    def _untouched(self, holder: HolderName, row: Row, text: bytes) -> "Shown":
        piece = piece_of(holder, row, text)
        return Shown(f"{self.base_of(holder)}/{piece.type}/{piece.id}", text, Origin(holder, piece.type, piece.id))

    def search_url(self, path: str, parameters: list[tuple[str, str]]) -> str:
        """The address of a search in this base."""
        query = urlencode(parameters, quote_via=quote, safe="|,:$/*")
        return f"{self.own_base}/{path}" + (f"?{query}" if query else "")
