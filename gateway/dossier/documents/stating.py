"""Who said what stands in a document whose records are untouched: a Provenance for each holder, by their own addresses."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from accord.terms.identifiers import URA_SYSTEM
from accord.terms.parties import DataHolder
from accord.terms.queries import ORIGINAL
from gateway.dossier.documents.narrative import clean
from gateway.dossier.provenance import AUTHORED, ENTITY_MAPPING, ENTITY_TARGET

_CUSTODIAN: Final = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "custodian", "display": "Custodian"}


def provenance(holder: DataHolder, records: Iterable[tuple[str, str]], logical_id: str, recorded: datetime) -> dict[str, Any]:
    """The Provenance of *records*: the address of each, and by which mapping its holder's agent made it (empty: it is as it is kept)."""
    addresses = list(records)
    entities = [
        {
            "extension": [{"url": ENTITY_TARGET, "valueReference": {"reference": address}}, {"url": ENTITY_MAPPING, "valueString": mapping}],
            "role": "derivation",
            "what": {"reference": f"{address}/{ORIGINAL}"},
        }
        for address, mapping in addresses
        if mapping
    ]
    written: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": logical_id,
        "meta": {"tag": [AUTHORED]},
        "target": [{"reference": address} for address, _ in addresses],
        "recorded": recorded.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": [
            {
                "type": {"coding": [_CUSTODIAN]},
                "who": {"identifier": {"system": URA_SYSTEM, "value": holder.ura.value}, "display": clean(holder.title)},
            }
        ],
    }
    return written | ({"entity": entities} if entities else {})
