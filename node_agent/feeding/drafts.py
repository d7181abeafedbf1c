"""What a message says about a record: one version of it, and its place among all versions that were ever told.

The order of versions does not depend on when they arrive, so that whatever comes twice, late or in another order leads to
the same current version:

1. an answer that is not definitive (preliminary, partial, registered) never goes before one that is; the same holds for a
   Patient as a result mentions it, against one that patient administration (ADT) tells;
2. then the moment of the event counts (OBR-22, EVN-2), or, where there is none, that of the message (MSH-7);
3. then the moment of the message; at the same moment what takes something back (cancelled, in error) goes before the rest;
4. whatever is then still equal but differs in content has an order all the same: that of a digest.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from accord.rules.moments import interval
from accord.terms.identifiers import RecordRef
from node_agent.feeding.values import Json

#: Moments before 1970 sort before those after it.
_EPOCH: Final = 10**15


@dataclass(frozen=True, slots=True)
class Reading:
    """How messages are read. `secret` is of this store: a number that people know is never made an id without it."""

    zone: ZoneInfo
    systems: dict[str, str]
    secret: bytes
    number_authority: str = ""
    order_lines: str = ""
    reports: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """One version of a record. `patient` is the logical id of whose it is; `bsns` are of a Patient.

    Where only the order of lines tells values apart, `next_id` is the id that one more of them would have, told `where`.
    `original` is what of its message it was made from; empty where that is not to be shown. `listed_in` is the report that lists it, as `listed_as` and in the order of `place`.
    """

    ref: RecordRef
    content: Json
    rank: str
    patient: str = ""
    bsns: tuple[str, ...] = ()
    listed_in: RecordRef | None = None
    listed_as: str = "result"
    place: str = ""
    original: bytes = b""
    next_id: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """A Patient record that was replaced by another one."""

    replaced: str
    survivor: str
    rank: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that one message says."""

    drafts: tuple[Draft, ...] = ()
    merges: tuple[Merge, ...] = ()

    @property
    def patient(self) -> str:
        """The logical id of the Patient that the message is about."""
        return next((draft.ref.id for draft in self.drafts if draft.ref.type == "Patient"), "")

    @property
    def bsns(self) -> frozenset[str]:
        """The BSN of the person that the message is about."""
        return frozenset(bsn for draft in self.drafts for bsn in draft.bsns)


def rank(content: Json, *, definitive: bool, event: str, message: str, severity: int = 0) -> str:
    """The place of a version among the others, as text that sorts; *event* and *message* are moments as FHIR writes them."""
    said = _milliseconds(message)
    happened = _milliseconds(event) if event else said
    digest = blake2b(msgspec.json.encode(content, order="sorted"), digest_size=8).hexdigest()
    return f"{int(definitive)}.{happened:016}.{said:016}.{severity}.{digest}"


def derived_id(*parts: str) -> str:
    """An id that the same parts always lead to."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def secret_id(secret: bytes, *parts: str) -> str:
    """The same, for parts that could be found again by trying: nobody can without the secret."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16, key=secret).hexdigest()


def _milliseconds(moment: str) -> int:
    return _EPOCH + interval(moment)[0] if moment else 0
