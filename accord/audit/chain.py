"""The chain: what makes it impossible to change, leave out, add or reorder a line unseen. Pure.

    leaf(n)  = SHA-256(salt || payload)                     16 random bytes of salt for each line
    chain(n) = SHA-256(label || chain(n-1) || n || leaf(n))  chain(0) = SHA-256(label)

The salt keeps a guess at a removed payload from being confirmed by its leaf. After retention salt and payload go; leaf and
chain stay, so that everything after them can still be verified.
"""

from hashlib import sha256
from typing import Final

from msgspec import DecodeError, Raw, Struct, json

from accord.terms.faults import Fault, Unavailable

LABEL: Final = b"noaber journal 1\n"
BEGIN: Final = sha256(LABEL).digest()
SALT_BYTES: Final = 16
#: A line is no longer than this; a batch with its most and longest names stays well below.
LINE_BYTES: Final = 512 * 1024

_BLANK: Final = b"null"


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A line as it is read. `payload` is null once it was removed."""

    n: int
    leaf: str
    chain: str
    salt: str | None
    payload: Raw

    @property
    def content(self) -> bytes | None:
        """The event, as written; none after retention."""
        content = bytes(self.payload)
        return None if content == _BLANK else content


_decoder: Final = json.Decoder(Line)


def leaf_of(salt: bytes, payload: bytes) -> bytes:
    """The leaf of a line."""
    return sha256(salt + payload).digest()


def link(before: bytes, n: int, leaf: bytes) -> bytes:
    """The chain at line *n*, from the chain before it."""
    return sha256(b"%b%b%b%b" % (LABEL, before, n.to_bytes(8, "big"), leaf)).digest()


def write_line(n: int, leaf: bytes, chain: bytes, salt: bytes, payload: bytes) -> bytes:
    """The line as it stands in the file, with its end."""
    return b'{"n":%d,"leaf":"%b","chain":"%b","salt":"%b","payload":%b}\n' % (
        n,
        leaf.hex().encode(),
        chain.hex().encode(),
        salt.hex().encode(),
        payload,
    )


def as_written(line: Line) -> bytes:
    """The line as it stands in the file."""
    salt = b"null" if line.salt is None else b'"%b"' % line.salt.encode()
    return b'{"n":%d,"leaf":"%b","chain":"%b","salt":%b,"payload":%b}\n' % (line.n, line.leaf.encode(), line.chain.encode(), salt, bytes(line.payload))


def without_payload(line: Line) -> bytes:
    """The same line as it stands in the file after retention."""
    return b'{"n":%d,"leaf":"%b","chain":"%b","salt":null,"payload":null}\n' % (line.n, line.leaf.encode(), line.chain.encode())


def read_line(text: bytes) -> Line:
    """Read a line of the file, of which every byte must be as we write it.

    Raises:
        Unavailable: `journal-broken`.
    """
    try:
        line = _decoder.decode(text)
    except (DecodeError, UnicodeDecodeError):
        raise Unavailable(Fault.JOURNAL_BROKEN, "line") from None
    if as_written(line) != text:
        # Two spellings of one line would let somebody change bytes that no digest covers.
        raise Unavailable(Fault.JOURNAL_BROKEN, "spelling")
    return line


def check_line(line: Line, n: int, before: bytes) -> bytes:
    """Check that *line* is line *n* and follows the chain *before*; give the chain at it.

    Raises:
        Unavailable: `journal-broken`.
    """
    if line.n != n:
        raise Unavailable(Fault.JOURNAL_BROKEN, "number")
    try:
        leaf = bytes.fromhex(line.leaf)
        salt = None if line.salt is None else bytes.fromhex(line.salt)
    except ValueError:
        raise Unavailable(Fault.JOURNAL_BROKEN, "spelling") from None
    content = line.content
    if (salt is None) != (content is None):
        raise Unavailable(Fault.JOURNAL_BROKEN, "payload")
    if salt is not None and content is not None and (len(salt) != SALT_BYTES or leaf_of(salt, content) != leaf):
        raise Unavailable(Fault.JOURNAL_BROKEN, "leaf")
    chain = link(before, n, leaf)
    if chain.hex() != line.chain or leaf.hex() != line.leaf or (salt is not None and salt.hex() != line.salt):
        # Compared as text: `A` and `a` are the same byte in hex, and not the same line.
        raise Unavailable(Fault.JOURNAL_BROKEN, "chain")
    return chain
