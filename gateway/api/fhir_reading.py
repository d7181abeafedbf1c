"""One record at its holder, or one attachment: as the holder has it, or as it stands in the merged view."""

import base64
import re
from collections.abc import AsyncIterator
from typing import Final

from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName, RecordRef, record_ref
from accord.terms.queries import ORIGINAL
from accord.terms.records import TYPE_BY_NAME
from accord.wire.columns import DERIVED
from gateway.api.bundles import encode
from gateway.api.fhir_calls import Call
from gateway.api.fhir_search import Given, shown_name
from gateway.api.http_exchange import AnswerCut
from gateway.dossier.splicing import parse_union_id
from gateway.merging import pieces

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,80}(?:; ?(?:charset|fhirVersion)=[A-Za-z0-9_.-]{1,20})?")
#: Tells of a single record by which mapping it was made.
MAPPING_HEADER: Final = "noaber-mapping"
_ALWAYS_ALLOWED: Final = frozenset({"_format", "_pretty"})


async def answer_read(call: Call, type_name: str, logical_id: str, given: list[Given]) -> None:
    """Answer with one record.

    Raises:
        BadInput: `not-found`, `unknown-parameter`.
        Unavailable: The holder could not be asked, or shows nothing there.
    """
    check_only(given, _ALWAYS_ALLOWED, lenient=call.rules.lenient)
    if type_name not in TYPE_BY_NAME:
        raise BadInput(Fault.NOT_FOUND)
    holder, own_id = _stands_at(call, logical_id)
    ref = RecordRef(type_name, own_id)
    arrived = await call.door.read(holder, ref, call.reader(call.person, holder, ref))
    for piece in pieces(holder, arrived.batch):
        if piece.type == type_name and piece.id == own_id:
            shown = call.view.shown(holder, piece.row, piece.text)
            made = {MAPPING_HEADER: arrived.mapping} if arrived.mapping and piece.row.flags & DERIVED else {}
            await call.exchange.answer(200, shown.content, {"content-location": shown.address} | made)
            return
    raise BadInput(Fault.NOT_FOUND)


async def answer_original(call: Call, type_name: str, logical_id: str, given: list[Given]) -> None:
    """Answer with what a derived record was made from, as its source has it.

    Raises:
        BadInput: `unknown-parameter`.
        Unavailable: The holder could not be asked, or shows nothing there.
    """
    check_only(given, _ALWAYS_ALLOWED, lenient=call.rules.lenient)
    holder, own_id = _stands_at(call, logical_id)
    ref = RecordRef(type_name, own_id)
    async with call.door.fetch(holder, ORIGINAL, ref, call.reader(call.person, holder, ref, attachment=ORIGINAL)) as (media_type, chunks):
        await _stream(call, media_type, chunks)


async def answer_attachment(call: Call, logical_id: str, given: list[Given]) -> None:
    """Answer with the bytes of an attachment, or a small one as a FHIR Binary where JSON is asked for by name.

    Raises:
        BadInput: `not-found` without the record that refers to it: whether it may be seen is decided on that record.
        Unavailable: The holder could not be asked, or shows nothing there.
    """
    check_only(given, _ALWAYS_ALLOWED | {"record"}, lenient=call.rules.lenient)
    referrer = next((item.value for item in given if item.name == "record"), call.exchange.headers.get("noaber-record", ""))
    if not referrer:
        raise BadInput(Fault.NOT_FOUND, "record")
    holder, own_id = _stands_at(call, logical_id)
    ref = record_ref(referrer)
    referring_holder, referring_id = _stands_at(call, ref.id)
    if referring_holder != holder:
        raise BadInput(Fault.NOT_FOUND, "record")
    record = RecordRef(ref.type, referring_id)
    # Whatever fails once bytes are on their way is caught inside: an answer that is cut must look cut.
    url = f"Binary/{own_id}"
    async with call.door.fetch(holder, url, record, call.reader(call.person, holder, record, attachment=url)) as (media_type, chunks):
        exchange = call.exchange
        if exchange.wishes.json_binary:
            parts: list[bytes] = []
            async for chunk in chunks:
                parts.append(chunk)
                if sum(map(len, parts)) > call.settings.binary_json_bytes:
                    raise BadInput(Fault.TOO_LARGE)
            data = base64.b64encode(b"".join(parts)).decode("ascii")
            await exchange.answer(200, encode({"resourceType": "Binary", "id": logical_id, "contentType": media_type, "data": data}))
            return
        await _stream(call, media_type, chunks)


async def _stream(call: Call, media_type: str, chunks: AsyncIterator[bytes]) -> None:
    exchange = call.exchange
    sane = media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
    await exchange.start(200, {"content-disposition": "attachment"}, content_type=sane)
    if exchange.scope["method"] != "HEAD":
        try:
            async for chunk in chunks:
                await exchange.write(chunk)
        except Faulted:
            raise AnswerCut from None
    await exchange.end()


def check_only(given: list[Given], names: frozenset[str], *, lenient: bool) -> None:
    """Refuse parameters other than these.

    Raises:
        BadInput: `unknown-parameter`, with its name.
    """
    for item in given:
        if item.name not in names and not lenient:
            raise BadInput(Fault.UNKNOWN_PARAMETER, shown_name(item.name))


def _stands_at(call: Call, logical_id: str) -> tuple[HolderName, str]:
    return parse_union_id(logical_id) if call.view.holder is None else (call.view.holder, logical_id)
