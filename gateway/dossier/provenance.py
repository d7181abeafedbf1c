"""Who said it: a FHIR Provenance per holder, written by the gateway, that lists what the holder contributed.

For a record that is shown as another holder has it (folded), or that its own agent converted or spliced, the entity
names the original at `/at/<holder>`, and says which target it belongs to. Of one that was converted it is the operation
`$original`, and the entity says by which mapping.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from accord.terms.identifiers import URA_SYSTEM, HolderName
from accord.terms.parties import DataHolder
from accord.terms.queries import ORIGINAL
from accord.wire.columns import COMPANION, DERIVED, SPLICED
from gateway.dossier.splicing import union_reference
from gateway.dossier.window import Origin

#: Tags of what the gateway wrote or marked itself.
MARKS_SYSTEM: Final = "urn:noaber:marks"
AUTHORED: Final[dict[str, str]] = {"system": MARKS_SYSTEM, "code": "authored", "display": "Written by the gateway, not by a data holder"}
#: Extension of an entity: the target of which it is the original.
ENTITY_TARGET: Final = "urn:noaber:provenance-target"
#: Extension of an entity: name and version of the mapping by which the target was made from it.
ENTITY_MAPPING: Final = "urn:noaber:mapping"
MOST_TARGETS: Final = 1_000
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


class _Noted(NamedTuple):
    """A target, its original where that is another record, and the holder as which it is shown where that is another."""

    target: str
    entity: dict[str, Any] | None
    shown_as: HolderName | None


class HolderProvenance:
    """Gathers what one holder contributed to one dossier, and writes it down a thousand targets at a time.

    *base* is the address of the merged view, without a slash at the end.
    """

    def __init__(self, holder: DataHolder, base: str, recorded: datetime) -> None:
        self._holder = holder
        self._base = base
        self._recorded = recorded.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._noted: list[_Noted] = []
        self._written = 0

    def add(self, origin: Origin, flags: int = 0, fold: Origin | None = None, mapping: str = "") -> bytes | None:
        """Note a record of this holder, as which other it is shown, and how it was made; a Provenance whenever one is full."""
        shown = fold or origin
        target = union_reference(shown.holder, shown.type, shown.id, self._base)
        entity: dict[str, Any] | None = None
        if fold is not None or flags & (DERIVED | SPLICED):
            made = mapping if flags & DERIVED else ""
            told = [{"url": ENTITY_MAPPING, "valueString": made}] if made else []
            # What belongs to no patient comes along with a record, and has no original that could be asked for by itself.
            at_its_holder = f"/{ORIGINAL}" if made and not flags & COMPANION else ""
            entity = {
                "extension": [{"url": ENTITY_TARGET, "valueReference": {"reference": target}}, *told],
                "role": "derivation" if flags & DERIVED else "source",
                "what": {"reference": f"{self._base}/at/{origin.holder}/{origin.type}/{origin.id}{at_its_holder}"},
            }
        self._noted.append(_Noted(target, entity, None if fold is None else fold.holder))
        return self.finish() if len(self._noted) == MOST_TARGETS else None

    def forget_folds(self, holder: HolderName) -> None:
        """Strike out what was shown as *holder* has it, and for *holder* itself what was shown as others have it."""
        own = holder == self._holder.name
        self._noted = [noted for noted in self._noted if noted.shown_as is None or not (own or noted.shown_as == holder)]

    def finish(self) -> bytes | None:
        """A Provenance of what was noted since the last one; none when there is nothing."""
        if not self._noted:
            return None
        self._written += 1
        written: dict[str, Any] = {
            "resourceType": "Provenance",
            # Ids of the merged view begin with a holder's name, which has no capital, or are longer than this.
            "id": f"Noaber-{self._holder.name}-{self._written}",
            "meta": {"tag": [AUTHORED]},
            "target": [{"reference": noted.target} for noted in self._noted],
            "recorded": self._recorded,
            "agent": [
                {
                    "type": {"coding": [{"system": _PARTICIPANT, "code": "custodian", "display": "Custodian"}]},
                    "who": {"identifier": {"system": URA_SYSTEM, "value": self._holder.ura.value}, "display": self._holder.title},
                }
            ],
        }
        if entities := [noted.entity for noted in self._noted if noted.entity]:
            written["entity"] = entities
        self._noted = []
        return msgspec.json.encode(written)
