"""Puts a dossier into a Bundle: records as they come, who said them, who was not heard; then it is closed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from accord.terms.faults import BadInput, Faulted
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder
from accord.terms.records import TYPE_CODE
from accord.wire.columns import COMPANION, Row
from gateway.api.bundles import BundleParts
from gateway.api.fhir_account import PARTIAL, Before, outcomes_of, tag_of
from gateway.api.fhir_calls import Call
from gateway.api.outcomes import authored_outcome, failure_issue, ignored_issue
from gateway.dossier.provenance import AUTHORED, HolderProvenance
from gateway.dossier.window import Origin
from gateway.merging import piece_of
from gateway.ports import Completeness

_PATIENT: Final = TYPE_CODE["Patient"]


def is_shown_anyway(row: Row) -> bool:
    """Whether a record is shown also when another holder states the identical: others refer to it by its id."""
    return bool(row.flags & COMPANION) or row.type_code == _PATIENT


@dataclass(slots=True)
class BundleAnswer:
    """The parts of one answer's Bundle. `unfit` counts the records that could not be shown."""

    call: Call
    parts: BundleParts = field(default_factory=BundleParts)
    unfit: dict[HolderName, int] = field(default_factory=dict)
    recorded: datetime = field(default_factory=lambda: datetime.now(UTC))
    #: How each holder's derived records were made.
    mappings: dict[HolderName, str] = field(default_factory=dict)
    #: Who was asked, as the plan has them: whoever left the register meanwhile has still answered.
    cards: dict[HolderName, DataHolder] = field(default_factory=dict)
    _provenance: dict[HolderName, HolderProvenance] = field(default_factory=dict)

    def record(self, holder: HolderName, row: Row, text: bytes, *, match: bool, fold: Origin | None = None) -> bytes:
        """The entry of a record; nothing for one that is shown as another holder has it, or that cannot be shown."""
        try:
            if fold is not None and not is_shown_anyway(row):
                piece = piece_of(holder, row, text)
                return self._noted(Origin(holder, piece.type, piece.id), row.flags, fold)
            shown = self.call.view.shown(holder, row, text)
        except BadInput:
            self.unfit[holder] = self.unfit.get(holder, 0) + 1
            return b""
        return self.parts.entry(shown.address, shown.content, match=match) + self._noted(shown.origin, row.flags, None)

    def finish_holder(self, holder: HolderName) -> bytes:
        """The entry that says what this holder contributed."""
        return self._written(self._provenance[holder].finish()) if holder in self._provenance else b""

    def withdraw(self, holder: HolderName) -> None:
        """Say of nothing any more that it is shown as *holder* has it."""
        for provenance in self._provenance.values():
            provenance.forget_folds(holder)

    def finish(self, completeness: Completeness, ignored: Iterable[str], members: Mapping[str, Any], *, before: Before = Before.NOTHING) -> bytes:
        """Everything after the last record; *before* says what the client had by then."""
        wishes, query_id = self.call.exchange.wishes, completeness.query_id.value
        entries = [self.finish_holder(holder) for holder in self._provenance]
        entries += [self.parts.outcome(outcome) for outcome in outcomes_of(completeness, wishes.language, before)]
        if names := list(ignored):
            entries.append(self.parts.outcome(authored_outcome([ignored_issue(name, wishes.language, query_id) for name in names])))
        tags = [tag_of(completeness), AUTHORED]
        return b"".join(entries) + self.parts.closing({**members, "meta": {"tag": tags}, "timestamp": self.recorded.isoformat(timespec="milliseconds")})

    def break_off(self, failure: Faulted) -> bytes:
        """Everything after the last record of an answer that cannot be finished: what failed, and that it is a part."""
        wishes = self.call.exchange.wishes
        entries = [self.finish_holder(holder) for holder in self._provenance]
        entries.append(self.parts.outcome(authored_outcome([failure_issue(failure, wishes.language, wishes.request_id)])))
        return b"".join(entries) + self.parts.closing({"meta": {"tag": [PARTIAL, AUTHORED]}, "timestamp": self.recorded.isoformat(timespec="milliseconds")})

    def _noted(self, origin: Origin, flags: int, fold: Origin | None) -> bytes:
        if self.call.view.holder is not None:
            # At a holder's own base there is nobody else who can have said it.
            return b""
        if origin.holder not in self._provenance:
            self._provenance[origin.holder] = HolderProvenance(self.cards[origin.holder], self.call.view.base, self.recorded)
        return self._written(self._provenance[origin.holder].add(origin, flags, fold, self.mappings.get(origin.holder, "")))

    def _written(self, provenance: bytes | None) -> bytes:
        if provenance is None:
            return b""
        logical_id, unique = of_this_answer(self.call, provenance)
        return self.parts.entry(f"{self.call.view.base}/Provenance/{logical_id}", unique, match=False)


def authored_id(call: Call, name: str) -> str:
    """The id of something that the gateway writes for one answer. Clients that keep what they read by type and id must not take it for that of another answer."""
    return f"Noaber-{call.id.value[:12]}-{name}"


def of_this_answer(call: Call, provenance: bytes) -> tuple[str, bytes]:
    """A Provenance under an id of this answer alone, and that id."""
    unique = provenance.replace(b'"id":"Noaber-', f'"id":"{authored_id(call, "")}'.encode(), 1)
    return msgspec.json.decode(unique, type=_Head).id, unique


class _Head(msgspec.Struct):
    id: str
