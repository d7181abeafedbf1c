"""Attachments of a FHIR server: raw, or unpacked from a Binary; only from below its base, and never a record."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from accord.terms.identifiers import is_logical_id
from accord.terms.limits import CHUNK_BYTES
from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME
from node_agent.ports import Attachment, SourceAnswerInvalid
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import FHIR_JSON, Reply, Request

_ANYTHING: Final = "application/octet-stream"
_JSON: Final = frozenset({FHIR_JSON, "application/json", "application/json+fhir"})
_XML: Final = frozenset({"application/fhir+xml", "application/xml+fhir"})
#: Types that only STU3 has.
_OLDER: Final = frozenset(
    "ProcedureRequest ReferralRequest BodySite DataElement DeviceComponent EligibilityRequest EligibilityResponse ExpansionProfile "
    "ImagingManifest ProcessRequest ProcessResponse Sequence ServiceDefinition".split()
)
#: So much base64 makes at most a chunk; a multiple of four characters.
_BASE64_CHUNK: Final = CHUNK_BYTES // 3 * 4


class _Binary(msgspec.Struct, gc=False):
    resourceType: str = ""
    contentType: str = ""
    data: str = ""
    #: What STU3 calls the data.
    content: str = ""


_decode_binary = msgspec.json.Decoder(_Binary).decode


def address_of(endpoint: FhirEndpoint, url: str) -> str | None:
    """Where the content behind *url* can be had; none when that is elsewhere, or is something else than content."""
    address = endpoint.below(url)
    if address is None or ".." in url.split("/") or "." in url.split("/"):
        return None
    path, _, query = address.removeprefix(endpoint.bases[0] + "/").partition("?")
    first, *rest = path.split("/")
    if first == "Binary":
        is_binary = len(rest) in (1, 3) and is_logical_id(rest[0]) and (len(rest) == 1 or (rest[1] == "_history" and is_logical_id(rest[2])))
        return address if is_binary and not query else None
    # Records and operations are no attachments: they leave through disclosure, or not at all.
    is_fhir = first in TYPE_BY_NAME or first in NEVER_RELEASED or first in _OLDER or first in ("", "metadata") or address == endpoint.bases[0]
    return None if is_fhir or any(segment[:1] in ("_", "$") for segment in (first, *rest)) else address


async def fetch(client: FhirClient, endpoint: FhirEndpoint, url: str, until: float) -> Attachment | None:
    """The content behind an attachment URL; see `Source.attachment`.

    Raises:
        SourceFailure: It could not be read.
    """
    address = address_of(endpoint, url)
    if address is None:
        return None
    head, chunks = await client.attachment(Request("attachment", address, accept="*/*"), until)
    if head.content_type in _XML:
        # The resource, and in XML: some servers take `*/*` for that.
        await chunks.aclose()
        head, chunks = await client.attachment(Request("attachment", address, accept=FHIR_JSON), until)
    kept = False
    try:
        if head.status in (404, 410):
            return None
        head.checked("attachment")
        if head.content_type in _JSON:
            return await _unpacked(head, chunks, endpoint.page_bytes)
        kept = True
        return Attachment(head.content_type or _ANYTHING, chunks)
    finally:
        if not kept:
            await chunks.aclose()


async def _unpacked(head: Reply, chunks: AsyncGenerator[bytes, None], limit: int) -> Attachment:
    """The content of a Binary in JSON. JSON that is no resource is content itself."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise SourceAnswerInvalid("attachment: answer too large")
    try:
        binary = _decode_binary(bytes(body))
    except (msgspec.DecodeError, RecursionError, ValueError):
        binary = _Binary()
    if binary.resourceType == "Binary":
        return Attachment(binary.contentType or _ANYTHING, _decoded(binary.data or binary.content))
    if binary.resourceType or head.content_type != "application/json":
        raise SourceAnswerInvalid("attachment: not a Binary")
    return Attachment(head.content_type, _sliced(bytes(body)))


async def _decoded(text: str) -> AsyncGenerator[bytes, None]:
    packed = "".join(text.split())
    for start in range(0, len(packed), _BASE64_CHUNK):
        try:
            yield b64decode(packed[start : start + _BASE64_CHUNK], validate=True)
        except (NotBase64, ValueError):
            raise SourceAnswerInvalid("attachment: base64") from None


async def _sliced(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), CHUNK_BYTES):
        yield body[start : start + CHUNK_BYTES]
