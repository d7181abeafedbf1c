"""A search in pages: one question per page, in the global order, with a link to the next one that keeps nothing here."""

from dataclasses import replace
from hashlib import sha256

from accord.terms.answers import Batch
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.wire.columns import ROW, Row
from gateway.api.bundles import BundleParts
from gateway.api.fhir_account import Before, check_heard, header_of, with_unfit
from gateway.api.fhir_answers import BundleAnswer
from gateway.api.fhir_calls import Call, now_s
from gateway.api.fhir_pages import Opened, companions_of, open_page
from gateway.api.fhir_search import Search
from gateway.api.http_turns import Turn
from gateway.cursor import Cursor
from gateway.dossier.folding import Folding
from gateway.dossier.splicing import parse_union_id
from gateway.dossier.window import Origin
from gateway.merging import Piece
from gateway.patient_ids import Person
from gateway.ports import HolderBatch


async def answer_page(call: Call, person: Person, search: Search, path: str, subject: tuple[tuple[str, str], ...]) -> None:
    """Answer with one page. *path* and *subject* say in the links what was asked and about whom.

    Raises:
        Faulted: The dossier could not be opened, or the cursor is not good for this search.
        NotHeard: Nobody was heard, or the client takes no part and not everybody was.
    """
    user = call.caller.asked_by.data_user.ura
    count = search.count or call.settings.default_count
    applied = [*subject, *search.applied]
    url = call.view.search_url(path, applied)
    digest = sha256(url.encode()).digest()
    cursor = call.cursors.open(search.cursor, search=digest, user=user, now_s=now_s()) if search.cursor else None
    asked, wanted = _by_ids(call, search)
    query = call.query(person, asked.selection, frozenset(holder for holder, _ in wanted))
    opened = await open_page(call.door, query, cursor, count=count, first_frame_seconds=call.settings.first_frame_seconds)
    if wanted and call.view.holder is None:
        opened = replace(opened, records=tuple(piece for piece in opened.records if (piece.holder, piece.id) in wanted))
    links = {"self": url if cursor is None else call.view.search_url(path, [*applied, ("_cursor", search.cursor)])}
    if opened.last is not None:
        expires = int(now_s()) + call.settings.cursor_seconds
        following = Cursor(opened.last.key, opened.last.holder, opened.missed, expires, opened.took_part)
        links["next"] = call.view.search_url(path, [*applied, ("_cursor", call.cursors.seal(following, search=digest, user=user))])
    await _send(call, search, opened, links, first=cursor is None)


async def _send(call: Call, search: Search, opened: Opened, links: dict[str, str], *, first: bool) -> None:
    answer = BundleAnswer(call, mappings=dict(opened.mappings), cards={line.holder.name: line.holder for line in opened.completeness.holders})
    everything = not search.selection.types or not search.selection.types.isdisjoint({"Patient"})
    patients = [piece for pieces in opened.others.values() for piece in pieces if piece.type == "Patient"]
    companions = companions_of(opened)
    folds = await _folds(opened) if call.view.folds else {}
    entries: list[bytes] = []
    shown = 0
    if search.with_patients or (everything and first):
        entries += [answer.record(piece.holder, piece.row, piece.text, match=everything) for piece in patients]
        shown += len(patients) if everything else 0
    for piece in opened.records:
        fold = folds.get((piece.holder, piece.type, piece.id))
        entries.append(answer.record(piece.holder, piece.row, piece.text, match=True, fold=fold))
        shown += fold is None
    entries += [answer.record(piece.holder, piece.row, piece.text, match=False) for piece in companions if _wanted(piece.type, search)]
    completeness = with_unfit(opened.completeness, answer.unfit)
    check_heard(completeness, shown=bool(opened.records), refuses_partial=call.refuses_partial)
    whole = completeness.complete and first and opened.last is None
    rest = answer.finish(completeness, search.ignored, {"total": shown} if whole else {}, before=Before.NOTHING if first else Before.PAGES)
    await call.exchange.answer(200, b"".join((BundleParts.opening(links), *entries, rest)), header_of(completeness))


def _wanted(kind: str, search: Search) -> bool:
    """Whether a companion is wanted: with `$everything` and `_type` only those that are named."""
    types = search.selection.types
    return not search.names_types or kind in types


def _by_ids(call: Call, search: Search) -> tuple[Search, frozenset[tuple[HolderName, str]]]:
    """The search with `_id` put to holders in their own ids; in the merged view an id names its holder."""
    if not search.ids:
        return search, frozenset()
    if call.view.holder is not None:
        wanted = frozenset((call.view.holder, logical_id) for logical_id in search.ids)
    else:
        try:
            wanted = frozenset(parse_union_id(text) for text in search.ids)
        except BadInput:
            raise BadInput(Fault.INVALID_PARAMETER, "_id") from None
    ids = tuple(sorted({logical_id for _, logical_id in wanted}))
    return replace(search, selection=replace(search.selection, ids=ids)), wanted


async def _folds(opened: Opened) -> dict[tuple[HolderName, str, str], Origin]:
    """Which records of a page are shown as another holder has them. What they refer to is fed first."""
    folding, turn = Folding(), Turn()
    patients = {holder: frozenset(piece.id for piece in pieces if piece.type == "Patient") for holder, pieces in opened.others.items()}
    for piece in (*(piece for pieces in opened.others.values() for piece in pieces), *opened.records):
        for _ in folding.folding(_alone(piece, patients.get(piece.holder, frozenset())), (piece.id,)):
            if turn.is_over:
                await turn.pass_on()
    for _ in folding.finishing():
        if turn.is_over:
            await turn.pass_on()
    # What repeats is always the later one on the page, so what it repeats is on the page as well.
    return {(fold.also.holder, fold.also.type, fold.also.id): fold.kept for fold in folding.folded}


def _alone(piece: Piece, patients: frozenset[str]) -> HolderBatch:
    row = Row(*piece.row[:4], len(piece.text), *piece.row[5:])
    return HolderBatch(piece.holder, Batch(ROW.pack(*row), piece.text, 0), patients)
