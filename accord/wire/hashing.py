"""What binds an answer to its question, and the bytes that arrived to the bytes that were sent."""

import json
from hashlib import sha256

from blake3 import blake3

from accord.terms.answers import Batch
from accord.terms.identifiers import Bsn
from accord.terms.queries import HolderQuery, Token


def question_hash(query: HolderQuery) -> bytes:
    """SHA-256 over the canonical form of a holder query: JSON with sorted keys and lists, ASCII, no white space.

    It is our own form and not the bytes of the message, because protobuf promises no canonical bytes.
    """
    selection = query.selection
    after = selection.after
    form = {
        "id": query.id.value,
        "holder": query.holder.value,
        "bsn": query.about.value if isinstance(query.about, Bsn) else "",
        "record": "" if isinstance(query.about, Bsn) else str(query.about),
        "birthDate": "" if query.birth_date is None else query.birth_date.isoformat(),
        "dataUser": [query.asked_by.data_user.ura.value, query.asked_by.data_user.name, query.asked_by.data_user.kind.value],
        "professional": [
            query.asked_by.professional.identifier,
            query.asked_by.professional.role,
            query.asked_by.professional.name,
        ],
        "treats": query.asked_by.treats_the_patient,
        "purpose": query.purpose.value,
        "types": sorted(selection.types),
        "categories": sorted(selection.categories),
        "codes": _pairs(selection.codes),
        "categoryTokens": _pairs(selection.category_tokens),
        "statuses": sorted(selection.statuses),
        "identifiers": _pairs(selection.identifiers),
        "ids": sorted(selection.ids),
        "dates": sorted([bound.prefix, bound.value] for bound in selection.dates),
        "updated": sorted([bound.prefix, bound.value] for bound in selection.updated),
        "includes": sorted(selection.includes),
        "order": selection.order.value,
        "after": [] if after is None else [str(after.time_ms), after.type_code, str(after.content_hint), after.id],
        "afterInclusive": selection.after_inclusive,
        "limit": selection.limit,
    }
    return sha256(json.dumps(form, sort_keys=True, separators=(",", ":")).encode("ascii")).digest()


def _pairs(tokens: tuple[Token, ...]) -> list[list[str]]:
    return sorted([token.system, token.code] for token in tokens)


class StreamDigest:
    """BLAKE3-256 over the batches of one answer, in order: for each its columns, then its blob."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = blake3()

    def add(self, batch: Batch) -> None:
        """Take in one batch."""
        self._state.update(batch.columns)
        self._state.update(batch.blob)

    def add_chunk(self, content: bytes) -> None:
        """Take in one chunk of an attachment."""
        self._state.update(content)

    def value(self) -> bytes:
        """The 32 bytes so far."""
        return self._state.digest()
