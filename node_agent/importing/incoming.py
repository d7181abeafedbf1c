"""A record on its way in: read strictly once, and what must be spliced into it."""

import json
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any, Final

from accord.rules.moments import interval
from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef, is_logical_id
from accord.terms.limits import MIB
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME, ResourceType
from node_agent.importing.placeholders import dates_filled_in, has_placeholders
from node_agent.importing.reasons import Reason
from node_agent.importing.references import Provisional, provisional_references
from node_agent.importing.splices import Splice, spliced
from node_agent.importing.splitting import DOCUMENT_BYTES, Entry
from node_agent.importing.strict_reading import read_strictly
from node_agent.importing.versions import TYPES_OF_OTHER_VERSIONS, Evidence, evidence

#: A record is no larger than this; a Binary may fill a whole document.
RECORD_BYTES: Final = 16 * MIB


class Refused(Exception):
    """A record is not taken, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(slots=True)
class Incoming:
    """A record as it came, what it says, and the splices it has so far."""

    kind: ResourceType
    ref: RecordRef
    original: bytes
    content: dict[str, Any]
    splices: list[Splice] = field(default_factory=list)
    provisional: list[Provisional] = field(default_factory=list)

    @property
    def updated_ms(self) -> int | None:
        """When the source says that it last changed."""
        return moment_ms(self._meta.get("lastUpdated"))

    @property
    def version(self) -> str:
        """Which version the source says that it is."""
        version = self._meta.get("versionId")
        return version if isinstance(version, str) else ""

    @property
    def _meta(self) -> dict[str, Any]:
        meta = self.content.get("meta")
        return meta if isinstance(meta, dict) else {}


@dataclass(slots=True)
class FirstLook:
    """What is seen of an entry by itself: its type, its id (given to it if need be), what its version shows; or why it is no record."""

    type: str = ""
    id: str = ""
    shown: Evidence = Evidence.NONE
    content: dict[str, Any] | None = None
    refused: Reason | None = None


def first_look(entry: Entry) -> FirstLook:
    """Read an entry by itself."""
    try:
        content = _content(entry.text)
    except Refused as refused:
        return FirstLook(refused=refused.reason)
    kind, logical_id = content["resourceType"], content.get("id")
    return FirstLook(kind, logical_id if logical_id and isinstance(logical_id, str) else _given_id(entry), evidence(kind, content), content)


def read_incoming(entry: Entry, look: FirstLook, *, another_version: bool, today: date | None) -> Incoming:
    """Make a record of an entry, in the light of what is beside it.

    Raises:
        Refused: It cannot be taken, whatever else is in the delivery.
    """
    if look.refused is not None:
        raise Refused(look.refused)
    content = _content(entry.text) if look.content is None else look.content
    kind = _kind(look.type, another_version=another_version)
    if "id" in content and not (isinstance(content["id"], str) and is_logical_id(content["id"])):
        raise Refused(Reason.INVALID_ID)
    incoming = Incoming(kind, RecordRef(kind.name, look.id), entry.text, content)
    if "id" not in content:
        incoming.splices.append(Splice(entry.text.index(b"{") + 1, b"", b'"id":"%s",' % look.id.encode()))
    if has_placeholders(entry.text):
        dates = dates_filled_in(entry.text, today) if today else []
        if not dates:
            raise Refused(Reason.UNRESOLVED_PLACEHOLDER)
        incoming.splices += dates
    incoming.provisional = provisional_references(entry.text)
    return incoming


def read_again(ref: RecordRef, original: bytes, splices: list[Splice]) -> Incoming:
    """A record that waited: it was read strictly when it came."""
    done = {splice.offset for splice in splices}
    left = [reference for reference in provisional_references(original) if reference.offset not in done]
    return Incoming(TYPE_BY_NAME[ref.type], ref, original, json.loads(spliced(original, splices)), splices, left)


def moment_ms(text: Any) -> int | None:
    """The first millisecond that a FHIR instant can mean; none when it is none."""
    try:
        return interval(text)[0] if isinstance(text, str) else None
    except BadInput:
        return None


def _content(text: bytes) -> dict[str, Any]:
    try:
        content = read_strictly(text, limit=DOCUMENT_BYTES)
    except BadInput as bad:
        raise Refused(Reason(bad.fault.value)) from None
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise Refused(Reason.NOT_A_RESOURCE)
    if len(text) > RECORD_BYTES and content["resourceType"] != "Binary":
        raise Refused(Reason.TOO_LARGE)
    return content


def _kind(name: str, *, another_version: bool) -> ResourceType:
    if another_version or name in TYPES_OF_OTHER_VERSIONS:
        raise Refused(Reason.WRONG_FHIR_VERSION)
    kind = TYPE_BY_NAME.get(name)
    if kind is None:
        raise Refused(Reason.NEVER_RELEASED if name in NEVER_RELEASED else Reason.UNKNOWN_TYPE)
    return kind


def _given_id(entry: Entry) -> str:
    """The id of an entry that has none in itself: that of its URL, or else one made of its content."""
    for url in (entry.full_url, entry.url if entry.method == "PUT" else ""):
        found = url.removeprefix("urn:uuid:") if url.startswith("urn:uuid:") else url.rpartition("/")[2] if "/" in url else ""
        if is_logical_id(found):
            return found
    return blake2b(entry.text, digest_size=16).hexdigest()
