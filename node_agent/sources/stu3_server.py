"""A FHIR STU3 server as a source, read through: asked in its own words, and each of its records told in R4.

Nothing is kept but how to convert. A record that cannot be told in R4 without guessing is counted, and never leaves.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

import structlog

from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef
from accord.terms.limits import MIB
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME, ResourceType
from node_agent.converting.names import REFERRAL_MARK
from node_agent.converting.stu3 import CONVERSIONS, MADE_FROM, MAPPING, MEDIA_TYPE, Converter
from node_agent.ports import Original, SourceRecord
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_generation import Generation
from node_agent.sources.fhir_rest import FhirServer

_log = structlog.get_logger("noaber.agent")

#: A record over this is not even read.
_UNREAD_BYTES: Final = 16 * MIB
#: What decides whether it may be told that there is a record which cannot be converted, as R4 calls it.
_MARKS: Final = {
    b'"ProcedureRequest"': b'"ServiceRequest"',
    b'"ReferralRequest"': b'"ServiceRequest"',
    b'"related"': b'"hasMember"',
    b'"image"': b'"media"',
    b'"package"': b'"ingredient"',
}


@lru_cache(maxsize=16)
def _converter(bases: tuple[str, ...]) -> Converter:
    """Holds no records: only how to convert."""
    return Converter(bases)


def _taken(body: bytes, bases: tuple[str, ...]) -> SourceRecord:
    if len(body) > _UNREAD_BYTES:
        return SourceRecord(body, unfit=True)
    try:
        return SourceRecord(_converter(bases).convert(body), derived=True)
    except BadInput as refusal:
        # Only the code: the name of an element can tell what is in it.
        _log.debug("a record cannot be told in R4", code=refusal.fault.value)
        for old, new in _MARKS.items():
            body = body.replace(old, new)
        return SourceRecord(body, derived=True, unfit=True)


def _named(ref: RecordRef) -> tuple[RecordRef, ...]:
    """By which names the server may have a record of R4: each id stands for one record only."""
    if ref.type != "ServiceRequest":
        return (ref,) if ref.type in MADE_FROM else ()
    if ref.id.startswith(REFERRAL_MARK):
        own = ref.id.removeprefix(REFERRAL_MARK)
        return (RecordRef("ReferralRequest", own),) if own else ()
    return (RecordRef("ProcedureRequest", ref.id),)


def _kind(name: str) -> ResourceType:
    told = next(told for told, names in MADE_FROM.items() if name in names)
    return replace(TYPE_BY_NAME[told], name=name)


#: FHIR 3.0.x. Types are as R4 has them, with the names of STU3.
STU3: Final = Generation(
    "stu3",
    "3.0.",
    types=tuple(_kind(name) for name in CONVERSIONS),
    told_as={name: told for told, names in MADE_FROM.items() for name in names if name != told},
    otherwise={"Coverage": "beneficiary"},
    untold=frozenset(name for name, kind in TYPE_BY_NAME.items() if kind.owner and name not in CONVERSIONS and name not in NEVER_RELEASED),
    named=_named,
    taken=_taken,
)


class Stu3Server(FhirServer):
    """Implements `node_agent.ports.Source` and `Derives` over a server of FHIR STU3; used as `FhirServer` is."""

    def __init__(self, endpoint: FhirEndpoint) -> None:
        super().__init__(replace(endpoint, generation=STU3))

    @property
    def mapping(self) -> str:
        """Name and version of the conversion."""
        return MAPPING

    async def original(self, ref: RecordRef) -> Original | None:
        """The record as the server has it; none when it does not exist, or is another one than was converted.

        Raises:
            SourceFailure: It could not be read.
        """
        body = (await self.originals([ref])).get(ref)
        return None if body is None else Original(MEDIA_TYPE, body, _taken(body, self.bases), is_fhir=True)
