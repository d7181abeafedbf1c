"""Records by type and id: one by itself, several in batches where the server can search by `_id`.

One that is asked for alone is read at once, so that it takes one request whether or not it exists: how long it takes
must not tell.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Final

from accord.terms.identifiers import RecordRef
from node_agent.ports import SourceAnswerInvalid
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Request, SourceRefused
from node_agent.sources.fhir_pages import ref_in, search
from node_agent.sources.fhir_search import side_by_side
from node_agent.sources.fhir_walk import Walk

_IDS_AT_ONCE: Final = 50
#: Answers that say "not here" rather than "not now".
_GONE: Final = frozenset({404, 410})
_NOT_UNDERSTOOD: Final = frozenset({400, 404, 405, 422, 501})


async def read_bodies(client: FhirClient, endpoint: FhirEndpoint, refs: Iterable[RecordRef], until: float) -> dict[RecordRef, bytes]:
    """These records as received; what does not exist is not in the answer.

    Raises:
        SourceFailure: It could not be found out.
    """
    ids_of: defaultdict[str, list[str]] = defaultdict(list)
    for ref in sorted(set(refs), key=str):
        ids_of[ref.type].append(ref.id)
    batches = [
        (kind, ids[start : start + _IDS_AT_ONCE])
        for kind, ids in ids_of.items()
        if kind != "Binary" and len(ids) > 1
        for start in range(0, len(ids), _IDS_AT_ONCE)
    ]
    found: dict[RecordRef, bytes] = {}
    for some in await side_by_side([partial(_searched, client, endpoint, kind, ids, until) for kind, ids in batches]):
        found |= some
    # Not every server knows `_id=1,2`: before a record counts as missing, it is asked for by itself.
    missing = [RecordRef(kind, logical_id) for kind, ids in ids_of.items() for logical_id in ids if RecordRef(kind, logical_id) not in found]
    for ref, body in zip(missing, await side_by_side([partial(_read, client, endpoint, ref, until) for ref in missing]), strict=True):
        if body is not None:
            found[ref] = body
    return found


async def _searched(client: FhirClient, endpoint: FhirEndpoint, kind: str, ids: list[str], until: float) -> dict[RecordRef, bytes]:
    request = search(endpoint, kind, [("_id", ",".join(ids)), ("_count", str(len(ids)))])
    try:
        found = await Walk(endpoint, request).all(client, until)
    except SourceRefused as refusal:
        if refusal.status in _NOT_UNDERSTOOD:
            return {}
        raise
    return {RecordRef(kind, logical_id): body for body in found if (logical_id := ref_in(body)[1]) in ids}


async def _read(client: FhirClient, endpoint: FhirEndpoint, ref: RecordRef, until: float) -> bytes | None:
    reply = await client.answer(Request(ref.type, f"{endpoint.bases[0]}/{ref}"), until)
    if reply.status in _GONE:
        return None
    body = reply.checked(ref.type).strip()
    if ref_in(body) != (ref.type, ref.id):
        raise SourceAnswerInvalid(ref.type)
    return body
