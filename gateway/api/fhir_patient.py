"""The one Patient of the merged view: written by the gateway, with links to each holder's own."""

from dataclasses import dataclass, field
from typing import Any

from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import BSN_SYSTEM, HolderName
from accord.terms.queries import Selection
from accord.terms.records import TYPE_CODE
from gateway.api.bundles import BundleParts, encode
from gateway.api.fhir_account import SET_ASIDE, check_heard, header_of, with_unfit
from gateway.api.fhir_answers import BundleAnswer
from gateway.api.fhir_calls import Call
from gateway.api.fhir_search import Search
from gateway.api.http_door import hear
from gateway.dossier.provenance import AUTHORED
from gateway.merging import Piece, pieces
from gateway.patient_ids import Person
from gateway.ports import Completeness, DossierEvent, HolderBatch

_PATIENT = TYPE_CODE["Patient"]


@dataclass(slots=True)
class _Known:
    """The holders' own Patient records of one person, and the account."""

    records: list[Piece] = field(default_factory=list)
    unfit: dict[HolderName, int] = field(default_factory=dict)
    completeness: Completeness | None = None

    async def take(self, event: DossierEvent) -> None:
        """Take in what happened."""
        match event:
            case HolderBatch():
                try:
                    self.records += [piece for piece in pieces(event.holder, event.batch) if piece.row.type_code == _PATIENT]
                except BadInput:
                    self.unfit[event.holder] = self.unfit.get(event.holder, 0) + 1
            case Completeness():
                self.completeness = event
            case _:
                pass


async def answer_patient_search(call: Call, person: Person, search: Search) -> None:
    """Answer with the one Patient of the merged view, or at a holder's own base with its own.

    Raises:
        Faulted: The dossier could not be opened.
        NotHeard: Nobody was heard, or the client takes no part and not everybody was.
    """
    known, completeness = await _ask(call, person)
    answer = BundleAnswer(call)
    if call.view.holder is None:
        logical_id = call.id_of(person)
        entries = [answer.parts.authored(f"{call.view.base}/Patient/{logical_id}", _authored(call, person, known), match=True)]
    else:
        entries = [answer.record(piece.holder, piece.row, piece.text, match=True) for piece in known]
    completeness = with_unfit(completeness, answer.unfit)
    url = call.view.search_url("Patient", [("_id", call.id_of(person))])
    total = {"total": len(entries)} if completeness.complete else {}
    rest = answer.finish(completeness, search.ignored, total)
    # Whoever asks for this person again, without a BSN, says so by this id.
    headers = header_of(completeness) | {"noaber-patient": call.id_of(person)}
    await call.exchange.answer(200, b"".join((BundleParts.opening({"self": url}), *entries, rest)), headers)


async def answer_patient_read(call: Call, person: Person) -> None:
    """Answer with the one Patient of the merged view alone.

    Raises:
        Faulted: As `answer_patient_search`.
    """
    known, completeness = await _ask(call, person)
    await call.exchange.answer(200, encode(_authored(call, person, known)), header_of(completeness))


async def _ask(call: Call, person: Person) -> tuple[list[Piece], Completeness]:
    known = _Known()
    await hear(call.door, call.query(person, Selection(types=frozenset({"Patient"}), includes=())), known.take)
    if known.completeness is None:
        raise Unavailable(Fault.INTERNAL)
    check_heard(known.completeness, shown=bool(known.records), refuses_partial=call.refuses_partial)
    aside = {line.holder.name for line in known.completeness.holders if line.ending in SET_ASIDE}
    return [piece for piece in known.records if piece.holder not in aside], with_unfit(known.completeness, known.unfit)


def _authored(call: Call, person: Person, known: list[Piece]) -> dict[str, Any]:
    written: dict[str, Any] = {
        "resourceType": "Patient",
        "id": call.id_of(person),
        "meta": {"tag": [AUTHORED]},
        "identifier": [{"system": BSN_SYSTEM, "value": person.bsn.value}],
    }
    if person.birth_date is not None:
        written["birthDate"] = person.birth_date.isoformat()
    links = [_link(call, piece.holder, piece.id) for piece in sorted(known, key=lambda piece: (piece.holder, piece.id))]
    return written | ({"link": links} if links else {})


def _link(call: Call, holder: HolderName, logical_id: str) -> dict[str, Any]:
    return {"other": {"reference": f"{call.view.base_of(holder)}/Patient/{logical_id}"}, "type": "seealso"}
