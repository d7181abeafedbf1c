"""What the HTTP face needs to be told. Read once, passed down, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB, MIB
from gateway import cursor, patient_ids
from gateway.cursor import random_key
from gateway.dossier.words import Language
from gateway.patient_ids import PatientKeys

_KEY_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of the HTTP face.

    Attributes:
        public_url: What clients see before `/fhir`, without a slash at the end; used for every link. Empty: the
            address that is listened on.
        allow_bsn_in_url: Let a BSN stand in a URL. Proxies and histories keep URLs: leave it off.
        strict_clients: Clients get an error instead of a part, unless they say `Prefer: noaber-partial=show`.
        key: 64 bytes, for the opaque patient ids and the links to next pages; by default one that ends with the
            process.
        epoch: The number of this key, 0 to 255.
        earlier_keys: Keys by their number under which patient ids that are out there still open.
        seconds: The whole time that a question may take.
        questions_at_once, questions_of_one: More questions than this at the same time, in total and of one organisation, are sent
            away with a Retry-After.
        first_frame_seconds: How long a page waits for a holder's first record.
        default_count: Records on a page where the client does not say.
        most_count: Records on a page, at most.
        cursor_seconds: How long a link to a next page works.
        body_bytes: The largest request body.
        body_seconds: How long a request may take to arrive.
        write_seconds: How long a client may leave what it was sent untaken, before it counts as gone.
        held_bytes: The largest answer that is held back for a client that takes no part.
        document_bytes, document_records: What the records of one document may come to, which are held until it is known who was heard.
        documents_bytes: The same of all documents that are being put together at one moment.
        binary_json_bytes: The largest attachment that is given as a FHIR Binary in JSON.
        language: Of texts for people, where the client asks for none that we have: `nl` or `en`.
        allowed_hosts: Values of `Host` that are served, without port; empty: that of `public_url`, and loopback.
    """

    public_url: str = ""
    allow_bsn_in_url: bool = False
    strict_clients: bool = False
    key: bytes = field(default_factory=random_key, repr=False)
    epoch: int = 0
    earlier_keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    seconds: float = 8.0
    questions_at_once: int = 64
    questions_of_one: int = 44
    first_frame_seconds: float = 2.0
    default_count: int = 100
    most_count: int = 1000
    cursor_seconds: int = 15 * 60
    body_bytes: int = 64 * KIB
    body_seconds: float = 10.0
    write_seconds: float = 30.0
    held_bytes: int = 64 * MIB
    document_bytes: int = 16 * MIB
    document_records: int = 20_000
    documents_bytes: int = 64 * MIB
    binary_json_bytes: int = 1 * MIB
    language: Language = "nl"
    allowed_hosts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if self.public_url and (parts.scheme not in ("http", "https") or not parts.hostname or self.public_url.endswith("/") or parts.query or parts.fragment):
            raise BadInput(Fault.INVALID_SETTING, "public_url")
        if self.language not in ("nl", "en"):
            raise BadInput(Fault.INVALID_SETTING, "language")
        if not 0 < self.default_count <= self.most_count:
            raise BadInput(Fault.INVALID_SETTING, "default_count")
        if {len(key) for key in (self.key, *self.earlier_keys.values())} != {_KEY_BYTES}:
            raise BadInput(Fault.INVALID_SETTING, "key")

    @property
    def base(self) -> str:
        """Base address of the merged view."""
        return f"{self.public_url}/fhir"

    @property
    def hosts(self) -> frozenset[str]:
        """Values of `Host` that are served."""
        return self.allowed_hosts or frozenset({urlsplit(self.public_url).hostname or "", "localhost", "127.0.0.1", "::1"})

    @property
    def patient_keys(self) -> PatientKeys:
        """Keys of the opaque patient ids."""
        keys = {**self.earlier_keys, self.epoch: self.key}
        return PatientKeys({epoch: _derived(key, b"patient ids", patient_ids.KEY_BYTES) for epoch, key in keys.items()}, self.epoch)

    @property
    def token_key(self) -> bytes:
        """Key of the access tokens (SMART Backend Services)."""
        return _derived(self.key, b"access tokens", _KEY_BYTES)

    @property
    def cursor_key(self) -> bytes:
        """Key of the links to next pages."""
        return _derived(self.key, b"cursors", cursor.KEY_BYTES)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"noaber http " + purpose).derive(key)
